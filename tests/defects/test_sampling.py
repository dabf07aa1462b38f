"""Which test must pass in spite of a defect."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from defects.catalogue import CatalogueError
from defects.sampling import sample
from tests.defects.entries import DEFECT

SUITE = """*** Test Cases ***
A
    [Tags]    req:C01.1
    No Operation
B
    [Tags]    req:C01.1
    No Operation
Near
    [Tags]    req:C01.1
    No Operation
Far
    [Tags]    req:C01.2
    No Operation
Further
    [Tags]    req:C01.3
    No Operation
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a.robot").write_text(SUITE, "utf-8")
    return tmp_path


def drawn(root: Path, *names: str, number: int = 1, also: tuple[str, ...] = ()) -> str:
    defect = replace(DEFECT, id=f"D1-{number:02}", suite="a.robot", also=also)
    return sample(defect, {"a.robot": list(names)}, root)


def test_it_is_of_another_requirement(root: Path) -> None:
    assert drawn(root, "A", "Near", "Far") == "Far"


def test_it_is_one_of_the_same_requirement_where_there_is_no_other(root: Path) -> None:
    assert drawn(root, "A", "Near") == "Near"


def test_entries_draw_different_ones_and_always_the_same(root: Path) -> None:
    assert [drawn(root, "Far", "Further", number=number) for number in (1, 2, 3)] == ["Further", "Far", "Further"]


def test_what_may_fail_as_well_is_not_drawn(root: Path) -> None:
    assert drawn(root, "Far", "Further", also=("Further",)) == "Far"


def test_an_entry_may_name_its_own(root: Path) -> None:
    assert sample(replace(DEFECT, suite="a.robot", sample="Near"), {}, root) == "Near"


def test_no_test_to_draw_is_an_error(root: Path) -> None:
    with pytest.raises(CatalogueError, match=r"D1-01: a\.robot has no test in samples\.yaml"):
        drawn(root, "A", "B")
