"""The message log: what a message is, and reading it back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from services.backend import frames
from services.backend.database import Database
from services.common import instants

ASSISTANT = "assistant"
BATCH = 500


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


def batch_frames(messages: Sequence[Message], size: int = BATCH) -> Iterable[str]:
    """The ``message.batch`` frames of one conversation's replay."""
    for start in range(0, len(messages), size):
        part = messages[start : start + size]
        yield frames.make(
            "message.batch",
            {
                "conversation_id": part[0].conversation_id,
                "epoch": part[0].epoch,
                "messages": [message.as_json() for message in part],
            },
        )


_COLUMNS = "m.conversation_id::text, c.epoch, m.seq, m.client_msg_id, m.sender, m.role, m.body, m.created_at"
_AFTER = f"""
    SELECT {_COLUMNS} FROM messages m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.conversation_id = %s AND m.seq > %s ORDER BY m.seq LIMIT %s
"""  # noqa: S608 - both parts are constants
_AFTER_EACH = f"""
    SELECT {_COLUMNS} FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[]) held(id, seq, head)
    JOIN conversations c ON c.id = held.id
    JOIN messages m ON m.conversation_id = held.id AND m.seq > held.seq AND m.seq <= held.head
    ORDER BY m.conversation_id, m.seq
"""  # noqa: S608 - both parts are constants


async def read_after(database: Database, conversation_id: str, seq: int, limit: int) -> list[Message]:
    """Up to ``limit`` messages after ``seq``, by seq."""
    return [Message(*row) for row in await database.fetch(_AFTER, (conversation_id, seq, limit))]


async def read_ranges(database: Database, ranges: dict[str, tuple[int, int]]) -> dict[str, list[Message]]:
    """The messages of each conversation after the first and up to the second seq of its range."""
    found: dict[str, list[Message]] = {conversation: [] for conversation in ranges}
    starts, ends = [low for low, _ in ranges.values()], [high for _, high in ranges.values()]
    for row in await database.fetch(_AFTER_EACH, (list(ranges), starts, ends)):
        found[row[0]].append(Message(*row))
    return found


def is_contiguous(messages: Sequence[Message], after: int) -> bool:
    """Whether the seqs go on from ``after`` without a gap."""
    return all(message.seq == after + number for number, message in enumerate(messages, 1))
