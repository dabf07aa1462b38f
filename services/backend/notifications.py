"""The notifications that wait for a user."""

from __future__ import annotations

from typing import Any

from services.backend.parts import Authenticated, Here
from services.common.json_bodies import Router

router = Router(tags=["notifications"])


@router.get("/api/notifications", summary="Notifications that none of the user's clients has acknowledged")
async def waiting(here: Here, caller: Authenticated) -> dict[str, Any]:
    """The most urgent first."""
    return {"notifications": await here.events.waiting(caller.user.id)}
