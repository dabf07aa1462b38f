"""Blind rounds: defects written by a reader of the services and the protocol alone (``defects/rounds/<number>.yaml``).

No entry knows which test is to notice it, so every test of the areas that should is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from defects.catalogue import CatalogueError, Change, applied, listed, read_entries

FOLDER = Path(__file__).resolve().parent / "rounds"
_NEEDED = {"id", "title", "breaks", "change"}


@dataclass(frozen=True)
class Blind:
    """One defect of a round.

    ``breaks`` is the sentence of the protocol that no longer holds, ``seen`` how a user would see that; ``areas`` are
    those that should notice, all of them where none is named.
    """

    id: str
    title: str
    breaks: str
    changes: tuple[Change, ...]
    seen: str = ""
    kind: str = ""
    areas: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """All that is written about it."""
        return " ".join((self.title, self.breaks, self.seen))


def path_of(number: int, folder: Path = FOLDER) -> Path:
    """Where the round is written."""
    return folder / f"{number}.yaml"


def numbers(folder: Path = FOLDER) -> list[int]:
    """The rounds that there are."""
    return sorted(int(path.stem) for path in folder.glob("*.yaml") if path.stem.isdigit())


def read(number: int, folder: Path = FOLDER) -> list[Blind]:
    """The defects of a round; raises CatalogueError where there is none, or for a bad or doubled entry."""
    path = path_of(number, folder)
    if not path.exists():
        known = ", ".join(map(str, numbers(folder))) or "none"
        raise CatalogueError(f"there is no round {number}; written are: {known}")
    found: dict[str, Blind] = {}
    for entry in read_entries(path):
        blind = _blind(entry, path.name)
        if blind.id in found:
            raise CatalogueError(f"{path.name}: {blind.id} is there twice")
        found[blind.id] = blind
    return list(found.values())


def _blind(entry: dict[str, Any], file: str) -> Blind:
    if missing := _NEEDED - entry.keys():
        name = entry.get("id", "an entry without id")
        raise CatalogueError(f"{file}: {name} lacks {', '.join(sorted(missing))}")
    return Blind(
        id=entry["id"],
        title=_text(entry["title"]),
        breaks=_text(entry["breaks"]),
        changes=tuple(Change(**change) for change in listed(entry["change"])),
        seen=_text(entry.get("seen", "")),
        kind=_text(entry.get("kind", "")),
        areas=tuple(listed(entry.get("areas", []))),
    )


def _text(value: Any) -> str:
    return " ".join(" ".join(map(str, listed(value))).split())


def together(blinds: Iterable[Blind], root: Path) -> tuple[Blind, list[Blind]]:
    """As many of them as apply to one copy, as one defect; and those that do not fit beside them."""
    members: list[Blind] = []
    left: list[Blind] = []
    for blind in blinds:
        try:
            applied(_joined([*members, blind]), root)
        except CatalogueError:
            left.append(blind)
        else:
            members.append(blind)
    return _joined(members), left


def _joined(members: Sequence[Blind]) -> Blind:
    changes = tuple(change for member in members for change in member.changes)
    return Blind("+".join(member.id for member in members), "several at once", "", changes)
