"""What was judged is kept, for as long as nothing changes that it depends on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from defects import journal
from defects.catalogue import Defect
from defects.journal import Entry, Journal, digest
from defects.judge import Outcome
from tests.defects.entries import DEFECT, proof


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "prove" / "journal.jsonl"


def note(path: Path, repetition: int = 1, outcome: Outcome = Outcome.CAUGHT, seconds: float = 1.0) -> Entry:
    entry = Entry.of(DEFECT, "same", repetition, proof(outcome, seconds))
    Journal(path).note(entry)
    return entry


def test_a_judgement_is_there_for_the_next_proof(path: Path) -> None:
    entry = note(path, outcome=Outcome.MISSED)
    assert Journal(path).kept(DEFECT, "same", 1) == entry


def test_it_holds_for_its_repetition_and_for_what_it_was_made_of(path: Path) -> None:
    note(path)
    assert Journal(path).kept(DEFECT, "same", 2) is None
    assert Journal(path).kept(DEFECT, "changed", 1) is None


def test_the_last_judgement_counts(path: Path) -> None:
    note(path, outcome=Outcome.MISSED)
    last = note(path)
    assert Journal(path).kept(DEFECT, "same", 1) == last


@pytest.mark.parametrize("cut", ['{"id": "D1-01", "dig', "{}", "7"])
def test_a_line_that_was_cut_short_is_no_judgement(path: Path, cut: str) -> None:
    entry = note(path)
    with path.open("a") as file:
        file.write(cut)
    assert Journal(path).kept(DEFECT, "same", 1) == entry


def test_seconds_are_known_whatever_has_changed(path: Path) -> None:
    assert Journal(path).seconds() == {}
    note(path, seconds=3.25)
    assert Journal(path).seconds() == {DEFECT.id: 3.2}


def test_every_part_that_a_judgement_depends_on_changes_its_digest(tmp_path: Path) -> None:
    parts = ("services/a.py", "resources/a.resource", "libraries/a.py", "variables/a.yaml", "suites/a.robot")
    defect = replace(DEFECT, suite="suites/a.robot")
    for name in parts:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("as it was")
    seen = {fresh_digest(defect, tmp_path)}
    for name in parts:
        (tmp_path / name).write_text("otherwise")
        seen.add(fresh_digest(defect, tmp_path))
    seen.add(fresh_digest(replace(defect, diagnosis="otherwise"), tmp_path))
    assert len(seen) == len(parts) + 2


def test_what_python_derives_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "services" / "__pycache__").mkdir(parents=True)
    before = fresh_digest(DEFECT, tmp_path)
    (tmp_path / "services" / "__pycache__" / "a.pyc").write_bytes(b"1")
    assert fresh_digest(DEFECT, tmp_path) == before


def fresh_digest(defect: Defect, root: Path) -> str:
    journal._tree.cache_clear()
    return digest(defect, "Sample", root)
