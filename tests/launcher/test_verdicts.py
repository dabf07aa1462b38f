"""The one table of verdicts: which is worst, and what a run ends with."""

from __future__ import annotations

import itertools

import pytest

from launcher.verdicts import Totals, Verdict, sums, worst_of

FAIL, UNKNOWN, SKIPPED, XFAIL, WEAKER, UNBOUNDED, NA, HOLE, PASS = Verdict


def test_the_worst_comes_first() -> None:
    names = ["FAIL", "UNKNOWN", "SKIPPED", "XFAIL", "WEAKER", "UNBOUNDED", "NA", "HOLE", "PASS"]
    assert list(Verdict) == names
    for worse, better in itertools.pairwise(Verdict):
        assert worst_of([better, worse, PASS]) == worse
    assert worst_of([]) == HOLE


@pytest.mark.parametrize(
    ("verdict", "code", "certified", "word"),
    [
        (FAIL, 1, 1, "NOT WELL: 1 failed"),
        (UNKNOWN, 3, 1, "NOT JUDGED: 1 unknown"),
        (SKIPPED, 1, 1, "NOT WELL: 1 skipped"),
        (XFAIL, 0, 1, "ALL WELL"),
        (WEAKER, 0, 1, "ALL WELL"),
        (UNBOUNDED, 0, 1, "ALL WELL"),
        (NA, 0, 0, "ALL WELL"),
        (HOLE, 0, 1, "ALL WELL"),
        (PASS, 0, 0, "ALL WELL"),
    ],
)
def test_each_verdict_has_its_exit_code_and_word(verdict: Verdict, code: int, certified: int, word: str) -> None:
    totals = Totals({PASS: 5, verdict: 1})
    assert (totals.exit_code, totals.word) == (code, word)
    assert Totals({PASS: 5, verdict: 1}, certified=True).exit_code == certified


def test_a_certified_run_says_what_it_does_not_allow() -> None:
    counts = {PASS: 5, XFAIL: 1, HOLE: 2, NA: 7}
    assert Totals(counts, certified=True).word == "NOT WELL: 1 failed as expected, 2 requirements without a test"


def test_unknown_is_what_a_run_ends_with_only_where_nothing_is_worse() -> None:
    assert Totals({PASS: 5, UNKNOWN: 2, XFAIL: 1}).exit_code == 3
    assert Totals({UNKNOWN: 2}).exit_code == 3
    assert Totals({UNKNOWN: 2, SKIPPED: 1}).exit_code == 1
    assert Totals({UNKNOWN: 2, FAIL: 1}).word == "NOT WELL: 1 failed"
    assert Totals({UNKNOWN: 2}, problems=1).exit_code == 1


def test_a_problem_or_no_test_at_all_is_not_well() -> None:
    assert (Totals({PASS: 5}, problems=2).exit_code, Totals({PASS: 5}, problems=2).word) == (1, "NOT WELL: 2 problems")
    assert (Totals({}).exit_code, Totals({}).word) == (1, "NOT WELL: nothing was tested")
    assert Totals({HOLE: 3}).exit_code == 1


def test_a_run_that_executed_nothing_says_so() -> None:
    assert Totals({NA: 3}).word == Totals({UNBOUNDED: 1, NA: 2}).word == "ALL WELL: nothing was executed"


def test_sums_name_what_occurred() -> None:
    assert sums({PASS: 3, WEAKER: 0, NA: 2}, always=(PASS, FAIL)) == "3 passed, 0 failed, 2 not applicable"
