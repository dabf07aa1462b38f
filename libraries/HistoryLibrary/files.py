"""Histories as files: one JSON object a line, readable by hand and by any tool."""

from __future__ import annotations

import json
from json.encoder import encode_basestring as quoted
from pathlib import Path
from typing import Any

from .operations import FIELDS, KINDS, Operation, Row, epoch_of, position

_TEXTS = ("process", "kind", "op", "key", "client_msg_id", "node", "note")
as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


class HistoryFileError(ValueError):
    """A history file that cannot be read; the message names the file and the line."""


def encode(row: Row) -> str:
    """``row`` as one line of JSON, without the fields that it lacks.

    Written out by hand because it is three times as fast as ``json.dumps`` of a dict of these fields.
    """
    index, time, wall, process, kind, op, key, value, seq, epoch, client_msg_id, node, note = row
    line = (
        f'{{"index":{index},"time":{time},"wall":{wall!r},"process":{quoted(process)},"kind":"{kind}","op":{quoted(op)}'
    )
    if key is not None:
        line += f',"key":{quoted(key)}'
    if value is not None:
        line += f',"value":{quoted(value) if type(value) is str else as_json(value)}'
    if seq is not None:
        line += f',"seq":{seq}'
    if epoch is not None:
        line += f',"epoch":{as_json(epoch)}'
    if client_msg_id is not None:
        line += f',"client_msg_id":{quoted(client_msg_id)}'
    if node is not None:
        line += f',"node":{quoted(node)}'
    if note is not None:
        line += f',"note":{quoted(note)}'
    return line + "}"


def decode(line: str) -> Operation:
    """The operation of one line; raises ``ValueError`` with the reason where it is none."""
    fields = json.loads(line)
    if not isinstance(fields, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one kind of error for every damaged line
    _check(fields)
    fields["seq"] = position(fields.get("seq"))
    fields["epoch"] = epoch_of(fields.get("epoch"))
    return Operation(**fields)


def _check(fields: dict[str, Any]) -> None:
    if unknown := fields.keys() - set(FIELDS):
        raise ValueError(f"unknown field {sorted(unknown)[0]!r}")
    if missing := [name for name in FIELDS[:6] if name not in fields]:
        raise ValueError(f"field {missing[0]!r} is missing")
    if fields["kind"] not in KINDS:
        raise ValueError(f"kind {fields['kind']!r} is none of {', '.join(KINDS)}")
    for name in ("index", "time"):
        if type(fields[name]) is not int:
            raise ValueError(f"{name} is not a whole number: {fields[name]!r}")
    if isinstance(fields["wall"], bool) or not isinstance(fields["wall"], int | float):
        raise ValueError(f"wall is not a number: {fields['wall']!r}")  # noqa: TRY004 - one kind of error for all
    for name in _TEXTS:
        if fields.get(name) is not None and not isinstance(fields[name], str):
            raise ValueError(f"{name} is not text: {fields[name]!r}")


def read_history(path: Path) -> list[Operation]:
    """Every operation of the file at ``path``.

    A last line without its end of line is what a killed writer leaves: it is dropped where it is not whole. Anything
    else that is no operation raises ``HistoryFileError``.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise HistoryFileError(f"{path}: cannot be read: {error.strerror}") from error
    torn = lines.pop()
    operations = [_line(path, number, line) for number, line in enumerate(lines, 1)]
    try:
        return [*operations, decode(torn.decode())] if torn else operations
    except ValueError:
        return operations


def _line(path: Path, number: int, line: bytes) -> Operation:
    try:
        return decode(line.decode())
    except ValueError as error:
        raise HistoryFileError(f"{path}, line {number}: not an operation: {error}") from error
