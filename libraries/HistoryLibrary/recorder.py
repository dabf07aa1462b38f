"""Recording: append now, write later, never in the way of the socket that is being recorded."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from pathlib import Path
from typing import Any, TextIO

from lockstep.masking import mask

from .files import as_json, encode
from .operations import Epoch, Kind, Operation, Row

_CHUNK = 1024
_LONGEST = 2048
_HEAD = 100
_OLDEST_UNWRITTEN = 1_000_000_000


class History:
    """The operations of one test, in memory and in a file. Every method may be called from any thread.

    A value that is a text of more than 2,048 characters is kept as its beginning, length and SHA-256: equal texts stay
    equal. The file is opened with the first operation and follows the memory by at most 1,024 operations or, while
    operations keep coming, one second. A disk that refuses it never disturbs the test: ``trouble`` then says why the
    file is incomplete, and the judgement is made from memory.
    """

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.path: Path | None = None
        self.trouble: str | None = None
        self._directory = directory
        self._file: TextIO | None = None
        self._rows: list[Row] = []
        self._operations: list[Operation] = []
        self._written = 0
        self._last_write = time.monotonic_ns()
        self._closed = False
        self._lock = threading.Lock()

    def record(
        self,
        kind: Kind,
        process: str,
        op: str,
        key: str | None = None,
        value: Any = None,
        seq: int | None = None,
        epoch: Epoch | None = None,
        client_msg_id: str | None = None,
        node: str | None = None,
        note: str | None = None,
        *,
        at: int | None = None,
        wall: float | None = None,
    ) -> None:
        """Adds one operation; ``at`` (monotonic ns) and ``wall`` (s) default to now.

        After ``close`` it does nothing, since a socket may outlive the test that recorded it.
        """
        now = time.monotonic_ns()
        stamp = time.time() if wall is None else wall
        moment = now if at is None else at
        kept = shortened(value) if isinstance(value, str) and len(value) > _LONGEST else value
        with self._lock:
            if self._closed:
                return
            index = len(self._rows)
            self._rows.append(
                (index, moment, stamp, process, kind, op, key, kept, seq, epoch, client_msg_id, node, note)
            )
            if index - self._written >= _CHUNK or now - self._last_write > _OLDEST_UNWRITTEN:
                self._write()

    def operations(self) -> list[Operation]:
        """What was recorded so far, in the order of recording."""
        with self._lock:
            self._operations += [Operation(*row) for row in self._rows[len(self._operations) :]]
            return list(self._operations)

    def flush(self) -> None:
        """Brings the file up to date."""
        with self._lock:
            self._write()

    def close(self) -> None:
        """Writes the rest and ends the history."""
        with self._lock:
            self._write()
            self._closed = True
            if self._file is not None:
                self._file.close()
                self._file = None

    def _write(self) -> None:
        pending = self._rows[self._written :]
        self._last_write = time.monotonic_ns()
        if not pending or self.trouble or self._closed:
            return
        try:
            if self._file is None:
                self._file = self._open()
            self._file.write("".join([encode(row) + "\n" for row in without_secrets(pending)]))
            self._file.flush()
        except OSError as error:
            self.trouble = f"the history file is incomplete: {error.strerror}"
        self._written += len(pending)

    def _open(self) -> TextIO:
        self._directory.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, 10_000):
            path = self._directory / file_name(self.name, attempt)
            try:
                file = path.open("x", encoding="utf-8", newline="\n")
            except FileExistsError:
                continue
            self.path = path
            return file
        raise OSError(0, f"too many histories named {self.name}")


def shortened(text: str) -> str:
    """What stands for a long ``text``; no secret that begins in its head is cut in two."""
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{mask(text[:_LONGEST])[:_HEAD]}… ({len(text)} characters, SHA-256 {digest})"


def without_secrets(rows: list[Row]) -> list[Row]:
    """``rows`` with the secrets in their values and notes masked.

    All texts are looked at in one go first, since that is far cheaper and nearly always finds nothing.
    """
    plain = "\n".join([row[7] if type(row[7]) is str else as_json(row[7]) for row in rows if row[7] is not None])
    plain += "\n".join([row[12] for row in rows if row[12] is not None])
    return rows if mask(plain) == plain else [_masked(row) for row in rows]


def _masked(row: Row) -> Row:
    value, note = row[7], row[12]
    hidden = mask(value) if isinstance(value, str) else _masked_document(value)
    return (*row[:7], hidden, *row[8:12], note if note is None else mask(note))


def _masked_document(value: object) -> object:
    text = as_json(value)
    hidden = mask(text)
    if hidden == text:
        return value
    try:
        return json.loads(hidden)
    except ValueError:
        return hidden


def file_name(name: str, attempt: int = 1) -> str:
    """A file name for the history ``name``: readable, safe on every system, and distinct for distinct long names."""
    safe = re.sub(r"[^\w.-]+", "_", name).strip("._") or "history"
    if len(safe.encode()) > 120:
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        safe = f"{safe.encode()[:110].decode(errors='ignore')}-{digest}"
    return f"{safe}.jsonl" if attempt == 1 else f"{safe}-{attempt}.jsonl"
