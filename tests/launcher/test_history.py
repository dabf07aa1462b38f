"""Runs compared over time, and two of them with each other."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from launcher.history import Past
from tests.launcher.launching import Finished, command, launch, launcher_environment

SUITE = """*** Test Cases ***
Steady
    [Tags]    id:X01-01    req:C01.1
    No Operation

Wavering
    [Tags]    id:X01-02
    {wavering}
"""


def past(verdicts: str, seconds: tuple[float, ...] = ()) -> Past:
    words = {"p": "PASS", "f": "FAIL", "u": "UNKNOWN", "n": "NA"}
    runs = tuple(f"r{number}" for number in range(len(verdicts)))
    commits = tuple(f"c{number}" for number in range(len(verdicts)))
    times = seconds or (1.0,) * len(verdicts)
    return Past("X01-01", "One", tuple(words[letter] for letter in verdicts), times, runs, commits)


def ask(results: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        command(*words, "--results", results), cwd=results.parent, env=launcher_environment(), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs of one suite, of which the second is red; the third has a test that the others have not."""
    folder = tmp_path_factory.mktemp("history")
    suite = folder / "one.robot"
    runs: list[Finished] = []
    for step in ("No Operation", "Fail    wrong", "No Operation\n\nNew\n    [Tags]    id:X01-03\n    No Operation"):
        suite.write_text(SUITE.format(wavering=step))
        runs.append(launch(suite, folder / "results", "--seed", str(len(runs))))
    assert [run.code for run in runs] == [0, 1, 0]
    return folder / "results"


@pytest.mark.req("E04")
def test_it_is_known_since_when_a_test_is_red() -> None:
    assert past("ppff").first_red == ("r2", "c2")
    assert past("pfpff").first_red == ("r3", "c3")
    assert past("pfpp").first_red == ("r1", "c1")
    assert past("pfuf").first_red == ("r1", "c1")
    assert past("ppun").first_red is None
    assert (past("pf").red, past("fp").red, past("fu").red) == (True, False, True)


@pytest.mark.req("E04")
def test_a_test_is_as_flaky_as_it_changes() -> None:
    assert past("pppp").flaky == 0
    assert past("pfpfp").flaky == 1
    assert past("ppppf").flaky == 0.25
    assert past("pupnp").flaky == 0
    assert past("f").flaky == 0


@pytest.mark.req("E04")
def test_growth_is_what_stays_longer() -> None:
    assert past("pppppp", (2, 2, 2, 2, 4, 4)).growth == 2
    assert past("pppppp", (0.1, 0.1, 0.1, 0.1, 0.9, 0.9)).growth == 1  # less than a second
    assert past("pppppp", (2, 2, 9, 2, 2, 2)).growth == 1
    assert past("ppp", (1, 1, 9)).growth == 1


@pytest.mark.req("E04")
def test_the_history_of_runs_is_shown_as_text_page_and_json(results: Path) -> None:
    code, said = ask(results, "history", "--json")
    assert code == 0, said
    found: dict[str, Any] = json.loads(said)
    assert [run["well"] for run in found["runs"]] == [1, 0, 1]
    tests = {test["key"]: test for test in found["tests"]}
    assert tests["X01-02"]["verdicts"] == ["PASS", "FAIL", "PASS"]
    assert tests["X01-02"]["first_red"]["run"] == found["runs"][1]["run"]
    assert tests["X01-02"]["flaky"] == 1.0
    assert tests["X01-03"]["verdicts"] == ["PASS"]
    assert [one["verdicts"] for one in found["requirements"] if one["key"] == "C01.1"] == [["PASS"] * 3]
    code, said = ask(results, "history")
    assert "flaky: 1\n  X01-02" in said
    page = (results / "history.html").read_text("utf-8")
    assert page.count("<rect") == 3 + 3 + 3 + 1 + 3
    assert json.loads((results / "history.json").read_text("utf-8")) == found
    assert ask(results, "history", "nothing")[0] == 2


@pytest.mark.req("E04")
def test_two_runs_are_compared(results: Path) -> None:
    first, second, third = sorted(path.parent.name for path in results.glob("2*/metrics.json"))
    code, said = ask(results, "diff", first, second)
    assert code == 1
    assert "worse: 1\n  X01-02 PASS → FAIL  wrong" in said
    code, said = ask(results, "diff", "previous", "latest")
    assert code == 0, said
    assert "better: 1\n  X01-02 FAIL → PASS" in said
    assert "new: X01-03" in said
    code, said = ask(results, "diff", third, str(results / first), "--json")
    assert (code, json.loads(said)["gone"]) == (1, ["X01-03"])
    assert json.loads(said)["tested"]["Seed"] == ["2", "0"]
    code, said = ask(results, "diff", first, "nosuch")
    assert (code, "There is no run 'nosuch'" in said) == (2, True)
