"""What the words on the command line mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher import areas
from launcher.arguments import parse
from launcher.console import LaunchError
from launcher.paths import SUITES


def test_own_options_are_taken_wherever_they_stand_and_the_rest_goes_to_robot() -> None:
    request = parse(["critical", "--include", "p0", "--seed", "7", "--processes=3", "-t", "One", "--certified"], {})
    assert request.names == ("critical",)
    assert (request.seed, request.processes, request.certified, request.random_order) == ("7", 3, True, False)
    assert request.robot_args == ("--include", "p0", "-t", "One")
    assert not request.whole
    assert parse(["--loglevel", "TRACE"], {}).whole


def test_tests_are_named_by_id_and_are_no_whole_run() -> None:
    request = parse(["c04-01", "id:C04-02"], {})
    assert request.tests == ("id:C04-01", "id:C04-02")
    assert not request.whole
    jwt = SUITES / "critical" / "04_jwt_across_services.robot"
    assert [areas.resolve(name) for name in request.names] == [jwt, jwt]
    with pytest.raises(LaunchError, match="no test with the id C04-99"):
        areas.resolve("C04-99")


def test_a_seed_is_made_up_where_none_is_given() -> None:
    assert parse(["critical"], {"LOCKSTEP_SEED": "42"}).seed == "42"
    assert parse(["critical"], {}).seed != parse(["critical"], {}).seed


def test_a_target_by_path_survives_the_change_of_folder() -> None:
    assert parse(["critical"], {}).target == "embedded"
    assert parse(["critical", "--target", "remote"], {"LOCKSTEP_TARGET": "compose"}).target == "remote"
    assert parse(["critical"], {"LOCKSTEP_TARGET": "mine/target.yaml"}).target == str(Path.cwd() / "mine/target.yaml")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["critical", "--seed"], "--seed needs a value"),
        (["critical", "--processes", "many"], "--processes needs a whole number"),
        (["critical", "--processes", "0"], "--processes needs a whole number"),
        (["critical", "--log", "x.html"], "--log is fixed by ./run"),
        (["critical", "-o", "x.xml"], "plain robot or pabot for --output"),
        (["critical", "--testlevelsplit"], "is pabot's"),
    ],
)
def test_wrong_use_is_refused_with_the_reason(words: list[str], message: str) -> None:
    with pytest.raises(LaunchError, match=message):
        parse(words, {})


def test_outputdir_is_another_name_for_results(tmp_path: Path) -> None:
    assert parse(["critical", "-d", str(tmp_path)], {}).results == tmp_path
    assert parse(["critical", f"--outputdir={tmp_path}"], {}).results == tmp_path


@pytest.fixture
def suites(tmp_path: Path) -> Path:
    """Two areas with a suite each, and a folder without."""
    for name in ("critical", "chaos"):
        (tmp_path / "suites" / name).mkdir(parents=True)
        (tmp_path / "suites" / name / "one.robot").write_text("*** Test Cases ***\nX\n    No Operation\n")
    (tmp_path / "suites" / "empty").mkdir()
    return tmp_path / "suites"


def test_areas_are_the_folders_with_suites(suites: Path) -> None:
    assert areas.areas(suites) == ["chaos", "critical"]
    assert areas.resolve("critical", suites=suites) == suites / "critical"
    assert areas.resolve("all", suites=suites) == suites
    assert areas.resolve("suites/chaos/one.robot", suites=suites) == suites / "chaos/one.robot"
    assert areas.area_of(suites, suites) == ["chaos", "critical"]
    assert areas.area_of(suites / "chaos", suites) == ["chaos"]
    assert areas.area_of(suites / "chaos/one.robot", suites) == []


@pytest.mark.parametrize(("typed", "meant"), [("critcal", "critical"), ("tets", "test"), ("caos", "chaos")])
def test_an_unknown_word_names_the_nearest_known_one(suites: Path, typed: str, meant: str) -> None:
    with pytest.raises(LaunchError, match=f"Did you mean '{meant}'"):
        areas.resolve(typed, ("test", "up"), suites)
