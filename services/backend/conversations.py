"""Conversations: rows, and the questions asked of them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from services.backend import epochs, events, frames, messages
from services.backend.database import Database, Row
from services.backend.flights import GroupFlight
from services.backend.frames import Position
from services.backend.positions import Head
from services.common import instants
from services.common.problems import Problem

Held = tuple[str, Mapping[str, Position]]


@dataclass(frozen=True)
class Conversation:
    """A row of ``conversations``."""

    id: str
    title: str
    epoch: str
    last_seq: int
    assistant: bool
    version: int
    created_at: datetime

    def as_json(self) -> dict[str, Any]:
        """Its form in the API."""
        return {
            "id": self.id,
            "title": self.title,
            "epoch": self.epoch,
            "last_seq": self.last_seq,
            "assistant": self.assistant,
            "version": self.version,
            "created_at": instants.rfc3339(self.created_at),
        }


_COLUMNS = f"id::text, title, {epochs.OF_CONVERSATIONS}, last_seq, assistant, version, created_at"
_LIST = f"""
    SELECT {_COLUMNS} FROM conversations WHERE user_id = %(user)s
    AND (%(after)s::uuid IS NULL OR (created_at, id) > (SELECT created_at, id FROM conversations WHERE id = %(after)s))
    ORDER BY created_at, id LIMIT %(limit)s
"""  # noqa: S608 - a constant
_GET = f"SELECT {_COLUMNS} FROM conversations WHERE id = %s AND user_id = %s"  # noqa: S608 - a constant
# What an earlier release has made has no first title.
_BY_KEY = f"""
    SELECT COALESCE(first_title, title), {_COLUMNS} FROM conversations WHERE user_id = %s AND idempotency_key = %s
"""  # noqa: S608 - a constant
_CREATE = f"""
    INSERT INTO conversations (id, user_id, title, first_title, assistant, idempotency_key)
    VALUES (%(id)s, %(user)s, %(title)s, %(title)s, %(assistant)s, %(key)s)
    ON CONFLICT (user_id, idempotency_key) DO NOTHING RETURNING {_COLUMNS}
"""  # noqa: S608 - a constant
_IS_WANTED = "version = ANY(COALESCE(%s::bigint[], ARRAY[version]))"
_RENAME = f"""
    UPDATE conversations SET title = %s, version = version + 1
    WHERE id = %s AND user_id = %s AND {_IS_WANTED} RETURNING {_COLUMNS}
"""  # noqa: S608 - a constant
_DELETE = f"DELETE FROM conversations WHERE id = %s AND user_id = %s AND {_IS_WANTED} RETURNING id"  # noqa: S608
_HEADS = f"""
    SELECT held.asker, c.id::text, {epochs.OF_C}, c.last_seq,
           (SELECT count(*) FROM messages m
            WHERE m.conversation_id = c.id AND m.seq > held.seq AND m.seq <= c.last_seq),
           stretch.low, stretch.high, stored.count, stored.messages
    FROM unnest(%s::int[], %s::uuid[], %s::uuid[], %s::bigint[], %s::bigint[]) held(asker, user_id, id, seq, until)
    JOIN conversations c ON c.id = held.id AND c.user_id = held.user_id
    CROSS JOIN LATERAL (SELECT held.seq AS low, least(c.last_seq, held.until) AS high) stretch
    CROSS JOIN {messages.OF_STRETCH}
"""  # noqa: S608 - a constant


def not_found() -> Problem:
    """For a conversation that does not exist or is another's: the caller cannot tell which."""
    return Problem(404, "not_found", "there is no such conversation")


