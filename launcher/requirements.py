"""The requirement ids, read from ``docs/requirements.md``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from launcher.paths import REQUIREMENTS

_HEADING = re.compile(r"^#+ .*?(?:`suites/(?P<area>[a-z_]+)`)?\s*$")
_COMMAND = re.compile(r"\(`(\./run [^`]+)`\)$")
_ROW = re.compile(r"^\|\s*(?P<id>[A-Z]\d\d(?:\.\d+)?)\s*\|\s*(?P<text>.+?)\s*\|$")


@dataclass(frozen=True)
class Requirement:
    """One id, what it asks in a line, and the area of ``suites/`` that answers for it (``None``: no suite does)."""

    id: str
    text: str
    area: str | None

    @property
    def command(self) -> str | None:
        """What proves it in the place of tests, where its text ends so: ``(`./run coverage`)``."""
        found = _COMMAND.search(self.text)
        return found[1] if found else None


def read(path: Path = REQUIREMENTS) -> dict[str, Requirement]:
    """Every requirement by id, in the order of the page; empty where the page is missing."""
    found: dict[str, Requirement] = {}
    area: str | None = None
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        if line.startswith("#") and (heading := _HEADING.match(line)):
            area = heading["area"]
        elif row := _ROW.match(line):
            found[row["id"]] = Requirement(row["id"], row["text"], area)
    return found


def of_areas(known: dict[str, Requirement], areas: Iterable[str]) -> list[Requirement]:
    """What ``areas`` answer for."""
    wanted = set(areas)
    return [requirement for requirement in known.values() if requirement.area in wanted]


def spans(ids: Iterable[str]) -> str:
    """``C05.1, C05.2, C06.1`` as ``C05.1-C05.2, C06.1``: neighbours of one scenario drawn together."""
    groups: list[list[str]] = []
    for name in ids:
        if groups and groups[-1][0].partition(".")[0] == name.partition(".")[0]:
            groups[-1].append(name)
        else:
            groups.append([name])
    return ", ".join(group[0] if len(group) == 1 else f"{group[0]}–{group[-1]}" for group in groups)
