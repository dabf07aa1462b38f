"""What the factory hands out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lockstep import masking
from robot.api.types import Secret


@dataclass(frozen=True)
class User:
    """A user with one login: his tokens belong to session ``session_id``. Batch users have no ``password``."""

    id: str
    email: str
    name: str
    client_id: str
    session_id: str
    access_token: Secret
    refresh_token: Secret
    password: Secret | None = None

    @classmethod
    def from_login(cls, answer: Mapping[str, Any], client_id: str, password: Secret | None) -> User:
        """From a token answer (docs/protocol.md §2.2)."""
        person = answer["user"]
        return cls(
            person["id"],
            person["email"],
            person["name"],
            client_id,
            answer["session_id"],
            masking.secret(answer["access_token"]),
            masking.secret(answer["refresh_token"]),
            password,
        )


@dataclass(frozen=True)
class ProviderIdentity:
    """Somebody whom the OpenID provider knows, and nobody else yet."""

    sub: str
    email: str
    name: str
    email_verified: bool


@dataclass(frozen=True)
class Message:
    """A stored message."""

    seq: int
    client_msg_id: str
    sender: str
    role: str
    body: str


@dataclass(frozen=True)
class Conversation:
    """A conversation with what was said in it."""

    id: str
    title: str
    epoch: str
    assistant: bool
    last_seq: int
    messages: tuple[Message, ...] = ()
