"""How a seeded defect's run is judged."""

from dataclasses import replace

import pytest

from defects.judge import SHOWN, Outcome, Verdict, evidence, judge
from tests.defects.entries import DEFECT

PASS = Verdict("PASS", "")
FAIL = Verdict("FAIL", "This is What Broke today")
SKIP = Verdict("SKIP", "NA")
OTHER = Verdict("FAIL", "something else")
UNKNOWN = Verdict("FAIL", "UNKNOWN: the machine was busy; this is what broke, perhaps")


@pytest.mark.parametrize(
    ("tests", "outcome"),
    [
        ({"A": FAIL, "B": FAIL}, Outcome.CAUGHT),
        ({"A": FAIL, "B": OTHER}, Outcome.OTHER_WORDS),
        ({"A": FAIL, "B": PASS}, Outcome.OTHER_TEST),
        ({"A": PASS, "B": PASS, "C": FAIL}, Outcome.OTHER_TEST),
        ({"A": PASS, "B": PASS, "C": PASS}, Outcome.MISSED),
        ({"A": FAIL}, Outcome.NOT_RUN),
        ({"A": FAIL, "B": SKIP}, Outcome.NOT_RUN),
        ({"A": UNKNOWN, "B": UNKNOWN}, Outcome.UNKNOWN),
        ({"A": FAIL, "B": UNKNOWN}, Outcome.UNKNOWN),
        ({"A": OTHER, "B": UNKNOWN}, Outcome.UNKNOWN),
        ({"A": PASS, "B": UNKNOWN}, Outcome.MISSED),
        ({"A": PASS, "B": PASS, "C": UNKNOWN}, Outcome.MISSED),
        ({"A": FAIL, "B": FAIL, "C": UNKNOWN}, Outcome.CAUGHT),
    ],
)
def test_every_outcome(tests: dict[str, Verdict], outcome: Outcome) -> None:
    assert judge(DEFECT, tests).outcome is outcome


@pytest.mark.parametrize(
    ("sample", "outcome"),
    [
        (PASS, Outcome.CAUGHT),
        (OTHER, Outcome.REDDENS_OTHERS),
        (SKIP, Outcome.NOT_RUN),
        (UNKNOWN, Outcome.UNKNOWN),
    ],
)
def test_what_has_nothing_to_do_with_a_defect_must_pass(sample: Verdict, outcome: Outcome) -> None:
    assert judge(DEFECT, {"A": FAIL, "B": FAIL, "S": sample}, "S").outcome is outcome


def test_the_diagnosis_is_to_be_in_what_failed_and_not_in_what_could_not_be_judged() -> None:
    mixed = Verdict("FAIL", f"{UNKNOWN.message}\n\nAlso teardown failed:\n500 != 200")
    assert judge(DEFECT, {"A": FAIL, "B": mixed}).outcome is Outcome.OTHER_WORDS
    caught = Verdict("FAIL", f"UNKNOWN: busy\n\nAlso teardown failed:\n{FAIL.message}")
    assert judge(DEFECT, {"A": caught, "B": FAIL}).outcome is Outcome.CAUGHT


def test_what_could_not_be_judged_is_named_with_the_reason() -> None:
    judgement = judge(DEFECT, {"A": FAIL, "B": UNKNOWN})
    assert judgement.detail == "not judged: B: the machine was busy; this is what broke, perhaps"


def test_who_reddens_others_is_told_which_and_why() -> None:
    assert judge(DEFECT, {"A": FAIL, "B": FAIL, "S": OTHER}, "S").detail == "failed as well: S: something else"


def test_the_sample_must_have_been_executed() -> None:
    assert judge(DEFECT, {"A": FAIL, "B": FAIL}, "S").detail == "not executed: S"


def test_a_sample_that_fails_where_the_named_tests_pass_is_another_test() -> None:
    judgement = judge(DEFECT, {"A": PASS, "B": PASS, "S": FAIL}, "S")
    assert (judgement.outcome, judgement.detail) == (Outcome.OTHER_TEST, "passed: A, B; failed: S")


def test_what_an_entry_allows_to_fail_too_may_fail() -> None:
    defect = replace(DEFECT, also=("C",))
    assert judge(defect, {"A": FAIL, "B": FAIL, "C": OTHER}).outcome is Outcome.CAUGHT


def test_evidence_is_the_line_that_names_the_cause() -> None:
    assert evidence("Several failures occurred:\n\n1) nothing\n\n2) Here IT is", "it is") == "2) Here IT is"


def test_long_evidence_is_cut_round_the_words() -> None:
    shown = evidence(f"{'a' * 500} the cause {'b' * 500}", "the cause")
    assert "the cause" in shown
    assert shown.startswith("…a")
    assert shown.endswith("b…")
    assert len(shown) == SHOWN + 2
