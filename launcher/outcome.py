"""What a run showed, and the pure functions that judge it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lockstep.causes import LONGEST_REASON, cut, reason
from lockstep.reasons import NONE_GIVEN

from launcher import interrupts, tests_by_id
from launcher.tested import Subject
from launcher.undone import Undone
from launcher.verdicts import REMARKABLE, WELL, WORST_FIRST, Totals, Verdict, worst_of

if TYPE_CHECKING:
    from launcher.area_sheet import AreaSheet
    from launcher.selection import Step
    from launcher.walls import Wall

"""Exit code of a run that was ended from outside."""


@dataclass(frozen=True)
class PlannedTest:
    """A test that the selection holds, before anything ran: ``title`` is its own name, ``line`` that in its file."""

    name: str
    tags: tuple[str, ...] = ()
    title: str = ""
    place: tuple[Step, ...] = ()
    line: int | None = None


@dataclass(frozen=True)
class JudgedTest:
    """A planned test after the run: its full name, its verdict, its message, and its time in seconds."""

    name: str
    verdict: Verdict
    message: str = ""
    tags: tuple[str, ...] = ()
    seconds: float = 0.0
    reported: bool = True
    """False where no worker reported the test: it vanished."""
    title: str = ""
    """The test's own name, without those of its suites."""

    @property
    def id(self) -> str | None:
        """The test's id; None where it has none."""
        return tests_by_id.of_tags(self.tags)

    @property
    def label(self) -> str:
        """What people are shown: the id with the test's own name; where there is no id, suite and name."""
        return f"{self.id} {self.title}".rstrip() if self.id else short_name(self.name)

    @property
    def reason(self) -> str:
        """The line that says why the verdict is no PASS; a failure that says nothing has a line of its own, too."""
        mark = f"{self.verdict.lower()}: "
        remark = next((line for line in self.message.splitlines() if line.startswith(mark)), "")
        found = cut(remark.removeprefix(mark), LONGEST_REASON) or reason(self.message)
        return found or ("" if self.verdict is Verdict.PASS else NONE_GIVEN)


@dataclass(frozen=True)
class RequirementVerdict:
    """How one requirement stands after the run, with the worst of its tests."""

    verdict: Verdict
    tests: tuple[str, ...] = ()
    reason: str | None = None
    seconds: float = 0.0


HOLE = RequirementVerdict(Verdict.HOLE, reason="no test yet")


