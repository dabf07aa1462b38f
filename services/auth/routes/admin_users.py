"""Users for operators and for the data factory, behind the service credential."""

from __future__ import annotations

from typing import Any

from services.auth import batch
from services.auth.models import Batch, Id, UserChange, UserRecord
from services.auth.routes.caller import Parts, known_client
from services.auth.session_policy import Wish
from services.auth.users import Change
from services.common.json_bodies import Router

router = Router(prefix="/admin/users", tags=["admin: users"])


@router.post("/batch")
async def make_batch(body: Batch, auth: Parts) -> dict[str, Any]:
    """Make users for load, signed in unless told otherwise."""
    client = known_client(auth, body.client_id)
    wish = Wish(client=client, origin="batch") if body.login else None
    made = await batch.make(auth.database, auth.sessions.cache, body.count, body.prefix, body.plan, wish)
    return {"users": await batch.shown(made, auth.access)}


@router.get("/{user_id}", response_model=UserRecord)
async def one(user_id: Id, auth: Parts) -> dict[str, Any]:
    """One user."""
    return (await auth.users.get(user_id)).record()


@router.patch("/{user_id}", response_model=UserRecord)
async def change(user_id: Id, body: UserChange, auth: Parts) -> dict[str, Any]:
    """Change a user; backend hears of it."""
    wanted = Change(name=body.name, email=body.email, roles=body.roles, plan=body.plan)
    return (await auth.users.update(user_id, wanted)).record()


@router.post("/{user_id}/deactivate", response_model=UserRecord)
async def deactivate(user_id: Id, auth: Parts) -> dict[str, Any]:
    """Deactivate a user; all sessions end."""
    return (await auth.users.set_status(user_id, "deactivated")).record()


@router.post("/{user_id}/activate", response_model=UserRecord)
async def activate(user_id: Id, auth: Parts) -> dict[str, Any]:
    """Activate a user again."""
    return (await auth.users.set_status(user_id, "active")).record()


@router.delete("/{user_id}", status_code=204)
async def delete(user_id: Id, auth: Parts) -> None:
    """Delete a user; all sessions end."""
    await auth.users.delete(user_id)
