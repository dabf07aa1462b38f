"""One flight for many: who goes along, what each is told, and what becomes of them when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from services.backend.flights import GroupFlight


class Work:
    """Doubles numbers, as long as ``gate`` is open; refuses 13."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.gate = asyncio.Event()

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.groups.append(list(numbers))
        await self.gate.wait()
        if 13 in numbers:
            raise ValueError("13")
        return [2 * number for number in numbers]


async def asked(flight: GroupFlight[int, int], *numbers: int) -> list[asyncio.Future[int]]:
    answers = [flight.ask(number) for number in numbers]
    await asyncio.sleep(0)
    return answers


def test_what_is_asked_meanwhile_goes_together_and_each_gets_his_own_answer() -> None:
    async def scene() -> None:
        work = Work()
        flight = GroupFlight(work, seats=3)
        answers = await asked(flight, 1) + await asked(flight, 2, 2, 3, 4)
        assert work.groups == [[1]]
        work.gate.set()
        assert await asyncio.gather(*answers) == [2, 4, 4, 6, 8]
        assert work.groups == [[1], [2, 2, 3], [4]]
        assert await flight.ask(5) == 10

    asyncio.run(scene())


def test_a_failure_reaches_those_who_flew_and_nobody_else() -> None:
    async def scene() -> None:
        work = Work()
        flight = GroupFlight(work, seats=2)
        answers = await asked(flight, 1, 13, 3, 4)
        work.gate.set()
        told = await asyncio.gather(*answers, return_exceptions=True)
        assert [str(one) for one in told] == ["13", "13", "6", "8"]

    asyncio.run(scene())


def test_who_gives_up_does_not_disturb_the_others() -> None:
    async def scene() -> None:
        work = Work()
        flight = GroupFlight(work)
        first, second, third = await asked(flight, 1) + await asked(flight, 2, 3)
        for gone in (first, second):
            gone.cancel()
        work.gate.set()
        assert await third == 6
        for gone in (first, second):
            with pytest.raises(asyncio.CancelledError):
                await gone

    asyncio.run(scene())


def test_nobody_waits_for_a_flight_that_was_ended() -> None:
    async def scene() -> None:
        flight = GroupFlight(Work())
        answers = await asked(flight, 1) + await asked(flight, 2)
        assert flight._pilot is not None
        flight._pilot.cancel()
        told = await asyncio.wait_for(asyncio.gather(*answers, return_exceptions=True), 5)
        assert [type(one) for one in told] == [asyncio.CancelledError] * 2

    asyncio.run(scene())
