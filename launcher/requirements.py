"""The requirement ids, read from ``docs/requirements.md``, and what is wrong with that page."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.paths import REQUIREMENTS, SHIPPED_REQUIREMENTS

_HEADING = re.compile(r"^## (?P<title>(?P<letter>[A-Z])\. .+?)(?:: `suites/(?P<area>[a-z_]+)`)?\s*$")
_COMMAND = re.compile(r"\(`\./run (?P<words>[^`]+)`\)$")
_ROW = re.compile(r"^\|\s*(?P<id>[A-Z]\d\d(?:\.\d+)?)\s*\|\s*(?P<text>[^|\s][^|]*?)\s*\|$")
_TABLE_HEAD = re.compile(r"^\|\s*id\s*\|\s*what must hold\s*\|$|^\|[-|]+\|$")
_LIKE_A_ROW = re.compile(r"^\s*\||^\W*[A-Z]\d+(?:\.\d+)?\s*\|")


@dataclass(frozen=True)
class Requirement:
    """One id, what must hold in a sentence, the heading that it stands under, and the area of ``suites/`` that answers
    for it (``None``: no area does)."""

    id: str
    text: str
    section: str = ""
    area: str | None = None

    @property
    def command(self) -> str | None:
        """What proves it in the place of tests, where its text ends so: ``(`./run coverage`)``."""
        found = _COMMAND.search(self.text)
        return f"./run {found['words']}" if found else None


@dataclass(frozen=True)
class Page:
    """What ``docs/requirements.md`` says, and each line of it that cannot be read, with the reason."""

    requirements: dict[str, Requirement]
    flaws: tuple[str, ...]


def read(path: Path = REQUIREMENTS) -> dict[str, Requirement]:
    """Every requirement by id, in the order of the page; empty where the page is missing."""
    return parse(path.read_text("utf-8")).requirements if path.is_file() else {}


def known() -> dict[str, Requirement]:
    """Those of the project, and those that the suites that come with Lockstep are about."""
    return {**read(SHIPPED_REQUIREMENTS), **read()}


def parse(text: str, areas: Collection[str] | None = None, commands: Collection[str] | None = None) -> Page:
    """Read the page; where ``areas`` and ``commands`` are given, what it names must be among them."""
    found: dict[str, Requirement] = {}
    flaws: list[str] = []
    section, letter, area = "", "", None
    for number, line in enumerate(text.splitlines(), 1):
        if heading := _HEADING.match(line):
            section, letter, area = heading["title"], heading["letter"], heading["area"]
            if area and areas is not None and area not in areas:
                flaws.append(f"line {number}: there is no suites/{area}")
        elif line.startswith("## "):
            flaws.append(f"line {number}: a heading is `## X. Title` or `## X. Title: `suites/area``, not {line!r}")
        elif row := _ROW.match(line):
            requirement = Requirement(row["id"], row["text"], section, area)
            flaws += [f"line {number}: {flaw}" for flaw in _flaws(requirement, letter, found, commands)]
            found.setdefault(requirement.id, requirement)
        elif _LIKE_A_ROW.match(line) and not _TABLE_HEAD.match(line):
            flaws.append(f"line {number}: a row is `| X01 | what must hold |`, not {line!r}")
    return Page(found, tuple(flaws))


def _flaws(
    requirement: Requirement, letter: str, known: Collection[str], commands: Collection[str] | None
) -> Iterable[str]:
    if requirement.id in known:
        yield f"{requirement.id} stands here a second time"
    if not requirement.id.startswith(letter or "?"):
        yield f"{requirement.id} does not belong under {requirement.section!r}"
    command = requirement.command
    if command and commands is not None and command.split()[1] not in commands:
        yield f"{requirement.id} names {command!r}, and there is no such command"


def of_areas(known: Mapping[str, Requirement], areas: Iterable[str]) -> list[Requirement]:
    """What ``areas`` answer for."""
    wanted = set(areas)
    return [requirement for requirement in known.values() if requirement.area in wanted]


def spans(ids: Iterable[str]) -> str:
    """``C05.1, C05.2, C06.1`` as ``C05.1–C05.2, C06.1``: what follows one another without a gap is drawn together."""
    groups: list[list[str]] = []
    for name in ids:
        if groups and _successor(groups[-1][-1]) == name:
            groups[-1].append(name)
        else:
            groups.append([name])
    return ", ".join(group[0] if len(group) == 1 else f"{group[0]}–{group[-1]}" for group in groups)


def _successor(name: str) -> str:
    """``C05.2`` of ``C05.1``, ``H02`` of ``H01``."""
    stem, dot, part = name.partition(".")
    return f"{stem}.{int(part) + 1}" if dot else f"{stem[0]}{int(stem[1:]) + 1:02}"
