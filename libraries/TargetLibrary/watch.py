"""Somebody who asks each endpoint who they are, on and on, and what came of it."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import dataclass, field

from lockstep.dialect import Driver, Outcome, Session, Speaker
from lockstep.dialect.keeping import Kept
from ProbeLibrary.judge import Answer, Report

from .base import same

_JOIN = 15.0


class Probe:
    """One thread that asks one endpoint as one session, at a pace, and keeps every answer."""

    def __init__(self, speaker: Speaker, endpoint: str, session: Session, every: float, ca_file: str | None) -> None:
        self.endpoint = endpoint
        self.answers: list[Answer] = []
        self._speaker, self._session, self._every, self._ca_file = speaker, session, every, ca_file
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch {endpoint}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Lets the request under way finish."""
        self._ended.set()
        self._thread.join(_JOIN)

    def _run(self) -> None:
        with closing(Kept(self._ca_file, _JOIN - 5)) as kept:
            driver = Driver(self._speaker, kept.send)
            due = time.monotonic()
            while not self._ended.wait(max(0.0, due - time.monotonic())):
                due = max(due + self._every, time.monotonic())
                sent, began = time.time(), time.monotonic()
                outcome = driver.drive(self._speaker.who(self.endpoint, self._session))
                self.answers.append(answer_of(outcome, self._session, sent, time.monotonic() - began))


@dataclass
class Watch:
    """The probes of a watch; ``marks`` are instants at which something began (seconds since the epoch)."""

    probes: dict[str, Probe]
    session: Session
    marks: list[float] = field(default_factory=list)

    def stop(self) -> None:
        """Nobody asks any more."""
        for probe in self.probes.values():
            probe.stop()

    def report(self, endpoint: str) -> Report:
        """What an endpoint has answered so far."""
        return Report(endpoint, tuple(self.probes[endpoint].answers), tuple(self.marks[:1]))

    def counts(self) -> dict[str, int]:
        """How many answers each endpoint has given."""
        return {name: len(probe.answers) for name, probe in self.probes.items()}

    def __repr__(self) -> str:
        return f"<watch of {', '.join(self.probes)}>"


def answer_of(outcome: Outcome, session: Session, sent: float, taken: float) -> Answer:
    """An outcome as a report knows it: good where the user is recognised, refused where the target cannot serve now."""
    status = outcome.answer.status if outcome.answer else None
    if outcome.ok and same(outcome.read.get("user"), session.user):
        return Answer(sent, taken, status, "", "good")
    if outcome.ok:
        return Answer(sent, taken, status, f"sees user {outcome.read.get('user')}", "other")
    detail = outcome.answer.error if outcome.answer and status is None else str(outcome.answer or outcome.why)
    kind = "refused" if "unavailable" in outcome.classes else "other"
    return Answer(sent, taken, status, detail.removeprefix(f"{status}").lstrip(" ,"), kind)
