"""Any honest history is left alone; any honest history with one break in it is accused of exactly that break."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from HistoryLibrary import CHECKS, Operation, Verdict, judge
from HistoryLibrary.checkers.streams import STREAM_OPS
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.libraries.history_worlds import KEYS, REGISTER, World

History = list[Operation]
Break = Callable[[History, Random], History | None]

PROCESSES = ("alice", "bob", "carol")

seeds = st.integers(0, 2**32 - 1)
relaxed = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.filter_too_much]
)


def world(seed: int) -> tuple[History, Random]:
    random = Random(seed)
    return World(random, steps=random.randint(20, 90)).operations, random


def only(history: History, op: str, kind: str = "ok") -> History:
    return [operation for operation in history if operation.op == op and operation.kind == kind]


def pick(random: Random, candidates: History) -> Operation | None:
    return random.choice(candidates) if candidates else None


def without(history: History, operation: Operation) -> History:
    return [other for other in history if other is not operation]


def after(history: History, operation: Operation, **changes: object) -> History:
    """``history`` with a changed copy of ``operation`` right behind it."""
    copy = replace(operation, index=len(history), time=operation.time, **changes)  # type: ignore[arg-type]
    return [*history, copy]


def at_the_end(history: History, *operations: Operation) -> History:
    start = max(operation.time for operation in history) + 1
    added = [replace(op, index=len(history) + n, time=start + n) for n, op in enumerate(operations)]
    return [*history, *added]


def known_before(history: History, message: Operation, moment: int) -> bool:
    """Whether somebody else's operation proves ``message`` to be in the log before ``moment``."""
    return any(
        (op.op, op.kind) in (("send", "ok"), ("receive", "ok"))
        and (op.key, op.seq) == (message.key, message.seq)
        and op is not message
        and op.time < moment
        for op in history
    )


BEGINNINGS = (("subscribe", "ok"), ("resume", "invoke"), ("resume", "fail"))


def lose(history: History, random: Random) -> History | None:
    """The last message that a client got of a key before its drain, never came."""
    candidates = []
    for drain in only(history, "drain", "invoke"):
        for key in KEYS:
            mine = [op for op in history if op.process == drain.process and op.key == key]
            got = only(mine, "receive")
            begun = [op for op in mine if (op.op, op.kind) in BEGINNINGS]
            over = [op for op in mine if op.op == "unsubscribe"]
            last = got[-1] if got else None
            if last is None or begun[-1].time > last.time or (over and over[-1].time > last.time):
                continue
            sent = next(op.time for op in only(history, "send", "invoke") if op.client_msg_id == last.client_msg_id)
            if begun[-1].kind == "fail" and sent < begun[-1].time:
                continue  # nobody can tell whether it belongs to what the platform admitted to have missed
            if known_before(history, last, drain.time):
                candidates.append(last)
    chosen = pick(random, candidates)
    return None if chosen is None else without(history, chosen)


def deliver_twice(history: History, random: Random) -> History | None:
    chosen = pick(random, only(history, "receive"))
    return None if chosen is None else after(history, chosen)


def store_twice(history: History, random: Random) -> History | None:
    chosen = pick(random, only(history, "stored"))
    if chosen is None:
        return None
    rows = [op for op in only(history, "stored") if op.key == chosen.key]
    return [*history, replace(chosen, index=len(history), seq=len(rows) + 1, time=rows[-1].time)]


def neighbours(history: History) -> Iterator[tuple[Operation, Operation]]:
    """Each two operations next to each other in one client's stream of one key."""
    for process in PROCESSES:
        for key in KEYS:
            stream = [op for op in history if op.process == process and op.op in STREAM_OPS and op.key in (key, None)]
            yield from pairwise(stream)


def swap_arrivals(history: History, random: Random) -> History | None:
    """Two neighbours of one client's stream come in the other order."""
    pairs = [(one, other) for one, other in neighbours(history) if one.op == other.op == "receive"]
    if not pairs:
        return None
    one, other = random.choice(pairs)
    times = {one.index: other.time, other.index: one.time}
    return [replace(op, time=times.get(op.index, op.time)) for op in history]


def swap_commits(history: History, random: Random) -> History | None:
    """Two messages of one sender stand in the log in the other order, for everybody."""
    if only(history, "resume", "fail"):
        return None  # the swap would put a message where the log was before that message was sent
    attempts = [op.client_msg_id for op in only(history, "send", "invoke")]
    acks = {op.client_msg_id: op for op in only(history, "send")}
    pairs: list[tuple[Operation, Operation]] = []
    for process in PROCESSES:
        for key in KEYS:
            mine = [
                op
                for op in only(history, "send", "invoke")
                if (op.process, op.key) == (process, key)
                and op.client_msg_id in acks
                and attempts.count(op.client_msg_id) == 1
            ]
            pairs += pairwise(mine)
    if not pairs:
        return None
    one, other = random.choice(pairs)
    names = {one.client_msg_id: other, other.client_msg_id: one}

    def swapped(op: Operation) -> Operation:
        twin = names.get(op.client_msg_id)
        if twin is None or op.client_msg_id is None:
            return op
        if op.op == "send" and op.kind == "ok":
            return replace(op, seq=acks[twin.client_msg_id].seq)
        if op.op in ("receive", "stored"):
            return replace(op, client_msg_id=twin.client_msg_id, value=twin.value)
        return op

    return [swapped(op) for op in history]


