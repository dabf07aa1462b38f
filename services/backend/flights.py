"""One flight for many callers: those with the same question share an answer, those with like questions a round trip."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
Q = TypeVar("Q")

SEATS = 100


class SingleFlight(Generic[T]):
    """Runs ``work`` once for all who ask for the same key at a time; its exception reaches all of them."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, asyncio.Future[T]] = {}

    async def run(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """The result of ``work``, run by this caller or by one who came before."""
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.ensure_future(work())
            self._flights[key] = flight
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        return await asyncio.shield(flight)


class GroupFlight(Generic[Q, T]):
    """Takes the questions of many along in one flight; what is asked while one is under way goes with the next.

    ``work`` gets up to ``seats`` questions and answers each, in their order; its exception reaches all who asked them.
    A lone question leaves at once; of many, each costs a fraction of a round trip.
    """

    def __init__(self, work: Callable[[Sequence[Q]], Awaitable[Sequence[T]]], seats: int = SEATS) -> None:
        self._work = work
        self._seats = seats
        self._waiting: list[tuple[Q, asyncio.Future[T]]] = []
        self._pilot: asyncio.Task[None] | None = None

    def ask(self, question: Q) -> asyncio.Future[T]:
        """The answer to ``question``, which is on its way whether or not it is waited for."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._pilot is None:
            self._pilot = asyncio.create_task(self._fly())
        return answer

    async def _fly(self) -> None:
        group: list[tuple[Q, asyncio.Future[T]]] = []
        try:
            while self._waiting:
                group, self._waiting = self._waiting[: self._seats], self._waiting[self._seats :]
                await self._carry(group)
        finally:
            self._pilot = None
            for _, answer in (*group, *self._waiting):
                answer.cancel()

    async def _carry(self, group: Sequence[tuple[Q, asyncio.Future[T]]]) -> None:
        try:
            answers = await self._work([question for question, _ in group])
        except Exception as error:
            for _, answer in group:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), given in zip(group, answers, strict=True):
            if not answer.done():
                answer.set_result(given)
