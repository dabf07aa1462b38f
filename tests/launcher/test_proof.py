"""How parts of the proof are counted."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from launcher import proof
from launcher.arguments import RunRequest
from launcher.outcome import HOLE, JudgedTest, Outcome
from launcher.proof import Tally, of_junit, of_outcome
from launcher.verdicts import Verdict
from launcher.walls import Wall
from tests.launcher.launching import ROOT, command, launcher_environment

JUNIT = """<testsuites><testsuite>
<testcase classname="tests.x.test_a" name="test_one" time="0.5"><properties><property name="req" value="H05"/>
<property name="req" value="H06"/></properties></testcase>
<testcase classname="tests.x.test_a" name="test_two"><failure message="1 != 2&#10;more"/>
<error message="also"/></testcase>
<testcase classname="tests.x.test_a" name="test_three"><error message="no platform"/></testcase>
<testcase classname="tests.x.test_a" name="test_four"><skipped type="pytest.skip" message="no browser"/></testcase>
<testcase classname="tests.x.test_a" name="test_five"><skipped type="pytest.xfail" message="ticket 5"/></testcase>
</testsuite></testsuites>"""
FAILED = ("tests.x.test_a.test_two: 1 != 2", "tests.x.test_a.test_three: no platform")
CLAIM = JudgedTest("tests.x.test_a.test_one", Verdict.PASS, "", ("req:H05", "req:H06"), 0.5)


def test_a_junit_file_is_counted_with_what_failed_and_what_its_tests_prove(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_text(JUNIT)
    assert of_junit(path, certified=False) == Tally(1, 2, 2, failures=FAILED, claims=(CLAIM,))


def test_a_certified_proof_counts_a_declared_failure_as_failed_and_a_skip_as_not_checked(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_text(JUNIT)
    failures = (*FAILED, "tests.x.test_a.test_five: ticket 5")
    assert of_junit(path, certified=True) == Tally(1, 3, 1, failures=failures, claims=(CLAIM,))


def test_a_missing_or_broken_junit_file_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "broken.xml").write_text("<testsuites>")
    for name in ("none.xml", "broken.xml"):
        assert of_junit(tmp_path / name, certified=False) == Tally(failed=1, failures=(f"{name} was not written",))


def test_what_could_not_be_judged_beside_others_is_judged_alone() -> None:
    def test(number: int, kind: Verdict) -> JudgedTest:
        return JudgedTest(f"Suites.A.{number}", kind, tags=(f"id:C01-0{number}",))

    slow = Wall("session_sync", 70.0, 60.0, timed=False)
    first = Outcome(
        "all", "embedded", "1", 1.0, (test(1, Verdict.PASS), test(2, Verdict.UNKNOWN), test(3, Verdict.UNKNOWN)),
        walls=(slow, Wall("critical", 30.0, 300.0, timed=False)),
    )  # fmt: skip
    assert list(proof._again(first)) == [(("C01-02", "C01-03"), True), (("session_sync",), False)]
    alone = Outcome("C01-02 C01-03", "embedded", "1", 1.0, (test(2, Verdict.PASS), test(3, Verdict.FAIL)), ("odd",))
    second = proof.judged_again(first, alone)
    assert [found.verdict for found in second.tests] == [Verdict.PASS, Verdict.PASS, Verdict.FAIL]
    assert second.problems == ("odd",)
    area = Outcome("session_sync", "embedded", "1", 1.0, (), walls=(Wall("session_sync", 40.0, 60.0, timed=True),))
    third = proof.judged_again(second, area)
    assert third.undecided == ()
    assert list(proof._again(third)) == []


def test_what_a_certified_proof_does_not_allow_has_failed_but_holes_have_not() -> None:
    kinds = (Verdict.PASS, Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN, Verdict.XFAIL, Verdict.WEAKER, Verdict.NA)
    tests = tuple(JudgedTest(str(number), kind) for number, kind in enumerate(kinds))
    run = Outcome(
        "all", "embedded", "1", 1.0, tests, requirements={"T01": HOLE}, problems=("late",), holes_allowed=True
    )
    assert replace(of_outcome(run), failures=()) == Tally(passed=3, failed=2, skipped=2, unknown=1)
    assert replace(of_outcome(replace(run, certified=True)), failures=()) == Tally(passed=2, failed=5, skipped=1)
    well = replace(run, tests=tests[:2], problems=(), certified=True)
    assert of_outcome(well) == Tally(passed=2)
    assert well.well
    assert not replace(well, holes_allowed=False).well


@pytest.mark.parametrize(
    ("tally", "parts", "code"),
    [
        (Tally(), ["lint"], 0),
        (Tally(failed=1), ["lint"], 1),
        (Tally(), ["lint", "pytest"], 1),
        (Tally(passed=1), ["pytest"], 0),
        (Tally(passed=1, unknown=1), ["suites"], 3),
    ],
)
def test_something_must_have_passed_but_for_linters_alone(tally: Tally, parts: list[str], code: int) -> None:
    assert tally.exit_code(parts) == code


def test_an_unknown_part_is_refused_and_ci_still_gets_its_last_line() -> None:
    done = subprocess.run(
        command("test", "lnt"), cwd=ROOT, env=launcher_environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "There is no part 'lnt'. Did you mean 'lint'? There are lint, pytest, suites." in done.stderr
    ci = subprocess.run(
        [ROOT / ".ci" / "run", "lnt"], env=launcher_environment(), capture_output=True, text=True, check=False
    )
    assert ci.returncode == 2
    assert ci.stdout.splitlines()[-1] == "0 passed, 1 failed"


def test_every_file_of_tests_is_in_one_process() -> None:
    tests = ROOT / "tests"
    given = [path for paths in proof._processes(tests).values() for path in paths]
    files = [file for path in given for file in sorted(ROOT.glob(f"{path}/test_*.py")) or [ROOT / path]]
    assert sorted(files) == sorted(tests.glob("*/test_*.py"))


def test_pytest_that_does_not_end_is_a_failure_and_says_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tests" / "hanging").mkdir(parents=True)
    (tmp_path / "tests" / "hanging" / "test_hanging.py").write_text(
        "import threading\n\n\ndef test_for_ever():\n    threading.Event().wait()\n"
    )
    monkeypatch.setattr(proof, "ROOT", tmp_path)
    monkeypatch.setattr(proof, "PYTEST_LIMIT", 10.0)
    # On a busy machine plugins take longer than the limit to load.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_DEBUG_TEMPROOT", str(tmp_path))
    assert proof._pytest(RunRequest(names=(), results=tmp_path / "results"), Tally()).failed == 1
    said = capfd.readouterr()
    assert "pytest of tests/hanging did not end in time" in said.err
    assert "in test_for_ever" in said.out
    (kept,) = tmp_path.glob("lockstep-test-*")
    assert f"folders of the tests that failed: {kept}" in said.out
