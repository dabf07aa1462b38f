"""A socket that is spoken in a dialect: its client says what it asks and receives, which becomes operations."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lockstep.dialect import Event, Line
from lockstep.dialect.line import Opened

from .operations import epoch_of, position
from .recorder import History


@dataclass
class Names:
    """Under which id of its own a client of the history has sent a text.

    So a message is recognised on targets that do not give its sender's id back, or another one.
    """

    by_text: dict[str, str] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)

    def add(self, text: str, name: str) -> None:
        """A client sends a text under a name."""
        self.by_text[text] = name
        self.known.add(name)

    def of(self, key: Any, ident: Any, text: Any) -> str | None:
        """The name of a message with this key, id at the target, and text; None where nothing names it."""
        if key is not None and str(key) in self.known:
            return str(key)
        found = self.by_text.get(str(text), ident if key is None else key)
        return None if found is None else str(found)


class SpokenSocket:
    """Records what passes over one socket of ``process``; all methods belong to one thread.

    ``seen`` holds what ``process`` was given before, also
    on earlier sockets. Repeats that the target declares (``promises.delivery.repeats``) are left out, as a client does
    that knows them by their id (``by_id``), or by their text (``possible``).
    """

    def __init__(self, history: History, process: str, line: Line, names: Names, seen: set[tuple[str, str]]) -> None:
        self._history = history
        self._process = process
        self._line = line
        self._names = names
        self._seen = seen
        promises = line.speaker.dialect.promises
        self._repeats = promises.choice("delivery.repeats").value
        # Positions that say nothing of the order would be judged as if they did.
        self._placed = not promises.choice("delivery.order").unbounded
        self._open: dict[tuple[str, str | None, str | None], int] = {}
        self._snapshot: tuple[Any, list[dict[str, Any]]] | None = None
        self._began = time.monotonic_ns()
        self._ended = False
        self._add("ok", "connect")

    # --- what its client says

    def asked(self, word: str, room: Any, values: Mapping[str, Any]) -> None:
        """A frame of ``socket.out`` is about to be sent: ``subscribe``, ``unsubscribe``, ``resume``, ``send``."""
        key, name = str(room), values.get("key")
        fields: dict[str, Any] = {"key": key}
        if word == "send":
            self._names.add(str(values["text"]), str(name))
            fields |= {"client_msg_id": name, "value": values["text"]}
        elif word == "resume":
            fields |= self._place(values)
        self._open[word, key, name] = time.monotonic_ns()
        self._add("invoke", word, **fields)

    def answered(self, word: str, room: Any, opened: Opened, values: Mapping[str, Any]) -> None:
        """How it was answered."""
        key, name = str(room), values.get("key")
        began = self._open.pop((word, key, name), self._began)
        place = self._place(opened.read)
        if word == "resume":
            kind = "ok" if opened.ok else "info" if values.get("failed") or not opened.refused else "fail"
            self._add(kind, word, key=key, note=None if opened.ok else values.get("reason") or opened.why)
        elif not opened.ok:
            kind = "fail" if opened.refused else "info"
            self._add(kind, word, key=key, client_msg_id=name, note=opened.why)
        elif word == "subscribe" and self._line.facts.resume == "subscription":
            self._add("ok", word, key=key)
            self._whole(key, opened.frame, began)
        else:
            self._add("ok", word, key=key, client_msg_id=name, **place)

    def received(self, events: Sequence[Event], room: Any) -> None:
        """The messages of one frame; ``room`` is whose they are where they do not say it."""
        rows = [(event, self._row(event, room)) for event in events]
        if lists := [row for event, row in rows if event.kind == "snapshot"]:
            key = lists[0]["key"]
            if ("subscribe", key, None) in self._open:
                self._snapshot = (events[0].frame, lists)
            else:
                self._all_of(key, lists, self._began)
        for event, row in rows:
            if event.kind == "message" and not self._is_repeat(event, row):
                self._add("ok", "receive", **row)

    def came_back(self, room: Any, values: Mapping[str, Any]) -> None:
        """The target knows the client by its address or handshake, and gives it what it missed by itself."""
        self._add("invoke", "resume", key=str(room), **self._place(values))
        self._add("ok", "resume", key=str(room))

    def ended(self, code: int | str) -> None:
        """The socket is gone: nobody knows the outcome of what was not answered."""
        if self._ended:
            return
        self._ended = True
        for word, key, name in self._open:
            self._add("info", word, key=key, client_msg_id=name, note=f"connection closed: {code}")
        self._open.clear()
        self._add("ok", "disconnect", note=str(code))

    # --- what becomes of it

    def _row(self, event: Event, room: Any) -> dict[str, Any]:
        return {
            "key": str(room if event.room is None else event.room),
            "value": event.text,
            "client_msg_id": self._names.of(event.key, event.id, event.text),
            **self._place(event.fields),
        }

    def _is_repeat(self, event: Event, row: Mapping[str, Any]) -> bool:
        """Whether the message has come before, in a way that the target declares."""
        if self._repeats == "none":
            return False
        name = event.id if self._repeats == "by_id" else event.text
        if name is None:
            return False
        known = (row["key"], str(name))
        if known in self._seen:
            return True
        self._seen.add(known)
        return False

    def _whole(self, key: str, frame: Any, began: int) -> None:
        """The answer to a subscription that holds all messages, or that such a frame follows."""
        rules = self._line.facts.events.get("snapshot", ())
        if self._snapshot is not None:
            _, rows = self._snapshot
            self._snapshot = None
            self._all_of(key, rows, began)
        elif any(rule.when.hold(frame, {}) for rule in rules):
            self._all_of(key, [], began)

    def _all_of(self, key: str, rows: Sequence[dict[str, Any]], began: int) -> None:
        """What was acknowledged before it was asked for has to be in it."""
        self._add("invoke", "scan", key=key, at=began)
        for row in rows:
            self._add("ok", "stored", **{**row, "key": key})
        self._add("ok", "scan", key=key, value=len(rows))
        head = max((row["seq"] for row in rows if row["seq"] is not None), default=None)
        self._add("ok", "snapshot", key=key, seq=head)

    def _add(self, kind: Any, op: str, **fields: Any) -> None:
        self._history.record(kind, self._process, op, **fields)

    def _place(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Position and epoch; what is no position is left out."""
        try:
            seq = position(values.get("position")) if self._placed else None
        except ValueError:
            seq = None
        return {"seq": seq, "epoch": epoch_of(values.get("epoch")) if seq is not None else None}
