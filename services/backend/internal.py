"""What other services call with the service credential."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import Depends
from psycopg import AsyncConnection
from pydantic import BaseModel, Field
from starlette.requests import Request

from services.backend import events, frames, sync
from services.backend.database import Row
from services.backend.parts import Here
from services.backend.settings import Settings
from services.common import http, json_bodies
from services.common.json_bodies import Router
from services.common.problems import Problem


class NewNotification(BaseModel):
    """The body of ``POST /internal/notifications``; 9 is the most urgent."""

    user_id: uuid.UUID
    priority: Annotated[int, Field(ge=0, le=events.MAX_PRIORITY)] = events.ORDINARY
    body: Any


async def _json(request: Request) -> Any:
    try:
        return json_bodies.parse(await request.body())
    except ValueError:
        raise Problem(400, "invalid_request", "the body is not JSON") from None


def make_router(settings: Settings) -> Router:
    """The routes; ``settings`` hold the credential."""
    router = Router(tags=["internal"])
    credential = Depends(http.service_credential(settings))

    @router.post("/internal/sync", dependencies=[credential], summary="Apply a batch of auth's events")
    async def apply(here: Here, request: Request) -> dict[str, Any]:
        changes = sync.read(await _json(request))
        return sync.body(await here.sync.apply(changes))

    @router.post("/internal/notifications", dependencies=[credential], status_code=201, summary="Notify a user")
    async def notify(here: Here, new: NewNotification) -> dict[str, Any]:
        user_id, data = str(new.user_id), {"body": new.body}
        if not frames.is_storable_json(data):
            raise Problem(400, "invalid_request", "the body holds a character that cannot be stored")

        async def work(connection: AsyncConnection[Row]) -> str | None:
            return await events.add(connection, user_id, events.NOTIFICATION, data, new.priority)

        event_id = await here.database.transact(work)
        if event_id is None:
            raise Problem(404, "not_found", "there is no such user")
        here.notices.events([user_id])
        return {"event_id": event_id}

    return router
