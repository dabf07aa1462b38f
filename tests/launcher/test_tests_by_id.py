"""Tests are found by their ids."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from launcher import tests_by_id
from launcher.console import LaunchError
from launcher.paths import ROOT

SUITE = """*** Test Cases ***
One
    [Tags]    {one}    req:C01.1
    No Operation
Two
    [Tags]    {two}
    No Operation
Three
    No Operation
"""


def suite(folder: Path, one: str = "id:C01-01", two: str = "id:C01-02") -> Path:
    path = folder / "some.robot"
    path.write_text(SUITE.format(one=one, two=two), "utf-8")
    return path


def test_each_test_with_an_id_is_known_with_its_name_suite_and_tags(tmp_path: Path) -> None:
    path = suite(tmp_path)
    known = tests_by_id.read(tmp_path)
    assert list(known) == ["C01-01", "C01-02"]
    found = tests_by_id.find("C01-01", known)
    assert (found.name, found.suite, found.tags) == ("One", path, frozenset({"id:C01-01", "req:C01.1"}))


def test_an_unknown_id_is_an_error_that_names_the_nearest(tmp_path: Path) -> None:
    suite(tmp_path)
    with pytest.raises(LaunchError, match=r"There is no test with the id C01-20\. Did you mean 'C01-02'\?"):
        tests_by_id.find("C01-20", tests_by_id.read(tmp_path))


def test_an_id_of_two_tests_is_an_error_that_names_both(tmp_path: Path) -> None:
    suite(tmp_path, two="id:c01-01")
    with pytest.raises(LaunchError, match=r"Two tests have the id C01-01: 'One' in .*some\.robot and 'Two' in .*some"):
        tests_by_id.read(tmp_path)


def test_suites_that_robot_cannot_read_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match=r"contains no tests or tasks|does not exist"):
        tests_by_id.read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("C05-03", "C05-03"),
        ("c05-03", "C05-03"),
        ("id:C05-03", "C05-03"),
        ("ID:ct-101", "CT-101"),
        ("C05.3", None),
        ("C05", None),
        ("critical", None),
        ("C05-03 A Name", None),
    ],
)
def test_an_id_is_read_with_and_without_its_prefix(text: str, key: str | None) -> None:
    assert tests_by_id.written(text) == key


def test_every_test_of_the_project_has_an_id() -> None:
    from robot.api import TestSuite

    from launcher.paths import SUITES

    tests = list(TestSuite.from_file_system(SUITES).all_tests)
    assert [test.full_name for test in tests if tests_by_id.of_tags(test.tags) is None] == []
    assert len(tests_by_id.read(SUITES)) == len(tests)


def test_ids_choose_tests_by_their_tags_and_areas_choose_none() -> None:
    assert tests_by_id.chosen(["C05-03", "id:ct-01"]) == ("id:C05-03", "id:CT-01")
    assert tests_by_id.chosen(["critical", "suites/one.robot"]) == ()
    assert tests_by_id.chosen([]) == ()
    with pytest.raises(LaunchError, match=r"The test C05-03 and 'critical' cannot be run at once"):
        tests_by_id.chosen(["critical", "C05-03"])


def test_every_id_that_the_code_names_is_that_of_a_test() -> None:
    files = [file for name in ("bench", "defects", "launcher", "mutation") for file in (ROOT / name).rglob("*.py")]
    named = {
        key for file in files for key in re.findall(rf'"id:({tests_by_id.FORM.pattern})"', file.read_text("utf-8"))
    }
    assert {"EX-01", "EX-02", "C09-04"} <= named
    assert named <= tests_by_id.read().keys()


def test_ids_are_checked_in_the_project_and_beside_it(tmp_path: Path) -> None:
    (tmp_path / "one.robot").write_text("*** Test Cases ***\nOne\n    [Tags]    id:ZZ-41\n    No Operation\n")
    tests_by_id.check(["ZZ-41", "C01-01"], [tmp_path])
    with pytest.raises(LaunchError, match=r"There is no test with the id ZZ-42\. Did you mean 'ZZ-41'"):
        tests_by_id.check(["ZZ-42"], [tmp_path])
