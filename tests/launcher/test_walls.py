"""How long an area takes alone, and what its budget says of that."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher import walls
from launcher.machine import Load
from launcher.paths import SUITES
from launcher.verdicts import Verdict
from launcher.walls import SuiteTime, Wall, makespan
from tests.launcher.launching import ROOT, command, launcher_environment, small_project

NOON = datetime(2026, 1, 1, 12)


def at(area: str, start: float, end: float) -> SuiteTime:
    return SuiteTime(SUITES / area / f"{start}.robot", NOON + timedelta(seconds=start), NOON + timedelta(seconds=end))


@pytest.mark.parametrize(
    ("suites", "workers", "seconds"),
    [([], 2, 0), ([3], 2, 3), ([1, 5, 2], 3, 5), ([4, 3, 2], 2, 5.5), ([1, 1, 1], 1, 4)],
)
def test_suites_go_to_the_worker_that_is_free_first(suites: list[float], workers: int, seconds: float) -> None:
    assert makespan(suites, workers) == seconds


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=12), st.integers(1, 8))
def test_slower_suites_never_make_an_area_faster_than_its_longest_suite(suites: list[float], workers: int) -> None:
    assert max(suites) <= makespan(suites, workers) <= sum(suites) + len(suites) / 2


def test_an_area_is_counted_without_those_beside_it() -> None:
    """Two workers, both areas at once: 40 s in all, of which 3 s are no suite's."""
    times = [at("critical", 0, 20), at("critical", 22, 37), at("security", 0, 30)]
    assert walls.alone(["critical", "security"], 40, times, 2) == {"critical": 23.0, "security": 33.0}
    assert walls.alone(["critical", "contract"], 40, times, 1) == {"critical": 38.5}
    assert walls.alone(["critical"], 40, [], 2) == {}


def test_a_budget_is_broken_only_by_an_area_that_ran_alone() -> None:
    kept, beside, alone = Wall("a", 59, 60, timed=False), Wall("a", 61, 60, timed=False), Wall("a", 61, 60, timed=True)
    assert [wall.verdict for wall in (kept, beside, alone)] == [Verdict.PASS, Verdict.UNKNOWN, Verdict.FAIL]
    assert str(beside) == "alone a would have taken at most 61.0 s, its budget is 60 s: ./run a decides"


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(59, Verdict.PASS), (119, Verdict.PASS), (121, Verdict.UNKNOWN), (999, Verdict.UNKNOWN)]
)
def test_beside_other_areas_a_busy_machine_stretches_the_budget_as_it_does_alone(
    seconds: int, verdict: Verdict
) -> None:
    """Others had three quarters of the machine."""
    load = Load(elapsed=100, processors=2, worked=200, stolen=0, own=50, waited=90)
    assert Wall("a", seconds, 60, timed=False, load=load).verdict is verdict
    if verdict is Verdict.UNKNOWN:
        assert str(load) in str(Wall("a", seconds, 60, timed=False, load=load))


def test_areas_without_a_budget_are_not_judged() -> None:
    assert walls.judged({"a": 5, "b": 7}, {"a": 6}, None, timed=False) == (Wall("a", 5, 6, timed=False),)


def test_the_areas_that_the_requirements_limit_have_their_budgets() -> None:
    assert walls.limits() == {"critical": 300, "session_sync": 60}


SUITE = "*** Test Cases ***\nIt Takes Its Time\n    Sleep    300ms\n"
PAGE = "## H. Harness\n\n| H12 | Slow ends in time (`./run slow`) |\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two areas, of which ``slow`` has less time than it needs."""
    folder = small_project(tmp_path)
    (folder / "variables").unlink()
    for name in ("variables", "docs", "suites/slow", "suites/quick"):
        (folder / name).mkdir(parents=True)
    (folder / "variables" / "targets").symlink_to(ROOT / "variables" / "targets")
    (folder / "variables" / "budgets.yaml").write_text("run slow: 100 ms\nrun quick: 1 minute\n")
    (folder / "docs" / "requirements.md").write_text(PAGE)
    for name in ("slow", "quick"):
        (folder / "suites" / name / "suite.robot").write_text(SUITE)
    return folder


def launch(project: Path, *words: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    done = subprocess.run(
        command(*words), cwd=project, capture_output=True, text=True, check=False,
        env=launcher_environment(PYTHONPATH=f"{project}:{ROOT / 'libraries'}"),
    )  # fmt: skip
    return done, json.loads((project / "results" / "summary.json").read_text("utf-8"))


def test_an_area_that_takes_too_long_alone_has_failed(project: Path) -> None:
    done, summary = launch(project, "slow")
    assert done.returncode == 1
    (problem,) = summary["run"]["problems"]
    assert re.fullmatch(r"the run took [\d.]+ s, its budget is 0\.1 s", problem)
    assert summary["requirements"]["H12"]["verdict"] == "FAIL"
    assert launch(project, "quick")[0].returncode == 0


def test_beside_other_areas_it_is_unknown_and_names_who_decides(project: Path) -> None:
    done, summary = launch(project, "all")
    assert done.returncode == 3
    (line,) = summary["run"]["undecided"]
    assert "its budget is 0.1 s: ./run slow decides" in line
    assert f"UNKNOWN {line}" in done.stdout
    assert {budget["name"]: budget["verdict"] for budget in summary["budgets"]} == {
        "run slow": "UNKNOWN", "run quick": "PASS"
    }  # fmt: skip
    assert summary["requirements"]["H12"]["verdict"] == "UNKNOWN"
    assert line in (project / "results" / "summary.html").read_text("utf-8")


def test_the_whole_proof_judges_them_too(project: Path) -> None:
    done, _ = launch(project, "test", "suites", "--certified")
    assert "== slow: once more, alone" in done.stdout, "beside the other area nothing is proved"
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "2 passed, 1 failed"


def test_a_narrow_run_has_no_budget_of_its_own(project: Path) -> None:
    assert launch(project, "slow", "--test", "It*")[0].returncode == 0
