"""Lists of entity tags, as ``If-Match`` and ``If-None-Match`` have them (RFC 9110 §8.8.3 and §13.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_ITEM = re.compile(r'[ \t]*(?:(W/)?"([!#-~\x80-\xff]*)")?[ \t]*(?:,|$)')


class Tag(NamedTuple):
    """One entity tag; the text between its quotes."""

    text: str
    weak: bool


def parse(lines: Sequence[str]) -> list[Tag] | None:
    """The tags of all lines of the field, None for ``*``; ValueError where they are no list."""
    field = ",".join(lines)
    if field.strip(" \t") == "*":
        return None
    tags, at = list[Tag](), 0
    while at < len(field):
        found = _ITEM.match(field, at)
        if found is None:
            raise ValueError("not a list of entity tags")
        if found[2] is not None:
            tags.append(Tag(found[2], bool(found[1])))
        at = found.end()
    if not tags:
        raise ValueError("no entity tag")
    return tags
