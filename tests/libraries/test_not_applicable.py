"""What a target lacks ends as NA at run time, in plain robot and under ``./run``, and hides no failure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from robot.api import ExecutionResult

from tests.deaf import deaf, profile_of
from tests.launcher.launching import launch
from tests.libraries.inner import INNER, ROOT, InnerRun, run_inner

RESOURCES = ("--pythonpath", str(ROOT / "resources"))
PRIVATE_SETUP = """*** Settings ***
Resource          platform.resource
Suite Setup       Open Private Platform    ACCESS_TTL=5
Suite Teardown    Fail    what the setup was to open is not open

*** Test Cases ***
It Needs What The Setup Needs
    [Tags]    id:C01-01
    Fail    never run
    [Teardown]    Fail    nothing to undo
"""
KILL = """*** Settings ***
Resource       platform.resource
Suite Setup    Open Shared Platform

*** Test Cases ***
It Kills A Replica
    Kill Service    backend-1
"""
PARTS = """*** Settings ***
Resource          platform.resource
Suite Setup       Open Shared Platform

*** Test Cases ***
Its Body Needs It
    [Tags]    id:C01-01
    Kill Service    auth
    [Teardown]    Fail    auth is not killed

Its Setup Needs It
    [Tags]    id:C01-02
    [Setup]    Kill Service    auth
    Fail    never run
    [Teardown]    Fail    auth is not killed

Its Keyword Has A Teardown
    [Tags]    id:C01-03
    Kill And Undo

A Failure Comes Before Its Teardown Needs It
    [Tags]    id:C01-04
    Fail    1 != 2
    [Teardown]    Kill Service    auth

It Passes Before Its Teardown Needs It
    [Tags]    id:C01-05
    Log    held
    [Teardown]    Kill Service    auth

A Failure Comes Before It Is Needed
    [Tags]    id:C01-06
    Run Keyword And Continue On Failure    Fail    1 != 2
    Kill Service    auth

*** Keywords ***
Kill And Undo
    Kill Service    auth
    [Teardown]    Fail    auth is not killed
"""

LATE = """*** Settings ***
Resource          auth.resource

*** Test Cases ***
It Fails After Its Token Expired
    Make Token That Ends In    -60
    Run While Token Lives    Fail    the token is not valid

It Fails While Its Token Lives
    Make Token That Ends In    60
    Run While Token Lives    Fail    the token is not valid

*** Keywords ***
Make Token That Ends In
    [Arguments]    ${seconds}
    ${key} =    Make Signing Key    ${OUTPUT_DIR}    late
    VAR    &{claims}    exp=${{ int(time.time()) + int($seconds) }}
    ${token} =    Make Token    ${claims}    key=${key}[key]
    VAR    ${ACCESS_TOKEN}    ${token}    scope=TEST
"""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A profile of a target with one replica, and nothing that only its operators have."""
    folder = tmp_path_factory.mktemp("outside")
    with deaf(parts=("auth", "backend-1", "frontend")) as urls:
        more = {"capabilities": ["ws"], "limits": {}}
        path = profile_of(urls, folder, "outside", **more)
        path.write_text(path.read_text().replace("  audience: lockstep-api\n", ""))
        yield path


def robot(tmp_path: Path, suite: Path, target: Path) -> InnerRun:
    return run_inner(suite, tmp_path, *RESOURCES, variables={"TARGET": str(target)})


@pytest.mark.req("H10")
def test_every_keyword_that_needs_what_the_target_lacks_ends_as_na(tmp_path: Path, target: Path) -> None:
    run = robot(tmp_path, INNER / "platform" / "lacking.robot", target)
    wrong = []
    for test in ExecutionResult(run.directory / "output.xml").suite.all_tests:
        wanted = f"NA: {test.body[0].args[0]}: "
        if test.status != "SKIP" or not test.message.startswith(wanted):
            wrong.append(f"{test.name}\n  wanted {wanted}…\n  got    {test.status} {test.message}")
    assert not wrong, "\n".join(wrong)
    assert len(run.verdicts) > 20
    assert run.returncode == 0, run.console
    assert "the teardown began" in run.output
    assert "The teardown ends here: NA: control.kill" in run.output


@pytest.mark.req("H10")
def test_a_setup_that_needs_it_makes_each_test_na_whatever_teardowns_miss(tmp_path: Path, target: Path) -> None:
    suite = tmp_path / "private.robot"
    suite.write_text(PRIVATE_SETUP)
    run = robot(tmp_path, suite, target)
    status, message = run.verdicts["It Needs What The Setup Needs"]
    assert status == "SKIP"
    assert "NA: platform.private: target 'outside' is one platform for all" in message
    launched = launch(suite, tmp_path / "results", "--target", str(target))
    assert launched.code == 0, launched.output
    assert launched.summary["totals"]["verdicts"]["NA"] == 1


def test_a_process_that_the_profile_does_not_name_is_na(tmp_path: Path, target: Path) -> None:
    text = target.read_text().replace("adapter: none", "adapter: pids\n  pids: {auth: 4711}")
    named = tmp_path / "named.yaml"
    named.write_text(text)
    suite = tmp_path / "kill.robot"
    suite.write_text(KILL)
    run = robot(tmp_path, suite, named)
    assert run.verdicts["It Kills A Replica"][0] == "SKIP"
    assert run.message("It Kills A Replica").startswith("NA: control.pids.backend-1: target 'named' names no process")
    launched = launch(suite, tmp_path / "results", "--target", str(named))
    assert launched.summary["totals"]["verdicts"]["NA"] == 1, launched.output


def test_na_hides_no_failure_and_no_pass(tmp_path: Path, target: Path) -> None:
    suite = tmp_path / "parts.robot"
    suite.write_text(PARTS)
    plain = robot(tmp_path, suite, target).verdicts
    assert plain["A Failure Comes Before Its Teardown Needs It"] == ("FAIL", "1 != 2")
    assert plain["It Passes Before Its Teardown Needs It"] == ("PASS", "")
    assert plain["A Failure Comes Before It Is Needed"][0] == "FAIL"
    launched = launch(suite, tmp_path / "results", "--target", str(target))
    assert {test["id"]: test["verdict"] for test in launched.summary["tests"]} == {
        "C01-01": "NA",
        "C01-02": "NA",
        "C01-03": "NA",
        "C01-04": "FAIL",
        "C01-05": "PASS",
        "C01-06": "FAIL",
    }


def test_a_token_that_expired_before_its_use_gives_no_verdict(tmp_path: Path, target: Path) -> None:
    suite = tmp_path / "late.robot"
    suite.write_text(LATE)
    verdicts = robot(tmp_path, suite, target).verdicts
    said = "UNKNOWN: the token expired before it was used: the token is not valid"
    assert verdicts["It Fails After Its Token Expired"] == ("FAIL", said)
    assert verdicts["It Fails While Its Token Lives"] == ("FAIL", "the token is not valid")