def leak(history: History, random: Random) -> History | None:
    """A client is given the newest message of a key that it never asked for."""
    asked = {(op.process, op.key) for op in history if op.op in ("subscribe", "resume", "send")}
    candidates = [
        replace(row, process=process, op="receive")
        for row in only(history, "stored")
        for process in PROCESSES
        if (process, row.key) not in asked
        and row.seq == max(other.seq or 0 for other in only(history, "stored") if other.key == row.key)
        and any(other == process for other, _ in asked)
    ]
    chosen = pick(random, candidates)
    return None if chosen is None else at_the_end(history, chosen)


def skip(history: History, random: Random) -> History | None:
    """A client that does not drain is given n - 1 and n + 1."""
    pairs = list(neighbours(history))
    inner = {one.index for one, other in pairs if one.op == other.op == "receive"}
    candidates = [other for one, other in pairs if one.op == "receive" and other.index in inner]
    chosen = pick(random, candidates)
    if chosen is None:
        return None
    return [op for op in history if op is not chosen and (op.op, op.process) != ("drain", chosen.process)]


def garble(history: History, random: Random) -> History | None:
    chosen = pick(random, only(history, "receive") + only(history, "stored"))
    if chosen is None:
        return None
    return [replace(op, value="garbled") if op is chosen else op for op in history]


def forget(history: History, random: Random) -> History | None:
    acked = {(op.key, op.seq) for op in only(history, "send")}
    chosen = pick(random, [op for op in only(history, "stored") if (op.key, op.seq) in acked])
    return None if chosen is None else without(history, chosen)


def read_the_past(history: History, random: Random) -> History | None:
    written = {op.seq for op in only(history, "write")}
    chosen = pick(random, [op for op in only(history, "read") if {op.seq, (op.seq or 0) - 1} <= written])
    if chosen is None:
        return None
    old = (chosen.seq or 0) - 1
    ok = next(op for op in only(history, "write") if op.seq == old)
    value = [op for op in only(history, "write", "invoke") if op.process == ok.process and op.time < ok.time][-1].value
    return [replace(op, seq=old, value=value) if op is chosen else op for op in history]


def overwrite(history: History, random: Random) -> History | None:
    versions = [op.seq or 0 for op in only(history, "write")]
    if len(versions) < 2:
        return None
    base = random.choice(range(1, max(versions)))
    blank = replace(history[0], process="dave", op="write", key=REGISTER, epoch=None, client_msg_id=None)
    return at_the_end(
        history,
        replace(blank, kind="invoke", seq=base, value="mine"),
        replace(blank, kind="ok", seq=max(versions) + 1, value=None),
    )


def hold_too(history: History, random: Random) -> History | None:
    """A fourth client gets the lock while another one surely has it."""
    chosen = pick(random, only(history, "hold"))
    if chosen is None:
        return None
    blank = replace(chosen, process="dave", time=chosen.time, note=None)
    n = len(history)
    return [
        *history,
        replace(blank, index=n, kind="invoke"),
        replace(blank, index=n + 1),
        replace(blank, index=n + 2, op="release", kind="invoke"),
        replace(blank, index=n + 3, op="release"),
    ]


BREAKS: dict[str, tuple[Break, str]] = {
    "lose": (lose, "lost"),
    "deliver twice": (deliver_twice, "duplicate"),
    "store twice": (store_twice, "duplicate"),
    "swap arrivals": (swap_arrivals, "reordered"),
    "swap commits": (swap_commits, "reordered"),
    "leak": (leak, "foreign"),
    "skip": (skip, "unseen"),
    "garble": (garble, "diverging"),
    "forget": (forget, "ack-without-commit"),
    "read the past": (read_the_past, "stale-read"),
    "overwrite": (overwrite, "lost-update"),
    "hold too": (hold_too, "two-holders"),
}


@relaxed
@given(seeds)
def test_an_honest_history_is_valid(seed: int) -> None:
    judgement = judge(world(seed)[0])
    assert judgement.anomalies == ()
    assert judgement.doubts == ()
    assert judgement.verdict is Verdict.VALID


@relaxed
@given(seeds)
def test_the_verdict_does_not_depend_on_the_order_of_recording(seed: int) -> None:
    history, random = world(seed)
    broken = deliver_twice(history, random) or history
    shuffled = random.sample(broken, len(broken))
    assert judge(shuffled).findings == judge(broken).findings


@relaxed
@given(seeds)
def test_a_history_cut_short_is_never_accused(seed: int) -> None:
    history, random = world(seed)
    assert judge(history[: random.randint(0, len(history))]).anomalies == ()


@pytest.mark.parametrize("name", BREAKS)
@relaxed
@given(seed=seeds)
def test_a_break_is_found_by_its_name_and_nothing_else_is(name: str, seed: int) -> None:
    apply, anomaly = BREAKS[name]
    history, random = world(seed)
    broken = apply(history, random)
    assume(broken is not None)
    assert broken is not None
    found = judge(broken)
    assert {found.name for found in found.anomalies} == {anomaly}
    assert found.verdict is Verdict.INVALID


def test_every_check_has_a_break() -> None:
    assert {anomaly for _, anomaly in BREAKS.values()} == set(CHECKS)
