"""Versioned registers (preferences, a state document): stale-read, lost-update."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from ..ledger import Call, Ledger
from ..operations import Operation
from ..verdicts import Anomaly, Finding, Rules


def stale_read(ledger: Ledger, rules: Rules) -> Finding:
    """A read that answers with an older version than one that somebody had already seen or written when it began.

    A read without an invoke began at an unknown time: it is compared with its own process's earlier operations only.
    """
    judged = 0
    found = []
    known = _Knowledge(ledger)
    for call in ledger.calls.get("read", ()):
        if call.ok is None or call.ok.seq is None:
            continue
        judged += 1
        newest = known.newest(call)
        if newest is not None and (newest.seq or 0) > call.ok.seq:
            text = (
                f"{call.process} read version {call.ok.seq} of {call.key} although version {newest.seq} was"
                f" {'written' if newest.op == 'write' else 'read'} by {newest.process} before"
            )
            found.append(Anomaly.of("stale-read", text, (newest, call.invoke, call.ok)))
    return Finding("stale-read", judged, tuple(found))


class _Knowledge:
    """The newest version of each register that was known at any moment, to anyone and to each process."""

    def __init__(self, ledger: Ledger) -> None:
        self._times: dict[tuple[str | None, ...], list[tuple[int, int]]] = defaultdict(list)
        self._newest: dict[tuple[str | None, ...], list[Operation]] = defaultdict(list)
        calls = [call for op in ("write", "read") for call in ledger.calls.get(op, ())]
        done = [(call.ok, call) for call in calls if call.ok is not None and call.ok.seq is not None]
        for ok, call in sorted(done, key=lambda item: item[0].moment):
            for name in ((call.key,), (call.key, call.process)):
                newest = self._newest[name]
                best = newest[-1] if newest and (newest[-1].seq or 0) >= (ok.seq or 0) else ok
                self._times[name].append(ok.moment)
                newest.append(best)

    def newest(self, call: Call) -> Operation | None:
        name = (call.key,) if call.invoke is not None else (call.key, call.process)
        count = bisect_left(self._times[name], call.first.moment)
        return self._newest[name][count - 1] if count else None


def lost_update(ledger: Ledger, rules: Rules) -> Finding:
    """Two writes that both won over the same base, or one that won over a base that was no longer current.

    A write that was overtaken and never answered at all leaves a doubt: its loser must be told.
    """
    winners: dict[str | None, list[Call]] = defaultdict(list)
    for call in ledger.calls.get("write", ()):
        if call.ok is not None and call.ok.seq is not None:
            winners[call.key].append(call)
    judged = sum(map(len, winners.values()))
    found = [anomaly for calls in winners.values() for anomaly in _overwritten(calls)]
    doubts = tuple(
        f"{call.process} wrote {call.key} over version {call.invoke.seq}, was overtaken, and never notified of it"
        for call in ledger.calls.get("write", ())
        if call.invoke is not None and call.outcome is None and _overtaken(call.invoke, winners[call.key])
    )
    return Finding("lost-update", judged, tuple(found), doubts)


def _overtaken(invoke: Operation, winners: list[Call]) -> bool:
    return any(
        invoke.seq is not None and winner.invoke is not None and winner.invoke.seq == invoke.seq for winner in winners
    )


def _overwritten(calls: list[Call]) -> Iterator[Anomaly]:
    """Compares each winner with its predecessor by version: the predecessor must be what it was based on."""
    ordered = sorted(calls, key=lambda call: (_version(call), call.first.time))
    for one, other in pairwise(ordered):
        base = other.invoke.seq if other.invoke is not None else None
        same_version = _version(one) == _version(other)
        if not same_version and (base is None or base >= _version(one)):
            continue
        how = f"both became version {_version(one)}" if same_version else f"based on version {base}"
        text = (
            f"{other.process} overwrote version {_version(one)} of {other.key}, which {one.process} had written,"
            f" without having seen it: {how}"
        )
        yield Anomaly.of("lost-update", text, (one.invoke, one.ok, other.invoke, other.ok))


def _version(call: Call) -> int:
    assert call.ok is not None
    assert call.ok.seq is not None
    return call.ok.seq
