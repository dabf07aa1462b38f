"""ExplorationLibrary from outside: what its keywords say, write to the log, and save."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ExplorationLibrary import Step, read_schedule, write_schedule

from tests.libraries.inner import INNER, InnerRun, run_inner


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> InnerRun:
    folder = tmp_path_factory.mktemp("exploration")
    found, damaged, empty = folder / "found.json", folder / "damaged.json", folder / "empty"
    steps = (
        Step("connect", "phone", "backend-1"),
        Step("send", "phone", "first"),
        Step("send again", "phone", "first"),
    )
    write_schedule(found, steps, "7", "lost")
    damaged.write_text("no JSON")
    empty.mkdir()
    variables = {"FOUND": str(found), "DAMAGED": str(damaged), "EMPTY_FOLDER": str(empty)}
    suite = INNER / "exploration" / "keywords.robot"
    return run_inner(suite, folder, variables=variables, LOCKSTEP_RUN_DIR=str(folder))


def test_each_keyword_ends_as_declared(run: InnerRun) -> None:
    run.all_as_declared()


def test_the_found_schedule_is_saved_where_the_message_says(run: InnerRun) -> None:
    path = Path(run.message("Broken").rpartition("--replay ")[2])
    assert path.parent == run.directory / "schedules"
    assert len(read_schedule(path)) == 3
    assert json.loads(path.read_text())["seed"] == "7"


def test_the_log_shows_the_time_line_and_the_numbers(run: InnerRun) -> None:
    assert "the time line" in run.output
    assert "10 schedules, " in run.output
    assert "0 violations in" in run.output


def test_who_adds_up_several_runs_finds_the_tally(run: InnerRun) -> None:
    told = json.loads((run.directory / "exploration.json").read_text())
    assert told["violations"] == 1
    assert told["played"] > told["searched"] > 0
