"""``./run explore``: schedules shared out to workers, added up, and a saved one played again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from launcher import explore
from launcher.explore import Found, Share, divided
from tests.launcher.launching import command, launcher_environment


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("explore", *words), env=launcher_environment(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_every_schedule_goes_to_one_worker_with_a_seed_of_its_own() -> None:
    assert divided(10, 3, "7") == [(3, "7.1"), (3, "7.2"), (4, "7.3")]


def test_one_worker_alone_has_the_seed_itself() -> None:
    assert divided(10, 1, "7") == [(10, "7")]


def test_what_workers_have_played_is_added_up(tmp_path: Path) -> None:
    shares = [Share(5, "7", tmp_path / name) for name in ("one", "two", "not begun")]
    for share in shares[:2]:
        share.folder.mkdir()
        told = {"searched": 5, "played": 9, "steps": 40, "violations": 0}
        (share.folder / "exploration.json").write_text(json.dumps(told))
    assert str(explore._sum(shares)) == "10 schedules, 80 steps, 0 violations"
    assert str(Found(1, 2, 1)) == "1 schedules, 2 steps, 1 violation"


@pytest.mark.parametrize("words", [("--count", "0"), ("--jobs", "many"), ("--times", "-1")])
def test_what_is_no_number_is_refused(words: tuple[str, ...]) -> None:
    ended = run(*words)
    assert ended.returncode == 2
    assert "a whole number from 1" in ended.stderr


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    ended = run("--replay", tmp_path / "none.json", "--results", tmp_path)
    assert ended.returncode == 2
    assert f"There is no file {tmp_path / 'none.json'}" in ended.stderr


def test_a_file_that_is_no_schedule_is_refused_with_the_cause(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"format": "lockstep schedule", "version": 9}')
    ended = run("--replay", path, "--results", tmp_path / "results")
    assert ended.returncode == 1
    assert f"{path}: version 9 is not known, only 1 is" in ended.stderr


def test_a_saved_schedule_is_played_again(tmp_path: Path) -> None:
    kept = explore.SUITE.parent / "schedules" / "dedupe_dropped.json"
    ended = run("--replay", kept, "--times", "2", "--results", tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "dedupe_dropped.json: every promise kept, 2 of 2 times" in ended.stdout


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["Fail    UNKNOWN: the machine was busy"], 3),
        (["Fail    a message was lost"], 1),
        (["Run Keyword And Continue On Failure    Fail    UNKNOWN: busy", "Fail    a message was lost"], 1),
    ],
)
def test_a_worker_that_could_not_judge_has_found_no_violation(tmp_path: Path, lines: list[str], code: int) -> None:
    body = "\n".join(f"    {line}" for line in lines)
    (tmp_path / "one.robot").write_text(f"*** Test Cases ***\nIt Ends\n{body}\n", "utf-8")
    words = [sys.executable, "-m", "robot", "--outputdir", str(tmp_path), str(tmp_path / "one.robot")]
    subprocess.run(words, capture_output=True, check=False)
    assert explore._code(Share(1, "7", tmp_path)) == code
    assert "busy" in explore._message(Share(1, "7", tmp_path)) or code == 1


def test_a_worker_without_a_result_is_not_well(tmp_path: Path) -> None:
    assert explore._code(Share(1, "7", tmp_path)) == 1
    assert "ended without a result" in explore._message(Share(1, "7", tmp_path))


def test_the_worst_worker_decides() -> None:
    assert [explore.worst(codes) for codes in ([3, 1], [3, 0], [0], [])] == [1, 3, 0, 0]
