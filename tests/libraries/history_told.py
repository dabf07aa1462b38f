"""Histories told line by line, one millisecond apart: ``who op kind [key] [id=…] [seq=…] [epoch=…] [value=…]``."""

from __future__ import annotations

import shlex
from typing import Any, cast

from HistoryLibrary import Operation
from HistoryLibrary.operations import Kind, epoch_of

MILLISECOND = 1_000_000


def told(story: str) -> list[Operation]:
    """The operations of ``story``; blank lines pass time as well."""
    return [
        _operation(index, line)
        for index, line in enumerate(story.strip("\n").splitlines())
        if line.split("#")[0].strip()
    ]


def _operation(index: int, line: str) -> Operation:
    process, op, kind, *rest = shlex.split(line, comments=True)
    fields: dict[str, Any] = dict(part.split("=", 1) for part in rest if "=" in part)
    key = next((part for part in rest if "=" not in part), None)
    seq = fields.get("seq")
    value = fields.get("value")
    return Operation(
        index,
        index * MILLISECOND,
        1_700_000_000 + index / 1000,
        process,
        cast(Kind, kind),
        op,
        key,
        float(value[:-1]) if value and value[-1] == "s" and value[:-1].isdigit() else value,
        int(seq) if seq is not None else None,
        epoch_of(fields.get("epoch", "1" if seq is not None else None)),
        fields.get("id"),
        None,
        fields.get("note"),
    )
