"""What a failure message says: its causes, whether it judges anything, and the line that is shown."""

from __future__ import annotations

import pytest
from lockstep.causes import causes, cut, is_unknown, reason
from lockstep.unknown import Unknown

SEVERAL = "Several failures occurred:\n\n1) 401 != 200\n\n2) Socket did not close\n\n3) 500 != 200"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("", ""),
        ("1 != 2", "1 != 2"),
        ("1 != 2\nmore", "1 != 2"),
        ("*HTML*\n<b>1</b>", "<b>1</b>"),
        (SEVERAL, "401 != 200 (and 2 more causes)"),
        (f"Parent suite setup failed:\n{SEVERAL}", "401 != 200 (and 2 more causes)"),
        ("Setup failed:\nno platform", "no platform"),
        ("1 != 2\n\nAlso teardown failed:\nstill open", "1 != 2 (and 1 more cause)"),
        ("8 of 100 sockets did not receive it within 60 s:\nuser-3: only pings",
         "8 of 100 sockets did not receive it within 60 s: user-3: only pings"),
        ("Frames:\n\n  of tab:\n  none", "Frames: of tab: none"),
        ("Nothing follows:", "Nothing follows:"),
        ("UNKNOWN: the machine was busy\n\nAlso teardown failed:\n500 != 200", "500 != 200 (and 1 more cause)"),
        ("UNKNOWN: busy\n\nAlso teardown failed:\nUNKNOWN: busier", "busy (and 1 more cause)"),
        ("Failed test skipped using 'C*' tag.\n\nOriginal failure:\n1 != 2",
         "Failed test skipped using 'C*' tag. Original failure: 1 != 2"),
        ("NA: ws: no socket\n\nAlso failure occurred:\n1 != 2", "NA: ws: no socket (and 1 more cause)"),
    ],
)  # fmt: skip
def test_the_reason_is_the_first_line_that_says_something(message: str, shown: str) -> None:
    assert reason(message) == shown


def test_a_long_reason_keeps_its_subject_its_cause_and_the_number_of_the_others() -> None:
    answers = "503 " * 200
    shown = reason(f"Several failures occurred:\n\n1) Answers were {answers}: connection refused\n\n2) x", 100)
    assert len(shown) <= 100
    assert shown.startswith("Answers were 503 ")
    assert shown.endswith(": connection refused (and 1 more cause)")


def test_a_line_that_fits_is_not_cut() -> None:
    assert cut("0123456789", 10) == "0123456789"
    assert cut("0123456789", 9) == "012 … 789"


def test_unknown_is_a_message_of_which_each_cause_judges_nothing() -> None:
    busy = str(Unknown("the machine was busy"))
    assert busy == "UNKNOWN: the machine was busy"
    assert is_unknown(busy)
    assert is_unknown(f"Setup failed:\n{busy}\n\nAlso teardown failed:\n{busy}")
    assert not is_unknown(f"{busy}\n\nAlso teardown failed:\n1 != 2")
    assert not is_unknown("")


@pytest.mark.parametrize(
    "message",
    [
        "Execution terminated by signal",
        "Test execution stopped due to a fatal error.",
        "Failure occurred and exit-on-failure mode is in use.",
        "Error occurred and exit-on-error mode is in use.",
    ],
)
def test_a_test_that_robot_did_not_run_to_its_end_is_unknown(message: str) -> None:
    assert is_unknown(message)
    assert is_unknown(f"{message}\n\nAlso teardown failed:\nExecution terminated by signal")
    assert not is_unknown(f"{message}\n\nAlso teardown failed:\n1 != 2")


@pytest.mark.parametrize(
    "remark", ["weaker: in any order (RFC 1)", "weaker: one (a)\nweaker: two (b)", "unbounded: 9 s"]
)
def test_what_a_test_that_held_remarked_is_no_cause(remark: str) -> None:
    assert is_unknown(f"{remark}\n\nAlso parent suite teardown failed:\nExecution terminated by signal")
    assert not is_unknown(f"{remark}\n\nAlso parent suite teardown failed:\n1 != 2")
    assert causes(remark) == [remark]
    assert not is_unknown(remark)


def test_causes_are_the_parts_of_a_message() -> None:
    busy = "UNKNOWN: the machine was busy"
    assert causes(f"Parent suite setup failed:\n{busy}") == [busy]
