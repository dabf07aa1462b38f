"""A closed loop on many sockets: each sends its next message when the answer to the last one has come."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

from lockstep import machine

from .connection import Connection
from .journal import DATA_OPCODES, SENT_BIT, Frame, Journal
from .load import Template


@dataclass(frozen=True)
class Exchanged:
    """What a closed loop has done: how many exchanges, and how long each took, to the last of its ``replies``."""

    count: int
    seconds: float
    spans: Sequence[tuple[Journal, int, int]]
    replies: int = 1

    @cached_property
    def latencies(self) -> list[float]:
        """Seconds from each message to its answer, socket by socket."""
        found: list[float] = []
        for journal, first, end in self.spans:
            sent_at, missing = 0.0, 0
            for at, kind, _ in journal.entries[first:end]:
                if kind == SENT_BIT | 1:
                    sent_at, missing = at, self.replies
                elif kind in DATA_OPCODES and missing:
                    missing -= 1
                    if not missing:
                        found.append(at - sent_at)
        return found

    def __repr__(self) -> str:
        return f"<{self.count} exchanges in {self.seconds:.3f} s>"


class Exchange:
    """All the loops of one keyword call; methods but `wait` belong to the loop thread."""

    def __init__(
        self, connections: Sequence[Connection], template: Template, times: int | None, rng: Random, replies: int = 1
    ) -> None:
        """``times`` None: until `stop`. ``replies``: so many data frames answer each message."""
        self.template = template
        self.replies = replies
        self.stopping = False
        self.constant = template.text.encode() if template.is_constant else None
        self.rng = rng
        self.turns = [_Turns(self, connection, number, times) for number, connection in enumerate(connections)]
        self._running = len(self.turns)
        self._done = threading.Event()

    def start(self) -> None:
        """Sends the first message of each socket."""
        for turns in self.turns:
            turns.first_entry = len(turns.connection.journal)
            turns.connection.bell = self
            turns.step()

    def ring(self, source: Connection) -> None:
        """After each frame: an error is no answer and ends the wait."""
        if source.errors.is_newest():
            self._done.set()

    def one_done(self) -> None:
        """One socket has had all its answers, or has ended."""
        self._running -= 1
        if not self._running:
            self._done.set()

    def stop(self) -> None:
        """Each loop ends with the answer that it is waiting for."""
        self.stopping = True

    def wait(self, seconds: float) -> None:
        """Until every loop is done or the time is up."""
        machine.wait_for(self._done, seconds)

    @property
    def is_running(self) -> bool:
        """Whether there is a loop that still has something to wait for."""
        return not self._done.is_set()

    def exchanged(self, seconds: float) -> Exchanged:
        """What was done."""
        spans = [(turns.connection.journal, turns.first_entry, len(turns.connection.journal)) for turns in self.turns]
        return Exchanged(sum(turns.answers for turns in self.turns), seconds, spans, self.replies)

    def finish(self) -> list[_Turns]:
        """Ends the loops; those that are short of answers."""
        for turns in self.turns:
            turns.connection.unwatch()
            if turns.connection.bell is self:
                turns.connection.bell = None
        return [turns for turns in self.turns if not turns.complete]

    def errors(self) -> dict[Connection, Frame]:
        """For a keyword's thread: the first error that came on each socket since the start."""
        found: dict[Connection, Frame] = {}
        for turns in self.turns:
            errors = (frame for frame in turns.connection.errors.unknown() if frame.index >= turns.first_entry)
            if first := next(errors, None):
                found[turns.connection] = first
        return found

    def take(self) -> None:
        """For a keyword's thread: collects what came, so that no later wait returns it."""
        for turns in self.turns:
            journal = turns.connection.journal
            journal.collect(turns.connection.data_received - journal.collected)


class _Turns:
    """The loop of one socket."""

    __slots__ = ("_exchange", "_number", "_times", "answers", "complete", "connection", "first_entry")

    def __init__(self, exchange: Exchange, connection: Connection, number: int, times: int | None) -> None:
        self.connection = connection
        self.complete = False
        self.answers = -1
        self.first_entry = 0
        self._exchange = exchange
        self._number = number
        self._times = times

    def step(self) -> None:
        """An answer has come (or the loop begins): sends the next message."""
        connection, exchange = self.connection, self._exchange
        if connection.sendable is None:
            exchange.one_done()
            return
        self.answers += 1
        if exchange.stopping or self.answers == self._times:
            self.complete = True
            exchange.one_done()
            return
        connection.goal = connection.data_received + exchange.replies
        connection.on_goal = self.step
        connection.send_text(
            exchange.constant or exchange.template.body(self._number, self.answers, connection.alias, exchange.rng)
        )
