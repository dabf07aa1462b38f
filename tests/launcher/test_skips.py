"""A skip is NA only where the target lacks something; any other one is not well, however it was made."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from PlatformLibrary.profile import Profile

from launcher.judging import RobotTest, is_lacking
from tests.launcher.launching import Finished, command, launch, launcher_environment

SUITE = """*** Test Cases ***
It Passes
    No Operation

By Option
    [Tags]    C01-01
    Fail    1 != 2

On Failure By Option
    [Tags]    C02-01
    Fail    1 != 2

On Failure By The Environment
    [Tags]    C03-01
    Fail    1 != 2

By Reserved Tag
    [Tags]    robot:skip
    Fail    1 != 2

On Failure By Reserved Tag
    [Tags]    robot:skip-on-failure
    Fail    1 != 2

By Keyword
    Skip    anything

As If It Were Declared To Fail
    Skip    XFAIL: x

As If It Were Not Applicable
    Skip    NA: made up

As If The Target Lacked What It Offers
    [Tags]    needs:redis
    Skip    NA: redis: target 'embedded' does not offer it
"""
PROFILE = Profile(Path("mine.yaml"), "mine", "external", ("redis", "ws"))
LACKING_REDIS = "NA: redis: the profile gives no endpoints.redis_url"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run with every skip that proves nothing."""
    folder = tmp_path_factory.mktemp("skips")
    (folder / "one.robot").write_text(SUITE)
    options = ("--skip", "C01*", "--skiponfailure", "C02*")
    return launch(folder / "one.robot", folder / "results", *options, ROBOT_OPTIONS="--skiponfailure C03*")


def test_a_skip_that_the_target_does_not_make_is_not_well(run: Finished) -> None:
    assert run.code == 1, run.output
    assert "NOT WELL: 9 skipped" in run.output
    assert "SKIPPED By Keyword" in run.output
    assert {name: count for name, count in run.summary["totals"]["verdicts"].items() if count} == {
        "SKIPPED": 9,
        "PASS": 1,
    }


def test_what_a_skip_hides_is_shown(run: Finished) -> None:
    assert "Failed test skipped using 'robot:skip-on-failure' tag. Original failure: 1 != 2" in run.output


def test_no_baseline_is_made_of_it(run: Finished, tmp_path: Path) -> None:
    saved = subprocess.run(
        command("baseline", "save", "--results", run.results, "--baselines", tmp_path / "baselines"),
        env=launcher_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert saved.returncode == 2
    assert "was not well" in saved.stderr
    assert not (tmp_path / "baselines").exists()


def skipped(message: str, name: str = "Suites.A.One", *tags: str) -> RobotTest:
    return RobotTest(name, "SKIP", message, tags)


@pytest.mark.parametrize(
    ("message", "tags", "lacking"),
    [
        (LACKING_REDIS, ("needs:redis",), True),
        (LACKING_REDIS, (), False),
        ("NA: redis: another reason", ("needs:redis",), False),
        ("NA: db.main: target 'mine' does not offer it", ("needs:db.main",), True),
        (f"{LACKING_REDIS}\n\nAlso failure occurred:\n1 != 2", ("needs:redis",), False),
        ("", ("needs:redis",), False),
    ],
)
def test_the_target_is_asked_for_what_the_tags_need(message: str, tags: tuple[str, ...], lacking: bool) -> None:
    assert is_lacking(skipped(message, "Suites.A.One", *tags), PROFILE, []) is lacking


@pytest.mark.parametrize(
    ("scope", "lacks", "lacking"),
    [
        ("Suites.A.One", "operations.refresh", True),
        ("Suites.A", "operations.refresh", True),
        ("Suites.A.On", "operations.refresh", False),
        ("Suites.B", "operations.refresh", False),
        ("", "operations.refresh", False),
        ("Suites.A.One", "control.kill", True),
        ("Suites.A.One", "redis", True),
    ],
)
def test_a_record_counts_for_its_test_and_where_the_target_lacks_it(scope: str, lacks: str, lacking: bool) -> None:
    record = {"scope": scope, "lacks": lacks, "message": f"NA: {lacks}: why"}
    assert is_lacking(skipped(record["message"]), PROFILE, [record]) is lacking
    assert is_lacking(skipped(f"Skipped in parent suite setup:\n{record['message']}"), PROFILE, [record]) is lacking
    assert not is_lacking(skipped("NA: made up"), PROFILE, [record])


def test_a_record_of_what_the_target_has_is_worth_nothing() -> None:
    able = Profile(Path("mine.yaml"), "mine", "external", ("ws",), endpoints={"socket_url": "ws://127.0.0.1:1"})
    record = {"scope": "Suites.A.One", "lacks": "ws", "message": "NA: ws: made up"}
    assert not is_lacking(skipped(record["message"]), able, [record])
    declared = {"scope": "Suites.A.One", "lacks": "redis", "message": LACKING_REDIS}
    assert is_lacking(skipped(LACKING_REDIS), PROFILE, [declared])
