"""``--rerunfailed`` runs again whatever has no good result, and says what it cannot."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.launcher.launching import Finished, command, launch, launcher_environment, wait_until
from tests.launcher.test_agreement import DRIVEN, ONE, ROWS, reported, write

DYING = """*** Test Cases ***
Its Worker Is Killed
    ${healed} =    Evaluate    os.path.exists(r'%{MARK}')    modules=os
    IF    not ${healed}    Evaluate    os.kill(os.getpid(), 9)    modules=os

It Comes After It
    No Operation
"""
FAILING = """*** Test Cases ***
It Fails At First
    File Should Exist    %{MARK}

It Passes
    No Operation

*** Settings ***
Library    OperatingSystem
"""
SLOW = """*** Test Cases ***
It Is Done
    No Operation

It Takes Long
    ${healed} =    Evaluate    os.path.exists(r'%{MARK}')    modules=os
    IF    not ${healed}    Sleep    60s

It Would Come Later
    No Operation
"""


def again(suites: Path, folder: Path, *options: str) -> Finished:
    """A second run of what failed in the newest one, by a path that begins in ``folder``."""
    done = subprocess.run(
        command(suites, "--results", "results", *options),
        cwd=folder,
        env=launcher_environment(MARK=str(folder / "mark")),
        capture_output=True,
        text=True,
        check=False,
    )
    return Finished(done.returncode, done.stdout + done.stderr, folder / "results")


def ran(run: Finished, names: Sequence[str]) -> None:
    assert run.code == 0, run.output
    assert reported(run) == sorted(names)


@pytest.fixture
def died(tmp_path: Path) -> Path:
    """A folder with the results of a run in which a worker was killed and a test failed."""
    suites = write(tmp_path / "suites", dying__robot=DYING, failing__robot=FAILING, other__robot=ONE)
    write(suites / "deeper", dying__robot=DYING)
    run = launch(suites, tmp_path / "results", MARK=str(tmp_path / "mark"))
    assert len(run.summary["run"]["vanished"]) == 4, run.output
    return tmp_path


def test_what_vanished_is_run_again_too(died: Path) -> None:
    (died / "mark").touch()
    names = [f"Suites.{suite}.{test}" for suite in ("Dying", "Deeper.Dying")
             for test in ("Its Worker Is Killed", "It Comes After It")]  # fmt: skip
    ran(
        again(died / "suites", died, "--rerunfailed", "results/output.xml"),
        [*names, "Suites.Failing.It Fails At First"],
    )


def test_what_vanishes_again_is_missed_again(died: Path) -> None:
    run = again(died / "suites", died, "-Rresults/output.xml", "--suite", "deeper")
    assert run.code == 3, run.output
    assert len(run.summary["run"]["vanished"]) == 2


def test_suites_that_vanished_are_run_again_too(died: Path) -> None:
    (died / "mark").touch()
    run = again(died / "suites", died, "--rerun-failed-suites", "results/output.xml")
    tests = [f"Suites.{suite}.{test}" for suite in ("Dying", "Deeper.Dying")
             for test in ("Its Worker Is Killed", "It Comes After It")]  # fmt: skip
    ran(run, [*tests, "Suites.Failing.It Fails At First", "Suites.Failing.It Passes"])


def test_one_suite_alone_is_run_again_and_the_rest_is_missed(died: Path) -> None:
    """In another selection its name is another one; Robot would find nothing."""
    (died / "mark").touch()
    run = again(died / "suites" / "failing.robot", died, "--rerunfailed", "results/output.xml")
    assert run.code == 1, run.output
    assert reported(run) == ["Failing.It Fails At First"]
    assert "Suites.Dying.Its Worker Is Killed failed in" in run.output
    assert "NOT WELL" in run.output


def test_nothing_to_run_again_is_said_and_leaves_nothing(died: Path) -> None:
    before = len(list((died / "results").glob("2*")))
    nothing = again(died / "suites" / "other.robot", died, "--rerunfailed", "results/output.xml")
    assert (nothing.code, "None of the 5 tests that failed in" in nothing.output) == (2, True), nothing.output
    missing = again(died / "suites", died, "--rerunfailed", "results/nothing.xml")
    assert (missing.code, "results/nothing.xml" in missing.output) == (2, True)
    assert len(list((died / "results").glob("2*"))) == before


def test_what_an_interrupted_run_left_out_is_run_again(tmp_path: Path) -> None:
    write(tmp_path / "suites", a_slow__robot=SLOW, b_later__robot=ONE)
    run = subprocess.Popen(
        command("suites", "--results", "results", "--processes", "1"), cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, env=launcher_environment(MARK=str(tmp_path / "mark")),
    )  # fmt: skip
    wait_until(
        lambda: any("It Takes Long" in file.read_text() for file in tmp_path.glob("results/*/progress.jsonl")), "it"
    )
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate()
    assert run.returncode == 130, output
    (tmp_path / "mark").touch()
    rerun = again(tmp_path / "suites", tmp_path, "--rerunfailed", "results/output.xml")
    left_out = ["Suites.A Slow.It Takes Long", "Suites.A Slow.It Would Come Later", "Suites.B Later.One"]
    ran(rerun, left_out)


def test_tests_made_at_run_time_are_run_again_by_what_they_are_made_of(tmp_path: Path) -> None:
    write(tmp_path / "suites", driven__robot=DRIVEN.format(how="copies"), rows__py=ROWS)
    suite = (tmp_path / "suites" / "driven.robot").read_text()
    (tmp_path / "suites" / "driven.robot").write_text(suite.replace("No Operation", "File Should Exist    %{MARK}", 1))
    write(tmp_path / "suites", names__robot="*** Test Cases ***\nIt Works On ${X}\n    File Should Exist    %{MARK}\n")
    for name in ("driven", "names"):
        with (tmp_path / "suites" / f"{name}.robot").open("a") as file:
            file.write("\n*** Settings ***\nLibrary    OperatingSystem\n")
    first = launch(tmp_path / "suites", tmp_path / "results", "--variable", "X:y", MARK=str(tmp_path / "mark"))
    assert first.code == 1, first.output
    (tmp_path / "mark").touch()
    run = again(tmp_path / "suites", tmp_path, "--rerunfailed", "results/output.xml", "--variable", "X:y")
    rows = [f"Suites.Driven.Row {name}" for name in ("Ann", "Bob", "Eve")]
    ran(run, [*rows, "Suites.Names.It Works On y"])
