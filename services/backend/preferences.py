"""A user's preferences: one document, where the first of two conflicting writes wins and the other is told."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Response
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from services.backend import events, frames
from services.backend.database import Row
from services.backend.parts import Authenticated, Here, Parts
from services.backend.preconditions import IfMatch, etag, wanted_versions
from services.common.json_bodies import Router
from services.common.problems import Problem

router = Router(tags=["preferences"])

_READ = "SELECT version, document FROM preferences WHERE user_id = %s"
_WRITE = """
    INSERT INTO preferences (user_id, version, document)
    SELECT %(user)s, 1, %(document)s
    WHERE %(any)s OR 0 = ANY(%(bases)s::bigint[]) OR EXISTS (SELECT FROM preferences WHERE user_id = %(user)s)
    ON CONFLICT (user_id) DO UPDATE SET version = preferences.version + 1, document = excluded.document
    WHERE %(any)s OR preferences.version = ANY(%(bases)s::bigint[]) RETURNING version
"""


async def _current(parts: Parts, user_id: str) -> tuple[int, dict[str, Any]]:
    row = await parts.database.fetch_one(_READ, (user_id,))
    return (row[0], row[1]) if row else (0, {})


@router.get("/api/preferences", summary="The preferences; ETag is their version")
async def get_preferences(here: Here, caller: Authenticated, response: Response) -> dict[str, Any]:
    """The document itself; ``{}`` with version 0 before the first write."""
    version, document = await _current(here, caller.user.id)
    response.headers["ETag"] = etag(version)
    return document


@router.put("/api/preferences", summary="Replace the preferences", responses={412: {}, 428: {}})
async def put_preferences(
    here: Here,
    caller: Authenticated,
    response: Response,
    document: Annotated[dict[str, Any], Body()],
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """Only on top of a version that ``If-Match`` names; else 412 with the current value."""
    bases = wanted_versions(if_match)
    if not frames.is_storable_json(document):
        raise Problem(400, "invalid_request", "the document holds a character that cannot be stored")
    user_id = caller.user.id

    async def work(connection: AsyncConnection[Row]) -> int | None:
        values = {"user": user_id, "any": bases is None, "bases": bases or [], "document": Jsonb(document)}
        cursor = await connection.execute(_WRITE, values)
        row = await cursor.fetchone()
        if row is None:
            return None
        await events.add(connection, user_id, events.PREFERENCES_UPDATED, {"version": row[0], "preferences": document})
        return int(row[0])

    version = await here.database.transact(work)
    if version is None:
        current, value = await _current(here, user_id)
        raise Problem(
            412, "version_conflict", "the preferences have changed", headers={"ETag": etag(current)}, current=value
        )
    here.notices.events([user_id])
    response.headers["ETag"] = etag(version)
    return document
