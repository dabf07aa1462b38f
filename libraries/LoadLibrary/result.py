"""What a load has measured, merged over its workers, and what of it breaks a promise."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from HistoryLibrary.files import read_history
from HistoryLibrary.operations import Operation
from lockstep.statistics import Summary
from lockstep.statistics import summary as summarize

from .plan import User

MESSAGE, CONNECT, REFRESH, SIGN_IN = "message", "connect", "refresh", "sign in"


@dataclass
class Result:
    """Of the whole load; ``times`` are seconds by step and by what was done, ``renewals`` when each user's tokens were
    refreshed since the last cut.
    """

    workers: int
    times: Mapping[tuple[str, str], list[float]]
    failures: Mapping[tuple[str, str, str], int]
    closes: Mapping[str, int]
    renewals: Mapping[str, list[float]]
    troubles: list[str]
    errors: list[str]
    unrecovered: list[str]
    lacking: list[str]
    late: list[str]
    sent: int = 0
    acked: int = 0
    resent: int = 0
    cpu: float = 0.0
    operations: list[Operation] = field(default_factory=list, repr=False)
    memory: Mapping[str, list[float]] = field(default_factory=dict)
    people: list[User] = field(default_factory=list, repr=False)

    @classmethod
    def read(cls, folder: Path) -> Result:
        """From what the master has written."""
        data: dict[str, Any] = json.loads((folder / "result.json").read_text("utf-8"))
        outcomes = data["outcomes"]
        times: dict[tuple[str, str], list[float]] = defaultdict(list)
        failures: Counter[tuple[str, str, str]] = Counter()
        for outcome in outcomes:
            for step, what, values in outcome["times"]:
                times[step, what] += values
            for step, what, why, count in outcome["failures"]:
                failures[step, what, why] += count
        histories = [read_history(path) for path in sorted(folder.glob("history-*.jsonl"))]
        missing = data["workers"] - len(outcomes)
        late = [*data["late"], *([f"{missing} workers have not reported"] if missing else [])]
        said: dict[str, Any] = {
            name: [text for outcome in outcomes for text in outcome[name]]
            for name in ("troubles", "errors", "unrecovered", "lacking")
        }
        return cls(
            workers=data["workers"],
            times=times,
            failures=failures,
            closes=sum((Counter(outcome["closes"]) for outcome in outcomes), Counter()),
            renewals={name: times for outcome in outcomes for name, times in outcome["renewals"].items()},
            late=late,
            sent=sum(outcome["sent"] for outcome in outcomes),
            acked=sum(outcome["acked"] for outcome in outcomes),
            resent=sum(outcome["resent"] for outcome in outcomes),
            cpu=sum(outcome["cpu"] for outcome in outcomes),
            operations=merged(histories),
            **said,
        )

    def summary(self, step: str, what: str = MESSAGE) -> Summary:
        """Count and percentiles, in seconds; raises ``AssertionError`` where nothing was measured."""
        if not (values := self.times.get((step, what))):
            known = ", ".join(sorted({f"{what} in {step}" for step, what in self.times})) or "nothing"
            raise AssertionError(f"no {what} was measured in step {step!r}; there is {known}")
        return summarize(values)

    def broken(self, step: str, p99: float) -> str:
        """The first promise that a step has broken; "" where it kept all."""
        if late := next((text for text in self.late if text.startswith(f"{step}: ")), ""):
            return late
        for (where, what, why), count in self.failures.items():
            if where == step:
                return f"{step}: {count} × {what} failed: {why}"
        slow = self.summary(step).p99
        return f"{step}: p99 of a message is {slow * 1000:.0f} ms, not {p99 * 1000:.0f} ms" if slow > p99 else ""

    @property
    def flaws(self) -> list[str]:
        """What no user may notice: signed out, errors, a stream that was not resumed, somebody who was not served."""
        failed = [f"{count} × {what} failed in {step}: {why}" for (step, what, why), count in self.failures.items()]
        return [*self.late, *self.troubles, *self.errors, *self.unrecovered, *failed]

    def __str__(self) -> str:
        rows = [f"{step}: {what} {summarize(values)}" for (step, what), values in self.times.items() if values]
        closes = ", ".join(f"{count} × {code}" for code, count in self.closes.items()) or "none"
        return "\n".join(
            [
                f"{self.workers} workers: {self.sent} messages sent, {self.acked} acknowledged, {self.resent} again, "
                f"{len(self.operations)} operations recorded, {self.cpu:.1f} s of CPU; sockets closed: {closes}",
                *rows,
            ]
        )


def merged(histories: list[list[Operation]]) -> list[Operation]:
    """One history of all workers, by the names of users and messages.

    Clocks of two machines say nothing of one another, so none is compared: a user's operations stay in their order,
    and all sendings of all workers stand before all drains, since no worker drains before each has stopped to send.
    """
    parts: tuple[list[Operation], list[Operation]] = ([], [])
    for history in histories:
        first = next((at for at, one in enumerate(history) if one.op == "drain"), len(history))
        parts[0].extend(history[:first])
        parts[1].extend(history[first:])
    return [_at(number, operation) for number, operation in enumerate([*parts[0], *parts[1]])]


def _at(number: int, operation: Operation) -> Operation:
    fields = {name: getattr(operation, name) for name in Operation.__dataclass_fields__}
    return Operation(**{**fields, "index": number, "time": number})
