"""Who is calling: a verified token, its user, and how its session was found live."""

from __future__ import annotations

from dataclasses import dataclass

from services.backend.keys import SigningKeys
from services.backend.sessions import Sessions
from services.backend.users import Standing, User, Users
from services.common import problems
from services.common.access_tokens import AccessToken, Verifier
from services.common.problems import Problem


@dataclass(frozen=True)
class Caller:
    """An authenticated caller."""

    token: AccessToken
    user: User
    session_check: str


class Identity:
    """Turns an access token into a ``Caller``, or into the 401 or 503 that says why not."""

    def __init__(self, keys: SigningKeys, users: Users, sessions: Sessions, *, issuer: str, audience: str) -> None:
        self._tokens = Verifier(keys.find, issuer=issuer, audience=audience)
        self._users = users
        self._sessions = sessions

    async def authenticate(self, raw: str) -> Caller:
        """Verify ``raw``, find its session live and its user known and active."""
        token = await self._tokens.verify(raw)
        try:
            return await self._caller(token, raw)
        except Problem as problem:
            problem.session_id = token.session_id
            raise

    async def _caller(self, token: AccessToken, raw: str) -> Caller:
        cached = self._sessions.look_up(token)
        standing = await self._users.standing(token.subject, token.session_id)
        if standing.revoked_reason is not None:
            raise problems.token_refused("session_revoked", "the session has been revoked")
        if standing.deleted:
            raise problems.token_refused("session_revoked", "the user has been deleted")
        session_check = await self._sessions.check(token, raw, await cached)
        user = standing.user or await self._fetched(token)
        if user.status != "active":
            raise problems.token_refused("session_revoked", "the user is not active")
        return Caller(token, user, session_check)

    async def standing(self, token: AccessToken) -> Standing:
        """What the main DB knows now of the user and the session of a token that was verified before."""
        return await self._users.standing(token.subject, token.session_id)

    async def _fetched(self, token: AccessToken) -> User:
        await self._users.fetch_missing(token.subject)
        standing = await self._users.standing(token.subject, token.session_id)
        if standing.user is None:
            raise problems.token_refused("token_invalid", "the user is not known")
        return standing.user
