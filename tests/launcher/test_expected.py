"""Failures that are declared, with an end."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from launcher import expected
from launcher.console import LaunchError
from launcher.expected import ExpectedFailure

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


@pytest.mark.parametrize("written", ["C01-01", "id:C01-01", "c01-01"])
def test_a_declared_failure_may_be_named_by_its_id(written: str) -> None:
    entry = ExpectedFailure(written, "ticket 7", TODAY)
    status, _ = expected.rewrite("Suites.A.One", ("id:C01-01", "p0"), "FAIL", "x", [entry], TODAY)
    assert status == "SKIP"
    assert expected.rewrite("Suites.A.C01-01", ("id:C01-02",), "FAIL", "x", [entry], TODAY) == ("FAIL", "x")
    assert expected.rewrite("Suites.A.C01-01", (), "FAIL", "x", [entry], TODAY) == ("FAIL", "x")


def test_an_id_that_no_test_has_is_refused_with_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "expected.yaml"
    path.write_text("- {test: ZZ-42, reason: r, until: 2030-01-01}\n")
    suites = tmp_path / "suites"
    suites.mkdir()
    (suites / "one.robot").write_text("*** Test Cases ***\nOne\n    [Tags]    id:ZZ-41\n    No Operation\n")
    with pytest.raises(LaunchError, match=r"expected\.yaml: There is no test with the id ZZ-42\. Did you mean 'ZZ-41'"):
        expected.read(path, "embedded", [suites])
    path.write_text("- {test: ZZ-41, reason: r, until: 2030-01-01}\n- {test: C01-01, reason: r, until: 2030-01-01}\n")
    assert [entry.id for entry in expected.read(path, "embedded", [suites])] == ["ZZ-41", "C01-01"]


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
    assert expected.read(tmp_path / "none.yaml", "embedded") == []


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
    with pytest.raises(LaunchError, match=message):
        expected.read(path, "embedded")
