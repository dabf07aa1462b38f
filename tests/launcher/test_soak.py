"""``./run soak``: every failure of many runs is counted, named and kept; clean runs leave nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from launcher.soak import Result, conclusion, exit_code, plan
from tests.launcher.launching import command, launcher_environment, processes_of

SUITE = """*** Test Cases ***
It Passes
    No Operation

It Fails The Second Time
    Evaluate    pathlib.Path($FLAG).touch(exist_ok=False)    modules=pathlib
"""
UNKNOWN = """*** Test Cases ***
It Passes
    No Operation

It Cannot Be Judged
    Fail    UNKNOWN: the machine was busy
"""


def soak(suite: Path, results: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("soak", suite, "--results", results, *options), env=launcher_environment(), capture_output=True,
        text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "once.robot"
    path.write_text(SUITE, "utf-8")
    return path


def test_a_failure_is_named_and_its_log_kept(suite: Path, tmp_path: Path) -> None:
    ended = soak(suite, tmp_path / "results", "--runs", "2", "--variable", f"FLAG:{tmp_path / 'flag'}")
    assert ended.returncode == 1
    assert "1 not clean:\n  1 × FAIL It Fails The Second Time" in ended.stdout
    (folder,) = (tmp_path / "results").iterdir()
    assert {path.name for path in folder.iterdir()} == {"001.txt", "002.txt", "002"}
    assert (folder / "002" / "log.html").exists()


def test_what_could_not_be_judged_is_counted_apart_and_kept(tmp_path: Path) -> None:
    (tmp_path / "unknown.robot").write_text(UNKNOWN, "utf-8")
    ended = soak(tmp_path / "unknown.robot", tmp_path / "results", "--runs", "1")
    assert ended.returncode == 3, ended.stdout + ended.stderr
    assert "NOT JUDGED  UNKNOWN It Cannot Be Judged" in ended.stdout
    assert "1 of 1 runs, 1 tests passed" in ended.stdout
    (folder,) = (tmp_path / "results").iterdir()
    assert (folder / "001" / "log.html").exists()


def test_clean_runs_state_what_they_prove_and_end_their_load(suite: Path, tmp_path: Path) -> None:
    options = ("--runs", "2", "--loaded", "1", "--shuffled", "1", "--test", "It Passes", "--variable", "FLAG:")
    ended = soak(suite, tmp_path / "results", *options)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 of 2 runs, 2 tests passed" in ended.stdout
    assert "all clean: at 95 %, fewer than 100.0% of such runs fail" in ended.stdout
    assert not processes_of(tmp_path)


@pytest.mark.parametrize("options", [("--runs", "0"), ("--runs", "2", "--loaded", "3"), ("--runs", "two")])
def test_a_number_that_makes_no_sense_is_refused(suite: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    ended = soak(suite, tmp_path / "results", *options)
    assert ended.returncode == 2
    assert options[-2] in ended.stderr
    assert not (tmp_path / "results").exists()


def test_loaded_and_shuffled_rounds_are_spread_and_exact() -> None:
    rounds = plan(30, 10, 5, "7")
    assert sum(one.loaded for one in rounds) == 10
    assert sum(one.shuffled for one in rounds) == 5
    assert len({one.seed for one in rounds}) == 30
    assert rounds == plan(30, 10, 5, "7")


def test_the_bound_is_three_in_n() -> None:
    clean = [Result(0, 5, (), 1.0, Path("x"))] * 100
    assert "fewer than 3.0% of such runs fail" in conclusion(clean, 100)
    assert "nothing is proved" in conclusion([], 100)


def test_a_run_that_could_not_be_judged_is_neither_clean_nor_failed() -> None:
    clean, failed = Result(0, 5, (), 1.0, Path("x")), Result(1, 4, ("FAIL C01-01",), 1.0, Path("x"))
    unknown = Result(3, 4, ("UNKNOWN C01-02",), 1.0, Path("x"))
    assert [exit_code(results) for results in ([clean], [clean, unknown], [clean, unknown, failed])] == [0, 3, 1]
    told = conclusion([clean] * 10 + [unknown], 11)
    assert "1 not judged:\n  1 × UNKNOWN C01-02" in told
    assert "10 clean and none failed: at 95 %, fewer than 30.0% of such runs fail" in told
    assert "of such runs fail" not in conclusion([clean, unknown, failed], 3)
    assert "of such runs fail" not in conclusion([unknown], 1)
