"""One group commit: every draft that has queued up, in one transaction and two round trips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import orjson
from psycopg import AsyncConnection
from psycopg.types.json import Json

from services.backend import allocation, epochs
from services.backend.allocation import Conversation, Draft, Name, Place, Stored
from services.backend.database import Row
from services.backend.messages import ASSISTANT, COLUMNS, Message
from services.common import instants

GIVEN_UP_AFTER = 10
"""Failed attempts at an answer after which those to later messages do not wait for it any more."""
# Rows travel as one JSON text: an array for each column costs the client far more to write.
# Locked in one order by every replica, so that two groups cannot wait for each other.
_LOCK = f"""
    SELECT id::text, user_id::text, {epochs.OF_CONVERSATIONS}, last_seq, assistant FROM conversations
    WHERE id = ANY(%s::uuid[]) ORDER BY id FOR UPDATE
"""  # noqa: S608 - a constant
# Not "=" for the conversation: until somebody has analysed the table, going through all its messages by the primary key
# looks as cheap as the index of the names, and a prepared statement keeps to that.
_KNOWN_BY_ID = """
    SELECT m.conversation_id::text, m.sender, 'id', m.client_msg_id, m.seq, m.body
    FROM json_to_recordset(%s) asked(conversation_id uuid, sender text, name text)
    JOIN messages m ON m.client_msg_id = asked.name AND m.sender = asked.sender
        AND m.conversation_id IS NOT DISTINCT FROM asked.conversation_id
"""
_KNOWN_BY_KEY = """
    SELECT m.conversation_id::text, m.sender, 'key', m.idempotency_key, m.seq, m.body
    FROM json_to_recordset(%s) asked(conversation_id uuid, sender text, name text)
    JOIN messages m ON m.idempotency_key = asked.name AND m.sender = asked.sender
        AND m.conversation_id IS NOT DISTINCT FROM asked.conversation_id
"""
_GROW = """
    UPDATE conversations SET last_seq = grown.seq
    FROM unnest(%s::uuid[], %s::bigint[]) grown(id, seq) WHERE conversations.id = grown.id
"""
_INSERT = """
    INSERT INTO messages (conversation_id, seq, client_msg_id, sender, role, body, created_at, idempotency_key)
    SELECT n.conversation_id, n.seq, n.client_msg_id, n.sender, n.role, n.body, %s, n.idempotency_key
    FROM json_to_recordset(%s) n(conversation_id uuid, seq bigint, client_msg_id text, sender text, role text,
                                 body text, idempotency_key text)
"""
# Where another replica answers in the conversation, it takes these up as well.
_OWE_ANSWERS = """
    INSERT INTO answers (id, conversation_id, reply_to_seq, prompt, attempt, lease_owner, lease_until)
    SELECT gen_random_uuid(), owed.conversation_id, owed.seq, owed.prompt, CASE WHEN elsewhere THEN 0 ELSE 1 END, %s,
        now() + CASE WHEN elsewhere THEN interval '0' ELSE make_interval(secs => %s) END
    FROM (SELECT new.*, EXISTS (
              SELECT 1 FROM answers held WHERE held.conversation_id = new.conversation_id
              AND held.lease_until > now() AND held.lease_owner <> %s) AS elsewhere
          FROM unnest(%s::uuid[], %s::bigint[], %s::text[]) new(conversation_id, seq, prompt)) owed
    RETURNING id::text, conversation_id::text, reply_to_seq, lease_until > now()
"""
# Whatever fails again and again holds up the answers after it no longer.
_OWED_BEFORE = """
    SELECT asked.id::text, first.reply_to_seq
    FROM unnest(%s::uuid[]) asked(id), LATERAL (
        SELECT reply_to_seq FROM answers
        WHERE conversation_id = asked.id AND id <> ALL(%s::uuid[]) AND attempt - excused < %s
        ORDER BY reply_to_seq LIMIT 1
    ) first
"""
_LET_GO = "UPDATE answers SET lease_until = now() WHERE id = ANY(%s::uuid[])"
_SETTLE_ANSWERS = "DELETE FROM answers WHERE id = ANY(%s::uuid[])"
_READ = f"""
    SELECT {COLUMNS}
    FROM unnest(%s::uuid[], %s::bigint[]) asked(id, seq)
    JOIN conversations c ON c.id = asked.id
    JOIN messages m ON m.conversation_id = asked.id AND m.seq = asked.seq
"""  # noqa: S608 - a constant


@dataclass(frozen=True, slots=True)
class OwedAnswer:
    """An answer that this replica now holds by a lease."""

    id: str
    conversation_id: str
    user_id: str
    reply_to_seq: int
    prompt: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Committed:
    """The outcome of a group: a place and (where it has a seq) the message for each draft, and the answers now owed."""

    places: list[Place]
    messages: list[Message | None]
    answers: list[OwedAnswer]


async def commit_group(
    connection: AsyncConnection[Row], drafts: Sequence[Draft], replica: str, lease: float
) -> Committed:
    """Store ``drafts`` in their order; raises psycopg's errors, after which nothing or everything is stored."""
    async with connection.pipeline(), connection.transaction():
        conversations, stored, owed = await _look_up(connection, drafts)
        places, heads = allocation.allocate(drafts, conversations, stored, owed)
        created_at = instants.now()
        fresh = _fresh(drafts, places, conversations, created_at)
        answers = await _write(connection, drafts, fresh, heads, conversations, replica, lease)
        await _settle(connection, drafts, places)
        repeated = await _read_repeated(connection, drafts, places)
    messages = [
        fresh.get(number) or repeated.get((draft.conversation_id, place.seq))
        for number, (draft, place) in enumerate(zip(drafts, places, strict=True))
    ]
    return Committed(places, messages, answers)


