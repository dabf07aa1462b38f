"""One's own user record."""

from __future__ import annotations

from typing import Any

from services.auth.models import NewPassword, Profile, UserRecord
from services.auth.routes.caller import Parts, SignedIn
from services.auth.users import Change
from services.common import openapi
from services.common.json_bodies import Router
from services.common.problems import Problem

router = Router(prefix="/users/me", tags=["users"], responses={401: openapi.problem("no good access token")})


@router.get("", response_model=UserRecord)
async def me(caller: SignedIn, auth: Parts) -> dict[str, Any]:
    """Who I am."""
    return (await auth.users.get(caller.user_id)).record()


@router.patch("", response_model=UserRecord, responses={409: openapi.problem("the e-mail is taken")})
async def change(body: Profile, caller: SignedIn, auth: Parts) -> dict[str, Any]:
    """Change name or e-mail; backend hears of it."""
    return (await auth.users.update(caller.user_id, Change(name=body.name, email=body.email))).record()


@router.post("/password", status_code=204, responses={403: openapi.problem("the old password is wrong")})
async def change_password(body: NewPassword, caller: SignedIn, auth: Parts) -> None:
    """Change the password; the other sessions end, this one lives."""
    stored = await auth.users.password_hash(caller.user_id)
    if not await auth.passwords.matches(stored, body.old):
        raise Problem(403, "invalid_credentials", "the old password is wrong")
    await auth.users.set_password(caller.user_id, await auth.passwords.hash(body.new))
    if body.logout_others:
        await auth.sessions.revoke_all(caller.user_id, "password_changed", keep=caller.session.id)


@router.post("/deactivate", status_code=204)
async def deactivate(caller: SignedIn, auth: Parts) -> None:
    """Deactivate the account; all sessions end, this one too."""
    await auth.users.set_status(caller.user_id, "deactivated")


@router.delete("", status_code=204)
async def delete(caller: SignedIn, auth: Parts) -> None:
    """Delete the account; all sessions end, this one too."""
    await auth.users.delete(caller.user_id)
