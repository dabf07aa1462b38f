"""What the words on the command line mean."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from robot.run import USAGE

from launcher import areas
from launcher.arguments import parse
from launcher.console import LaunchError
from launcher.options import RULES, Use
from launcher.paths import ROOT, SUITES


def test_own_options_are_taken_wherever_they_stand_and_the_rest_goes_to_robot() -> None:
    request = parse(["critical", "--include", "p0", "--seed", "7", "--processes=3", "-t", "One", "--certified"], {})
    assert request.names == ("critical",)
    assert (request.seed, request.processes, request.certified, request.random_order) == ("7", 3, True, False)
    assert request.robot == {"include": ["p0"], "test": ["One"]}
    assert request.command == "./run critical --seed 7 --certified --processes 3 --test One --include p0"


def test_a_selection_is_part_of_the_name_so_that_no_baseline_of_the_whole_is_made_of_it() -> None:
    request = parse(["critical", "contract", "-L", "TRACE", "-t", "One *"], {"ROBOT_OPTIONS": "--exclude slow"})
    assert request.name == "critical contract --exclude slow --test 'One *'"
    assert parse(["critical", "-L", "TRACE"], {}).name == "critical"


def test_names_may_stand_among_the_options_and_after_them() -> None:
    request = parse(["--include", "p0", "critical", "--Loglevel", "TRACE", "contract", "critical"], {})
    assert request.names == ("critical", "contract")
    assert request.robot == {"include": ["p0"], "loglevel": "TRACE"}


def test_names_and_values_are_not_matched_with_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one").touch()
    request = parse(["--dotted", "crit*", "--include", "o*"], {})
    assert request.names == ("crit*",)
    assert request.robot["include"] == ["o*"]


@pytest.mark.parametrize(
    "words",
    [
        ["-ireq:C01.1"],
        ["--Include", "x"],
        ["--INCLUDE=x"],
        ["--inc", "x"],
        ["-Xi", "x"],
        ["--rerun-failed", "output.xml"],
        ["-S", "output.xml"],
        ["--parse-include", "x.robot"],
        ["-F", "txt"],
        ["-A", "narrow.txt"],
        ["--ArgumentFile", "nested.txt"],
    ],
)
def test_a_selection_is_noticed_however_it_is_spelt(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "narrow.txt").write_text("# those that matter\n--exclude x y\n")
    (tmp_path / "nested.txt").write_text("--loglevel TRACE\n-A narrow.txt\n")
    assert not parse(["critical", *words], {}).whole


@pytest.mark.parametrize("words", ["-A one.txt", "-Aone.txt", "--argumentfile=./one.txt"])
@pytest.mark.parametrize("where", ["words", "environment"])
def test_an_argument_file_that_includes_itself_is_refused(
    words: str, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.txt").write_text("--loglevel TRACE\n--argumentfile two.txt\n")
    (tmp_path / "two.txt").write_text("-A one.txt\n")
    given, environ = (words.split(), {}) if where == "words" else ([], {"ROBOT_OPTIONS": words})
    with pytest.raises(LaunchError, match=r"'one\.txt' includes itself: \S*one\.txt → two\.txt → one\.txt\."):
        parse(["critical", *given], environ)


def test_an_argument_file_may_be_given_twice(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("--include p0\n")
    twice = ["-A", str(tmp_path / "one.txt")] * 2
    assert parse(["critical", *twice], {}).robot == {"include": ["p0", "p0"]}


def test_a_value_that_looks_like_a_selection_is_none() -> None:
    assert parse(["critical", "--loglevel", "TRACE", "-v", "include:x", "--name", "--test"], {}).whole


def test_robots_options_in_the_environment_count_and_are_part_of_the_command() -> None:
    request = parse(["critical", "--seed", "7", "-L", "DEBUG"], {"ROBOT_OPTIONS": "--include a_b -L TRACE"})
    assert not request.whole
    assert request.options == {"include": ["a_b"], "loglevel": "DEBUG"}
    inherited = "ROBOT_OPTIONS='--include a_b --loglevel TRACE'"
    assert request.command == f"{inherited} ./run critical --seed 7 --loglevel DEBUG"
    with pytest.raises(LaunchError, match=r"ROBOT_OPTIONS holds 'x\.robot'"):
        parse(["critical"], {"ROBOT_OPTIONS": "x.robot"})


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
        (["--seed"], "--seed requires argument"),
        (["--seed="], "--seed needs a value"),
        (["--results", ""], "--results needs a value"),
        (["--processes", "many"], "--processes needs a whole number"),
        (["--processes", "0"], "--processes needs a whole number"),
        (["--procceses", "3"], "--procceses not recognized. Did you mean '--processes'"),
        (["--expectedfailurs=x"], "Did you mean '--expected-failures'"),
        (["--includ3", "x"], "Did you mean '--include'"),
        (["--expected-failures", "/nope"], "The expected failures /nope cannot be read"),
        (["--re", "x"], "--re not a unique prefix"),
        (["--testlevelsplit"], "is pabot's"),
        (["--ordering", "x"], "is pabot's"),
        (["--argumentfile1", "x"], "is pabot's"),
        (["-A", "nowhere.txt"], "nowhere.txt"),
        (
            ["--variable", "TARGET:remote"],
            "--variable TARGET:remote would not reach ./run itself: use --target remote.",
        ),
        (["-vtar_get:x"], "use --target x"),
    ],
)
def test_wrong_use_is_refused_with_the_reason(words: list[str], message: str) -> None:
    with pytest.raises(LaunchError, match=re.escape(message)):
        parse(["critical", *words], {})


FIXED = [
    "--log x.html", "--LOG none", "-lNONE", "-o x.xml", "-ofoo.xml", "--output=x", "--OutPut x", "--xuni x", "-r x",
    "--report x", "-x x", "--x-unit x", "-T", "-XT", "--Timestamp-Outputs", "--legacyoutput", "--legacy", "--splitlog",
    "-b x", "--debugfile x", "--nostatusrc", "--NoStatusRC", "--runemptysuite", "--help", "--version", "--dryrun",
    "--dry-run", "--DryRun", "--dry", "--nodryrun --dryrun", "-A fixed.txt", "--argumentfile=nested.txt",
]  # fmt: skip


@pytest.mark.parametrize("words", FIXED)
@pytest.mark.parametrize("where", ["words", "environment"])
def test_what_would_break_the_run_is_refused_however_it_is_spelt(
    words: str, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fixed.txt").write_text("--loglevel TRACE\n--output x.xml\n")
    (tmp_path / "nested.txt").write_text("-A fixed.txt\n")
    given, environ = (words.split(), {}) if where == "words" else ([], {"ROBOT_OPTIONS": words})
    with pytest.raises(LaunchError, match=r"is fixed by \./run, which ") as error:
        parse(["critical", *given], environ)
    assert ("ROBOT_OPTIONS: --" in str(error.value)) is (where == "environment")
    assert ".venv/bin/robot" in str(error.value) or "plain robot or pabot" in str(error.value)


def test_a_flag_that_is_taken_back_is_not_refused() -> None:
    request = parse(["critical", "--nodryrun"], {"ROBOT_OPTIONS": "--statusrc"})
    assert request.options == {"statusrc": True, "dryrun": False}
    assert request.command == "ROBOT_OPTIONS=--statusrc ./run critical --seed 7 --nodryrun".replace("7", request.seed)


@pytest.mark.parametrize("words", ["-d {}", "-d{}", "--outputdir={}", "--OutputDir {}", "--results {}", "--Results={}"])
def test_outputdir_is_another_name_for_results(tmp_path: Path, words: str) -> None:
    assert parse(["critical", *words.format(tmp_path).split()], {}).results == tmp_path


def test_outputdir_in_the_environment_counts_where_nothing_else_is_said(tmp_path: Path) -> None:
    environ = {"ROBOT_OPTIONS": f"--outputdir {tmp_path}"}
    assert parse(["critical"], environ).results == tmp_path
    assert parse(["critical"], {**environ, "LOCKSTEP_RESULTS": "there"}).results == Path.cwd() / "there"
    assert parse(["critical", "-d", "here"], environ).results == Path.cwd() / "here"


def test_every_option_of_robot_is_decided_about() -> None:
    options = set(re.findall(r"^\s{1,4}(?:-\S\s)*--(\S{2,})", USAGE, re.MULTILINE))
    assert options == RULES.keys()


def test_the_guide_names_what_is_refused() -> None:
    guide = (ROOT / "docs" / "guide.md").read_text("utf-8")
    refused = [name for name, rule in RULES.items() if rule.use is Use.REFUSED and name not in ("help", "version")]
    assert [name for name in refused if f"`--{name}`" not in guide] == []


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
    assert areas.resolve("chaos/one.robot", suites=suites) == suites / "chaos/one.robot"
    assert areas.resolve("suites/chaos/one.robot", suites=suites) == suites / "chaos/one.robot"
    assert areas.area_of(suites, suites) == ["chaos", "critical"]
    assert areas.area_of(suites / "chaos", suites) == ["chaos"]
    assert areas.area_of(suites / "chaos/one.robot", suites) == []


def test_a_path_begins_where_the_user_is(suites: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (suites / "empty" / "suites").mkdir()
    monkeypatch.chdir(suites / "empty")
    assert areas.resolve("../critical", suites=suites) == suites / "critical"
    assert areas.resolve("../empty/suites", suites=suites) == suites / "empty" / "suites"
    assert areas.resolve("suites", suites=suites) == suites / "empty" / "suites"


@pytest.mark.parametrize(("typed", "meant"), [("critcal", "critical"), ("tets", "test"), ("caos", "chaos")])
def test_an_unknown_word_names_the_nearest_known_one(suites: Path, typed: str, meant: str) -> None:
    with pytest.raises(LaunchError, match=f"Did you mean '{meant}'"):
        areas.resolve(typed, ("test", "up"), suites)
