"""Locks, signing keys and the outbox, behind the service credential."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path

from services.auth import outbox
from services.auth.models import Lock, Owner, Rotation
from services.auth.routes.caller import Parts
from services.common import openapi
from services.common.instants import now
from services.common.json_bodies import Router

router = Router(prefix="/admin", tags=["admin: operations"])
LockName = Annotated[str, Path(pattern=r"^[A-Za-z0-9._:-]{1,128}$")]


@router.post("/locks/{name}", status_code=201, responses={409: openapi.problem("somebody holds it")})
async def acquire(name: LockName, body: Lock, auth: Parts) -> dict[str, str]:
    """Take a lock for some seconds."""
    return {"owner": await auth.locks.acquire(name, body.ttl)}


@router.delete("/locks/{name}", status_code=204, responses={409: openapi.problem("it is not yours")})
async def release(name: LockName, body: Owner, auth: Parts) -> None:
    """Give a lock back."""
    await auth.locks.release(name, body.owner)


@router.post("/keys/rotate")
async def rotate(auth: Parts, body: Rotation | None = None) -> dict[str, Any]:
    """Sign with a new key; the former one verifies for a while."""
    grace = body.grace if body and body.grace is not None else auth.settings.key_grace
    key = await auth.keys.rotate(grace)
    return {"kid": key.kid, "grace": grace}


@router.get("/outbox")
async def waiting(auth: Parts) -> dict[str, Any]:
    """What backend has not heard yet."""
    return await outbox.summary(auth.database, now())
