"""What passed over one socket, in order, with the time it was seen.

The background thread appends bare tuples, because that happens for each frame of a load; a keyword that looks at an
entry gets a `Frame`, made and parsed at the first look and kept.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Any

from lockstep.learning import learn_text

SENT_BIT = 0x10
HEARTBEAT_BIT = 0x20


class Opcode(IntEnum):
    """Frame types of RFC 6455 §11.8."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


DATA_OPCODES = frozenset({Opcode.TEXT, Opcode.BINARY})


class Direction(StrEnum):
    """Which way a frame went."""

    RECEIVED = "received"
    SENT = "sent"
    BOTH = "both"


@dataclass(frozen=True)
class Frame:
    """One journal entry: a whole message (fragments joined), a control frame, or what arrived of an unfinished message.

    `at` is in seconds on the monotonic clock, `elapsed` in seconds since the socket opened. `heartbeat`: a ping of the
    application that the socket has answered by itself, or that answer; it is no data.
    """

    connection: str
    index: int
    at: float
    elapsed: float
    wall: datetime
    direction: Direction
    opcode: int
    body: bytes
    fragments: int = 1
    complete: bool = True
    heartbeat: bool = False

    @cached_property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 show as U+FFFD."""
        return self.body.decode("utf-8", "replace")

    @cached_property
    def json(self) -> Any:
        """The body parsed as JSON; None where it is not JSON or not a text frame."""
        if self.opcode != Opcode.TEXT or not self.complete:
            return None
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def is_data(self) -> bool:
        """True for text and binary frames that are complete, and no heartbeat."""
        return self.opcode in DATA_OPCODES and self.complete and not self.heartbeat

    @property
    def type_name(self) -> str:
        """`text`, `binary`, `close`, …, or the number of an opcode that RFC 6455 does not know."""
        try:
            return Opcode(self.opcode).name.lower()
        except ValueError:
            return f"0x{self.opcode:X}"

    def __str__(self) -> str:
        return self.text


class Journal:
    """Append-only record of one socket. `entries` is written by the background thread alone.

    `collected` is the number of data frames that bulk keywords have taken, from the first one on; `last_taken` is the
    index of the last entry that any keyword has taken, or -1.
    """

    __slots__ = (
        "_collected_before",
        "_data_looked_at",
        "_frames",
        "_looked_at",
        "_pending",
        "collected",
        "connection",
        "entries",
        "fragments",
        "incomplete",
        "last_taken",
        "opened_at",
    )

    def __init__(self, connection: str) -> None:
        self.connection = connection
        self.opened_at = time.monotonic()
        self.entries: list[tuple[float, int, bytes]] = []
        self.fragments: dict[int, int] = {}
        self.incomplete: set[int] = set()
        self.collected = 0
        self.last_taken = -1
        self._frames: dict[int, Frame] = {}
        self._pending: dict[int, int] = {}
        self._looked_at = 0
        self._data_looked_at = 0
        self._collected_before = 0

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Frame:
        frame = self._frames.get(index)
        if frame is None:
            frame = self._frames[index] = self._frame(index)
        return frame

    def newest(self) -> Frame:
        """The entry that was journaled last; for the loop thread, which keeps no frames."""
        return self._frame(len(self.entries) - 1)

    def record(
        self,
        opcode: int,
        body: bytes,
        *,
        sent: bool,
        fragments: int = 1,
        complete: bool = True,
        heartbeat: bool = False,
    ) -> None:
        """Appends one entry, stamped now."""
        if fragments != 1:
            self.fragments[len(self.entries)] = fragments
        if not complete:
            self.incomplete.add(len(self.entries))
        kind = opcode | (SENT_BIT if sent else 0) | (HEARTBEAT_BIT if heartbeat else 0)
        self.entries.append((time.monotonic(), kind, body))

    def frames(self, direction: Direction = Direction.RECEIVED, since: int = 0) -> Iterator[Frame]:
        """Entries of that direction from index `since` on, control frames included."""
        for index in range(since, len(self.entries)):
            sent = bool(self.entries[index][1] & SENT_BIT)
            if direction is Direction.BOTH or sent == (direction is Direction.SENT):
                yield self[index]

    def untaken(self, since: int = 0) -> Iterator[Frame]:
        """Received entries from index `since` on that no wait has returned and no bulk keyword collected yet, in
        order, each looked up as it is asked for.
        """
        self._look_at_new_entries()
        for index in range(since, self._looked_at) if since else list(self._pending):
            if index in self._pending:
                yield self[index]

    def take(self, frame: Frame) -> Frame:
        """Marks the frame as returned, so that no later wait returns it again."""
        self._look_at_new_entries()
        self._pending.pop(frame.index, None)
        self.last_taken = frame.index
        return frame

    def is_untaken(self, index: int) -> bool:
        """Whether no wait has returned this received entry and no bulk keyword has collected it."""
        self._look_at_new_entries()
        return index in self._pending

    def next_data(self, count: int) -> list[int]:
        """The indexes of the data frames among the next `count` after those collected that no wait has returned."""
        self._look_at_new_entries()
        last = self.collected + count
        return [index for index, number in self._pending.items() if 0 < number <= last]

    def collect(self, count: int) -> None:
        """Marks the next `count` data frames after those collected as collected."""
        self.last_taken = max(self.next_data(count), default=self.last_taken)
        self.collected += count

    def data(self) -> Iterator[Frame]:
        """Received data frames that are complete, in order."""
        for index, entry in enumerate(self.entries):
            if entry[1] in DATA_OPCODES and index not in self.incomplete:
                yield self[index]

    def _look_at_new_entries(self) -> None:
        """Keeps the index of each untaken entry, with its number among the data frames, or 0."""
        end = len(self.entries)
        for index in range(self._looked_at, end):
            kind = self.entries[index][1]
            if kind in DATA_OPCODES and index not in self.incomplete:
                self._data_looked_at += 1
                if self._data_looked_at > self.collected:
                    self._pending[index] = self._data_looked_at
            elif not kind & SENT_BIT:
                self._pending[index] = 0
        self._looked_at = end
        if self.collected > self._collected_before:
            self._collected_before = self.collected
            self._pending = {i: number for i, number in self._pending.items() if not 0 < number <= self.collected}

    def _frame(self, index: int) -> Frame:
        at, kind, body = self.entries[index]
        learn_text(body, of_answer=not kind & SENT_BIT)
        return Frame(
            connection=self.connection,
            index=index,
            at=at,
            elapsed=at - self.opened_at,
            wall=datetime.fromtimestamp(time.time() - time.monotonic() + at, UTC),
            direction=Direction.SENT if kind & SENT_BIT else Direction.RECEIVED,
            opcode=kind & ~(SENT_BIT | HEARTBEAT_BIT),
            body=body,
            fragments=self.fragments.get(index, 1),
            complete=index not in self.incomplete,
            heartbeat=bool(kind & HEARTBEAT_BIT),
        )
