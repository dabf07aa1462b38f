"""Robot's options in whole runs: what is refused leaves nothing, what is given works as with plain robot."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.launcher.launching import Finished, command, launcher_environment

ONE = "*** Test Cases ***\nOne\n    [Tags]    p0    req:C01.1\n    No Operation\n\nTwo\n    No Operation\n"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The user's folder, with suites in another one."""
    (tmp_path / "here").mkdir()
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "some.robot").write_text(ONE)
    return tmp_path / "here"


def run(here: Path, *words: str, **environment: str) -> Finished:
    """``./run`` typed in the folder ``here``."""
    done = subprocess.run(
        command(*words), cwd=here, env=launcher_environment(**environment), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return Finished(done.returncode, done.stdout + done.stderr, here / "results")


@pytest.mark.parametrize(
    ("words", "robot_options"),
    [
        (["--DryRun"], ""),
        ([], "--dry"),
        (["-A", "dry.txt"], ""),
        (["--log", "NONE"], ""),
        (["--procceses", "2"], ""),
        (["--include", "nothing"], ""),
        (["--loglevel", "LOUD"], ""),
        (["--language", "nowhere"], ""),
        (["--parser", "nowhere.py"], ""),
        (["--target", "nowhere"], ""),
        (["nowhere"], ""),
        ([""], ""),
    ],
)
def test_what_is_refused_leaves_nothing(here: Path, words: list[str], robot_options: str) -> None:
    (here / "dry.txt").write_text("--dryrun\n")
    before = sorted(here.iterdir())
    refused = run(here, "../suites", "--results", "results", *words, ROBOT_OPTIONS=robot_options)
    assert refused.code == 2, refused.output
    assert "Traceback" not in refused.output
    assert sorted(here.iterdir()) == before


def test_a_selection_in_the_environment_is_shown_and_part_of_the_command(here: Path) -> None:
    done = run(here, "../suites", "--results", "results", "--seed", "7", ROBOT_OPTIONS="--include p0")
    assert done.code == 0, done.output
    assert "ROBOT_OPTIONS adds --include p0 (not a whole run)" in "\n".join(done.output.splitlines()[:3])
    assert done.summary["totals"]["executed"] == 1
    assert done.summary["run"]["name"] == "../suites --include p0"
    assert done.summary["run"]["command"] == "ROBOT_OPTIONS='--include p0' ./run ../suites --seed 7"


USES = """*** Settings ***
Library    given.py
Library    OperatingSystem

*** Test Cases ***
It Finds What Was Given
    File Should Exist    ${FILE}
    Should Be Equal    ${FROM VARIABLES}    Bob
    Should Be Equal    ${SUITE DOCUMENTATION}    Read from a file.
    Should Be Equal    ${EXECDIR}    ${HERE}
    Is Given
"""
GIVEN = "def is_given():\n    pass\n"
LISTENER = """class listener:
    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self, path):
        self.file = open(path, "a")

    def end_test(self, data, result):
        print(result.name, file=self.file, flush=True)
"""


def test_relative_paths_begin_where_the_user_is(here: Path) -> None:
    (here / "../suites/uses.robot").write_text(USES)
    (here / "../suites/other.robot").write_text(ONE)
    (here / "libs").mkdir()
    (here / "libs" / "given.py").write_text(GIVEN)
    (here / "listener.py").write_text(LISTENER)
    (here / "variables.py").write_text("def get_variables(name):\n    return {'FROM_VARIABLES': name}\n")
    (here / "doc.txt").write_text("Read from a file.")
    (here / "all.txt").write_text("--pythonpath libs\n--doc doc.txt\n--parseinclude ../suites/uses.robot\n")
    options = ["--variablefile", "variables.py:Bob", "--listener", "listener.py:names.txt", "--argumentfile", "all.txt"]
    values = ["--variable", f"HERE:{here}", "--variable", "FILE:doc.txt"]
    done = run(here, "../suites/uses.robot", "--results", "results", *options, *values)
    assert done.code == 0, done.output
    assert (here / "names.txt").read_text() == "It Finds What Was Given\n"
    assert not list(here.glob("results/*/names.txt"))
    made = {path.name for path in here.iterdir()}
    assert made == {"libs", "listener.py", "variables.py", "doc.txt", "all.txt", "names.txt", "results"} | (
        {"__pycache__"} & made
    )


def test_options_with_odd_values_arrive_as_they_are(here: Path) -> None:
    (here / "../suites/odd.robot").write_text(
        "*** Test Cases ***\nIt Is Odd\n    Should Be Equal    [${A}][${B}][${C}]    [][-x --y][ line\\nanother ]\n"
    )
    odd = ["-v", "A:", "--variable=B:-x --y", "-v", "C: line\nanother ", "--settag=argumentfile", "--settag=-A"]
    done = run(here, "../suites/odd.robot", "--results", "results", *odd)
    assert done.code == 0, done.output


def test_a_rerun_reads_the_output_that_was_the_newest_one(here: Path) -> None:
    (here / "../suites/some.robot").write_text(ONE.replace("No Operation", "Fail    as expected", 1))
    assert run(here, "../suites", "--results", "results").code == 1
    first = (here / "results" / "latest").resolve().name
    done = run(here, "../suites", "--results", "results", "--rerunfailed", "results/output.xml")
    assert f"--rerunfailed {here}/results/{first}/output.xml" in done.summary["run"]["command"]
