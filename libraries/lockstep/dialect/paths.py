"""Where values stand in an answer or a frame: dotted paths, conditions on them, and other sources of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lockstep.dialect.entries import Entries, Place, shown, text
from lockstep.dialect.errors import nearest
from lockstep.dialect.templates import MISSING, fill, step_into

SOURCES = ("header", "cookie", "redirect", "field", "claim", "value", "whole")
_MAYBE = "maybe "
_PRESENT, _ABSENT = "<present>", "<absent>"


def look_up(data: Any, path: str, item: Any = MISSING) -> Any:
    """What ``path`` leads to, or ``MISSING``.

    A path is dotted names and list positions (``data.items.0.id``), one that begins with a dot starts at ``item``, and
    ``.`` is the item itself; without an item it is ``data``.
    """
    here = item if path.removeprefix(_MAYBE).startswith(".") and item is not MISSING else data
    for part in filter(None, path.removeprefix(_MAYBE).split(".")):
        here = step_into(here, part)
    return here


@dataclass(frozen=True)
class Conditions:
    """What must stand where; all of it has to hold."""

    place: Place
    wanted: tuple[tuple[str, Any], ...]

    @classmethod
    def read(cls, value: Any, place: Place) -> Conditions:
        """From a mapping: path to value, to a list of which any will do, or to ``<present>`` or ``<absent>``."""
        entries = Entries(value, place, "a mapping of paths to values")
        wanted = entries.each(lambda entry, where: entry)
        if not wanted:
            raise place.wrong("no condition: nothing would be asked")
        for path, expected in wanted.items():
            if isinstance(expected, dict):
                raise place.at(path).wrong(f"a value, a list, {_PRESENT} or {_ABSENT} is needed, not a mapping")
        return cls(place, tuple(wanted.items()))

    def hold(self, data: Any, values: Mapping[str, Any], item: Any = MISSING) -> bool:
        """Whether ``data`` is so; fields of templates are filled from ``values``."""
        for path, expected in self.wanted:
            found = look_up(data, path, item)
            if expected in (_PRESENT, _ABSENT):
                if (found is MISSING or found is None) is (expected == _PRESENT):
                    return False
                continue
            filled = fill(expected, values, self.place.at(path))
            if found is MISSING or not (_same(found, filled) or (isinstance(filled, list) and found in filled)):
                return False
        return True

    def __str__(self) -> str:
        return ", ".join(f"{path} = {expected}" for path, expected in self.wanted)


def _same(found: Any, expected: Any) -> bool:
    # In Python True == 1; in JSON they are two things.
    return bool(found == expected) and isinstance(found, bool) == isinstance(expected, bool)


@dataclass(frozen=True)
class Reading:
    """Where one value stands in an answer: a source (``json`` where none is named) and a path or name."""

    place: Place
    source: str
    path: str
    optional: bool = False

    @classmethod
    def read(cls, value: Any, place: Place) -> Reading:
        """From a text: ``data.id``, ``header Location``, ``cookie sid``, ``redirect code``, ``field _xsrf``,
        ``claim access.sub``, ``value {x}``, ``whole body``; after ``maybe`` what may be missing.
        """
        given = text(value, place)
        optional = given.startswith(_MAYBE)
        words = given.removeprefix(_MAYBE).strip().split(" ", 1)
        if len(words) == 1:
            return cls(place, "json", words[0], optional)
        if words[0] not in SOURCES:
            raise place.wrong(f"{shown(words[0])} is no source of a value{nearest(words[0], SOURCES)}")
        if words[0] == "whole" and words[1] != "body":
            raise place.wrong(f"only `whole body` is known, not {shown(value)}")
        if words[0] == "claim" and "." not in words[1]:
            raise place.wrong("a claim is written as `claim access.sub`: the token's name, a dot, the claim")
        return cls(place, words[0], words[1].strip(), optional)


def json_path(value: Any, place: Place) -> str:
    """A path into JSON; after ``maybe`` it may lead nowhere (`is_optional`)."""
    path = text(value, place)
    if " " in path.removeprefix(_MAYBE):
        raise place.wrong(f"a dotted path is needed, not {shown(value)}")
    return path


def is_optional(path: str) -> bool:
    """Whether a path may lead nowhere."""
    return path.startswith(_MAYBE)
