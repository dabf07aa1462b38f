"""Planned tests that no worker reported: found by their place, and put there in the result.

A later ``--rerunfailed`` finds them by the names that they have there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lockstep.verdicts import UNKNOWN, UNKNOWN_TAG
from robot.result import Result, TestSuite

from launcher.outcome import JudgedTest, PlannedTest
from launcher.selection import places
from launcher.verdicts import Verdict

STOPPED = "robot:exit"
TAKEN_OUT = "planned, but its suite ended without it: a listener took it out, or a tag that it got at run time"


@dataclass(frozen=True)
class Missing:
    """A planned test without a result, and what is known of the reason."""

    test: PlannedTest
    why: str

    @property
    def message(self) -> str:
        """As the reports show it."""
        return f"{UNKNOWN}{self.why}"

    @property
    def judged(self) -> JudgedTest:
        """The test as the run's outcome holds it."""
        test = self.test
        return JudgedTest(test.name, Verdict.UNKNOWN, self.message, test.tags, reported=False, title=test.title)


def missing(planned: Sequence[PlannedTest], result: Result, why: str, *, stopped: bool = False) -> list[Missing]:
    """Those of ``planned`` that ``result`` does not hold; with ``stopped``, and those that Robot only marked as failed.

    A test may have got its name at run time, from variables: its line is the same. Or a listener has made others of
    it: they have its line, or none. ``why`` is said of those whose suite is not there either.
    """
    reported = {
        place[1:]: [test for test in suite.tests if not (stopped and STOPPED in test.tags)]
        for suite, place in places(result.suite)
    }
    known = {(test.place[1:], test.title) for test in planned}
    found = []
    for test in planned:
        others = reported.get(test.place[1:], [])
        if not any(_is(test, one, known) for one in others):
            found.append(Missing(test, TAKEN_OUT if others and not stopped else why))
    return found


def _is(test: PlannedTest, reported: Any, known: set[tuple[Any, str]]) -> bool:
    if reported.name == test.title:
        return True
    return reported.lineno in (None, test.line) and (test.place[1:], reported.name) not in known


def add(result: Result, tests: Iterable[Missing]) -> None:
    """Make ``tests`` failures in their suites, so that every report shows them."""
    for one in tests:
        suite = _suite(result.suite, one.test)
        marked = next((test for test in suite.tests if test.name == one.test.title), None)
        shown = marked or suite.tests.create(name=one.test.title, tags=one.test.tags, lineno=one.test.line)
        shown.tags.add(UNKNOWN_TAG)
        shown.status, shown.message = "FAIL", one.message


def _suite(root: TestSuite, test: PlannedTest) -> TestSuite:
    """The suite of the test, with those above it, made where no output holds them."""
    suite = root
    for step in test.place[1:]:
        suite = step.child_of(suite) or suite.suites.create(name=step.name, source=step.source)
    return suite
