"""Keywords about which server follows which: what an operator, or Sentinel, does to a primary and its replicas."""

from __future__ import annotations

import abc
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

import redis
from lockstep.waiting import wait_until
from robot.api.deco import keyword

from RedisLibrary.connections import DEFAULT, RedisAwayError

# No server has it: a replica that offers it is sent away, as one with an old password is.
_WRONG_PASSWORD = "lockstep-no-such-password"  # noqa: S105 - it opens nothing
_NOBODY = "redis://127.0.0.1:1"


class ReplicationKeywords(abc.ABC):
    """For platforms that a suite has to itself."""

    @abc.abstractmethod
    def _ask(self, command: Callable[[redis.Redis], Any], connection: str) -> Any:
        """The answer of ``command``."""

    @keyword(tags=("assertion",))
    def redis_role_should_be(
        self, role: Literal["primary", "replica"], within: timedelta = timedelta(0), connection: str = DEFAULT
    ) -> None:
        """Passes when the server is a ``primary``, which takes writes, or a ``replica`` whose copy is complete.

        A server that is away counts as "not yet".
        """
        self._wait_for(role, within, connection)

    @keyword(tags=("writing",))
    def make_redis_replica(self, of: str = _NOBODY, connection: str = DEFAULT) -> None:
        """Makes the server a replica of the one at the URL ``of``: it refuses writes and takes over the other's data.

        Without ``of`` it follows a server that nobody can reach, and only refuses writes (``READONLY``).
        """
        parts = urlsplit(of)

        def follow(client: redis.Redis) -> None:
            # A whole copy is taken over at once, without a file that a later start would begin with.
            client.config_set("repl-diskless-load", "swapdb")
            client.replicaof(str(parts.hostname), str(parts.port or 6379))

        self._ask(follow, connection)

    @keyword(tags=("writing",))
    def promote_redis(self, connection: str = DEFAULT) -> None:
        """Makes a replica the primary that takes writes, with the data that it has."""
        self._ask(lambda client: client.replicaof("NO", "ONE"), connection)

    @keyword(tags=("writing",))
    def cut_redis_replication(self, connection: str = DEFAULT, within: timedelta = timedelta(seconds=5)) -> None:
        """Lets a replica lag: it hears of nothing any more and keeps what it has, until it is promoted."""

        def cut(client: redis.Redis) -> None:
            client.config_set("masterauth", _WRONG_PASSWORD)
            client.client_kill_filter(_type="master")

        self._ask(cut, connection)
        self._wait_for("lagging replica", within, connection)

    @keyword(tags=("writing",))
    def save_redis(self, connection: str = DEFAULT) -> None:
        """Writes all keys to the server's file (``SAVE``): a server that starts again begins with them."""
        self._ask(lambda client: client.save(), connection)

    def _wait_for(self, role: str, within: timedelta, connection: str) -> None:
        wait_until(
            f"Redis ({connection})",
            f"a {role}",
            lambda: self._ask(_role, connection),
            lambda seen: seen == role,
            within,
            (RedisAwayError,),
        )


def _role(client: redis.Redis) -> str:
    facts: Any = client.info("replication")
    if facts["role"] == "master":
        return "primary"
    return "replica" if facts.get("master_link_status") == "up" else "lagging replica"
