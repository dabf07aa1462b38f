"""Failures that are declared, with an end."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from lockstep import expected
from lockstep.expected import ExpectedFailure, ExpectedFailuresError
from robot.api import ExecutionResult

from tests.libraries.inner import run_inner

TODAY = datetime.date(2030, 6, 15)
ENTRY = ExpectedFailure("Suites.*.One", "ticket 7", TODAY)


def test_a_declared_failure_is_a_skip_that_says_why_until_when_and_what_happened() -> None:
    assert expected.rewrite("Suites.A.One", (), "FAIL", "1 != 2\nmore", [ENTRY], TODAY) == (
        "SKIP",
        "XFAIL: ticket 7 (until 2030-06-15) — 1 != 2",
    )


def test_a_declared_failure_that_passes_is_a_failure() -> None:
    status, message = expected.rewrite("Suites.A.One", (), "PASS", "", [ENTRY], TODAY)
    assert status == "FAIL"
    assert message == "XPASS: declared to fail until 2030-06-15 (ticket 7), but it passed"


def test_other_tests_and_skips_stay_as_they_are() -> None:
    assert expected.rewrite("Suites.A.Two", (), "FAIL", "x", [ENTRY], TODAY) == ("FAIL", "x")
    assert expected.rewrite("Suites.A.One", (), "SKIP", "NA: x", [ENTRY], TODAY) == ("SKIP", "NA: x")


def test_what_could_not_be_judged_is_not_the_failure_that_was_declared() -> None:
    assert expected.rewrite("Suites.A.One", (), "FAIL", "UNKNOWN: busy", [ENTRY], TODAY) == ("FAIL", "UNKNOWN: busy")


def test_the_cause_is_in_the_message_also_of_several() -> None:
    message = "Setup failed:\nSeveral failures occurred:\n\n1) 401 != 200\n\n2) more"
    assert expected.rewrite("Suites.A.One", (), "FAIL", message, [ENTRY], TODAY)[1].endswith(
        "— 401 != 200 (and 1 more cause)"
    )


@pytest.mark.parametrize("written", ["C01-01", "id:C01-01", "c01-01"])
def test_a_declared_failure_may_be_named_by_its_id(written: str) -> None:
    entry = ExpectedFailure(written, "ticket 7", TODAY)
    status, _ = expected.rewrite("Suites.A.One", ("id:C01-01", "p0"), "FAIL", "x", [entry], TODAY)
    assert status == "SKIP"
    assert expected.rewrite("Suites.A.C01-01", ("id:C01-02",), "FAIL", "x", [entry], TODAY) == ("FAIL", "x")
    assert expected.rewrite("Suites.A.C01-01", (), "FAIL", "x", [entry], TODAY) == ("FAIL", "x")


def test_the_excuse_ends_after_its_last_day() -> None:
    tomorrow = TODAY + datetime.timedelta(days=1)
    assert expected.rewrite("Suites.A.One", (), "FAIL", "x", [ENTRY], tomorrow) == ("FAIL", "x")
    assert expected.expired([ENTRY], TODAY) == []
    (problem,) = expected.expired([ENTRY], tomorrow)
    assert "'Suites.*.One' ended on 2030-06-15" in problem


def test_entries_are_read_for_their_target(tmp_path: Path) -> None:
    path = tmp_path / "expected.yaml"
    path.write_text(
        "- {test: A, reason: r, until: 2030-01-01}\n- {test: B, reason: r, until: '2030-01-01', targets: [remote]}\n"
    )
    assert [entry.test for entry in expected.read(path, "embedded")] == ["A"]
    assert [entry.test for entry in expected.read(path, "remote")] == ["A", "B"]
    assert [entry.test for entry in expected.read(path, "variables/targets/remote.yaml")] == ["A", "B"]


def test_only_the_file_that_nobody_asked_for_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(expected.VARIABLE, raising=False)
    monkeypatch.setattr(expected, "DEFAULT", tmp_path / "none.yaml")
    assert expected.declared("embedded") == []
    with pytest.raises(ExpectedFailuresError, match=r"none\.yaml cannot be read"):
        expected.declared("embedded", tmp_path / "none.yaml")
    monkeypatch.setenv(expected.VARIABLE, str(tmp_path / "none.yaml"))
    with pytest.raises(ExpectedFailuresError, match=r"none\.yaml cannot be read"):
        expected.declared("embedded")


def test_known_faults_of_a_target_stand_beside_its_dialect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(expected.VARIABLE, raising=False)
    monkeypatch.setattr(expected, "DEFAULT", tmp_path / "none.yaml")
    monkeypatch.setenv("LOCKSTEP_TARGETS", str(tmp_path))
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/target.yaml").write_text("dialect: 1\n")
    assert expected.declared("shop") == []
    (tmp_path / "shop/findings.yaml").write_text("- {test: A, reason: r, until: 2030-01-01}\n")
    asked = tmp_path / "asked.yaml"
    asked.write_text("- {test: B, reason: r, until: 2030-01-01}\n")
    assert [entry.test for entry in expected.declared("shop")] == ["A"]
    assert [entry.test for entry in expected.declared("shop", asked)] == ["B", "A"]
    assert [entry.test for entry in expected.declared(str(tmp_path / "shop"))] == ["A"]
    assert expected.declared("embedded") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{a: 1}", "a list of entries was expected"),
        ("- {test: A, until: 2030-01-01}", "entry 1 needs test, reason and until"),
        ("- {test: A, reason: r, until: soon}", "entry 1: until is no date"),
        ("- [", "while parsing"),
    ],
)
def test_a_wrong_file_is_refused_with_the_entry(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "expected.yaml"
    path.write_text(text)
    with pytest.raises(ExpectedFailuresError, match=message):
        expected.read(path, "embedded")


PLAIN = """*** Settings ***
Library    DataFactory
Library    JWTLibrary
Library    verdicts.py