class Conversations:
    """``conversations``; everything is asked on behalf of a user."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._heads = GroupFlight[Held, dict[str, Head]](self._look_up_heads, messages.PAGES_AT_ONCE)

    async def list(self, user_id: str, after: str | None, limit: int) -> list[Conversation]:
        """In the order of their creation, from the one that follows ``after``."""
        values = {"user": user_id, "after": after, "limit": limit}
        return [Conversation(*row) for row in await self._database.fetch(_LIST, values)]

    async def find(self, user_id: str, conversation_id: str) -> Conversation | None:
        """The user's conversation, or None."""
        row = await self._database.fetch_one(_GET, (conversation_id, user_id))
        return Conversation(*row) if row else None

    async def get(self, user_id: str, conversation_id: str) -> Conversation:
        """The user's conversation; raises 404."""
        conversation = await self.find(user_id, conversation_id)
        if conversation is None:
            raise not_found()
        return conversation

    async def create(self, user_id: str, title: str, assistant: bool, key: str | None) -> tuple[Conversation, bool]:
        """The conversation, and whether it is new; raises 409 ``idempotency_conflict``."""

        async def work(connection: AsyncConnection[Row]) -> Conversation | None:
            values = {"id": str(uuid.uuid4()), "user": user_id, "title": title, "assistant": assistant, "key": key}
            cursor = await connection.execute(_CREATE, values)
            row = await cursor.fetchone()
            if row is None:
                return None
            await _tell(connection, user_id, "created", Conversation(*row))
            return Conversation(*row)

        made = await self._database.transact(work)
        if made is not None:
            return made, True
        row = await self._database.fetch_one(_BY_KEY, (user_id, key))
        first_title, first = (row[0], Conversation(*row[1:])) if row else (None, None)
        if first is None or (first_title, first.assistant) != (title, assistant):
            raise Problem(409, "idempotency_conflict", "this key was used for another request")
        return first, False

    async def rename(
        self, user_id: str, conversation_id: str, title: str, versions: Sequence[int] | None
    ) -> Conversation | None:
        """The renamed conversation, or None where the current one is none of ``versions`` (None: any)."""

        async def work(connection: AsyncConnection[Row]) -> Conversation | None:
            cursor = await connection.execute(_RENAME, (title, conversation_id, user_id, versions))
            row = await cursor.fetchone()
            if row is None:
                return None
            await _tell(connection, user_id, "updated", Conversation(*row))
            return Conversation(*row)

        return await self._database.transact(work)

    async def delete(self, user_id: str, conversation_id: str, versions: Sequence[int] | None = None) -> bool:
        """Delete with all messages; whether it was there, in one of ``versions`` (None: any)."""

        async def work(connection: AsyncConnection[Row]) -> bool:
            cursor = await connection.execute(_DELETE, (conversation_id, user_id, versions))
            if await cursor.fetchone() is None:
                return False
            data = {"change": "deleted", "conversation": {"id": conversation_id}}
            await events.add(connection, user_id, events.CONVERSATIONS_UPDATED, data)
            return True

        return await self._database.transact(work)

    async def heads(self, user_id: str, positions: Mapping[str, Position]) -> dict[str, Head]:
        """The ends of those of these conversations that are the user's own."""
        return await self._heads.ask((user_id, positions))

    async def _look_up_heads(self, asked: Sequence[Held]) -> Sequence[dict[str, Head]]:
        found: list[dict[str, Head]] = [{} for _ in asked]
        rows = [
            (asker, user_id, conversation, position.seq, _page_end(position, len(positions)))
            for asker, (user_id, positions) in enumerate(asked)
            for conversation, position in positions.items()
        ]
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            for asker, name, epoch, last_seq, held, low, high, *of in await self._database.fetch(_HEADS, columns):
                first = messages.stored(messages.Stretch(name, low, high), epoch, *of)
                found[asker][name] = Head(epoch, last_seq, held, first)
        return found


def _page_end(position: Position, conversations: int) -> int:
    return min(position.seq + messages.BATCH // conversations, frames.MAX_SEQ)


async def _tell(connection: AsyncConnection[Row], user_id: str, change: str, conversation: Conversation) -> None:
    data = {"change": change, "conversation": conversation.as_json()}
    await events.add(connection, user_id, events.CONVERSATIONS_UPDATED, data)
