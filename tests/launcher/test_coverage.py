"""``./run coverage``: measured inside the services, also those that are killed; judged by what the scope says."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from launcher import covered
from launcher.covered import Excuse, File, Gap, Share
from tests.launcher.launching import ROOT, command, launcher_environment, processes_of

NO_PLATFORM = "*** Test Cases ***\nIt Passes\n    No Operation\n"


def cover(suite: Path, results: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("coverage", suite, "--results", results, *options), env=launcher_environment(**environment),
        capture_output=True, text=True, check=False, cwd=suite.parent,
    )  # fmt: skip


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "suite.robot"
    path.write_text(text, "utf-8")
    return path


def scope(tmp_path: Path, **changes: Any) -> Path:
    """The project's own scope, changed."""
    found = yaml.safe_load((ROOT / "variables" / "coverage.yaml").read_text("utf-8"))
    path = tmp_path / "scope.yaml"
    path.write_text(yaml.safe_dump({**found, **changes}), "utf-8")
    return path


# --- measured for real

ASKED = """*** Settings ***
Library    PlatformLibrary
Library    RequestsLibrary
Suite Setup    Use Private Platform    backends=1

*** Test Cases ***
Killed After A While
    Ask Auth    /admin/sessions/analytics
    Sleep    700ms
    Kill Service    auth

Ended In Order At Once
    Start Service    auth
    Ask Auth    /admin/sessions/00000000-0000-4000-8000-000000000000/events
    Stop Service    auth

*** Keywords ***
Ask Auth
    [Arguments]    ${path}
    VAR    &{headers}    Authorization=Bearer ${SERVICE_TOKEN.value}
    # On a busy machine a database that has just been connected may answer later than auth waits.
    Wait Until Keyword Succeeds    20s    200ms    GET    ${AUTH_URL}${path}    headers=${headers}
"""


@pytest.mark.req("H15")
def test_services_are_measured_also_those_that_are_killed_and_nothing_is_left_behind(tmp_path: Path) -> None:
    results = tmp_path / "results"
    done = cover(written(tmp_path, ASKED), results, "--least", "5")
    assert done.returncode == 0, done.stdout + done.stderr
    report = results / "coverage"
    assert {"index.html", "coverage.json", "summary.json", "run"} <= {path.name for path in report.iterdir()}
    assert not (report / "data").exists()
    assert not (results / "latest").exists(), "a measured run is not the newest of the normal ones"
    assert (report / "run" / "log.html").exists()
    assert not processes_of(tmp_path)

    functions = json.loads((report / "coverage.json").read_text())["files"]["services/auth/session_upkeep.py"]
    executed = {name: part["summary"]["covered_lines"] for name, part in functions["functions"].items()}
    assert executed["SessionUpkeep.analytics"] > 0, "what a killed process had executed is lost"
    assert executed["SessionUpkeep.events_of"] > 0, "what an ended process had executed at last is lost"
    assert executed["SessionUpkeep.clean_up"] == 0

    summary = json.loads((report / "summary.json").read_text())
    assert set(summary["services"]) == {"auth", "backend", "common", "frontend", "provider"}
    assert all(figures["covered_lines"] > 0 for figures in summary["services"].values())
    manager = summary["session_manager"]
    assert 5 <= manager["line_percent"] < 95
    assert 0 < manager["covered_branches"] < manager["branches"]
    assert manager["met"] is True
    assert "services/auth/session_cache.py" in done.stdout
    assert f"{manager['covered_lines']}/{manager['lines']}" in done.stdout
    assert "demanded of its lines: 5 %" in done.stdout
    assert all(one["file"].startswith("services/auth/") for one in summary["not_covered"])
    assert not {name for name in summary["files"] if "__main__" in name or name.endswith("migrate.py")}


def test_too_little_or_a_failed_test_or_a_wrong_reason_ends_with_1(tmp_path: Path) -> None:
    suite = written(tmp_path, ASKED.replace("Kill Service    auth", "Fail    as told"))
    wrong = [{"file": "services/auth/locks.py", "code": "no such line", "reason": "none"}]
    done = cover(suite, tmp_path / "results", "--scope", str(scope(tmp_path, not_covered=wrong)))
    assert done.returncode == 1
    assert "demanded of its lines: 95 %" in done.stdout
    assert "MISSED" in done.stdout
    assert "services/auth/locks.py: 'no such line' is no longer there, but it is excused" in done.stderr
    summary = json.loads((tmp_path / "results" / "coverage" / "summary.json").read_text())
    assert (summary["well"], summary["run_well"], summary["session_manager"]["met"]) == (False, False, False)


# --- errors


def test_suites_that_use_no_platform_measure_nothing(tmp_path: Path) -> None:
    done = cover(written(tmp_path, NO_PLATFORM), tmp_path / "results")
    assert done.returncode == 1
    assert "No service was measured" in done.stderr
    assert "Open Shared Platform" in done.stderr