async def _look_up(
    connection: AsyncConnection[Row], drafts: Sequence[Draft]
) -> tuple[dict[str, Conversation], dict[Name, Stored], dict[str, int]]:
    locked = await connection.execute(_LOCK, (sorted({draft.conversation_id for draft in drafts}),))
    # A statement of its own sees what others committed while the first one waited for the locks.
    asked = [await connection.execute(_KNOWN_BY_ID, (_asked((draft, draft.client_msg_id) for draft in drafts),))]
    keyed = [draft for draft in drafts if draft.idempotency_key is not None]
    if keyed:
        keys = _asked((draft, draft.idempotency_key) for draft in keyed)
        asked.append(await connection.execute(_KNOWN_BY_KEY, (keys,)))
    answers = [draft for draft in drafts if draft.answer_id is not None]
    owed = None
    if answers:
        answered = sorted({draft.conversation_id for draft in answers})
        owed = await connection.execute(
            _OWED_BEFORE, (answered, [draft.answer_id for draft in answers], GIVEN_UP_AFTER)
        )
    conversations = {row[0]: Conversation(*row[1:]) for row in await locked.fetchall()}
    rows = [row for cursor in asked for row in await cursor.fetchall()]
    stored = {cast(Name, row[:4]): Stored(row[4], row[5]) for row in rows}
    return conversations, stored, dict(await owed.fetchall()) if owed is not None else {}


def _asked(named: Iterable[tuple[Draft, str | None]]) -> Json:
    return Json(
        [{"conversation_id": draft.conversation_id, "sender": draft.sender, "name": name} for draft, name in named],
        dumps=orjson.dumps,
    )


def _fresh(
    drafts: Sequence[Draft], places: Sequence[Place], conversations: dict[str, Conversation], created_at: datetime
) -> dict[int, Message]:
    return {
        number: Message(
            draft.conversation_id,
            conversations[draft.conversation_id].epoch,
            place.seq,
            draft.client_msg_id,
            draft.sender,
            draft.role,
            draft.body,
            created_at,
        )
        for number, (draft, place) in enumerate(zip(drafts, places, strict=True))
        if place.outcome == allocation.NEW
    }


async def _write(
    connection: AsyncConnection[Row],
    drafts: Sequence[Draft],
    fresh: dict[int, Message],
    heads: dict[str, int],
    conversations: dict[str, Conversation],
    replica: str,
    lease: float,
) -> list[OwedAnswer]:
    new = list(fresh.values())
    owed = [
        message for message in new if message.sender != ASSISTANT and conversations[message.conversation_id].assistant
    ]
    if new:
        await connection.execute(_GROW, (list(heads), list(heads.values())))
        keys = [drafts[number].idempotency_key for number in fresh]
        await connection.execute(_INSERT, (new[0].created_at, _rows(new, keys)))
    if not owed:
        return []
    columns = [m.conversation_id for m in owed], [m.seq for m in owed], [m.body for m in owed]
    cursor = await connection.execute(_OWE_ANSWERS, (replica, lease, replica, *columns))
    bodies = {(message.conversation_id, message.seq): message.body for message in owed}
    answers = [
        OwedAnswer(row[0], row[1], conversations[row[1]].user_id, row[2], bodies[(row[1], row[2])], 1)
        for row in await cursor.fetchall()
        if row[3]
    ]
    return sorted(answers, key=lambda answer: answer.reply_to_seq)


async def _settle(connection: AsyncConnection[Row], drafts: Sequence[Draft], places: Sequence[Place]) -> None:
    """Answers that are stored are owed no more; an early one is for whoever owes the one before it."""
    early = [draft.answer_id for draft, place in zip(drafts, places, strict=True) if place.outcome == allocation.EARLY]
    settled = [draft.answer_id for draft in drafts if draft.answer_id is not None and draft.answer_id not in early]
    if settled:
        await connection.execute(_SETTLE_ANSWERS, (settled,))
    if early:
        await connection.execute(_LET_GO, (early,))


def _rows(new: Sequence[Message], keys: Sequence[str | None]) -> Json:
    return Json(
        [
            {
                "conversation_id": message.conversation_id,
                "seq": message.seq,
                "client_msg_id": message.client_msg_id,
                "sender": message.sender,
                "role": message.role,
                "body": message.body,
                "idempotency_key": key,
            }
            for message, key in zip(new, keys, strict=True)
        ],
        dumps=orjson.dumps,
    )


async def _read_repeated(
    connection: AsyncConnection[Row], drafts: Sequence[Draft], places: Sequence[Place]
) -> dict[tuple[str, int], Message]:
    wanted = {
        (draft.conversation_id, place.seq)
        for draft, place in zip(drafts, places, strict=True)
        if place.outcome == allocation.DUPLICATE
    }
    if not wanted:
        return {}
    cursor = await connection.execute(_READ, ([name for name, _ in wanted], [seq for _, seq in wanted]))
    return {(row[0], row[2]): Message(*row) for row in await cursor.fetchall()}
