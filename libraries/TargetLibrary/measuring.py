"""Keywords that measure how long users wait, and judge it by what the target promises."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Coroutine, Sequence
from itertools import permutations
from typing import Any

from BudgetLibrary import BudgetLibrary
from ChatLibrary import ChatLibrary
from ChatLibrary.client import ChatClient
from lockstep import latencies, machine, verdicts
from lockstep.dialect.promises import Choice
from lockstep.machine import Mark
from robot.api import logger
from WebSocketLibrary.background import background

from .base import Base
from .described import word

_ROUND_TRIP = 30.0
_AT_REST = 100
_ENOUGH = 200
_ROUNDS = 6
_BURST = 1000
_CROSSINGS = 3
_WARM_UP = 20
AT_REST, DURING = "round trip at rest", "round trip during a burst"
CROSSING = "seen on the other device"


class Measuring(Base):
    """Delays that users notice, alone and while another user sends much."""

    chats: ChatLibrary

    @word("time")
    def get_moment(self) -> Mark:
        """This moment, for `Delay Should Be As Promised`."""
        return Mark.now()

    @word("time", "assertion")
    def delay_should_be_as_promised(self, name: str, since: Mark) -> None:
        """Passes when no more time has gone since a moment than the target promises (``promises.delays.<name>``)."""
        promise = self.stage.dialect.promises.choice(f"delays.{name}")
        waiting = since.waiting()
        shown = f"{name} took {waiting.elapsed:.3f} s of {promise.value:g} s"
        verdict = waiting.judge(waiting.elapsed, promise.value)
        if verdict != "PASS":
            verdicts.fail(f"{'UNKNOWN: ' if verdict == 'UNKNOWN' else ''}{shown}; {waiting}")
        logger.info(shown)
        _remark(promise, waiting.elapsed, shown)

    @word("message", "assertion")
    def messages_should_cross_in_time(self, devices: Sequence[str], room: Any) -> None:
        """Passes when messages of each of these devices are seen on each other one in time, by the median of three.

        The bound is ``promises.delays.other_device``.
        """
        promise = self.stage.dialect.promises.choice("delays.other_device")
        library: Any = self
        slowest = 0.0
        for sender, receiver in permutations(devices, 2):
            latencies.forget(CROSSING)
            for _ in range(_CROSSINGS):
                text = f"seen by the other one {uuid.uuid4()}"
                began = time.monotonic()
                library.send_message(sender, room, text)
                library.message_should_arrive(receiver, text, room)
                latencies.record(CROSSING, time.monotonic() - began)
            logger.info(f"from {sender} to {receiver}")
            slowest = max(slowest, BudgetLibrary().latencies_should_hold(CROSSING, "p50", promise.value).p50)
        _remark(promise, slowest, f"the slowest median is {slowest:.3f} s")

    @word("message", "assertion")
    def burst_should_not_slow_other_chat(self, burst: str, other: str) -> None:
        """Passes when another user waits at most so many times as long while a chat sends a thousand messages a second.

        Compared are median and 99th percentile of the time from sending a message until it is acknowledged and given
        back, at rest and during bursts in turn; the bound is ``promises.load.slower``. A target that takes fewer
        messages at once (``limits.burst``) is given fewer.
        """
        promise = self.stage.dialect.promises.choice("load.slower")
        sending, probing = self.chats.client(burst), self.chats.client(other)
        library: Any = self
        count = library.at_most("burst", _BURST)
        latencies.forget(AT_REST)
        latencies.forget(DURING)
        _run(_round_trips(probing, _WARM_UP))
        for _ in range(_ROUNDS):
            _record(AT_REST, _run(_round_trips(probing, _AT_REST)))
            _record(DURING, _run(_during(sending, probing, count, self._settled())))
            if min(len(latencies.recorded(name)) for name in (AT_REST, DURING)) >= _ENOUGH:
                break
        budgets = BudgetLibrary()
        rest = budgets.log_latencies(AT_REST)
        if promise.unbounded:
            during = budgets.log_latencies(DURING)
            verdicts.unbounded(f"the median was {during.p50 / rest.p50:.1f} times that at rest")
            return
        for statistic in ("p99", "p50"):
            used = getattr(
                budgets.latencies_should_hold(DURING, statistic, promise.value * getattr(rest, statistic)), statistic
            )
            times = used / getattr(rest, statistic)
            _remark(promise, times, f"{statistic} was {times:.1f} times that at rest")

    def _settled(self) -> float:
        return float(self.stage.dialect.promises.choice("load.settled").value)

    @word("message", "assertion")
    def burst_should_not_be_ahead_of_other_chat(self, burst: str, other: str) -> None:
        """Passes when no more of a burst was stored before the last message of another user than is promised.

        By the times of the store, where its ``messages`` have a column ``at``, otherwise by the order in which messages
        were acknowledged. The bound is ``promises.load.ahead``, in per cent of the burst.
        """
        promise = self.stage.dialect.promises.choice("load.ahead")
        sent, later = (self._stored_at(name) for name in (burst, other))
        if not sent or not later:
            raise AssertionError(
                f"{len(sent)} messages of {burst} and {len(later)} of {other} are known: nothing is proved"
            )
        ahead = sum(moment < max(later) for moment in sent)
        share = 100.0 * ahead / len(sent)
        shown = f"{ahead} of {len(sent)} messages of the burst were stored before the last of the other user"
        if promise.unbounded:
            verdicts.unbounded(shown)
            return
        if share > promise.value:
            raise AssertionError(f"{shown}, not {promise.value:g} % at most")
        logger.info(shown)
        _remark(promise, share, shown)

    def _stored_at(self, chat: str) -> list[Any]:
        """When each message of a chat was stored, by the store's clock or, without one, acknowledged."""
        state = self.chats.client(chat).state
        stores = self.stage.dialect.stores
        for name in [name for name, store in stores.items() if "messages" in store.find]:
            rows = self.stage.stored(name, "messages", state.conversation)
            if rows and all(row.get("at") is not None for row in rows):
                return [row["at"] for row in rows]
        return list(state.acked_at.values())


def _run(coroutine: Coroutine[Any, Any, list[float]]) -> list[float]:
    try:
        return background().run(coroutine)
    except TimeoutError:
        machine.missed(f"a message was not acknowledged and given back within {_ROUND_TRIP:g} s")


async def _round_trips(client: ChatClient, count: int) -> list[float]:
    return [await client.round_trip(_ROUND_TRIP) for _ in range(count)]


async def _during(sending: ChatClient, probing: ChatClient, count: int, within: float) -> list[float]:
    """Round trips one after the other, from the first message of a burst until the last has been given back."""
    burst = asyncio.create_task(sending.say_at_rate(count, float(count)))
    found: list[float] = []
    async with asyncio.timeout(within):
        while not burst.done() or not sending.state.settled:
            found.append(await probing.round_trip(_ROUND_TRIP))
    return found


def _record(name: str, values: list[float]) -> None:
    for value in values:
        latencies.record(name, value)


def _remark(promise: Choice, used: float, shown: str) -> None:
    """WEAKER where only the declared bound was kept, not the recommended one."""
    if promise.weaker and used > promise.default:
        verdicts.weaker(f"{shown}, as declared", promise.reference)
