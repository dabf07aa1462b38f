"""Keywords of the session manager's HTTP interface, its locks included (docs/protocol.md §2.5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from lockstep import masking, target
from lockstep.http import Service
from lockstep.target import Descriptor
from robot.api.deco import keyword
from robot.api.types import Secret

from SessionLibrary.places import Places
from SessionLibrary.records import ManagedSession, session_id_of, session_token_of

Fingerprint = str | Mapping[str, Any] | None


class Managing:
    """One keyword an endpoint; each returns the answer."""

    def __init__(self, descriptor: Descriptor | None) -> None:
        self._given = descriptor
        self._places_of: Places | None = None

    @property
    def _places(self) -> Places:
        wanted = self._given or target.current()
        if self._places_of is None or self._places_of.target != wanted:
            if self._places_of is not None:
                self._places_of.close()
            self._places_of = Places(wanted)
        return self._places_of

    @property
    def _auth(self) -> Service:
        places = self._places
        if places.auth is None:
            places.target.needed("auth_url")
            places.target.needed("service_token")
        assert places.auth is not None
        return places.auth

    @keyword(tags=("manager",))
    def create_managed_session(
        self,
        user_id: str,
        type: str = "WEB",
        client_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        device: str | None = None,
        fingerprint: Fingerprint = None,
        idle_ttl: timedelta | None = None,
        absolute_ttl: timedelta | None = None,
    ) -> ManagedSession:
        """A session made for a user, with ``session_id``, its three tokens, and its ``record``.

        ``type`` is WEB, MOBILE, API or SSO; ``fingerprint`` is a text or the traits of a device. Where the user has too
        many sessions, the oldest goes.
        """
        body = {
            "user_id": user_id,
            "type": type,
            "client_id": client_id,
            "metadata": dict(metadata) if metadata is not None else None,
            "device": device,
            "fingerprint": _plain(fingerprint),
            "idle_ttl": idle_ttl.total_seconds() if idle_ttl else None,
            "absolute_ttl": absolute_ttl.total_seconds() if absolute_ttl else None,
        }
        given = {name: value for name, value in body.items() if value is not None}
        return ManagedSession.from_answer(self._auth.call("POST", "/admin/sessions", given))

    @keyword(tags=("manager",))
    def validate_session_token(
        self, session: ManagedSession | str | Secret, fingerprint: Fingerprint = None
    ) -> dict[str, Any]:
        """The manager's judgement of a session token: ``valid``, ``reason``, ``source`` and ``session``.

        Takes a token, or a session that has one. ``source`` is ``redis`` or ``database``.
        """
        shown = {} if fingerprint is None else {"fingerprint": _plain(fingerprint)}
        body = {"session_token": session_token_of(session), **shown}
        return dict(self._auth.call("POST", "/admin/sessions/validate", body))

    @keyword(tags=("manager", "assertion"))
    def session_token_should_be_valid(
        self, session: ManagedSession | str | Secret, source: str | None = None, fingerprint: Fingerprint = None
    ) -> dict[str, Any]:
        """Passes when the manager accepts the token, by ``source`` where one is named; returns the session's record."""
        judged = self.validate_session_token(session, fingerprint)
        if not judged["valid"]:
            raise AssertionError(f"the session token is not valid: {judged['reason']} (by {judged['source']})")
        if source is not None and judged["source"] != source:
            raise AssertionError(f"the session token was judged by {judged['source']}, not by {source}")
        return dict(judged["session"])

    @keyword(tags=("manager", "assertion"))
    def session_token_should_be_invalid(
        self,
        session: ManagedSession | str | Secret,
        reason: str | None = None,
        source: str | None = None,
        fingerprint: Fingerprint = None,
    ) -> None:
        """Passes when the manager refuses the session token, for ``reason`` and by ``source`` where they are named."""
        judged = self.validate_session_token(session, fingerprint)
        if judged["valid"]:
            valid = f"session {judged['session']['session_id']} (by {judged['source']})"
            raise AssertionError(f"the session token is valid: {valid}")
        for name, wanted in (("reason", reason), ("source", source)):
            if wanted is not None and judged[name] != wanted:
                raise AssertionError(f"the session token is not valid, but its {name} is {judged[name]}, not {wanted}")

    @keyword(tags=("manager",))
    def refresh_session_token(self, session: ManagedSession | str | Secret, extend: bool = True) -> dict[str, Any]:
        """A new session token in the place of the old one, which is dead at once: ``session`` and ``session_token``.

        ``extend`` starts the idle time again.
        """
        body = {"session_token": session_token_of(session), "extend": extend}
        answer = self._auth.call("POST", "/admin/sessions/refresh", body)
        return {**answer, "session_token": Secret(answer["session_token"])}

    @keyword(tags=("manager",))
    def record_session_activity(self, session: Any) -> Any:
        """Tells the manager of an activity in the session."""
        return self._auth.call("POST", f"/admin/sessions/{session_id_of(session)}/activity")

    @keyword(tags=("manager",))
    def revoke_session(self, session: Any, reason: str = "test") -> Any:
        """Ends a session: a session id, a managed session, or a user of DataFactory with his login."""
        return self._auth.call("POST", f"/admin/sessions/{session_id_of(session)}/revoke", {"reason": reason})

    @keyword(tags=("manager",))
    def revoke_user_sessions(self, user_id: str, reason: str = "test", keep: Any = None) -> int:
        """Ends all sessions of a user except ``keep``; returns how many ended."""
        body = {"reason": reason, **({"except_session_id": session_id_of(keep)} if keep else {})}
        return int(self._auth.call("POST", f"/admin/users/{user_id}/sessions/revoke", body)["revoked"])

    @keyword(tags=("manager",))
    def migrate_session(self, session: Any, metadata: Mapping[str, Any] | None = None) -> ManagedSession:
        """Turns a session into one of type SSO: the new one is returned, the old one ends."""
        body = {"type": "SSO", **({"metadata": dict(metadata)} if metadata else {})}
        return ManagedSession.from_answer(
            self._auth.call("POST", f"/admin/sessions/{session_id_of(session)}/migrate", body)
        )

    @keyword(tags=("manager", "getter"))
    def get_session_record(self, session: Any) -> dict[str, Any]:
        """Auth's record of a session."""
        return dict(self._auth.call("GET", f"/admin/sessions/{session_id_of(session)}"))

    @keyword(tags=("manager", "getter"))
    def get_session_events(self, session: Any) -> list[dict[str, Any]]:
        """The audit trail of a session, oldest first."""
        answer = self._auth.call("GET", f"/admin/sessions/{session_id_of(session)}/events")
        return list(answer["events"] if isinstance(answer, dict) else answer)

    @keyword(tags=("manager", "getter"))
    def list_user_sessions(self, user_id: str, include_expired: bool = False) -> list[dict[str, Any]]:
        """The records of a user's sessions; active ones only, unless told otherwise."""
        path = f"/admin/users/{user_id}/sessions?include_expired={str(include_expired).lower()}"
        answer = self._auth.call("GET", path)
        return list(answer["sessions"] if isinstance(answer, dict) else answer)

    @keyword(tags=("manager",))
    def clean_up_sessions(self) -> dict[str, Any]:
        """Has the manager sweep expired sessions: ``expired``, ``removed_keys``, ``errors``."""
        return dict(self._auth.call("POST", "/admin/sessions/cleanup"))

    @keyword(tags=("manager", "getter"))
    def get_session_analytics(self) -> dict[str, Any]:
        """Counts of the manager: ``active``, ``by_type``, ``by_status``, ``users``."""
        return dict(self._auth.call("GET", "/admin/sessions/analytics"))

    @keyword(tags=("locks",))
    def acquire_lock(self, name: str, ttl: timedelta = timedelta(minutes=1)) -> Secret:
        """Takes the manager's lock ``name`` for ``ttl`` (an hour at most); returns the owner token that gives it back.

        Fails with 409 ``locked`` while somebody holds it, and with 503 ``redis_unavailable`` while Redis is away.

        | ${owner} =    `Acquire Lock`    nightly-report    ttl=30s
        | `Release Lock`    nightly-report    ${owner}
        """
        answer = self._auth.call("POST", f"/admin/locks/{name}", {"ttl": ttl.total_seconds()})
        return masking.secret(answer["owner"])

    @keyword(tags=("locks",))
    def release_lock(self, name: str, owner: str | Secret) -> None:
        """Gives the lock ``name`` back.

        Fails with 409 ``not_owner`` where ``owner`` does not hold it (any more), and with 503 ``redis_unavailable``
        while Redis is away.
        """
        self._auth.call("DELETE", f"/admin/locks/{name}", {"owner": masking.reveal(owner)})


def _plain(fingerprint: Fingerprint) -> Any:
    return dict(fingerprint) if isinstance(fingerprint, Mapping) else fingerprint