*** Test Cases ***
It Fails As Declared
    Fail    as ever

It Was Declared To Fail
    No Operation

It Fails
    Fail    1 != 2

It Cannot Be Judged
    Fail    UNKNOWN: the machine was busy

It Was Declared To Fail And Cannot Be Judged
    Fail    UNKNOWN: the machine was busy

It Holds As Declared
    Log    before
    Hold Weaker
    Hold Unbounded

It Only Could Hold
    Hold Unbounded

It Does Not Even Hold As Declared
    Hold Weaker
    Fail    401 != 200

It Is Not Described
    Need A Night
"""
KEYWORDS = """
from lockstep.applicability import not_applicable
from lockstep.verdicts import unbounded, weaker

def hold_weaker():
    weaker("honoured for 300 s after sign-out", "ASVS 7.4.1")

def hold_unbounded():
    unbounded("still honoured after 60 s")

def need_a_night():
    not_applicable("night", "this target has none")
"""
DECLARED = """
- {test: "*.It Fails As Declared", reason: ticket 7, until: 2999-12-31}
- {test: "*It Was Declared To Fail*", reason: ticket 8, until: 2999-12-31}
- {test: "*.It Fails", reason: elsewhere, until: 2999-12-31, targets: [remote]}
"""


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A suite for plain robot with two of the project's libraries, so that each listener is called twice."""
    (tmp_path / "plain.robot").write_text(PLAIN)
    (tmp_path / "verdicts.py").write_text(KEYWORDS)
    (tmp_path / "declared.yaml").write_text(DECLARED)
    return tmp_path / "plain.robot"


def test_plain_robot_gives_the_statuses_and_tags_of_the_table(plain: Path) -> None:
    folder = plain.parent
    run = run_inner(plain, folder, LOCKSTEP_EXPECTED_FAILURES=str(folder / "declared.yaml"))
    tests = {test.name: test for test in ExecutionResult(folder / "output.xml").suite.all_tests}
    assert {name: (test.status, *test.tags) for name, test in tests.items()} == {
        "It Fails As Declared": ("SKIP", "xfail"),
        "It Was Declared To Fail": ("FAIL",),
        "It Fails": ("FAIL",),
        "It Cannot Be Judged": ("FAIL", "unknown"),
        "It Was Declared To Fail And Cannot Be Judged": ("FAIL", "unknown"),
        "It Holds As Declared": ("PASS", "unbounded", "weaker"),
        "It Only Could Hold": ("PASS", "unbounded"),
        "It Does Not Even Hold As Declared": ("FAIL", "weaker"),
        "It Is Not Described": ("SKIP",),
    }
    assert run.message("It Fails As Declared") == "XFAIL: ticket 7 (until 2999-12-31) — as ever"
    assert run.message("It Was Declared To Fail").startswith("XPASS: declared to fail until 2999-12-31 (ticket 8)")
    assert run.message("It Only Could Hold") == "unbounded: still honoured after 60 s"
    assert run.message("It Holds As Declared").splitlines() == [
        "weaker: honoured for 300 s after sign-out (ASVS 7.4.1)",
        "unbounded: still honoured after 60 s",
    ]
    assert run.message("It Is Not Described") == "NA: night: this target has none"
    assert run.returncode == 5


def test_plain_robot_fails_by_a_file_that_cannot_be_used(plain: Path) -> None:
    run = run_inner(plain, plain.parent, "--test", "It Only Could Hold", LOCKSTEP_EXPECTED_FAILURES="/nope.yaml")
    status, message = run.verdicts["It Only Could Hold"]
    assert status == "FAIL"
    assert message.startswith("The expected failures /nope.yaml cannot be read")
