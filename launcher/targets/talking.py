"""Words of a dialect, carried out without Robot: requests and sockets from threads, each kept with its answer."""

from __future__ import annotations

import contextlib
import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lockstep import masking
from lockstep.dialect import Answer, Driver, Line, Outcome, Request, Session, Speaker
from lockstep.dialect.driving import send, to_its_end
from lockstep.dialect.frames import Event
from lockstep.dialect.line import Await, Exchange, Gone, Opened, Send
from lockstep.dialect.messages import FrameAnswer, FrameCall
from lockstep.dialect.paths import look_up
from lockstep.dialect.sensitive import is_secret, secrets_of
from QuotaLibrary.sockets import Closable
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

TIMEOUT = 30.0
"""Seconds for one answer."""
_HANDSHAKE = 10.0
LONGEST_PAUSE = 5.0
"""Seconds that an answer of 429 may ask for before the request is sent again."""
_MOST_THROTTLED = 20
_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL | re.IGNORECASE)
_CUT = re.compile(r"([^\s\"',;=:&<>]+)…")
_FEWEST = 5
"""A beginning of so few characters tells nothing."""
_known: set[str] = set()


class StoppedError(Exception):
    """Nothing more is to be sent: the user has interrupted."""


@dataclass(frozen=True)
class Seen:
    """One request with its answer, or one frame in either direction, as it was at ``at`` (seconds since the epoch)."""

    sent: str
    received: str
    at: float = field(default_factory=time.time)
    request: Request | None = None
    answer: Answer | None = None


class Talker:
    """Sends for several threads at once; what a thread sends within `recording` is kept for it."""

    def __init__(self, speaker: Speaker, ca_file: str | None = None) -> None:
        self.speaker = speaker
        self.ca_file = ca_file
        self.driver = Driver(speaker, self.request, self._call, self.pause)
        self.stopped = threading.Event()
        self.throttled = 0
        self._local = threading.local()
        self._secret_paths = sorted(_secret_paths(speaker))

    @contextlib.contextmanager
    def recording(self) -> Iterator[list[Seen]]:
        """What this thread sends and receives from here on, in its order."""
        before = getattr(self._local, "seen", None)
        self._local.seen = []
        try:
            yield self._local.seen
        finally:
            self._local.seen = before

    def note(self, seen: Seen) -> None:
        """Keeps one more exchange for the thread, where it records."""
        if getattr(self._local, "seen", None) is not None:
            self._local.seen.append(seen)

    def frames(self) -> list[Any]:
        """The frames that the last socket of a word has received."""
        found: list[Any] = getattr(self._local, "frames", [])
        return found

    def request(self, request: Request) -> Answer:
        """Sends a request; one that is answered with 429 and a short ``Retry-After`` is sent again after it.

        Raises ``StoppedError`` where nothing more is to be sent.
        """
        if self.stopped.is_set():
            raise StoppedError
        for key, value in request.headers.items():
            if key.lower() in ("cookie", "authorization"):
                register_secret(value.rpartition(" ")[2].rpartition("=")[2])
        try:
            answer = send(request, self.ca_file, TIMEOUT)
        except ValueError as error:
            answer = Answer(None, url=request.url, error=f"no address: {error}")
        self.learn(answer.json)
        self.note(Seen(shown_request(request), shown_answer(answer), request=request, answer=answer))
        wait = answer.header("retry-after") if answer.status == 429 else None
        if wait is None or not wait.isdigit() or int(wait) > LONGEST_PAUSE:
            return answer
        self.throttled += 1
        self.pause(int(wait) + 0.1)
        return self.request(request) if self.throttled < _MOST_THROTTLED else answer

    def learn(self, data: Any) -> None:
        """What is secret in an answer or frame, by what some word reads there, is shown nowhere from here on."""
        for path in self._secret_paths:
            if isinstance(value := look_up(data, path), str):
                register_secret(value)

    def pause(self, seconds: float) -> None:
        """Waits; raises ``StoppedError`` where nothing more is to be sent."""
        if self.stopped.wait(seconds):
            raise StoppedError

    def _call(self, asked: FrameCall) -> FrameAnswer:
        """A frame on a socket of its own, which is closed again."""
        with self.socket(asked.endpoint, asked.session) as socket:
            self._local.frames = socket.frames
            if not socket.opened.ok:
                opened = socket.opened
                return FrameAnswer(opened.frame, False, opened.refused, opened.why, socket.answer)
            came = socket.play(socket.line.asking(asked.frame, **asked.values))
            return FrameAnswer(came.frame, came.ok, came.refused, came.why)

    @contextlib.contextmanager
    def socket(
        self, endpoint: str = "", session: Session | None = None, *, client: str = "", room: Any = None
    ) -> Iterator[LiveSocket]:
        """A socket that is open as far as the target lets it; see its ``opened`` and ``answer``."""
        socket = LiveSocket(self, Line(self.speaker, endpoint, session, client=client, room=room))
        try:
            socket.open()
            yield socket
        finally:
            socket.close()


