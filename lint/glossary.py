"""``CONTEXT.md``: the words to avoid, and what a name may begin with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "CONTEXT.md"
_ROW = re.compile(r"^\|\s*(?P<term>[^|]+?)\s*\|[^|]*\|\s*(?P<avoided>[^|]*?)\s*\|$")
_NOT_FIRST = "never begins with one of these:"
_VERBS = "Verbs:"


@dataclass(frozen=True)
class Glossary:
    """``avoided`` is what to say instead of a word; ``not_first`` are first words that no test's name has.

    ``verbs`` are those that the name of an act begins with. Words are in lower case.
    """

    avoided: Mapping[str, tuple[str, ...]]
    not_first: frozenset[str]
    verbs: frozenset[str]


def read(page: Path = PAGE) -> Glossary:
    """The glossary of ``page``; raises ``ValueError`` where it lacks one of its lists."""
    text = page.read_text("utf-8")
    avoided: dict[str, tuple[str, ...]] = {}
    for row in filter(None, map(_ROW.match, text.splitlines())):
        for word in _listed(row["avoided"]):
            avoided[word] = (*avoided.get(word, ()), row["term"])
    for heading in ("instead of", ""):
        avoided.pop(heading, None)
    return Glossary(avoided, frozenset(_after(_NOT_FIRST, text, page)), frozenset(_after(_VERBS, text, page)))


def _after(start: str, text: str, page: Path) -> list[str]:
    line = next((line for line in text.splitlines() if start in line), None)
    if line is None:
        raise ValueError(f"{page}: there is no line with {start!r}.")
    return _listed(line.partition(start)[2].rstrip("."))


def _listed(cell: str) -> list[str]:
    return [word.strip().lower() for word in cell.split(",") if word.strip(" -")]
