"""What makes a verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from launcher.outcome import JudgedTest, Outcome, judge
from launcher.verdicts import Verdict

REQ = ("req:C01.1",)
PASSED = JudgedTest("a", Verdict.PASS, tags=REQ, seconds=1)
FAILED = JudgedTest("b", Verdict.FAIL, "1 != 2\nmore", REQ, 2)
LACKING = JudgedTest("c", Verdict.NA, "NA: ws: no socket", REQ)
EXCUSED = JudgedTest("d", Verdict.XFAIL, "XFAIL: known (until 2030-01-01) — 1 != 2", REQ)
GONE = JudgedTest("e", Verdict.UNKNOWN, "UNKNOWN: why", REQ, reported=False)


@pytest.mark.parametrize(
    ("tests", "verdict", "reason"),
    [
        ([PASSED], "PASS", None),
        ([PASSED, LACKING], "NA", "NA: ws: no socket (1 of 2 tests)"),
        ([PASSED, LACKING, EXCUSED], "XFAIL", f"{EXCUSED.message} (1 of 3 tests)"),
        ([PASSED, LACKING, EXCUSED, GONE], "UNKNOWN", "why (1 of 4 tests)"),
        ([PASSED, LACKING, EXCUSED, FAILED, GONE], "FAIL", "1 != 2 (1 of 5 tests)"),
        ([FAILED], "FAIL", "1 != 2"),
    ],
)
def test_the_worst_test_decides(tests: list[JudgedTest], verdict: str, reason: str | None) -> None:
    judged = judge(tests)["C01.1"]
    assert (judged.verdict, judged.reason) == (verdict, reason)
    assert len(judged.tests) == len(tests)


def test_the_time_of_a_requirement_is_that_of_its_tests() -> None:
    assert judge([PASSED, FAILED])["C01.1"].seconds == 3


def test_an_id_without_a_test_is_a_hole_and_a_tested_one_is_not() -> None:
    judged = judge([PASSED], ["C01.1", "C01.2"])
    assert judged["C01.1"].verdict == "PASS"
    assert (judged["C01.2"].verdict, judged["C01.2"].reason, judged["C01.2"].tests) == ("HOLE", "no test yet", ())


def test_one_test_may_answer_for_two_ids_and_ids_are_sorted_by_number() -> None:
    test = JudgedTest("a", Verdict.PASS, tags=("req:C02.10", "req:C02.9", "p0"))
    assert list(judge([test], ["C10.1"])) == ["C02.9", "C02.10", "C10.1"]


def outcome(**parts: Any) -> Outcome:
    whole = Outcome(name="n", target="t", seed="1", seconds=1.0, tests=(PASSED, LACKING, EXCUSED))
    return replace(whole, **parts)


def test_what_the_target_lacks_and_what_is_excused_do_not_spoil_a_run() -> None:
    assert outcome().well


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"tests": (PASSED, FAILED)}, 1),
        ({"tests": ()}, 1),
        ({"tests": (PASSED, GONE)}, 3),
        ({"problems": ("an entry has expired",)}, 1),
        ({"interrupted": True}, 130),
        ({"certified": True}, 1),
    ],
)
def test_a_failure_a_vanished_test_a_problem_or_nothing_at_all_does(parts: dict[str, Any], code: int) -> None:
    assert not outcome(**parts).well
    assert outcome(**parts).exit_code == code


def test_the_reason_of_a_remark_is_its_own_line() -> None:
    message = "unbounded: no bound\nweaker: 300 s (ASVS 7.4.1)"
    assert JudgedTest("a", Verdict.WEAKER, message).reason == "300 s (ASVS 7.4.1)"
    assert JudgedTest("a", Verdict.UNBOUNDED, message).reason == "no bound"
    assert JudgedTest("a", Verdict.WEAKER, "as the profile says").reason == "as the profile says"


def test_a_failure_without_a_message_says_so() -> None:
    assert JudgedTest("a", Verdict.FAIL, "\n").reason == "no reason given"
    assert JudgedTest("a", Verdict.PASS).reason == ""


def test_holes_are_counted_by_requirement() -> None:
    found = outcome(requirements=judge([PASSED], ["C01.2", "C01.3"]))
    assert found.count(Verdict.HOLE) == 2
    assert found.well
    assert not replace(found, tests=(PASSED,), certified=True).well


def test_trouble_is_listed_worst_first_and_remarks_apart() -> None:
    skipped = JudgedTest("f", Verdict.SKIPPED, "because")
    found = outcome(tests=(PASSED, skipped, EXCUSED, GONE, FAILED))
    assert [test.name for test in found.trouble] == ["b", "e", "f"]
    assert [test.name for test in found.remarks] == ["d"]
    certified = replace(found, certified=True)
    assert [test.name for test in certified.trouble] == ["b", "e", "f", "d"]
    assert certified.remarks == ()
