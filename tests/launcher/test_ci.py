"""What CI runs, and with which versions."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.launcher.launching import ROOT

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
    assert commands("suites.yml") == [".ci/run"]
    assert commands("nightly.yml") == [".ci/run", "./run all --random", "./run bench"]


@pytest.mark.req("H14")
def test_a_part_of_the_night_that_fails_keeps_no_other_from_running() -> None:
    (job,) = workflow("nightly.yml")["jobs"].values()
    later = [step for step in job["steps"] if step.get("run", "").startswith("./run")]
    assert {step["if"] for step in later} == {"${{ !cancelled() }}"}
    jenkins = (ROOT / "Jenkinsfile").read_text("utf-8")
    assert jenkins.count("catchError(") == jenkins.count("script { notifying(") == 3


@pytest.mark.req("H14")
def test_each_job_of_github_notifies_under_a_name_of_its_own() -> None:
    named = []
    for path in WORKFLOWS.glob("*.yml"):
        (job,) = workflow(path.name)["jobs"].values()
        assert "secrets.LOCKSTEP_WEBHOOK" in job["env"]["LOCKSTEP_WEBHOOK"]
        named.append(job["env"]["LOCKSTEP_JOB"])
    assert sorted(named) == ["nightly", "python ${{ matrix.python }}"]


@pytest.mark.req("H16")
@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_package_is_pinned(name: str) -> None:
    lines = [line.partition("#")[0].partition(";")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    packages = [line for line in lines if line and not line.startswith("-r ")]
    assert packages
    assert not [package for package in packages if not re.fullmatch(r"[\w.\[\],-]+==[\w.]+", package)]


@pytest.mark.req("H16")
def test_ci_installs_what_the_run_installs() -> None:
    """CI only calls ``./run``, which installs the two pinned lists, on a Python that the image has, too."""
    for path in WORKFLOWS.glob("*.yml"):
        assert all(command.startswith((".ci/run", "./run ")) for command in commands(path.name))
    image = re.search(r"^FROM python:(\d+\.\d+)\.", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    assert image is not None
    assert image[1] in workflow("suites.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
