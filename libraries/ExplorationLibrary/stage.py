"""Where schedules are played: a private platform that all of them share, mended after each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import psycopg
from DataFactory import DataFactory, User
from lockstep.target import Descriptor
from lockstep.waiting import wait_until
from psycopg.rows import dict_row
from redis import Redis

from .schedule import CONVERSATIONS, REPLICAS

LARGEST_BATCH = 50
LATENCY = "40ms"
MENDED = timedelta(seconds=30)
_ROWS = """
    SELECT m.conversation_id::text, m.seq, c.epoch, m.client_msg_id, m.body
    FROM messages m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.conversation_id = ANY(%s::uuid[]) ORDER BY m.conversation_id, m.seq
"""


class Platform(Protocol):
    """What a stage wants of PlatformLibrary."""

    def start_service(self, instance: str) -> float: ...
    def kill_service(self, instance: str) -> float: ...
    def restart_service(self, instance: str) -> float: ...
    def restart_service_without_gap(self, instance: str) -> float: ...
    def reset_connection(self, hop: str) -> None: ...
    def add_toxic(self, hop: str, type: str, stream: str = ..., name: str | None = ..., **attributes: str) -> None: ...
    def heal_connection(self, hop: str) -> None: ...
    def heal_all(self) -> None: ...
    def service_should_be_ready(self, instance: str) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Person:
    """A new user with his conversations, name → id."""

    user: User
    conversations: Mapping[str, str]


class Stage:
    """Plays faults, and knows what they have left behind."""

    def __init__(self, platform: Platform, found: Descriptor, seed: str, batch: int) -> None:
        self.doors = dict(zip(REPLICAS, found.needed("backend_socket_urls"), strict=False))
        self._platform = platform
        self._factory = DataFactory(seed)
        self._batch = batch
        self._persons: list[Person] = []
        self._down: set[str] = set()
        self._disturbed = False
        self._redis = Redis.from_url(found.needed("redis_url"))
        self._database = psycopg.connect(found.needed("main_db_url"), autocommit=True, row_factory=dict_row)

    def somebody(self) -> Person:
        """Somebody who has done nothing yet."""
        if not self._persons:
            users = self._factory.create_load_users(self._batch)
            made = [self._factory.create_conversation_for_each(users) for _ in CONVERSATIONS]
            self._persons = [
                Person(user, dict(zip(CONVERSATIONS, [one.id for one in of_user], strict=True)))
                for user, *of_user in zip(users, *made, strict=True)
            ]
        return self._persons.pop()

    def rows(self, conversations: Sequence[str]) -> list[dict[str, Any]]:
        """What the main database holds of these conversations, in order."""
        return self._database.execute(_ROWS, (list(conversations),)).fetchall()

    def kill(self, instance: str) -> None:
        """SIGKILL; it stays down."""
        self._down.add(instance)
        self._platform.kill_service(instance)

    def start(self, instance: str) -> None:
        """Start what was killed."""
        self._platform.start_service(instance)
        self._down.discard(instance)

    def restart(self, instance: str) -> None:
        """SIGTERM, and a new process."""
        self._platform.restart_service(instance)

    def hand_over(self, instance: str) -> None:
        """A successor on the same socket."""
        self._platform.restart_service_without_gap(instance)

    def cut(self, instance: str) -> None:
        """The network resets every socket of this replica's clients."""
        self._platform.reset_connection(f"client->{instance}")

    def slow_down(self, hop: str) -> None:
        """Everything on a hop takes longer, each way."""
        self._disturbed = True
        self._platform.add_toxic(hop, "latency", stream="both", name="slow", latency=LATENCY)

    def speed_up(self, hop: str) -> None:
        """The hop is as fast as before."""
        self._platform.heal_connection(hop)

    def flush_redis(self) -> None:
        """Redis forgets everything."""
        self._redis.flushall()

    def mend(self) -> None:
        """Undo every fault; returns when both replicas reach all they depend on."""
        if self._disturbed:
            self._platform.heal_all()
            self._disturbed = False
        for instance in sorted(self._down, reverse=True):
            self.start(instance)
        wait_until("dependencies of the replicas", "up", self._missing, lambda found: not found, MENDED)

    def _missing(self) -> list[str]:
        return [
            f"{replica} does not reach {name}"
            for replica in self.doors
            for name, state in self._platform.service_should_be_ready(replica)["dependencies"].items()
            if state != "up"
        ]

    def close(self) -> None:
        """Mend what the last schedule left, and hang up."""
        self.mend()
        self._database.close()
        self._redis.close()