@dataclass(frozen=True)
class Outcome:
    """Everything that the sheet, the page, summary.json and the notification are made from."""

    name: str
    target: str
    seed: str
    seconds: float
    tests: tuple[JudgedTest, ...]
    problems: tuple[str, ...] = ()
    budgets: tuple[Mapping[str, Any], ...] = ()
    requirements: Mapping[str, RequirementVerdict] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    started: str = ""
    limit: float | None = None
    interrupted: bool = False
    certified: bool = False
    holes_allowed: bool = False
    command: str = ""
    sheets: tuple[AreaSheet, ...] = ()
    machine: str = ""
    """One line on how busy the machine was; "" where nothing is known."""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """What else proves those requirements of the areas that ran for which the run has no test, by id."""
    unclaimed: tuple[str, ...] = ()
    """Names of tests that prove no requirement; only of runs of whole areas."""
    throttled: tuple[float, ...] = ()
    """The seconds after which throttled requests were sent again."""
    undone: Undone = field(default_factory=Undone)
    """What was undone at the end, and what is left behind at the target."""
    tested: Subject = field(default_factory=Subject)
    """What was tested, as far as it was known at the start."""
    walls: tuple[Wall, ...] = ()
    """How long the areas took, of those that have a budget for it."""

    @property
    def facts(self) -> dict[str, str]:
        """What was tested, by name."""
        return self.tested.facts(seed=self.seed, load=self.machine, versions=self.versions)

    @property
    def totals(self) -> Totals:
        """How many tests came out with each verdict, and how many requirements have no test."""
        counts = Counter(test.verdict for test in self.tests)
        counts[Verdict.HOLE] = sum(judged.verdict is Verdict.HOLE for judged in self.requirements.values())
        counts[Verdict.UNKNOWN] += len(self.undecided)
        return Totals(counts, len(self.problems), self.certified, self.holes_allowed)

    def count(self, verdict: Verdict) -> int:
        """How many tests (of holes: requirements) came out with ``verdict``."""
        return self.totals.counts.get(verdict, 0)

    @property
    def trouble(self) -> tuple[JudgedTest, ...]:
        """The tests because of which not all is well, worst first; what an interrupted run left out is none."""
        return _worst_first(
            test
            for test in self.tests
            if self.totals.troubles(test.verdict) and (test.reported or not self.interrupted)
        )

    @property
    def remarks(self) -> tuple[JudgedTest, ...]:
        """The tests that do no harm and still say something about the target, worst first."""
        return _worst_first(
            test for test in self.tests if test.verdict in REMARKABLE and not self.totals.troubles(test.verdict)
        )

    @property
    def vanished(self) -> tuple[str, ...]:
        """Names of planned tests that no worker reported."""
        return tuple(test.name for test in self.tests if not test.reported)

    @property
    def labels(self) -> dict[str, str]:
        """What people are shown of each test, by its full name."""
        return {test.name: test.label for test in self.tests}

    @property
    def exit_code(self) -> int:
        """0 all well, 1 not well, 3 where nothing is worse than UNKNOWN, 128 + the signal that interrupted."""
        return interrupts.exit_code() if self.interrupted else self.totals.exit_code

    @property
    def well(self) -> bool:
        """True only if something ran, every planned test was judged, and nothing is wrong."""
        return self.exit_code == WELL

    @property
    def word(self) -> str:
        """How the run ended, in capitals."""
        return "INTERRUPTED: these results are partial" if self.interrupted else self.totals.word

    @property
    def all_budgets(self) -> list[Mapping[str, Any]]:
        """The budgets of the tests, then those of whole areas."""
        return [*self.budgets, *(wall.as_budget() for wall in self.walls)]

    @property
    def undecided(self) -> tuple[str, ...]:
        """The budgets of areas that this run can neither prove nor break, a line each."""
        return tuple(str(wall) for wall in self.walls if wall.verdict is Verdict.UNKNOWN)

    @property
    def holes(self) -> list[str]:
        """The ids of requirements that nothing proves."""
        return [key for key, judged in self.requirements.items() if judged.verdict is Verdict.HOLE]


def _worst_first(tests: Iterable[JudgedTest]) -> tuple[JudgedTest, ...]:
    return tuple(sorted(tests, key=lambda test: WORST_FIRST.index(test.verdict)))


def short_name(name: str) -> str:
    """``Critical.Jwt Across Services.One Token …`` as ``Jwt Across Services · One Token …``.

    A test's own name may hold full stops, so only the root is certain to be cut where there is doubt.
    """
    return " · ".join(name.split(".", 2)[1:]) or name


def requirement_ids(tags: Iterable[str]) -> list[str]:
    """The ids that ``req:<id>`` tags name."""
    return [tag[4:] for tag in tags if tag.lower().startswith("req:")]


def judge(tests: Iterable[JudgedTest], holes: Iterable[str] = ()) -> dict[str, RequirementVerdict]:
    """Verdict of each requirement by the worst of its tests; ``holes`` are the ids that nothing proves."""
    found: dict[str, list[JudgedTest]] = {}
    for test in tests:
        for key in requirement_ids(test.tags):
            found.setdefault(key, []).append(test)
    judged = dict.fromkeys(holes, HOLE) | {key: _worst(own) for key, own in found.items()}
    return dict(sorted(judged.items(), key=lambda item: sort_key(item[0])))


def _worst(tests: Sequence[JudgedTest]) -> RequirementVerdict:
    worst = worst_of(test.verdict for test in tests)
    blamed = [test for test in tests if test.verdict is worst]
    why = None
    if worst is not Verdict.PASS:
        why = blamed[0].reason
        if len(tests) > 1:
            why += f" ({len(blamed)} of {len(tests)} tests)"
    return RequirementVerdict(worst, tuple(test.name for test in tests), why, sum(test.seconds for test in tests))


def sort_key(key: str) -> tuple[str, int]:
    """Order of ids by scenario, then by number within it."""
    scenario, _, part = key.partition(".")
    return scenario, int(part) if part.isdigit() else 0
