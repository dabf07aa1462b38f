"""From a socket's journal to operations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from .mapping import FIELDS, FrameMapping, Paths, Rule, find
from .operations import epoch_of, position
from .recorder import History

_CLOSE = 8
_TEXTS = ("key", "client_msg_id", "node", "note")
_SECOND = 1_000_000_000

Call = tuple[str, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Entry:
    """One frame as this library needs it; times as in ``Operation``."""

    time: int
    wall: float
    sent: bool
    opcode: int
    frame: Any
    body: bytes = b""

    @classmethod
    def of(cls, entry: Any) -> Entry:
        """From an entry of WebSocketLibrary's journal, or a dictionary with the same names.

        Needed are ``at`` (monotonic seconds), ``direction`` and ``json`` or ``text``; raises ``ValueError`` otherwise.
        """
        get = entry.get if isinstance(entry, Mapping) else partial(getattr, entry)
        at, direction = get("at", None), get("direction", None)
        if not isinstance(at, int | float) or direction is None:
            raise ValueError(f"not a journal entry: {entry!r:.200}")
        parsed = get("json", None)
        return cls(
            time=int(at * _SECOND),
            wall=_wall(get("wall", None)),
            sent=str(direction) in ("sent", "out"),
            opcode=int(get("opcode", 1)),
            frame=_parsed(entry) if parsed is None and isinstance(entry, Mapping) else parsed,
            body=get("body", b"") or b"",
        )


def _wall(value: Any) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    return float(value) if isinstance(value, int | float) else 0.0


def _parsed(entry: Mapping[str, Any]) -> Any:
    try:
        return json.loads(entry.get("text") or "null")
    except ValueError:
        return None


class Translator:
    """Follows one connection and records into a history what its frames mean."""

    def __init__(self, history: History, process: str, mapping: FrameMapping) -> None:
        self._history = history
        self._process = process
        self._mapping = mapping
        self._context: dict[str, str] = {}
        self._open: dict[Call, object] = {}
        # By call id as it is written, since a broken frame may hold anything.
        self._asked: dict[str, list[Call]] = {}
        self._began: dict[Call, int] = {}
        self._joined: set[str] = set()
        self._held: list[str] = []
        self._first: Entry | None = None
        self._last: Entry | None = None
        self.ended = False

    def feed(self, entry: Entry) -> None:
        """Takes the next frame of the connection."""
        self._last = entry
        self._first = self._first or entry
        if entry.opcode == _CLOSE:
            if not entry.sent:
                self.end(entry.time, entry.wall, str(int.from_bytes(entry.body[:2], "big")) if entry.body else "1005")
            return
        frame_type = self._mapping.type.find(entry.frame, sent=entry.sent)
        if not isinstance(frame_type, str):
            return
        for name, path in self._mapping.context.items():
            if not entry.sent and (found := find(path, entry.frame)) is not None:
                self._context[name] = str(found)
        rules = self._mapping.rules.get(f"{'out' if entry.sent else 'in'} {frame_type}", ())
        call_id = self._mapping.call.find(entry.frame, sent=entry.sent)
        for rule in rules:
            if all(find(path, entry.frame) == wanted for path, wanted in (rule.when or {}).items()):
                self._apply(rule, entry, call_id)

    def end(self, time: int, wall: float, code: str) -> None:
        """The connection is gone: what was not answered has an unknown outcome, and what was held is released."""
        if self.ended:
            return
        self.ended = True
        for op, key, client_msg_id in self._open:
            self._add("info", op, time, wall, key=key, client_msg_id=client_msg_id, note=f"connection closed: {code}")
        for key in self._held:
            self._add("ok", "release", time, wall, key=key, note=code)
        self._add("ok", "disconnect", time, wall, note=code)
        self._open.clear()

    def end_if_closing(self) -> None:
        """Ends at the last frame seen, where that was this side's own close frame."""
        if self._last is not None and self._last.opcode == _CLOSE:
            self.end(self._last.time, self._last.wall, "1006")

    def _apply(self, rule: Rule, entry: Entry, call_id: object) -> None:
        if rule.op is None:
            for op, key, client_msg_id in self._answered(call_id, rule.of):
                fields = {"key": key, "client_msg_id": client_msg_id, "note": self._field(rule.note, entry.frame)}
                self._emit(rule, op, entry, fields)
            return
        records = list(self._records(rule, entry.frame))
        if rule.op == "snapshot":
            self._snapshot(rule, entry, records, list(self._answered(call_id, "subscribe")))
            return
        if rule.kind == "invoke":
            for fields in records:
                call = (rule.op, fields["key"], fields["client_msg_id"])
                self._open[call] = call_id
                self._began[call] = entry.time
                if call_id is not None:
                    self._asked.setdefault(repr(call_id), []).append(call)
        else:
            note = self._field(rule.note, entry.frame)
            self._complete(records, list(self._answered(call_id, rule.op)), note, several=rule.each is not None)
        for fields in records:
            self._emit(rule, rule.op, entry, fields)

    def _snapshot(self, rule: Rule, entry: Entry, records: list[dict[str, Any]], calls: list[Call]) -> None:
        """A subscription that is answered with all that there is, or such a list that comes unasked.

        What was acknowledged before it was asked for, or before the connection began, has to be in it.
        """
        asked = next(iter(calls), None)
        by_key: dict[str, list[dict[str, Any]]] = {} if asked is None or asked[1] is None else {asked[1]: []}
        for fields in records:
            _place(fields)
            key = fields["key"] or next(iter(by_key), None)
            if key is not None:
                by_key.setdefault(key, []).append({**fields, "key": key})
        for key, rows in by_key.items():
            self._all_of(key, rows, rule, entry, asked if asked is not None and key == asked[1] else None)

    def _all_of(self, key: str, rows: list[dict[str, Any]], rule: Rule, entry: Entry, asked: Call | None) -> None:
        seqs = [row["seq"] for row in rows if row["seq"] is not None]
        assert self._first is not None
        began = self._first.time if asked is None else self._began[asked]
        if asked is not None:
            self._joined.add(key)
            self._add("ok", "subscribe", entry.time, entry.wall, key=key)
        if rule.whole or seqs:
            after = None if rule.whole else min(seqs) - 1
            self._add("invoke", "scan", began, entry.wall, key=key, seq=after)
        for row in rows:
            self._add("ok", "stored", entry.time, entry.wall, **row)
        if rule.whole or seqs:
            self._add("ok", "scan", entry.time, entry.wall, key=key, value=len(rows))
        head, epoch = max(seqs, default=None), rows[0]["epoch"] if rows else None
        self._add("ok", "snapshot", entry.time, entry.wall, key=key, seq=head, epoch=epoch)

    def _answered(self, call_id: object, op: str | None) -> Iterable[Call]:
        """The open calls that an answer with ``call_id`` answers; they are no longer open."""
        if call_id is None:
            return []
        asked = self._asked.pop(repr(call_id), [])
        calls = [call for call in dict.fromkeys(asked) if self._open.get(call) == call_id and op in (None, call[0])]
        for call in calls:
            del self._open[call]
        if left := [call for call in asked if call in self._open]:
            self._asked[repr(call_id)] = left
        return calls

    def _complete(self, records: list[dict[str, Any]], calls: list[Call], note: object, *, several: bool) -> None:
        """Adds to an answer what only the question said: its key and message id, or all its keys."""
        if several:
            named = {fields["key"] for fields in records}
            empty = dict.fromkeys(FIELDS)
            records += [
                {**empty, "key": key, "note": None if note is None else str(note)}
                for _, key, _ in calls
                if key not in named
            ]
        elif calls and len(records) == 1:
            _, key, client_msg_id = calls[0]
            records[0]["key"] = records[0]["key"] or key
            records[0]["client_msg_id"] = records[0]["client_msg_id"] or client_msg_id

    def _records(self, rule: Rule, frame: Any) -> Iterator[dict[str, Any]]:
        for item_key, item in _items(rule.each, frame):
            fields: dict[str, Any] = dict.fromkeys(FIELDS)
            for name, paths in rule.told:
                fields[name] = self._field(paths, frame, item, item_key)
            for name in _TEXTS:
                fields[name] = None if fields[name] is None else str(fields[name])
            yield fields

    def _field(self, paths: Paths | None, frame: Any, item: Any = None, item_key: object = None) -> Any:
        for path in [paths] if isinstance(paths, str) else paths or ():
            if "{" in path:
                return path.format_map(_Context(self._context))
            if (found := find(path, frame, item, item_key)) is not None:
                return found
        return None

    def _emit(self, rule: Rule, op: str, entry: Entry, fields: dict[str, Any]) -> None:
        key = fields["key"]
        _place(fields)
        if rule.kind != "invoke":
            self._open.pop((op, key, fields.get("client_msg_id")), None)
        if op == "subscribe" and rule.kind == "ok" and key is not None:
            self._joined.add(key)
        if op == "hold" and rule.kind == "ok" and key is not None:
            if key in self._held:
                return
            self._held.append(key)
        self._add(rule.kind, op, entry.time, entry.wall, **fields)
        if rule.joins and key is not None and key not in self._joined and fields["seq"] is not None:
            self._joined.add(key)
            before = fields["seq"] - 1
            self._add(
                "ok", "subscribe", entry.time, entry.wall, key=key, seq=before, epoch=fields["epoch"], note="by sending"
            )

    def _add(self, kind: Any, op: str, time: int, wall: float, **fields: Any) -> None:
        self._history.record(kind, self._process, op, **fields, at=time, wall=wall)


def _place(fields: dict[str, Any]) -> None:
    """Reads position and epoch; what is no position becomes a note."""
    try:
        fields["seq"], fields["epoch"] = position(fields.get("seq")), epoch_of(fields.get("epoch"))
    except ValueError as error:
        fields["seq"], fields["note"] = None, str(error)


class _Context(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "?"


def _items(each: str | None, frame: Any) -> Iterator[tuple[object, Any]]:
    if each is None:
        yield None, frame
        return
    items = find(each, frame)
    if isinstance(items, list):
        yield from enumerate(items)
    elif isinstance(items, Mapping) and items and all(isinstance(item, Mapping) for item in items.values()):
        yield from items.items()
    elif isinstance(items, Mapping) and items:
        yield None, items
