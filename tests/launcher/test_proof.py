"""How parts of the proof are counted."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from launcher import proof
from launcher.arguments import RunRequest
from launcher.proof import Tally, read_junit
from tests.launcher.launching import ROOT, command, launcher_environment


def test_a_junit_file_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_text('<testsuites><testsuite tests="10" failures="2" errors="1" skipped="3"/></testsuites>')
    assert read_junit(path) == Tally(passed=4, failed=3, skipped=3)


def test_what_failed_is_named_with_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_text(
        '<testsuites><testsuite tests="2" failures="1" errors="1">'
        '<testcase classname="tests.x.test_a" name="test_one"><failure message="1 != 2&#10;more"/></testcase>'
        '<testcase classname="tests.x.test_a" name="test_two"><error message="no platform"/></testcase>'
        "</testsuite></testsuites>"
    )
    assert read_junit(path).failures == ("tests.x.test_a.test_one: 1 != 2", "tests.x.test_a.test_two: no platform")


def test_a_missing_or_broken_junit_file_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "broken.xml").write_text("<testsuites>")
    for name in ("none.xml", "broken.xml"):
        assert read_junit(tmp_path / name) == Tally(failed=1, failures=(f"{name} was not written",))


def test_an_unknown_part_is_refused_and_ci_still_gets_its_last_line() -> None:
    done = subprocess.run(
        command("test", "lnt"), cwd=ROOT, env=launcher_environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "There is no part 'lnt'; there are lint, pytest, suites." in done.stderr
    ci = subprocess.run(
        [ROOT / ".ci" / "run", "lnt"], env=launcher_environment(), capture_output=True, text=True, check=False
    )
    assert ci.returncode == 2
    assert ci.stdout.splitlines()[-1] == "0 passed, 1 failed"


def test_pytest_that_does_not_end_is_a_failure_and_says_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tests" / "hanging").mkdir(parents=True)
    (tmp_path / "tests" / "hanging" / "test_hanging.py").write_text(
        "import threading\n\n\ndef test_for_ever():\n    threading.Event().wait()\n"
    )
    monkeypatch.setattr(proof, "ROOT", tmp_path)
    monkeypatch.setattr(proof, "PYTEST_LIMIT", 3.0)
    assert proof._pytest(RunRequest(names=(), results=tmp_path / "results")).failed == 1
    said = capfd.readouterr()
    assert "pytest of tests/hanging did not end in time" in said.err
    assert "in test_for_ever" in said.out
