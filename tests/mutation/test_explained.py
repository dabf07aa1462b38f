"""Survivors with a reason: they fit the code, and they fit one mutant."""

from dataclasses import replace
from pathlib import Path

import pytest

from mutation.explained import Explanation, ExplanationError, read, stale
from mutation.mutants import Mutant

MUTANT = Mutant("services/a.py", "f", 0, 2, "x = 1", "x = 2", (2, 2))
ENTRY = Explanation("services/a.py", "f", "x = 1", "x = 2", "timing", "nobody waits for it")


def test_every_explanation_fits_its_file() -> None:
    assert stale(read()) == []


def test_the_same_change_elsewhere_is_not_explained() -> None:
    assert ENTRY.explains(MUTANT)
    assert not ENTRY.explains(replace(MUTANT, after="x = 3"))
    assert not ENTRY.explains(replace(MUTANT, file="services/b.py"))
    assert not ENTRY.explains(replace(MUTANT, function="g"))


def test_what_no_longer_stands_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "a.py").write_text("def f():\n    x = 1\n    y = 2\n")
    both = replace(ENTRY, before="x = 1\ny = 2")
    assert stale([ENTRY, both], tmp_path) == []
    (found,) = stale([replace(ENTRY, before="x = ")], tmp_path)
    assert "services/a.py no longer has 'x = ' in f" in found
    assert stale([replace(ENTRY, before="")], tmp_path)
    assert stale([replace(ENTRY, file="services/gone.py")], tmp_path)
    assert stale([replace(ENTRY, function="gone")], tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "- {file: f, function: g, before: b, after: a, kind: guess, reason: r}",
            "needs a reason, and a kind of equivalent",
        ),
        ("- {file: f, function: g, before: b, after: a, kind: log, reason: ''}", "entry 1 needs a reason"),
        ("- {file: f, function: g, before: b}", "entry 1"),
    ],
)
def test_half_an_explanation_is_none(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "explained.yaml"
    path.write_text(text)
    with pytest.raises(ExplanationError, match=says):
        read(path)
