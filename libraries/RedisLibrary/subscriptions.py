"""Published messages, kept from the moment the subscription was confirmed until somebody asks for them."""

from __future__ import annotations

import fnmatch
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from RedisLibrary.connections import Connection, RedisAwayError

CONFIRMATION = 5.0
_GLOB = frozenset("*?[")


@dataclass(frozen=True)
class Message:
    """A published message."""

    channel: str
    data: str


class Subscription:
    """The channels that one connection listens to."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        factory: Any = connection.client
        self._pubsub: Any = factory.pubsub()
        self._waiting: deque[Message] = deque()
        self.channels: list[str] = []

    def add(self, channel: str) -> None:
        """Listens to ``channel``, a pattern where it has ``*``, ``?`` or ``[``; returns when Redis has confirmed."""
        self.channels.append(channel)
        with self._connection.explained():
            pattern = set(channel) & _GLOB
            (self._pubsub.psubscribe if pattern else self._pubsub.subscribe)(channel)
            deadline = time.monotonic() + CONFIRMATION
            while (left := deadline - time.monotonic()) > 0:
                found = self._pubsub.get_message(timeout=left)
                if found and found["type"] in ("subscribe", "psubscribe") and found["channel"] == channel:
                    return
                self._keep(found)
        raise RedisAwayError(f"Redis at {self._connection.address} does not confirm the subscription to '{channel}'")

    def covers(self, channel: str) -> bool:
        """Whether a message on ``channel`` could come; a glob may always fit something."""
        return bool(set(channel) & _GLOB) or any(fnmatch.fnmatchcase(channel, known) for known in self.channels)

    def next(self, deadline: float) -> Message | None:
        """The next message, or ``None`` when there is none until ``deadline`` (monotonic)."""
        while not self._waiting:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            with self._connection.explained():
                self._keep(self._pubsub.get_message(timeout=left))
        return self._waiting.popleft()

    def _keep(self, found: Any) -> None:
        if found and found["type"] in ("message", "pmessage"):
            self._waiting.append(Message(found["channel"], found["data"]))

    def close(self) -> None:
        self._pubsub.close()
