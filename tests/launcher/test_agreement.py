"""What is planned is what runs: whatever suites and tests are called, and whoever makes them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.launcher.launching import Finished, launch

ONE = "*** Test Cases ***\nOne\n    No Operation\n"
GLOBS = """*** Test Cases ***
It Holds [1] * ?
    No Operation

It Is Another
    No Operation
"""


def reported(run: Finished) -> list[str]:
    """Full names of the tests in the published output, sorted."""
    names: list[str] = []

    def visit(suite: ET.Element, above: str) -> None:
        name = f"{above}{suite.get('name')}."
        names.extend(f"{name}{test.get('name')}" for test in suite.findall("test"))
        for child in suite.findall("suite"):
            visit(child, name)

    for root in ET.parse(run.results / "output.xml").getroot().findall("suite"):
        visit(root, "")
    return sorted(names)


def assert_well(run: Finished, tests: list[str]) -> None:
    """Each of ``tests`` has run once, and nothing else."""
    assert run.code == 0, run.output
    assert run.summary["run"]["vanished"] == []
    assert reported(run) == sorted(tests)
    assert run.output.count(" PASS ") >= len(tests)
    assert f"{len(tests)} tests, {len(tests)} passed" in run.output


def write(folder: Path, **files: str) -> Path:
    """``folder`` with these files; a double underscore in a name is a full stop before the extension."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, "utf-8")
    return folder


def test_names_that_are_patterns_or_alike_or_foreign(tmp_path: Path) -> None:
    """To Robot ``Ab`` is ``A B``, and ``A[1]`` a pattern; to pabot ``A`` holds ``A.B``."""
    suites = tmp_path / "my suites"
    write(suites / "a", nested__robot=ONE)
    for name in ("a[1]", "a1", "what? ever*", "ab", "a_b", "a", "a.b", "é日本", "01__same", "02__same"):
        (suites / f"{name}.robot").write_text(GLOBS if "[" in name else ONE, "utf-8")
    run = launch(suites, tmp_path / "results")
    one = ["A1", "What? Ever*", "Ab", "A B", "A", "A.B", "É日本", "Same", "Same", "A.Nested"]
    expected = ["My Suites.A[1].It Holds [1] * ?", "My Suites.A[1].It Is Another"]
    assert_well(run, expected + [f"My Suites.{name}.One" for name in one])


NAMED_LATER = """*** Settings ***
Test Tags    ${KIND}

*** Test Cases ***
It Works On ${BROWSER}
    No Operation

It Is Never Run
    [Tags]    robot:exclude
    No Operation

It Works On ${BROWSER} Twice
    No Operation
"""


def test_names_that_variables_make(tmp_path: Path) -> None:
    suites = write(tmp_path / "suites", later__robot=NAMED_LATER, tasks__robot=ONE.replace("Test Cases", "Tasks"))
    options = ["--variable", "BROWSER:a browser", "--variable", "KIND:req:C01.1", "--rpa", "--randomize", "all"]
    run = launch(suites, tmp_path / "results", *options, "--name", "v1.2 [x]")
    names = ["Later.It Works On a browser", "Later.It Works On a browser Twice", "Tasks.One"]
    assert_well(run, [f"v1.2 [x].{name}" for name in names])


def test_names_and_tags_that_select_together(tmp_path: Path) -> None:
    """pabot forgets about ``--include`` where there is ``--test``."""
    text = "*** Test Cases ***\nOne\n    [Tags]    p0\n    No Operation\n\nTwo\n    No Operation\n"
    suites = write(tmp_path / "suites", some__robot=text, other__robot=text)
    chosen = ["--test", "*o*", "--include", "p0", "--suite", "some", "--suite", "other"]
    run = launch(suites, tmp_path / "results", *chosen)
    assert_well(run, ["Suites.Some.One", "Suites.Other.One"])


DRIVEN = """*** Settings ***
Library    rows.py    {how}

*** Test Cases ***
It Is Made Of Rows
    [Tags]    rows    req:C01.1
    No Operation

It Stays As It Is
    No Operation
"""
ROWS = '''"""A listener that makes tests of a table when the suite starts, as data-driven libraries do."""

import copy


class rows:
    ROBOT_LIBRARY_SCOPE = "SUITE"
    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self, how):
        self.ROBOT_LIBRARY_LISTENER = self
        self.how = how

    def start_suite(self, data, result):
        template = next(test for test in data.tests if "rows" in test.tags)
        data.tests.remove(template)
        if self.how == "drops":
            return
        for row in ("Ann", "Bob", "Eve"):
            if self.how == "copies":
                made = copy.deepcopy(template)
                made.name = f"Row {row}"
                data.tests.append(made)
            else:
                made = data.tests.create(name=f"Row {row}", tags=template.tags)
                made.body.create_keyword("Should Not Be Equal", args=[row, "${FAILING}"])
'''


