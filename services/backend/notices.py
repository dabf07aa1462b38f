"""Telling every socket of the platform: the local ones at once, those of other replicas by the doorbell."""

from __future__ import annotations

from collections.abc import Iterable

from services.backend.doorbell import Doorbell
from services.backend.hub import Hub
from services.backend.messages import Message


class Notices:
    """Each method is called after the commit that it tells of."""

    def __init__(self, hub: Hub, doorbell: Doorbell) -> None:
        self._hub = hub
        self._doorbell = doorbell

    def messages(self, fresh: dict[str, list[Message]], repeated: dict[str, int]) -> None:
        """Messages were stored."""
        self._hub.publish(fresh, repeated)
        self._doorbell.pending.heads.update({name: messages[-1].seq for name, messages in fresh.items()})
        self._doorbell.ring()

    def chunk(self, conversation_id: str, frame: str) -> None:
        """A part of an answer has been made."""
        self._hub.push_chunk(conversation_id, frame)
        self._doorbell.pending.chunks.append((conversation_id, frame))
        self._doorbell.ring()

    def events(self, user_ids: Iterable[str]) -> None:
        """These users have new events."""
        users = list(user_ids)
        self._hub.wake_users(users)
        self._doorbell.pending.users.extend(users)
        self._doorbell.ring()

    def revoked(self, session_ids: list[str]) -> None:
        """These sessions have ended."""
        self._hub.close_sessions(session_ids)
        self._doorbell.pending.revoked.extend(session_ids)
        self._doorbell.ring()

    def gone(self, user_ids: list[str]) -> None:
        """These users were deactivated or deleted."""
        self._hub.close_users(user_ids)
        self._doorbell.pending.gone.extend(user_ids)
        self._doorbell.ring()

    def replaced(self, user_id: str, client_id: str, generation: int) -> None:
        """A client has a newer socket."""
        self._hub.fence(user_id, client_id, generation)
        self._doorbell.pending.replaced.append((user_id, client_id, generation))
        self._doorbell.ring()
