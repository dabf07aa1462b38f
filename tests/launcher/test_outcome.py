"""What makes a verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from launcher.outcome import ExecutedTest, Outcome, PlannedTest, judge, vanished
from launcher.requirements import Requirement

REQ = ("req:C01.1",)
PASSED = ExecutedTest("a", "PASS", tags=REQ, seconds=1)
FAILED = ExecutedTest("b", "FAIL", "1 != 2\nmore", REQ, 2)
SKIPPED = ExecutedTest("c", "SKIP", "NA: ws: no socket", REQ)
EXCUSED = ExecutedTest("d", "SKIP", "XFAIL: known (until 2030-01-01) — 1 != 2", REQ)
GONE = PlannedTest("e", REQ)


@pytest.mark.parametrize(
    ("tests", "missing", "verdict", "reason"),
    [
        ([PASSED], [], "PASS", None),
        ([PASSED, SKIPPED], [], "NA", "NA: ws: no socket (1 of 2 tests)"),
        ([PASSED, SKIPPED, EXCUSED], [], "XFAIL", f"{EXCUSED.message} (1 of 3 tests)"),
        ([PASSED, SKIPPED, EXCUSED], [GONE], "UNKNOWN", "why (1 of 4 tests)"),
        ([PASSED, SKIPPED, EXCUSED, FAILED], [GONE], "FAIL", "1 != 2 (1 of 5 tests)"),
        ([FAILED], [], "FAIL", "1 != 2"),
    ],
)
def test_the_worst_test_decides(
    tests: list[ExecutedTest], missing: list[PlannedTest], verdict: str, reason: str | None
) -> None:
    judged = judge(tests, missing, [], "why")["C01.1"]
    assert (judged.verdict, judged.reason) == (verdict, reason)
    assert len(judged.tests) == len(tests) + len(missing)


def test_the_time_of_a_requirement_is_that_of_its_tests() -> None:
    assert judge([PASSED, FAILED], [], [], "")["C01.1"].seconds == 3


def test_an_id_without_a_test_is_unknown_and_a_tested_one_is_no_hole() -> None:
    judged = judge([PASSED], [], [Requirement(key, "", None) for key in ("C01.1", "C01.2")], "")
    assert judged["C01.1"].verdict == "PASS"
    assert (judged["C01.2"].verdict, judged["C01.2"].reason, judged["C01.2"].tests) == ("UNKNOWN", "no test yet", ())


def test_what_another_command_proves_is_na_and_says_so() -> None:
    judged = judge([], [], [Requirement("M14", "Covers (`./run coverage`)", None)], "")
    assert (judged["M14"].verdict, judged["M14"].reason) == ("NA", "by ./run coverage")


def test_one_test_may_answer_for_two_ids_and_ids_are_sorted_by_number() -> None:
    test = ExecutedTest("a", "PASS", tags=("req:C02.10", "req:C02.9", "p0"))
    assert list(judge([test], [], [Requirement("C10.1", "", None)], "")) == ["C02.9", "C02.10", "C10.1"]


def test_planned_tests_that_no_output_knows_have_vanished() -> None:
    assert vanished([PlannedTest("a"), GONE], [PASSED, FAILED]) == [GONE]


def outcome(**parts: Any) -> Outcome:
    whole = Outcome(name="n", target="t", seed="1", seconds=1.0, tests=(PASSED, SKIPPED, EXCUSED))
    return replace(whole, **parts)


def test_skips_and_excused_failures_alone_do_not_spoil_a_run() -> None:
    assert outcome().well


@pytest.mark.parametrize(
    "parts",
    [
        {"tests": (PASSED, FAILED)},
        {"tests": ()},
        {"vanished": ("e",)},
        {"problems": ("an entry has expired",)},
        {"interrupted": True},
    ],
)
def test_a_failure_a_hole_a_problem_or_nothing_at_all_does(parts: dict[str, Any]) -> None:
    assert not outcome(**parts).well