def _secret_paths(speaker: Speaker) -> Iterator[str]:
    """Where some word reads a secret: what stands there in any other answer is one, too."""
    for steps in speaker.dialect.operations.values():
        for step in steps:
            for name, reading in step.read.items():
                if reading.source == "json" and is_secret(name):
                    yield reading.path
            frame = speaker.dialect.frame(step)
            yield from (path for name, path in ((frame and frame.read) or {}).items() if is_secret(name))


class LiveSocket:
    """One socket of one thread in the words of a dialect."""

    def __init__(self, talker: Talker, line: Line) -> None:
        self.line = line
        self.opened = Opened(False, {}, why="it was never opened")
        self.answer: Answer | None = None
        """What the handshake was answered with, where that was no."""
        self.code: int | None = None
        """The code with which the peer has closed it."""
        self.frames: list[Any] = []
        self.events: list[Event] = []
        self.heartbeats = 0
        self.notes: dict[str, Any] = {}
        """What answers have said of the conversation: position, epoch."""
        self.url = ""
        self._talker = talker
        self._connection: ClientConnection | None = None
        self._held = contextlib.ExitStack()
        self._taken: set[int] = set()

    def open(self) -> None:
        """Opens it, and waits for greeting and authentication as the dialect has them."""
        if self._talker.stopped.is_set():
            raise StoppedError
        shake = self.line.handshake()
        self.url = shake.url
        for value in shake.headers.values():
            register_secret(value.rpartition(" ")[2])
        said = f"WebSocket {shake.url}" + (f", {', '.join(shake.subprotocols)}" if shake.subprotocols else "")
        try:
            opening = connect(
                shake.url,
                additional_headers=dict(shake.headers),
                subprotocols=[Subprotocol(name) for name in shake.subprotocols] or None,
                ssl=ssl.create_default_context(cafile=self._talker.ca_file) if shake.url.startswith("wss") else None,
                compression=None,
                proxy=None,
                open_timeout=_HANDSHAKE,
                close_timeout=1,
                ping_interval=None,
                max_size=None,
                create_connection=Closable,
            )
            self._connection = self._held.enter_context(opening)
        except InvalidStatus as error:
            response = error.response
            headers = tuple((name.lower(), value) for name, value in response.headers.raw_items())
            self.answer = Answer(response.status_code, headers, bytes(response.body or b""), shake.url)
            self._refused(said, str(self.answer))
        except (OSError, InvalidHandshake, TimeoutError, ValueError, EOFError) as error:
            self._refused(said, f"{type(error).__name__}: {error}")
        else:
            self._talker.note(Seen(said, "101"))
            self.opened = self.play(self.line.opening())

    def _refused(self, said: str, why: str) -> None:
        self._talker.note(Seen(said, why))
        self.opened = Opened(False, {}, refused=self.answer is not None, why=f"the handshake was answered with {why}")

    def play(self, exchange: Exchange) -> Opened:
        """Sends and waits as an exchange has it."""
        return to_its_end(
            exchange, lambda action: self.send(action) if isinstance(action, Send) else self._awaited(action)
        )

    def send(self, action: Send) -> None:
        """Sends a frame; a socket that is closed takes none."""
        self._talker.note(Seen(as_text(action.content), ""))
        if self._connection is not None:
            with contextlib.suppress(ConnectionClosed):
                self._connection.send(action.content)

    def _awaited(self, action: Await) -> Any:
        def look() -> Any:
            for index, frame in enumerate(self.frames):
                if index not in self._taken and action.wanted(frame):
                    self._taken.add(index)
                    return frame
            return None

        found = self.wait_for(look, action.within)
        return Gone(self.code) if found is None else found

    def wait_for(self, look: Callable[[], Any], within: float) -> Any:
        """What ``look`` finds, asked after each frame; None after ``within`` seconds, or when the socket is closed."""
        deadline = time.monotonic() + within
        while (found := look()) is None and self.code is None and (left := deadline - time.monotonic()) > 0:
            self._receive(min(left, 0.2))
        return found if found is not None else look()

    def closed_within(self, seconds: float) -> int | None:
        """The code with which the peer closes it in that time."""
        self.wait_for(lambda: None, seconds)
        return self.code

    def _receive(self, within: float) -> None:
        if self._connection is None:
            self.code = self.code or 1006
            return
        if self._talker.stopped.is_set():
            raise StoppedError
        try:
            content = self._connection.recv(timeout=within)
        except TimeoutError:
            return
        except ConnectionClosed as closed:
            self.code = closed.rcvd.code if closed.rcvd else 1006
            self._talker.note(Seen("", f"closed with {self.code}"))
            return
        frames = self.line.decode(content)
        for frame in frames:
            self._talker.learn(frame)
        self._talker.note(Seen("", as_text(content)))
        for frame in frames:
            if (answer := self.line.heartbeat(frame)) is not None:
                self.heartbeats += 1
                self.send(Send(answer))
            self.frames.append(frame)
            self.events.extend(self.line.events(frame))

    def close(self) -> None:
        """Closes it from this side."""
        self._held.close()


