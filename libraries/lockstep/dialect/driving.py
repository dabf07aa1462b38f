"""Drivers: they carry out what a word asks for, in threads, under asyncio, or wherever requests can be sent."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from http.client import HTTPException
from pathlib import Path
from typing import Any, TypeVar

from lockstep.dialect import pace
from lockstep.dialect.ledger import Ledger
from lockstep.dialect.messages import (
    Action,
    Answer,
    Command,
    FrameAnswer,
    FrameCall,
    NeedAdministrator,
    Outcome,
    Pause,
    Ran,
    Request,
    Session,
    Talk,
)
from lockstep.dialect.performing import Speaker
from lockstep.wire import connection_to

TIMEOUT = 30.0
LIMITED = "limited"
"""The word whose requests are throttled on purpose."""
_COMMAND_TIMEOUT = 60.0

_Step = TypeVar("_Step")
_Result = TypeVar("_Result")


class WordFailed(AssertionError):  # noqa: N818 - the word failed, and a keyword says so
    """A word was not answered as the dialect expects it; ``outcome`` has all that is known."""

    ROBOT_SUPPRESS_NAME = True

    def __init__(self, word: str, outcome: Outcome) -> None:
        super().__init__(f"{word} did not succeed: {outcome.why or 'no reason given'}")
        self.outcome = outcome


def send(
    request: Request,
    ca_file: str | None = None,
    timeout: float = TIMEOUT,
    connected: Callable[[], None] | None = None,
) -> Answer:
    """Sends one request on a connection of its own; an answer without a status says why none came.

    ``connected`` is called once the connection is there and nothing has been sent; who gives it keeps the run's pace.
    """
    if connected is None:
        pace.take()
    connection = connection_to(request.url, timeout, ca_file)
    try:
        connection.connect()
        if connected is not None:
            connected()
        connection.request(request.method, request.target, request.body, dict(request.headers))
        came = connection.getresponse()
        body = came.read()
    except (OSError, HTTPException) as error:
        return Answer(None, url=request.url, error=f"{type(error).__name__}: {error}")
    finally:
        connection.close()
    headers = tuple((name.lower(), value) for name, value in came.getheaders())
    return Answer(came.status, headers, body, request.url)


def run(command: Command, folder: Path) -> Ran:
    """Runs a program in the dialect's folder, at most a minute."""
    try:
        ended = subprocess.run(
            command.argv, cwd=folder, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Ran(-1, f"{type(error).__name__}: {error}")
    return Ran(ended.returncode, ended.stdout if ended.returncode == 0 else f"{ended.stdout}{ended.stderr}")


def as_json(text: str) -> Any:
    """The JSON object of a text's last line that is one; {} where there is none."""
    for line in reversed(text.splitlines()):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    return {}


class Driver:
    """Carries out words for callers that may wait; safe for several threads at once.

    ``send`` sends requests, ``call`` frames on sockets of their own. The administrator's session is kept between words.
    At a target that is not the run's own, what words make is noted in the run's ledger, and a throttled request is sent
    again after ``Retry-After``, but that of `limited`, and while ``patient`` is false.
    """

    def __init__(
        self,
        speaker: Speaker,
        send: Callable[[Request], Answer] = send,
        call: Callable[[FrameCall], FrameAnswer] | None = None,
        pause: Callable[[float], None] = time.sleep,
        ledger: Ledger | None = None,
    ) -> None:
        self.speaker = speaker
        self.ledger = ledger or Ledger.of_run()
        self.patient = self.ledger is not None
        self._send = send
        self._call = call
        self._pause = pause
        self._administrator: Session | None = None
        self._lock = threading.RLock()

    def perform(self, word: str, session: Session, endpoint: str = "", /, **arguments: Any) -> Outcome:
        """A word, and what came of it; raises ``NotDescribed``."""
        talk = self.speaker.perform(word, session, endpoint, **arguments)
        if self.ledger is None:
            return self.drive(talk)
        dialect = self.speaker.dialect
        self.ledger.before(word, session, dialect)
        outcome = self._driven(talk, patient=self.patient and word != LIMITED)
        self.ledger.after(word, session, outcome, dialect, arguments)
        return outcome

    def needed(self, word: str, session: Session, endpoint: str = "", /, **arguments: Any) -> Outcome:
        """A word that has to succeed; raises ``WordFailed`` and ``NotDescribed``."""
        outcome = self.perform(word, session, endpoint, **arguments)
        if not outcome.ok:
            raise WordFailed(word, outcome)
        return outcome

    def drive(self, talk: Talk) -> Outcome:
        """A talk to its end."""
        return self._driven(talk, patient=self.patient)

    def _driven(self, talk: Talk, *, patient: bool) -> Outcome:
        return to_its_end(talk, lambda action: self._do(action, patient))

    def _do(self, action: Action, patient: bool) -> Any:
        if isinstance(action, Request):
            return pace.patiently(lambda: self._send(action), self._pause) if patient else self._send(action)
        if isinstance(action, Pause):
            return self._pause(action.seconds)
        if isinstance(action, Command):
            return run(action, self.speaker.dialect.folder)
        if isinstance(action, FrameCall):
            if self._call is None:
                return FrameAnswer(ok=False, why="frames cannot be sent from here")
            return self._call(action)
        return self.administrator(action.renew)

    def administrator(self, renew: bool = False) -> Session:
        """The administrator's session, signed in once, and again where the last one was refused.

        The workers of a run sign in one after the other: some targets lock an account that signs in many times at once.
        """
        with self._lock:
            if self._administrator is None or renew:
                with pace.one_at_a_time("administrator"):
                    outcome = self.drive(self.speaker.administrator())
                if not outcome.ok:
                    raise WordFailed("administrator.sign_in", outcome)
                self._administrator = outcome.session
            return self._administrator


def to_its_end(talk: Generator[_Step, Any, _Result], do: Callable[[_Step], Any]) -> _Result:
    """What comes of a talk or an exchange; ``do`` carries out each step and returns what came of it."""
    came: Any = None
    while True:
        try:
            step = talk.send(came)
        except StopIteration as end:
            result: _Result = end.value
            return result
        came = do(step)


async def drive(
    talk: Talk, do: Callable[[Request | Pause | FrameCall | Command | NeedAdministrator], Awaitable[Any]]
) -> Outcome:
    """A talk to its end under asyncio; ``do`` carries out each action."""
    came: Any = None
    while True:
        try:
            action = talk.send(came)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        came = await do(action)
