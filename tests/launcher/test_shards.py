"""Parts of a run on several machines, and the one result that is made of them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from robot.api import ExecutionResult

from launcher import shards
from launcher.console import LaunchError
from launcher.planning import PlannedSuite
from tests.launcher.launching import Finished, command, launch, launcher_environment

SUITE = """*** Test Cases ***
It Passes {n}
    [Tags]    id:X0{n}-01    req:C01.1
    No Operation

It Is As It Is {n}
    [Tags]    id:X0{n}-02
    {step}
"""
STEPS = ("No Operation", "Fail    wrong", "Fail    UNKNOWN: nobody knows", "Skip    no reason", "Fail    known")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five suites, run as a whole and in three parts: the results are ``whole``, ``1``, ``2`` and ``3``."""
    folder = tmp_path_factory.mktemp("parts")
    suites = folder / "suites"
    suites.mkdir()
    for number, step in enumerate(STEPS, 1):
        (suites / f"0{number}.robot").write_text(SUITE.format(n=number, step=step))
    known = folder / "known.yaml"
    known.write_text("- {test: X05-02, reason: ticket 1, until: 2099-01-01}\n")
    given = ("--seed", "7", "--expected-failures", str(known))
    launch(suites, folder / "whole", *given)
    for number in (1, 2, 3):
        launch(suites, folder / str(number), "--shard", f"{number}/3", *given)
    return folder


def merge(results: Path, *folders: Path) -> Finished:
    done = subprocess.run(
        command("merge", *folders, "--results", results), cwd=results.parent, env=launcher_environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return Finished(done.returncode, done.stdout + done.stderr, results)


def verdicts(summary: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {test["id"]: (test["verdict"], test["reason"]) for test in summary["tests"]}


@pytest.mark.req("E05")
def test_all_parts_together_are_the_whole_run(parts: Path, tmp_path: Path) -> None:
    whole = json.loads((parts / "whole" / "summary.json").read_text("utf-8"))
    merged = merge(tmp_path / "merged", *(parts / number for number in "312"))
    assert merged.code == 1, merged.output
    assert verdicts(merged.summary) == verdicts(whole)
    assert {verdict for verdict, _ in verdicts(whole).values()} == {"PASS", "FAIL", "UNKNOWN", "SKIPPED", "XFAIL"}
    assert merged.summary["totals"] == whole["totals"]
    assert merged.summary["requirements"].keys() == whole["requirements"].keys()
    assert merged.summary["run"]["word"] == whole["run"]["word"]
    shown = {test.name: test.status for test in ExecutionResult(merged.results / "output.xml").suite.all_tests}
    assert shown == {test.name: test.status for test in ExecutionResult(parts / "whole" / "output.xml").suite.all_tests}
    for name in ("log.html", "report.html", "xunit.xml", "summary.html", "metrics.json"):
        assert (merged.results / name).exists()


@pytest.mark.req("E05")
def test_what_no_part_has_brought_is_unknown(parts: Path, tmp_path: Path) -> None:
    merged = merge(tmp_path / "merged", parts / "1", parts / "3")
    gone = json.loads((parts / "2" / "summary.json").read_text("utf-8"))["tests"]
    assert gone
    found = verdicts(merged.summary)
    assert len(found) == 2 * len(STEPS)
    assert {found[test["id"]] for test in gone} == {("UNKNOWN", "part 2/3 is not there")}
    assert merged.summary["run"]["vanished"] == [test["name"] for test in gone]
    assert merged.code == 1


@pytest.mark.req("E05")
def test_parts_that_do_not_belong_together_are_refused(parts: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree((parts / "2" / "latest").resolve(), other)
    shard = json.loads((other / shards.FILE).read_text("utf-8"))
    (other / shards.FILE).write_text(json.dumps({**shard, "target": "shop"}))
    assert "target is 'embedded' and 'shop'" in merge(tmp_path / "m", parts / "1", other).output
    assert "more than once" in merge(tmp_path / "m", parts / "1", parts / "1").output
    refused = merge(tmp_path / "m", parts / "whole")
    assert (refused.code, "holds no part" in refused.output) == (2, True)
    assert not (tmp_path / "m").exists()


@pytest.mark.req("E05")
@pytest.mark.parametrize("text", ["0/3", "4/3", "2", "a/b", "2/0", "-1/3"])
def test_a_part_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(LaunchError, match="such as 2/5"):
        shards.parse(text)


@pytest.mark.req("E05")
def test_parts_are_balanced_by_known_durations() -> None:
    suites = [PlannedSuite(f"S{number}", (), ("t",)) for number in range(7)]
    known = {"S0": 60.0, "S1": 30.0, "S2": 30.0, "S3": 20.0, "S4": 20.0, "S5": 20.0}
    cut = shards.dealt(suites, known, 3)
    assert sorted(suite.name for part in cut for suite in part) == sorted(suite.name for suite in suites)
    assert sorted(sum(known.get(suite.name, 25.0) for suite in part) for part in cut) == [60.0, 70.0, 75.0]
    assert shards.dealt(list(reversed(suites)), known, 3) == cut