def as_text(content: str | bytes) -> str:
    """A frame's content, as it is shown."""
    return content if isinstance(content, str) else content.decode("utf-8", "replace")


def shown_request(request: Request) -> str:
    """Method, address and body of a request in one line."""
    body = request.body.decode("utf-8", "replace") if request.body else ""
    return f"{request.method} {request.url}" + (f"  {body}" if body else "")


def shown_answer(answer: Answer) -> str:
    """Status and body of an answer in one line; of a page its title."""
    if answer.status is None:
        return str(answer)
    where = answer.header("location")
    status = f"{answer.status}{f' to {where}' if where else ''}"
    title = _TITLE.search(answer.text) if "html" in (answer.header("content-type") or "") else None
    if title:
        return f"{status}, a page: {title[1].strip()}"
    return f"{status}  {answer.text}" if answer.body else status


def register(data: Any) -> None:
    """From here on no output shows what is secret in ``data`` by its name."""
    for secret in secrets_of(data):
        register_secret(secret)


def register_secret(value: str) -> None:
    """From here on no output shows this value, nor the beginning of it."""
    masking.register(value)
    if len(value) >= masking.SHORTEST:
        _known.add(value)


def register_outcome(outcome: Outcome) -> Outcome:
    """The same; from here on no output shows its secrets."""
    register(outcome.read)
    if outcome.answer is not None:
        register(outcome.answer.json)
    for cookie in outcome.session.cookies:
        register_secret(cookie.value)
    return outcome


def shown(text: str, width: int) -> str:
    """``text`` in one line without secrets, cut at ``width`` characters; paths are those from here."""
    line = _CUT.sub(_without_beginning, masking.mask(" ".join(text.split()))).replace(f"{Path.cwd()}/", "")
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _without_beginning(match: re.Match[str]) -> str:
    """What stands before a cut, without the beginning of a secret that was cut there."""
    text = match[1]
    for start in range(len(text) - _FEWEST):
        if any(secret.startswith(text[start:]) for secret in _known):
            return f"{text[:start]}***…"
    return match[0]


def one_line(value: Any) -> str:
    """A value as JSON, or as a text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
