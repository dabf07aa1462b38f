"""The names beside the ids of tests are written and checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher import named_tests
from launcher.console import LaunchError

SUITE = """*** Test Cases ***
The Truth
    [Tags]    id:C01-01
    No Operation
Another Truth
    [Tags]    id:CT-02
    No Operation
"""
CATALOGUE = """- id: C01-01
  caught_by: C01-01{first}
  also:
    - CT-02{second}
  breaks: [C01.1]
  origin: CWE-290
"""
PAGE = """| promise | {link} |
 1/96 PASS  C01-01 {name}  0.8 s
Issue C01-01 and [CWE-290](page.md) stay.
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("suites/critical", "defects/catalogue", "docs"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "suites" / "critical" / "a.robot").write_text(SUITE, "utf-8")
    return tmp_path


def catalogue(project: Path, text: str) -> Path:
    path = project / "defects" / "catalogue" / "c01.yaml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("before", ["", "  # An Old Name", " # The Truth"])
def test_a_missing_or_old_name_in_the_catalogue_is_replaced(project: Path, before: str) -> None:
    path = catalogue(project, CATALOGUE.format(first=before, second=before))
    named = CATALOGUE.format(first="  # The Truth", second="  # Another Truth")
    assert named_tests.stale(project) == {path: named}
    path.write_text(named, "utf-8")
    assert named_tests.stale(project) == {}


def test_name_and_suite_in_a_page_are_those_of_the_id(project: Path) -> None:
    page = project / "docs" / "page.md"
    page.write_text(PAGE.format(link="[CT-02](nowhere.robot)", name="An Old Name"), "utf-8")
    link = "[CT-02 Another Truth](../suites/critical/a.robot)"
    assert named_tests.stale(project) == {page: PAGE.format(link=link, name="The Truth")}


def test_the_tests_of_an_area_are_counted(project: Path) -> None:
    page = project / "README.md"
    row = "| [`critical`](suites/critical) | ten scenarios | {} |\n| [`other`](suites/critical) | 7 |\n"
    page.write_text(row.format(96), "utf-8")
    assert named_tests.stale(project) == {page: row.format(2)}


def test_an_id_that_no_test_has_is_an_error_that_names_the_file_and_the_nearest(project: Path) -> None:
    catalogue(project, "- id: C01-01\n  caught_by: CT-03\n")
    with pytest.raises(LaunchError, match=r"defects/catalogue/c01\.yaml: .* id CT-03\. Did you mean 'CT-02'\?"):
        named_tests.stale(project)
