"""Planned tests without a result are found by their place, and put there."""

from __future__ import annotations

import robot.result

from launcher.missing import TAKEN_OUT, add, missing
from launcher.outcome import PlannedTest
from launcher.selection import Step

ROOT = Step("Root", "/root")
SOME = (ROOT, Step("Some", "/root/some.robot"))
OTHER = (ROOT, Step("Other", "/root/other.robot"))
WHY = "the worker was killed"


def planned(place: tuple[Step, ...], title: str, line: int | None) -> PlannedTest:
    return PlannedTest(f"{'.'.join(step.name for step in place)}.{title}", ("req:C01.1",), title, place, line)


ONE, TWO, GONE = planned(SOME, "One", 2), planned(SOME, "Two", 5), planned(OTHER, "Gone", 2)


def result(*tests: tuple[str, int | None], tags: tuple[str, ...] = ()) -> robot.result.Result:
    """What the worker of the suite ``Some`` reported."""
    root = robot.result.TestSuite("Root", source="/root")
    suite = root.suites.create("Some", source="/root/some.robot")
    for name, line in tests:
        suite.tests.create(name, lineno=line, status="PASS", tags=tags)
    return robot.result.Result(suite=root)


def names(*tests: tuple[str, int | None]) -> list[str]:
    return [one.test.title for one in missing([ONE, TWO], result(*tests), WHY)]


def test_a_test_is_there_by_its_name_or_by_what_was_made_of_it() -> None:
    assert names(("One", 2), ("Two", 5)) == []
    assert names(("One", 2), ("Two On A Browser", 5)) == []
    assert names(("One", None), ("Row 1", None), ("Row 2", None)) == []
    assert names(("One", 2), ("Other", 9)) == ["Two"]
    assert names(("One", 2), ("One", 2)) == ["Two"]


def test_a_worker_that_died_is_told_from_a_suite_that_ended_without_the_test() -> None:
    found = missing([ONE, TWO, GONE], result(("One", 2)), WHY)
    assert [(one.test.title, one.why) for one in found] == [("Two", TAKEN_OUT), ("Gone", WHY)]
    assert found[1].judged.message == f"UNKNOWN: {WHY}"
    assert not found[1].judged.reported


def test_what_robot_only_marked_is_missing_from_a_run_that_was_stopped() -> None:
    found = result(("One", 2), tags=("robot:exit",))
    assert [one.why for one in missing([ONE], found, WHY, stopped=True)] == [WHY]
    assert missing([ONE], found, WHY) == []


def test_missing_tests_are_put_where_they_belong() -> None:
    found = result(("One", 2), tags=("robot:exit",))
    add(found, missing([ONE, TWO, GONE], found, WHY, stopped=True))
    tests = list(found.suite.all_tests)
    assert [test.full_name for test in tests] == ["Root.Some.One", "Root.Some.Two", "Root.Other.Gone"]
    assert [test.status for test in tests] == ["FAIL"] * 3
    assert all("unknown" in test.tags for test in tests)
    assert str(tests[2].source) == "/root/other.robot"


def test_suites_of_the_same_name_are_told_apart_by_their_files() -> None:
    same = (ROOT, Step("Some", "/root/02__some.robot"))
    found = missing([ONE, planned(same, "One", 2)], result(("One", 2)), WHY)
    assert [one.test.place for one in found] == [same]
