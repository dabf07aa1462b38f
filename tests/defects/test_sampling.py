"""Which test must pass in spite of a defect."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from defects.catalogue import CatalogueError
from defects.sampling import sample
from tests.defects.entries import DEFECT

SUITE = """*** Test Cases ***
Test A
    [Tags]    id:A    req:C01.1
    No Operation
Test B
    [Tags]    id:B    req:C01.1
    No Operation
Test Near
    [Tags]    id:NEAR    req:C01.1
    No Operation
Test Far
    [Tags]    id:FAR    req:C01.2
    No Operation
Test Further
    [Tags]    id:FURTHER    req:C01.3
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
    assert drawn(root, "A", "NEAR", "FAR") == "FAR"


def test_it_is_one_of_the_same_requirement_where_there_is_no_other(root: Path) -> None:
    assert drawn(root, "A", "NEAR") == "NEAR"


def test_entries_draw_different_ones_and_always_the_same(root: Path) -> None:
    assert [drawn(root, "FAR", "FURTHER", number=number) for number in (1, 2, 3)] == ["FURTHER", "FAR", "FURTHER"]


def test_what_may_fail_as_well_is_not_drawn(root: Path) -> None:
    assert drawn(root, "FAR", "FURTHER", also=("FURTHER",)) == "FAR"


def test_an_entry_may_name_its_own(root: Path) -> None:
    assert sample(replace(DEFECT, suite="a.robot", sample="NEAR"), {}, root) == "NEAR"


def test_no_test_to_draw_is_an_error(root: Path) -> None:
    with pytest.raises(CatalogueError, match=r"D1-01: a\.robot has no test in samples\.yaml"):
        drawn(root, "A", "B")
