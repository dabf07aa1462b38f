"""What fills a history beside direct recording: recorded sockets, imported journals, stored messages."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .journal import Entry, Translator
from .mapping import FrameMapping
from .operations import epoch_of, position
from .recorder import History

COLUMNS: Mapping[str, str] = {
    "key": "conversation_id",
    "seq": "seq",
    "epoch": "epoch",
    "client_msg_id": "client_msg_id",
    "value": "body",
}
_SECOND = 1_000_000_000


class RecordedSocket:
    """A connection of WebSocketLibrary whose journal is read whenever the history is looked at.

    Nothing happens on the socket's thread: the journal already holds every frame with its time.
    """

    def __init__(self, connection: Any, translator: Translator) -> None:
        self.connection = connection
        self._translator = translator
        self._read = 0

    def collect(self) -> None:
        """Takes over what has been journaled since the last time."""
        closing = self.connection.closing
        journal = self.connection.settled_journal
        end = len(journal)
        for number in range(self._read, end):
            self._translator.feed(Entry.of(journal[number]))
        self._read = end
        if closing is not None:
            age = time.monotonic() - closing.at
            self._translator.end(int(closing.at * _SECOND), time.time() - age, str(closing.code))


class ImportedJournal:
    """Journal entries of one client, imported as often as one likes: what was seen before is skipped."""

    def __init__(self, history: History, process: str, mapping: FrameMapping) -> None:
        self._of_connection = (history, process, mapping)
        self._translator = Translator(*self._of_connection)
        self._seen: set[tuple[object, int]] = set()

    def add(self, entries: Iterable[Any]) -> int:
        """Takes over the new ones among ``entries``; their number. A new connection starts with a new index 0."""
        added = 0
        for raw in entries:
            entry = Entry.of(raw)
            index = raw.get("index") if isinstance(raw, Mapping) else getattr(raw, "index", None)
            if (index, entry.time) in self._seen:
                continue
            if (index == 0 and self._seen) or self._translator.ended:
                self._translator.end_if_closing()
                self._translator = Translator(*self._of_connection)
            self._seen.add((index, entry.time))
            self._translator.feed(entry)
            added += 1
        self._translator.end_if_closing()
        return added


def import_stored(
    history: History,
    rows: Sequence[Any],
    source: str,
    key: str | None,
    after: int | None,
    columns: Mapping[str, str],
) -> None:
    """Records ``rows`` as one reading of the log by ``source``; raises ``ValueError`` for a row without a position.

    A scan that was invoked before keeps its beginning; else it begins now.
    """
    records = [_record(row, columns) for row in rows]
    pending = 0
    for operation in history.operations():
        if operation.process == source and operation.op == "scan":
            pending += 1 if operation.kind == "invoke" else -1
    if pending < 1:
        history.record("invoke", source, "scan", key, seq=after)
    for record in records:
        history.record("ok", source, "stored", **{"key": key, **record})
    history.record("ok", source, "scan", key, len(records))


def _record(row: Any, columns: Mapping[str, str]) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise ValueError(f"a stored message must be a dictionary of its columns, not {row!r:.100}")  # noqa: TRY004
    record = {field: row[column] for field, column in columns.items() if row.get(column) is not None}
    for field in ("key", "client_msg_id"):
        if field in record:
            record[field] = str(record[field])
    try:
        record["seq"] = position(record.get("seq"))
        record["epoch"] = epoch_of(record.get("epoch"))
    except ValueError as error:
        raise ValueError(f"stored message {dict(row)!r:.200}: {error}") from None
    if record["seq"] is None and "client_msg_id" not in record:
        raise ValueError(
            f"a stored message needs {columns['seq']!r} or {columns['client_msg_id']!r}: {dict(row)!r:.200}"
        )
    return record
