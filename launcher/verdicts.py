"""The verdicts and what follows from them; docs/guide.md shows the same table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lockstep.verdicts import UNBOUNDED_TAG, WEAKER_TAG, is_unknown

WELL, NOT_WELL, NOT_JUDGED = 0, 1, 3
"""Exit codes of a run that came to its end."""


class Verdict(StrEnum):
    """How a test, or a requirement by its tests, came out; worst first."""

    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"
    SKIPPED = "SKIPPED"
    XFAIL = "XFAIL"
    WEAKER = "WEAKER"
    UNBOUNDED = "UNBOUNDED"
    NA = "NA"
    HOLE = "HOLE"
    PASS = "PASS"  # noqa: S105 - a verdict


WORST_FIRST = tuple(Verdict)
HELD: frozenset[Verdict] = frozenset({Verdict.PASS, Verdict.WEAKER})
"""Verdicts of tests that could have failed and did not."""
EXECUTED = HELD | {Verdict.FAIL}
"""Verdicts of tests that asked the target something and could have failed."""
COUNTED_AS = {
    Verdict.PASS: "passed",
    Verdict.FAIL: "failed",
    Verdict.UNKNOWN: "unknown",
    Verdict.SKIPPED: "skipped",
    Verdict.XFAIL: "failed as expected",
    Verdict.WEAKER: "weaker than recommended",
    Verdict.UNBOUNDED: "without a bound",
    Verdict.NA: "not applicable",
    Verdict.HOLE: "requirements without a test",
}
"""What a sum of each is called, in the order in which sums are shown."""
COMPARABLE = HELD | {Verdict.NA}
"""Verdicts of tests that came to their own end or did nothing, so that their times say something."""
REMARKABLE = frozenset({Verdict.XFAIL, Verdict.WEAKER, Verdict.UNBOUNDED})
"""Verdicts that spoil no run and still say something about the target."""
_SPOIL = frozenset({Verdict.FAIL, Verdict.SKIPPED})
_CERTIFIABLE = frozenset({Verdict.PASS, Verdict.NA})


def of_test(status: str, message: str, tags: Iterable[str], *, excused: bool, lacking: bool) -> Verdict:
    """The verdict of a test with this status of Robot's.

    A skip is XFAIL where it is the declared failure that ``excused`` the test, NA where the target is ``lacking`` what
    the test needs.
    """
    if status == "FAIL":
        return Verdict.UNKNOWN if is_unknown(message) else Verdict.FAIL
    if status == "SKIP":
        return Verdict.XFAIL if excused else Verdict.NA if lacking else Verdict.SKIPPED
    marks = {tag.lower() for tag in tags}
    return Verdict.WEAKER if WEAKER_TAG in marks else Verdict.UNBOUNDED if UNBOUNDED_TAG in marks else Verdict.PASS


def worst_of(verdicts: Iterable[Verdict], none: Verdict = Verdict.HOLE) -> Verdict:
    """The worst of them; ``none`` where there are none."""
    return min(verdicts, key=WORST_FIRST.index, default=none)


@dataclass(frozen=True)
class Totals:
    """How many tests (of holes: requirements) came out with each verdict, and how the run stands with that."""

    counts: Mapping[Verdict, int]
    problems: int = 0
    certified: bool = False
    holes_allowed: bool = False
    """Whether holes do no harm even to a certified run."""

    @property
    def exit_code(self) -> int:
        """0 all well, 1 not well, 3 where nothing is worse than UNKNOWN; a run without any test is not well."""
        if self.problems or self._spoiling or not self._tested:
            return NOT_WELL
        return NOT_JUDGED if self.counts.get(Verdict.UNKNOWN) else WELL

    @property
    def word(self) -> str:
        """How the run is called: ``ALL WELL``, ``NOT WELL: 2 failed`` or ``NOT JUDGED: 1 unknown``.

        Where the target lacks what every test needs, all is well, and yet nothing was executed.
        """
        code = self.exit_code
        if code == WELL:
            return "ALL WELL" if any(self.counts.get(kind) for kind in EXECUTED) else "ALL WELL: nothing was executed"
        if code == NOT_JUDGED:
            return f"NOT JUDGED: {self.counts[Verdict.UNKNOWN]} unknown"
        problems = f"{self.problems} problem{'' if self.problems == 1 else 's'}" if self.problems else ""
        causes = ["" if self._tested else "nothing was tested", sums(self._spoiling), problems]
        return f"NOT WELL: {', '.join(filter(None, causes))}"

    def troubles(self, kind: Verdict) -> bool:
        """Whether a test with this verdict keeps the run from being well."""
        return kind is Verdict.UNKNOWN or self.spoils(kind)

    @property
    def _spoiling(self) -> dict[Verdict, int]:
        return {kind: count for kind, count in self.counts.items() if count and self.spoils(kind)}

    @property
    def _tested(self) -> bool:
        return any(count for kind, count in self.counts.items() if kind is not Verdict.HOLE)

    def spoils(self, kind: Verdict) -> bool:
        """Whether this verdict makes a run not well."""
        if kind is Verdict.HOLE and self.holes_allowed:
            return False
        return kind not in _CERTIFIABLE if self.certified else kind in _SPOIL


def sums(counts: Mapping[Verdict, int], always: Collection[Verdict] = ()) -> str:
    """``1 failed, 2 skipped``: each verdict that occurred, and those of ``always``."""
    shown = {kind: name for kind, name in COUNTED_AS.items() if counts.get(kind) or kind in always}
    return ", ".join(f"{counts.get(kind, 0)} {name}" for kind, name in shown.items())
