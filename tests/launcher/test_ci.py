"""What CI runs, and with which versions."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.launcher.launching import ROOT

FUZZ = "./run suites/contract/19_random_inputs.robot --variable INPUTS:500"
SYSTEM = ".ci/system"
NIGHT = [
    "./run all --random", "./run evidence", ".ci/baseline", "./run browser", "./run coverage", FUZZ, "./run load",
    "./run bench",
]  # fmt: skip
WORKFLOWS = ROOT / ".github" / "workflows"


def workflow(name: str) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load((WORKFLOWS / name).read_text("utf-8"))
    return loaded


def commands(name: str) -> list[str]:
    (job,) = workflow(name)["jobs"].values()
    return [step["run"] for step in job["steps"] if "run" in step]


@pytest.mark.req("H14")
def test_github_proves_each_change_and_each_night() -> None:
    # YAML reads the key "on" as true.
    assert {"push", "pull_request"} <= set(workflow("suites.yml")[True])
    assert workflow("nightly.yml")[True]["schedule"]
    assert commands("suites.yml") == [SYSTEM, ".ci/run"]
    assert commands("nightly.yml") == [SYSTEM, ".ci/run", *NIGHT]


@pytest.mark.req("H14")
@pytest.mark.parametrize(
    "path",
    [
        "Jenkinsfile",
        ".ci/Jenkinsfile.shards",
        ".gitlab-ci.yml",
        *(f".github/workflows/{n}.yml" for n in ("suites", "nightly", "shards")),
    ],
)
def test_every_ci_installs_what_the_suites_need_before_it_runs_them(path: str) -> None:
    text = (ROOT / path).read_text("utf-8")
    first = min(text.index(command) for command in (".ci/run", "./run all --shard") if command in text)
    assert SYSTEM in text[:first]


@pytest.mark.req("H14")
def test_without_root_nothing_of_the_system_is_installed_and_that_is_said(tmp_path: Path) -> None:
    for name, said in {"id": "echo 1000", "sudo": "exit 1", "apt-get": "exit 9"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{said}\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    ended = subprocess.run([ROOT / SYSTEM], env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, "nothing is installed" in ended.stderr) == (0, True)


@pytest.mark.req("H14")
def test_a_part_of_the_night_that_fails_keeps_no_other_from_running() -> None:
    (job,) = workflow("nightly.yml")["jobs"].values()
    later = [step for step in job["steps"] if step.get("run") in NIGHT]
    assert [step["run"] for step in later] == NIGHT
    assert {step["if"] for step in later} == {"${{ !cancelled() }}"}
    jenkins = (ROOT / "Jenkinsfile").read_text("utf-8")
    assert jenkins.count("catchError(") == jenkins.count("script { notifying(") == 1 + len(NIGHT)
    assert re.findall(r"notifying\('([^']+)'\)", jenkins) == [".ci/run", *NIGHT]


@pytest.mark.req("H14")
@pytest.mark.parametrize(
    ("kept", "slower", "asked", "code"),
    [
        (False, 0, ["save all"], 0),
        (True, 0, ["compare all", "save all"], 0),
        (True, 1, ["compare all"], 1),
    ],
)
def test_a_night_is_compared_with_those_before_and_kept_unless_it_is_slower(
    tmp_path: Path, kept: bool, slower: int, asked: list[str], code: int
) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy2(ROOT / ".ci" / "baseline", tmp_path / ".ci" / "baseline")
    run = tmp_path / "run"
    run.write_text(f'#!/bin/sh\necho "$2 $3" >> asked\n[ "$2" = save ] || exit {slower}\n')
    run.chmod(0o755)
    if kept:
        (tmp_path / "baselines").mkdir()
        (tmp_path / "baselines" / "all.json").write_text("{}")
    ended = subprocess.run([tmp_path / ".ci" / "baseline"], check=False)
    assert (ended.returncode, (tmp_path / "asked").read_text().splitlines()) == (code, asked)


@pytest.mark.req("H14")
def test_baselines_outlive_the_night() -> None:
    (job,) = workflow("nightly.yml")["jobs"].values()
    (cache,) = [step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/cache")]
    assert cache["path"] == "baselines"
    assert cache["key"].startswith(cache["restore-keys"])


@pytest.mark.req("H14")
def test_each_job_of_github_notifies_under_a_name_of_its_own() -> None:
    named = []
    for path in set(WORKFLOWS.glob("*.yml")) - {WORKFLOWS / "shards.yml"}:  # which is started by hand
        (job,) = workflow(path.name)["jobs"].values()
        assert "secrets.LOCKSTEP_WEBHOOK" in job["env"]["LOCKSTEP_WEBHOOK"]
        named.append(job["env"]["LOCKSTEP_JOB"])
    assert sorted(named) == ["nightly", "python ${{ matrix.python }}"]


@pytest.mark.req("H16")
@pytest.mark.parametrize("name", sorted(path.name for path in ROOT.glob("requirements*.txt")))
def test_every_package_is_pinned(name: str) -> None:
    lines = [line.partition("#")[0].partition(";")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    packages = [line for line in lines if line and not line.startswith("-r ")]
    assert packages
    assert not [package for package in packages if not re.fullmatch(r"[\w.\[\],-]+==[\w.]+", package)]


@pytest.mark.req("H16")
def test_ci_installs_what_the_run_installs() -> None:
    """CI only calls ``./run``, which installs the two pinned lists, on a Python that the image has, too."""
    for path in WORKFLOWS.glob("*.yml"):
        steps = [step for job in workflow(path.name)["jobs"].values() for step in job["steps"]]
        assert all(step["run"].startswith((".ci/", "./run ")) for step in steps if "run" in step)
    image = re.search(r"^FROM python:(\d+\.\d+)\.", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    assert image is not None
    assert image[1] in workflow("suites.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]


@pytest.mark.req("E05")
def test_every_ci_runs_all_parts_and_merges_them() -> None:
    jobs = workflow("shards.yml")["jobs"]
    parts = jobs["part"]["strategy"]["matrix"]["part"]
    assert parts == [f"{number}/{len(parts)}" for number in range(1, len(parts) + 1)]
    assert any("--shard ${{ matrix.part }}" in step.get("run", "") for step in jobs["part"]["steps"])
    assert (jobs["merge"]["needs"], jobs["merge"]["if"]) == ("part", "always()")
    assert "./run merge parts/*" in [step.get("run") for step in jobs["merge"]["steps"]]
    gitlab = yaml.safe_load((ROOT / ".gitlab-ci.yml").read_text("utf-8"))
    assert gitlab["part"]["parallel"] > 1
    assert '--shard "$CI_NODE_INDEX/$CI_NODE_TOTAL"' in gitlab["part"]["script"][0]
    assert gitlab["merge"]["when"] == "always"
    assert gitlab["merge"]["script"] == ["./run merge parts/*"]
    jenkins = (ROOT / ".ci" / "Jenkinsfile.shards").read_text("utf-8")
    assert "parallel((1..parts)" in jenkins
    assert "--shard ${number}/${parts}" in jenkins
    assert "./run merge parts/*" in jenkins
