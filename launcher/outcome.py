"""What a run showed, and the pure functions that judge it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from launcher.area_sheet import AreaSheet
    from launcher.requirements import Requirement

Verdict = Literal["PASS", "FAIL", "NA", "XFAIL", "UNKNOWN"]
XFAIL = "XFAIL: "
UNEXPECTEDLY = "XPASS: "
_WORST_FIRST: tuple[Verdict, ...] = ("FAIL", "UNKNOWN", "XFAIL", "NA", "PASS")


@dataclass(frozen=True)
class PlannedTest:
    """A test that the selection holds, before anything ran."""

    name: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExecutedTest:
    """A test that ran: Robot's own status and message, and its time in seconds."""

    name: str
    status: str
    message: str = ""
    tags: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """PASS, FAIL, XFAIL (failed, as declared) or NA (skipped, for whatever reason)."""
        if self.status == "SKIP":
            return "XFAIL" if self.message.startswith(XFAIL) else "NA"
        return "PASS" if self.status == "PASS" else "FAIL"


@dataclass(frozen=True)
class RequirementVerdict:
    """How one requirement stands after the run, with the worst of its tests."""

    verdict: Verdict
    tests: tuple[str, ...] = ()
    reason: str | None = None
    seconds: float = 0.0


HOLE = RequirementVerdict("UNKNOWN", reason="no test yet")


@dataclass(frozen=True)
class Outcome:
    """Everything that the sheet, the page, summary.json and the notification are made from."""

    name: str
    target: str
    seed: str
    seconds: float
    tests: tuple[ExecutedTest, ...]
    vanished: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    budgets: tuple[Mapping[str, Any], ...] = ()
    requirements: Mapping[str, RequirementVerdict] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    started: str = ""
    limit: float | None = None
    interrupted: bool = False
    command: str = ""
    sheets: tuple[AreaSheet, ...] = ()

    def count(self, verdict: Verdict) -> int:
        """How many tests came out with ``verdict``."""
        return sum(test.verdict == verdict for test in self.tests)

    @property
    def failed_tests(self) -> tuple[ExecutedTest, ...]:
        """Tests that failed without leave."""
        return tuple(test for test in self.tests if test.verdict == "FAIL")

    @property
    def well(self) -> bool:
        """True only if something ran, every planned test was seen, and nothing is wrong."""
        return bool(self.tests) and not (self.failed_tests or self.vanished or self.problems or self.interrupted)

    @property
    def untested(self) -> dict[tuple[Verdict, str], list[str]]:
        """The ids that no test of the run is there for, by their verdict and its reason."""
        found: dict[tuple[Verdict, str], list[str]] = {}
        for key, judged in self.requirements.items():
            if not judged.tests:
                found.setdefault((judged.verdict, judged.reason or ""), []).append(key)
        return found


def requirement_ids(tags: Iterable[str]) -> list[str]:
    """The ids that ``req:<id>`` tags name."""
    return [tag[4:] for tag in tags if tag.lower().startswith("req:")]


def vanished(planned: Iterable[PlannedTest], executed: Iterable[ExecutedTest]) -> list[PlannedTest]:
    """Planned tests that no output knows of."""
    seen = {test.name for test in executed}
    return [test for test in planned if test.name not in seen]


def judge(
    executed: Sequence[ExecutedTest], missing: Sequence[PlannedTest], wanted: Iterable[Requirement], why_missing: str
) -> dict[str, RequirementVerdict]:
    """Verdict of each requirement by the worst of its tests.

    Of those ``wanted`` one that nobody tests is UNKNOWN, and NA where another command is there for it.
    """
    cases: dict[str, list[tuple[Verdict, str, str, float]]] = {}
    for test in executed:
        for key in requirement_ids(test.tags):
            cases.setdefault(key, []).append((test.verdict, test.name, test.message, test.seconds))
    for gone in missing:
        for key in requirement_ids(gone.tags):
            cases.setdefault(key, []).append(("UNKNOWN", gone.name, why_missing, 0.0))
    judged = {key: _worst(found) for key, found in cases.items()}
    for one in wanted:
        hole = RequirementVerdict("NA", reason=f"by {one.command}") if one.command else HOLE
        judged.setdefault(one.id, hole)
    return dict(sorted(judged.items(), key=lambda item: sort_key(item[0])))


def _worst(cases: Sequence[tuple[Verdict, str, str, float]]) -> RequirementVerdict:
    worst = worst_of(case[0] for case in cases)
    blamed = [case for case in cases if case[0] == worst]
    reason = None
    if worst != "PASS":
        reason = first_line(blamed[0][2])
        if len(cases) > 1:
            reason += f" ({len(blamed)} of {len(cases)} tests)"
    return RequirementVerdict(worst, tuple(case[1] for case in cases), reason, sum(case[3] for case in cases))


def sort_key(key: str) -> tuple[str, int]:
    """Order of ids by scenario, then by number within it."""
    scenario, _, part = key.partition(".")
    return scenario, int(part) if part.isdigit() else 0


def worst_of(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of them; UNKNOWN where there are none."""
    return min(verdicts, key=_WORST_FIRST.index, default="UNKNOWN")


def first_line(message: str) -> str:
    """The first line with text; HTML messages lose their mark."""
    return next((line.strip() for line in message.removeprefix("*HTML*").splitlines() if line.strip()), "")
