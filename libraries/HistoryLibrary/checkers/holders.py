"""Exclusive things (a lock, one session's socket): two-holders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from ..ledger import Call, Ledger
from ..operations import Operation
from ..verdicts import Anomaly, Finding, Rules

_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Tenure:
    """``process`` surely held the key from ``began`` to ``ended`` (monotonic ns; None: to the end of the history)."""

    process: str
    acquired: Operation
    began: int
    ended: int | None
    end: Operation | None
    takeover: bool


def two_holders(ledger: Ledger, rules: Rules) -> Finding:
    """Two processes that held one key at the same time.

    A holder that is replaced by a takeover must be told so. It may be out of reach, so silence is a doubt; but who is
    still served ``rules.handover`` after the takeover holds on.
    """
    tenures = _tenures(ledger)
    found, doubts = [], []
    for key, held in tenures.items():
        for one, other in _overlaps(held):
            if not other.takeover:
                found.append(_both(key, one, other, None))
                continue
            served = _served(ledger, one, other.began + int(rules.handover * _SECOND))
            if served is not None:
                found.append(_both(key, one, other, served))
            elif one.ended is None:
                doubts.append(f"{other.process} took {key} over, and {one.process} was never notified")
    doubts += [
        f"nobody knows whether {call.process} got {call.key}: the outcome is missing"
        for call in ledger.calls.get("hold", ())
        if call.unknown and any(tenure.process != call.process for tenure in tenures.get(call.key or "", ()))
    ]
    return Finding("two-holders", sum(map(len, tenures.values())), tuple(found), tuple(doubts))


def _tenures(ledger: Ledger) -> dict[str, list[Tenure]]:
    ends: dict[tuple[str, str | None], list[Operation]] = defaultdict(list)
    for operation in ledger.operations:
        if operation.op == "release":
            ends[operation.process, operation.key].append(operation)
    tenures: dict[str, list[Tenure]] = defaultdict(list)
    for call in ledger.calls.get("hold", ()):
        if call.ok is not None and call.key is not None:
            tenures[call.key].append(_tenure(call, call.ok, ends[call.process, call.key]))
    return tenures


def _tenure(call: Call, ok: Operation, ends: list[Operation]) -> Tenure:
    end = next((operation for operation in ends if operation.moment > ok.moment), None)
    ended = end.time if end is not None else None
    lease = ok.value if isinstance(ok.value, int | float) else None
    if lease is not None:
        over = call.first.time + int(lease * _SECOND)
        ended = over if ended is None else min(ended, over)
    takeover = "takeover" in (ok.note, call.first.note)
    return Tenure(call.process, ok, ok.time, ended, end, takeover)


def _overlaps(held: list[Tenure]) -> Iterator[tuple[Tenure, Tenure]]:
    """Each tenure with those of others that had not ended when it began."""
    current: list[Tenure] = []
    for tenure in sorted(held, key=lambda tenure: tenure.acquired.moment):
        current = [other for other in current if other.ended is None or other.ended > tenure.began]
        yield from ((other, tenure) for other in current if other.process != tenure.process)
        current.append(tenure)


def _served(ledger: Ledger, tenure: Tenure, after: int) -> Operation | None:
    """The first thing that the platform still did for a replaced holder, later than ``after``."""
    for operation in ledger.operations:
        late = operation.time > after and (tenure.ended is None or operation.time < tenure.ended)
        if late and operation.process == tenure.process and operation.kind == "ok" and operation.op != "disconnect":
            return operation
    return None


def _both(key: str, one: Tenure, other: Tenure, served: Operation | None) -> Anomaly:
    if served is not None:
        seconds = (served.time - other.began) / _SECOND
        text = f"{other.process} took {key} over, and {seconds:.1f} s later {one.process} was still served"
        return Anomaly.of("two-holders", text, (one.acquired, other.acquired, served))
    text = f"{one.process} and {other.process} held {key} at the same time"
    return Anomaly.of("two-holders", text, (one.acquired, other.acquired, one.end))
