"""Many sockets at once: opening, paced sending and collecting, as coroutines and plain functions of the loop thread."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from random import Random
from typing import Any, TypeVar

from lockstep import machine

from .background import NamingBell
from .connection import Connection
from .errors import Refusals
from .journal import Frame, Journal
from .matching import Matcher
from .waiting import Search

T = TypeVar("T")

_BREATH = 500
"""Frames sent before the loop may look at what came in."""


@dataclass(frozen=True)
class Template:
    """A message for many sockets. `{socket}` (number of the socket), `{n}` (running number on that socket),
    `{alias}` and `{uuid}` are filled in; `{socket}` and `{n}` alone between JSON quotes become numbers. A `{name}` of
    `columns` is filled with that column's value for the socket.
    """

    text: str
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def body(self, socket: int, n: int, alias: str, rng: Random) -> bytes:
        """The message of one socket."""
        text = self.text
        for column, values in self.columns.items():
            text = text.replace(f"{{{column}}}", str(values[socket]))
        for name, number in (("{socket}", socket), ("{n}", n)):
            if name in text:
                text = text.replace(f'"{name}"', str(number)).replace(name, str(number))
        if "{uuid}" in text:
            text = text.replace("{uuid}", str(uuid.UUID(int=rng.getrandbits(128), version=4)))
        return text.replace("{alias}", alias).encode()

    @property
    def is_constant(self) -> bool:
        """True where every socket gets the same bytes."""
        return not self.columns and not any(name in self.text for name in ("{socket}", "{n}", "{alias}", "{uuid}"))


@dataclass(frozen=True)
class Shipment:
    """One message to one socket, `after` seconds from the start."""

    connection: Connection
    body: bytes
    after: float


def plan(
    connections: Sequence[Connection],
    template: Template,
    times: int,
    rate: float | None,
    rng: Random,
    *,
    shuffled: bool,
) -> list[Shipment]:
    """Who gets what and when: round by round at an even pace, or `shuffled`: in random order and at random gaps
    (a Poisson process of that rate), the running numbers of one socket still rising.

    `rate` is in messages per second over all sockets together; None is as fast as possible.
    """
    numbers = [0] * len(connections)
    pace = Random(rng.getrandbits(64))  # noqa: S311  so that the rate does not change what is sent
    order = list(range(len(connections))) * times
    if shuffled:
        rng.shuffle(order)
    constant = template.text.encode() if template.is_constant else None
    shipments = []
    after = 0.0
    for socket in order:
        connection = connections[socket]
        body = constant if constant is not None else template.body(socket, numbers[socket], connection.alias, rng)
        numbers[socket] += 1
        shipments.append(Shipment(connection, body, after))
        if rate is not None:
            after += pace.expovariate(rate) if shuffled else 1 / rate
    return shipments


async def ship(shipments: Sequence[Shipment]) -> None:
    """Sends everything at its time; when the loop falls behind, what is due goes at once, so the rate holds on
    average.
    """
    loop = asyncio.get_running_loop()
    start = loop.time()
    for number, shipment in enumerate(shipments):
        wait = start + shipment.after - loop.time() if shipment.after else 0.0
        if wait > 0:
            await asyncio.sleep(wait)
        elif number % _BREATH == _BREATH - 1:
            await asyncio.sleep(0)
        shipment.connection.send_text(shipment.body)


def broadcast(connections: Sequence[Connection], body: bytes) -> None:
    """The same message to every socket, once, now."""
    for connection in connections:
        connection.send_text(body)


async def gather_limited(jobs: Sequence[Callable[[], Awaitable[T]]], at_once: int) -> list[T | Exception]:
    """Results in order, at most `at_once` running; an exception is a result."""
    gate = asyncio.Semaphore(at_once)

    async def one(job: Callable[[], Awaitable[T]]) -> T | Exception:
        async with gate:
            try:
                return await job()
            except Exception as error:
                return error

    return await asyncio.gather(*(one(job) for job in jobs))


class Countdown:
    """Waits until each socket has received `count` data frames more than were collected before, or has ended, or one
    of these frames is an error.
    """

    def __init__(self, connections: Sequence[Connection], count: int) -> None:
        self._connections = connections
        self._count = count
        self._left = 0
        self._done = threading.Event()

    def start(self) -> None:
        """On the loop thread, so that nothing arrives between the look and the watch."""
        count, one_done = self._count, self._one_done
        for connection in self._connections:
            goal = connection.journal.collected + count
            if connection.data_received < goal and connection.sendable is not None:
                self._left += 1
                connection.bell = self
                connection.goal = goal
                connection.on_goal = one_done
        if not self._left:
            self._done.set()

    def ring(self, source: Connection) -> None:
        """On the loop thread, after each frame."""
        if source.errors.is_newest() and source.data_received <= source.journal.collected + self._count:
            self._done.set()

    def _one_done(self) -> None:
        self._left -= 1
        if not self._left:
            self._done.set()

    def wait(self, seconds: float) -> None:
        """Until all are done or the time is up."""
        machine.wait_for(self._done, seconds)

    def finish(self) -> list[Connection]:
        """On the loop thread: watches no longer; the sockets that have not enough."""
        for connection in self._connections:
            connection.unwatch()
            if connection.bell is self:
                connection.bell = None
        return [c for c in self._connections if c.data_received < c.journal.collected + self._count]

    def errors(self) -> dict[Connection, Frame]:
        """The first error of each socket that is among the frames waited for."""
        found: dict[Connection, Frame] = {}
        for connection in self._connections:
            awaited = set(connection.journal.next_data(self._count))
            errors = (frame for frame in connection.errors.unknown() if frame.index in awaited)
            if first := next(errors, None):
                found[connection] = first
        return found

    def take(self) -> None:
        """Collects the frames that were waited for."""
        for connection in self._connections:
            connection.journal.collect(self._count)


class Gathering:
    """Counts the wanted frames of each socket as they come, looking at each frame once."""

    def __init__(self, connections: Sequence[Connection], wanted: Matcher, count: int) -> None:
        self.found: dict[str, list[Frame]] = {connection.alias: [] for connection in connections}
        self.bell = NamingBell()
        self._count = count
        self._wanted = wanted
        self.errors: dict[Connection, Frame] = {}
        self._searches = {connection: Search(connection, wanted) for connection in connections}
        self._refusals = {c: Refusals(c.journal, c.errors, wanted, count) for c in connections}
        self._unfinished = set(connections)
        self._news = set(connections)

    def look(self) -> bool | None:
        """True when every socket has enough or has ended, or where one has got errors instead."""
        for connection in (self._news | self.bell.who()) & self._unfinished:
            ended = connection.closing is not None
            found, search = self.found[connection.alias], self._searches[connection]
            while len(found) < self._count and (frame := search()):
                found.append(frame)
            if len(found) < self._count and (error := self._refusals[connection](found)):
                self.errors[connection] = error
            elif ended or len(found) == self._count:
                self._unfinished.discard(connection)
        self._news = set()
        return True if self.errors or not self._unfinished else None

    def finish(self) -> list[Connection]:
        """Takes the frames where all have enough; otherwise the sockets that have not."""
        short = [connection for connection in self._searches if len(self.found[connection.alias]) < self._count]
        if not short:
            for connection in self._searches:
                for frame in self.found[connection.alias]:
                    connection.journal.take(frame)
        return short


class Collection(Mapping[str, list[Frame]]):
    """Frames by alias, taken from the journals at the first look: a load of millions is not turned into objects
    unasked.
    """

    def __init__(self, journals: Sequence[Journal], count: int) -> None:
        self._count = count
        self._journals = journals
        self._ends = [journal.collected for journal in journals]

    @cached_property
    def _spans(self) -> dict[str, tuple[Journal, int]]:
        return {j.connection: (j, end) for j, end in zip(self._journals, self._ends, strict=True)}

    def __getitem__(self, alias: str) -> list[Frame]:
        journal, end = self._spans[alias]
        return list(islice(journal.data(), end - self._count, end))

    def __iter__(self) -> Iterator[str]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._journals)

    def __repr__(self) -> str:
        return f"<{len(self)} connections, {len(self) * self._count} frames>"
