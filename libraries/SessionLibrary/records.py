"""Sessions as keywords hand them out and take them in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lockstep import masking
from robot.api.types import Secret


@dataclass(frozen=True)
class ManagedSession:
    """A session made through the session manager, with its tokens; ``record`` is its record at that moment."""

    session_id: str
    user_id: str
    type: str
    session_token: Secret
    access_token: Secret
    refresh_token: Secret | None
    record: Mapping[str, Any] = field(repr=False, default_factory=dict)

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> ManagedSession:
        """From the answer of ``POST /admin/sessions``."""
        record = answer["session"]
        return cls(
            record["session_id"],
            record["user_id"],
            record["type"],
            masking.secret(answer["session_token"]),
            masking.secret(answer["access_token"]),
            masking.secret(answer["refresh_token"]) if answer.get("refresh_token") else None,
            record,
        )


@dataclass(frozen=True)
class Identity:
    """Which session is meant: its id, and the user and token where they are known."""

    session_id: str
    user_id: str | None
    access_token: str | None

    @classmethod
    def of(cls, session: Any, access_token: str | Secret | None = None) -> Identity:
        """From a session id, a token answer, or whatever has ``session_id`` (a user of DataFactory, a managed session).

        Raises ``TypeError`` for anything else.
        """
        if isinstance(session, str):
            return cls(session, None, masking.reveal(access_token) if access_token else None)

        def read(name: str) -> Any:
            return session.get(name) if isinstance(session, Mapping) else getattr(session, name, None)

        session_id = read("session_id")
        if not isinstance(session_id, str):
            raise TypeError(f"no session: a {type(session).__name__} has no session_id")
        person = read("user")
        user_id = read("user_id") or (person.get("id") if isinstance(person, Mapping) else None) or read("id")
        token = access_token or read("access_token")
        return cls(session_id, user_id, masking.reveal(token) if token else None)


def session_token_of(session: Any) -> str:
    """The session token of a managed session, or the token itself."""
    return masking.reveal(session if isinstance(session, str | Secret) else session.session_token)


def session_id_of(session: Any) -> str:
    """The id of any sort of session."""
    return Identity.of(session).session_id
