"""What replicas tell each other over Redis: that something has happened, never the only copy of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

CHANNEL = "backend:doorbell"


@dataclass(slots=True)
class Ring:
    """What happened, gathered until it is sent.

    Heads by conversation, users with new events, revoked sessions, users who are gone,
    ``[user, client, generation]`` of replaced sockets, and ``[conversation, frame]`` of streamed chunks.
    """

    heads: dict[str, int] = field(default_factory=dict)
    users: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    replaced: list[tuple[str, str, int]] = field(default_factory=list)
    chunks: list[tuple[str, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.heads or self.users or self.revoked or self.gone or self.replaced or self.chunks)


def encode(ring: Ring, replica: str) -> str:
    """The text of a pub/sub message; empty parts are left out."""
    parts: dict[str, Any] = {name: getattr(ring, name) for name in Ring.__slots__}
    return json.dumps({"from": replica, **{name: part for name, part in parts.items() if part}})


def decode(text: str, replica: str) -> Ring | None:
    """The ring in ``text``; None for this replica's own and for anything else that was published there."""
    try:
        document = json.loads(text)
        if document["from"] == replica:
            return None
        return Ring(
            heads={str(name): int(seq) for name, seq in document.get("heads", {}).items()},
            users=[str(user) for user in document.get("users", ())],
            revoked=[str(session) for session in document.get("revoked", ())],
            gone=[str(user) for user in document.get("gone", ())],
            replaced=[(str(user), str(client), int(number)) for user, client, number in document.get("replaced", ())],
            chunks=[(str(conversation), str(frame)) for conversation, frame in document.get("chunks", ())],
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
