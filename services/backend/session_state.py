"""The state document of a client: versioned, checked for damage when read."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from services.backend import frames, metrics
from services.backend.database import Database
from services.common import logs

LAST_VERSION = frames.MAX_SEQ - 1


@dataclass(frozen=True)
class State:
    """``damaged``: what was stored could not be trusted, and ``document`` starts clean."""

    version: int
    document: dict[str, Any]
    damaged: bool = False


def checksum(user_id: str, client_id: str, version: int, document: str) -> str:
    """Binds a document to its owner: another user's text under this row is damage, too."""
    return hashlib.sha256("\n".join((user_id, client_id, str(version), document)).encode()).hexdigest()


def judge(user_id: str, client_id: str, version: int, document: str, stored_checksum: str) -> State:
    """The state in a stored row; a version that no write can have left, or none could follow, counts as 0."""
    if not 1 <= version <= LAST_VERSION:
        return State(0, {}, damaged=True)
    try:
        value = json.loads(document)
    except (ValueError, RecursionError):
        value = None
    sound = isinstance(value, dict) and checksum(user_id, client_id, version, document) == stored_checksum
    return State(version, value) if sound else State(version, {}, damaged=True)


# What is longer than any document may be is not read whole: cut, it fails its checksum.
_READ = "SELECT version, left(document, %s), checksum FROM session_state WHERE user_id = %s AND client_id = %s"
# The first condition fences: a socket that has been replaced writes nothing any more.
_WRITE = """
    INSERT INTO session_state (user_id, client_id, version, document, checksum)
    SELECT c.user_id, c.client_id, %(version)s, %(document)s, %(checksum)s FROM socket_clients c
    WHERE c.user_id = %(user)s AND c.client_id = %(client)s AND c.generation = %(generation)s
    AND (%(base)s = 0 OR EXISTS (SELECT FROM session_state s WHERE s.user_id = c.user_id AND s.client_id = c.client_id))
    ON CONFLICT (user_id, client_id) DO UPDATE SET version = excluded.version, document = excluded.document,
        checksum = excluded.checksum, updated_at = now()
    WHERE session_state.version = %(base)s
        OR (%(base)s = 0 AND session_state.version NOT BETWEEN 1 AND %(last)s)
    RETURNING version
"""


class SessionStates:
    """``session_state``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, user_id: str, client_id: str) -> State:
        """The current state; version 0 and an empty document where nothing was stored."""
        row = await self._database.fetch_one(_READ, (frames.MAX_STATE + 1, user_id, client_id))
        if row is None:
            return State(0, {})
        state = judge(user_id, client_id, *row)
        if state.damaged:
            metrics.DAMAGED_STATES.inc()
            logs.logger().error("session_state_damaged", user_id=user_id, client_id=client_id, version=state.version)
        return state

    async def write(self, user_id: str, client_id: str, generation: int, base: int, document: str) -> int | None:
        """The new version, or None where ``base`` is not the current one or the socket has been replaced.

        The answer to a write that was lost half-way may be a conflict with the writer's own document.
        """
        version = base + 1
        if version > frames.MAX_SEQ:
            return None
        values = {
            "user": user_id,
            "client": client_id,
            "generation": generation,
            "base": base,
            "version": version,
            "last": LAST_VERSION,
            "document": document,
            "checksum": checksum(user_id, client_id, version, document),
        }
        row = await self._database.fetch_one(_WRITE, values)
        return version if row else None
