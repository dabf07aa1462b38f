"""What a checker answers, and how answers become one verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from .operations import Operation


class Verdict(Enum):
    """Valid, invalid, or unknown; the value is the exit code of the command line."""

    VALID = 0
    INVALID = 1
    UNKNOWN = 2


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One broken promise: its name, one sentence, and the fewest operations that show it."""

    name: str
    text: str
    witness: tuple[Operation, ...]

    @classmethod
    def of(cls, name: str, text: str, operations: Iterable[Operation | None]) -> Anomaly:
        """The anomaly with these operations as its witness: by time, each once, the absent ones left out."""
        present = {operation.index: operation for operation in operations if operation is not None}
        return cls(name, text, tuple(sorted(present.values(), key=lambda operation: operation.moment)))


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. ``judged`` counts what it looked at: 0 means that the history holds nothing of its kind."""

    check: str
    judged: int
    anomalies: tuple[Anomaly, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """What the platform declares. ``handover`` (seconds): how soon a replaced holder must be told; ``gapless``: the
    positions of a key leave no number out.
    """

    handover: float = 2.0
    gapless: bool = True


@dataclass(frozen=True, slots=True)
class Judgement:
    """All findings about one history, and the verdict that follows."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    doubts: tuple[str, ...]

    @property
    def anomalies(self) -> tuple[Anomaly, ...]:
        """Every anomaly, in the order of the checks."""
        return tuple(anomaly for finding in self.findings for anomaly in finding.anomalies)


def conclude(findings: Sequence[Finding], demanded: Sequence[str]) -> Judgement:
    """The verdict on ``findings``; a check in ``demanded`` that had nothing to judge is a doubt, not a pass."""
    doubts = [f"{finding.check}: {doubt}" for finding in findings for doubt in finding.doubts]
    doubts += [
        f"{finding.check}: the history holds nothing that this check could judge"
        for finding in findings
        if finding.check in demanded and not finding.judged and not finding.doubts
    ]
    if not any(finding.judged for finding in findings) and not doubts:
        doubts = ["the history holds nothing that any check could judge"]
    if any(finding.anomalies for finding in findings):
        verdict = Verdict.INVALID
    else:
        verdict = Verdict.UNKNOWN if doubts else Verdict.VALID
    return Judgement(verdict, tuple(findings), tuple(doubts))
