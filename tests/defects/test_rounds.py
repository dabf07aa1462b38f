"""Blind rounds: read, put together, and their first results, which nothing changes later."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from defects.catalogue import CatalogueError, Change
from defects.first import First, Firsts, Result, catalogued, page, rate
from defects.rounds import Blind, numbers, read, together
from tests.defects.entries import DEFECT

ROUND = """
- id: A01
  title: first
  kind: wrong in one store
  breaks: |
    A sentence
    of the protocol.
  seen: by a user
  change: {file: services/a.py, find: old, replace: new}
- id: A02
  title: second | with a bar
  breaks: another
  areas: security
  change:
    - {file: services/a.py, find: old, replace: newer}
    - {file: services/b.py, find: b, replace: c}
"""


def blind(name: str, *changes: Change) -> Blind:
    return Blind(name, f"title of {name}", "a sentence", changes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "1.yaml").write_text(ROUND, "utf-8")
    return tmp_path


def test_a_round_is_read(folder: Path) -> None:
    first, second = read(1, folder)
    assert (first.id, first.breaks, first.areas) == ("A01", "A sentence of the protocol.", ())
    assert first.words == "first A sentence of the protocol. by a user"
    assert (len(second.changes), second.areas) == (2, ("security",))
    Firsts(1, folder).keep("A01", Result(First.MISSED))
    assert numbers(folder) == [1]


def test_a_round_that_is_not_there_is_an_error(folder: Path) -> None:
    with pytest.raises(CatalogueError, match="there is no round 2; written are: 1"):
        read(2, folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- {id: A01, title: t}", "A01 lacks breaks, change"),
        (ROUND + ROUND, "A01 is there twice"),
        ("a: b", "no.* list"),
    ],
)
def test_a_bad_round_is_an_error(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "1.yaml").write_text(text, "utf-8")
    with pytest.raises(CatalogueError, match=words):
        read(1, tmp_path)


def test_defects_are_put_together_where_they_fit(tmp_path: Path) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "a.py").write_text("one two three", "utf-8")
    one, two = (blind(name, Change("services/a.py", name, "x")) for name in ("one", "two"))
    clash = blind("clash", Change("services/a.py", "one two", "y"))
    group, left = together([one, clash, two], tmp_path)
    assert (group.id, left) == ("one+two", [clash])
    assert group.changes == (*one.changes, *two.changes)


def test_a_first_result_stays(folder: Path) -> None:
    firsts = Firsts(1, folder)
    firsts.keep("A01", Result(First.MISSED, ran=7, unjudged=("C01-01",)))
    firsts.keep("A01", Result(First.CAUGHT, "C01-01"))
    assert Firsts(1, folder).results == {"A01": Result(First.MISSED, ran=7, unjudged=("C01-01",))}


def test_what_did_not_start_does_not_count() -> None:
    results = [Result(outcome) for outcome in (First.CAUGHT, First.MISSED, First.NOT_STARTED, First.CAUGHT)]
    assert rate(results) == "2 of 3 (67%)"
    assert rate([]) == "–"


def test_the_page_has_first_results_and_what_is_true_since(folder: Path) -> None:
    Firsts(1, folder).keep("A01", Result(First.CAUGHT, "C01-01", "A Name", "said <this>"))
    (folder / "notes.yaml").write_text("A02: nobody can see it\n", "utf-8")
    known = replace(DEFECT, id=catalogued(1, read(1, folder)[0]))
    assert known.id == "B1-01"
    lines = page([known], folder).splitlines()
    assert "| 1 | 2 | not known: 1 have no result yet |" in lines
    assert "| A01 | first | caught | C01-01 A Name | said &lt;this> | B1-01: A, B |" in lines
    assert "| A02 | second \\| with a bar | not judged yet |  |  | nobody can see it |" in lines


def test_lanes_keep_what_they_find_at_one_instant(folder: Path) -> None:
    firsts = Firsts(1, folder)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: firsts.keep(f"A{number:02}", Result(First.MISSED, words="x" * 999)), range(200)))
    assert len(Firsts(1, folder).results) == 200