@pytest.mark.parametrize("how", ["copies", "creates"])
def test_tests_that_a_library_makes_at_run_time(tmp_path: Path, how: str) -> None:
    suites = write(tmp_path / "suites", driven__robot=DRIVEN.format(how=how), other__robot=ONE)
    write(suites, rows__py=ROWS)
    run = launch(suites, tmp_path / "results", "--variable", "FAILING:Zoe")
    made = [f"Suites.Driven.{name}" for name in ("Row Ann", "Row Bob", "Row Eve", "It Stays As It Is")]
    assert_well(run, [*made, "Suites.Other.One"])
    assert len(run.summary["requirements"]["C01.1"]["tests"]) == 3


def test_a_test_that_a_listener_takes_out_is_missed(tmp_path: Path) -> None:
    suites = write(tmp_path / "suites", driven__robot=DRIVEN.format(how="drops"), rows__py=ROWS)
    run = launch(suites, tmp_path / "results")
    assert run.code == 3, run.output
    assert run.summary["run"]["vanished"] == ["Suites.Driven.It Is Made Of Rows"]
    assert "its suite ended without it" in run.summary["requirements"]["C01.1"]["reason"]


MODIFIER = '''"""Changes everything that a pre-run modifier can change."""

from robot.api import SuiteVisitor


class modifier(SuiteVisitor):
    def __init__(self, word):
        self.word = word

    def start_suite(self, suite):
        suite.name = f"{suite.name} {self.word}"
        suite.tests = [test for test in suite.tests if test.name != "Two"]
        suite.tests.create(name=f"Made In {suite.name}").body.create_keyword("No Operation")

    def start_test(self, test):
        test.name = f"{test.name} {self.word}"
'''


@pytest.mark.parametrize("named", [["modifier.py:renamed"], ["modifier:renamed", "--pythonpath", "."]])
def test_what_a_modifier_changes_before_the_run(tmp_path: Path, named: list[str]) -> None:
    text = f"{ONE}\nTwo\n    No Operation\n"
    suites = write(tmp_path / "suites", some__robot=text, other__robot=text, modifier__py=MODIFIER)
    run = launch(suites, tmp_path / "results", "--prerunmodifier", *named)
    root = "Suites renamed"
    expected = [f"{root}.Made In Suites renamed renamed"]
    for name in ("Some", "Other"):
        expected += [f"{root}.{name} renamed.One renamed", f"{root}.{name} renamed.Made In {name} renamed renamed"]
    assert_well(run, expected)


RAISING = """from robot.api import SuiteVisitor


class raising(SuiteVisitor):
    def start_suite(self, suite):
        raise ValueError("it cannot cope with this")
"""


@pytest.mark.parametrize(
    ("name", "message"), [("raising.py", "it cannot cope with this"), ("nowhere.py", "No module named 'nowhere'")]
)
def test_a_modifier_that_does_not_work_is_refused(tmp_path: Path, name: str, message: str) -> None:
    suites = write(tmp_path / "suites", some__robot=ONE, raising__py=RAISING)
    run = launch(suites, tmp_path / "results", "--prerunmodifier", name)
    assert run.code == 2, run.output
    assert message in run.output
    assert "Traceback" not in run.output
    assert not list((tmp_path / "results").glob("2*"))


PARSER = """from robot.api import TestSuite


class parser:
    extension = "list"

    def parse(self, source, defaults):
        suite = TestSuite(name=TestSuite.name_from_source(source), source=source)
        for name in source.read_text().split():
            suite.tests.create(name=name).body.create_keyword("No Operation")
        return suite
"""


def test_suites_that_a_parser_reads(tmp_path: Path) -> None:
    suites = write(tmp_path / "suites", some__robot=ONE, others__list="Two Three", parser__py=PARSER)
    run = launch(suites, tmp_path / "results", "--parser", "parser.py")
    assert_well(run, ["Suites.Some.One", "Suites.Others.Two", "Suites.Others.Three"])


def test_tests_and_tasks_together_are_refused(tmp_path: Path) -> None:
    suites = write(tmp_path / "suites", some__robot=ONE, tasks__robot=ONE.replace("Test Cases", "Tasks"))
    run = launch(suites, tmp_path / "results")
    assert run.code == 2
    assert "Conflicting execution modes" in run.output


def test_a_suite_of_nothing_but_excluded_tests_is_refused(tmp_path: Path) -> None:
    suites = write(tmp_path / "suites", some__robot=f"{ONE}    [Tags]    robot:exclude\n")
    run = launch(suites, tmp_path / "results")
    assert run.code == 2
    assert "robot:exclude" in run.output
    assert not list((tmp_path / "results").glob("2*"))