def test_services_that_run_elsewhere_are_not_ours_to_measure(tmp_path: Path) -> None:
    environment = {f"LOCKSTEP_{name}_URL": "https://example.test" for name in ("PUBLIC", "AUTH", "BACKEND")}
    environment["LOCKSTEP_SOCKET_URL"] = "wss://example.test"
    done = cover(written(tmp_path, NO_PLATFORM), tmp_path / "results", "--target", "remote", **environment)
    assert done.returncode == 2
    assert "NA: target remote runs elsewhere" in done.stderr
    assert "--target embedded" in done.stderr
    assert not (tmp_path / "results").exists()


def test_without_coverage_the_way_to_get_it_is_named(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['coverage'] = None; from launcher.commands import main; sys.exit(main(['coverage']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=launcher_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "pip install -r requirements-dev.txt" in done.stderr


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "results" / "coverage"
    foreign.mkdir(parents=True)
    (foreign / "thesis.txt").write_text("mine")
    done = cover(written(tmp_path, NO_PLATFORM), tmp_path / "results")
    assert done.returncode == 2
    assert "holds no coverage report" in done.stderr
    assert (foreign / "thesis.txt").read_text() == "mine"


def test_two_at_once_do_not_mix_their_figures(tmp_path: Path) -> None:
    folder = tmp_path / "results" / "coverage"
    folder.mkdir(parents=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        done = cover(written(tmp_path, NO_PLATFORM), tmp_path / "results")
    finally:
        os.close(handle)
    assert done.returncode == 2
    assert "Another ./run coverage" in done.stderr


@pytest.mark.parametrize("least", ["101", "-1", "much"])
def test_a_demand_that_makes_no_sense_is_refused(tmp_path: Path, least: str) -> None:
    done = cover(written(tmp_path, NO_PLATFORM), tmp_path / "results", f"--least={least}")
    assert done.returncode == 2
    assert "a percentage from 0 to 100" in done.stderr


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"session_manager": "services"}, "a list of paths was expected"),
        ({"not_covered": [{"file": "x", "code": "y"}]}, "entry 1 of not_covered needs file, code and reason"),
        ({"least_lines": None}, "float"),
    ],
)
def test_a_scope_that_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    done = cover(written(tmp_path, NO_PLATFORM), tmp_path / "results", "--scope", str(scope(tmp_path, **changes)))
    assert done.returncode == 2
    assert "scope.yaml" in done.stderr
    assert said in done.stderr


# --- what is made of the figures

TEXT = ["def f(x):", "    if x:", "        a()", "        b()", "    return c()"]


def file(missing: tuple[int, ...] = (), branches: tuple[tuple[int, int], ...] = ()) -> File:
    return File("s.py", Share(5, 5 - len(missing), 2, 2 - len(branches)), (1, 2, 3, 4, 5), missing, branches)


def gaps(one: File, *excuses: Excuse) -> list[Gap]:
    return covered.gaps([one], excuses, lambda _: TEXT)


def wrong(one: File, *excuses: Excuse) -> list[str]:
    return covered.wrong_excuses([one], excuses, lambda _: TEXT)


def test_lines_that_follow_one_another_are_one_place_and_a_branch_not_taken_is_another() -> None:
    assert gaps(file((3, 4), ((2, 3),))) == [
        Gap("s.py", 2, 2, "if x:", (3,)),
        Gap("s.py", 3, 4, "a()"),
    ]
    assert gaps(file((1, 3))) == [Gap("s.py", 1, 1, "def f(x):"), Gap("s.py", 3, 3, "a()")]
    assert gaps(file()) == []


def test_a_reason_holds_for_its_line_and_what_is_indented_below_it() -> None:
    found = gaps(file((3, 4), ((2, 3),)), Excuse("s.py", "if x:", "never true"))
    assert [one.reason for one in found] == ["never true", "never true"]
    found = gaps(file((4, 5)), Excuse("s.py", "b()", "why"))
    assert [(one.line, one.last, one.reason) for one in found] == [(4, 4, "why"), (5, 5, None)]
    assert gaps(file((5,)), Excuse("other.py", "return c()", "why"))[0].reason is None


def test_a_reason_without_a_gap_is_an_error() -> None:
    assert wrong(file((3,)), Excuse("s.py", "a()", "why")) == []
    assert wrong(file((), ((2, 5),)), Excuse("s.py", "if x:", "why")) == []
    assert wrong(file(), Excuse("s.py", "a()", "why")) == ["s.py:3: 'a()' is executed in full, but it is excused"]
    assert wrong(file(), Excuse("s.py", "z()", "why")) == ["s.py: 'z()' is no longer there, but it is excused"]
    assert "there is no such file" in wrong(file(), Excuse("t.py", "a()", "why"))[0]


def test_percentages_are_of_lines_and_of_branches_apart() -> None:
    both = file((3, 4, 5), ((2, 3),)).share + Share(5, 5, 0, 0)
    assert (both.line_percent, both.branch_percent) == (70.0, 50.0)
    assert Share().line_percent == 100.0


def test_the_kept_scope_names_files_that_exist() -> None:
    kept = covered.read(ROOT / "variables" / "coverage.yaml")
    for pattern in (*kept.session_manager, *kept.left_out):
        assert list(ROOT.glob(pattern)), pattern
    assert kept.least_lines >= 95
