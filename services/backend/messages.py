"""The message log: what a message is, and reading it back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from services.backend import epochs, frames
from services.backend.database import Database
from services.common import instants

ASSISTANT = "assistant"
BATCH = 500
PAGES_AT_ONCE = 16
"""Pages that are read together: of full ones with the longest messages, what memory may hold."""


class Message(NamedTuple):
    """A stored message."""

    conversation_id: str
    epoch: str
    seq: int
    client_msg_id: str
    sender: str
    role: str
    body: str
    created_at: datetime

    def as_json(self) -> dict[str, Any]:
        """Its form on the wire, the same on the socket, in a replay and over REST."""
        return {
            "conversation_id": self.conversation_id,
            "epoch": self.epoch,
            "seq": self.seq,
            "client_msg_id": self.client_msg_id,
            "sender": self.sender,
            "role": self.role,
            "body": self.body,
            "created_at": _rfc3339(self.created_at),
        }

    def frame(self) -> str:
        """Its ``message`` frame."""
        return frames.make("message", self.as_json())


# All messages of a group have one instant.
_rfc3339 = lru_cache(maxsize=16)(instants.rfc3339)


class Stretch(NamedTuple):
    """The messages of a conversation after seq ``low`` and up to ``high``."""

    conversation_id: str
    low: int
    high: int


class Stored(NamedTuple):
    """What the log holds of ``stretch``: all of it, or not, and its ``message.batch`` frame."""

    stretch: Stretch
    complete: bool
    frame: str


COLUMNS = f"m.conversation_id::text, {epochs.OF_C}, m.seq, m.client_msg_id, m.sender, m.role, m.body, m.created_at"
_AFTER = f"""
    SELECT {COLUMNS} FROM messages m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.conversation_id = %s AND m.seq > %s ORDER BY m.seq LIMIT %s
"""  # noqa: S608 - both parts are constants
# PostgreSQL writes the JSON of ``Message.as_json``: a replay passes through here as it stands, at a sixth of the cost.
OF_STRETCH = f"""
    LATERAL (
        SELECT count(*), coalesce(json_agg(message ORDER BY message.seq), '[]')::text AS messages FROM (
            SELECT m.conversation_id, {epochs.OF_C} AS epoch, m.seq, m.client_msg_id, m.sender, m.role, m.body,
                to_char(m.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at
            FROM messages m WHERE m.conversation_id = c.id AND m.seq > stretch.low AND m.seq <= stretch.high
        ) message
    ) stored
"""  # noqa: S608 - a constant
_STRETCHES = f"""
    SELECT {epochs.OF_C}, stored.count, stored.messages
    FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[]) WITH ORDINALITY stretch(id, low, high, number)
    LEFT JOIN conversations c ON c.id = stretch.id CROSS JOIN {OF_STRETCH} ORDER BY stretch.number
"""  # noqa: S608 - a constant


async def read_after(database: Database, conversation_id: str, seq: int, limit: int) -> list[Message]:
    """Up to ``limit`` messages after ``seq``, by seq."""
    return [Message(*row) for row in await database.fetch(_AFTER, (conversation_id, seq, limit))]


async def read_stretches(database: Database, stretches: Sequence[Stretch]) -> list[Stored]:
    """What the log holds of each."""
    columns = [list(column) for column in zip(*stretches, strict=True)]
    rows = await database.fetch(_STRETCHES, columns)
    return [stored(stretch, *row) for stretch, row in zip(stretches, rows, strict=True)]


def stored(stretch: Stretch, epoch: str | None, count: int, messages: str) -> Stored:
    """What was found of ``stretch``: so many messages, and their JSON."""
    # No seq stands twice in a conversation: as many as there may be are all of them, one after another.
    complete = count == stretch.high - stretch.low
    payload = {"conversation_id": stretch.conversation_id, "epoch": epoch, "messages": orjson.Fragment(messages)}
    return Stored(stretch, complete, frames.make("message.batch", payload))


def is_contiguous(messages: Sequence[Message], after: int) -> bool:
    """Whether the seqs go on from ``after`` without a gap."""
    return all(message.seq == after + number for number, message in enumerate(messages, 1))
