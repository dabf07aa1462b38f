"""The facts of a dialect one by one, and which of them somebody has looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lockstep.dialect.entries import Place

Names = tuple[str | int, ...]


def leaves(value: Any, path: Names = ()) -> Iterator[Names]:
    """The places of all facts: values that are no mappings; a list of plain values is one fact."""
    if isinstance(value, dict) and value:
        for name, entry in value.items():
            yield from leaves(entry, (*path, name))
    elif isinstance(value, list) and any(isinstance(entry, dict | list) for entry in value):
        for index, entry in enumerate(value):
            yield from leaves(entry, (*path, index))
    else:
        yield path


def dotted(path: Names) -> str:
    """A place as it is written: ``operations.refresh.status``."""
    return ".".join(map(str, path))


@dataclass
class Marks:
    """Which facts were looked at; what is said of a part holds for what is below it, unless that is said of itself."""

    known: dict[Names, bool] = field(default_factory=dict)

    def read(self, *path: str | int) -> None:
        """This fact, or all below it, was looked at."""
        self.known[path] = True

    def unread(self, *path: str | int) -> None:
        """This fact, or all below it, was not, though the part that it stands in was; a later `read` counts more."""
        self.known.setdefault(path, False)

    def has(self, path: Names) -> bool:
        """Whether a fact was looked at."""
        return next((self.known[path[:size]] for size in range(len(path), -1, -1) if path[:size] in self.known), False)


def grouped(paths: Sequence[Names], place: Place) -> Mapping[str, list[str]]:
    """Facts by the part that they stand in, each with its line; several below one entry are named by it."""
    parts: dict[str, dict[Names, list[Names]]] = {}
    for path in paths:
        entry = path[: _DEPTHS.get(str(path[0]), 2)]
        parts.setdefault(str(path[0]), {}).setdefault(entry, []).append(path)
    return {part: [_named(entry, below, place) for entry, below in found.items()] for part, found in parts.items()}


def _named(entry: Names, below: Sequence[Names], place: Place) -> str:
    shown = below[0] if len(below) == 1 else entry
    here = place
    for name in shown:
        here = here.at(name)
    line = str(here).rpartition(":")[2]
    more = f", {len(below)} facts" if len(below) > 1 else ""
    return f"{dotted(shown)} (line {line}{more})"


_DEPTHS = {"socket": 3, "promises": 3, "operations": 3}
"""After how many names the facts of a part are named together, where that is not the second."""
