"""SnapshotLibrary: its comparison, and its keywords at a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from SnapshotLibrary.compare import Rows, changes

from tests.libraries.inner import INNER, run_inner
from tests.services.servers import MakeDatabase

BEFORE: Rows = {("1",): {"id": "1", "name": "Ada"}, ("2",): {"id": "2", "name": None}}


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (BEFORE, []),
        ({**BEFORE, ("3",): {"id": "3", "name": "Cleo"}}, ["t 3 is new"]),
        ({("1",): BEFORE["1",]}, ["t 2 is gone"]),
        ({**BEFORE, ("1",): {"id": "1", "name": "Eve"}}, ["t 1: name was 'Ada' and is 'Eve'"]),
        ({**BEFORE, ("2",): {"id": "2", "name": "None"}}, ["t 2: name was None and is 'None'"]),
        ({**BEFORE, ("1",): {"id": "1"}}, ["t 1: name was 'Ada' and is None"]),
    ],
)
def test_every_change_is_found(after: Rows, found: list[str]) -> None:
    assert list(changes("t", BEFORE, after, [], new_rows=True)) == found


def test_new_rows_and_free_columns_are_passed_over_where_that_is_wanted() -> None:
    after: Rows = {**BEFORE, ("1",): {"id": "1", "name": "Eve"}, ("3",): {"id": "3", "name": "Cleo"}}
    assert list(changes("t", BEFORE, after, ["t.name"], new_rows=False)) == []
    assert list(changes("t", BEFORE, after, ["u.name"], new_rows=False)) == ["t 1: name was 'Ada' and is 'Eve'"]


def test_keywords_from_outside(make_database: MakeDatabase, tmp_path: Path) -> None:
    run_inner(INNER / "snapshot", tmp_path, variables={"URL": make_database("snapshot")}).all_as_declared()
