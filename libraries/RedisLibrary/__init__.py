"""Robot Framework library that looks into a Redis (or Valkey) server and waits for what should be there."""

from __future__ import annotations

import fnmatch
import json
import math
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import redis
from assertionengine import AssertionOperator
from lockstep import asserting, masking, target
from lockstep.listeners import LISTENERS
from lockstep.waiting import listed, seconds, shorten, wait_until
from robot.api.deco import keyword, library
from robot.api.types import Secret

from RedisLibrary import copies
from RedisLibrary.connections import DEFAULT, Connections, NotRedisError, RedisAwayError, ServerFacts
from RedisLibrary.copies import RedisCopy
from RedisLibrary.replication import ReplicationKeywords
from RedisLibrary.subscriptions import Message, Subscription

__version__ = "1.0.0"
__all__ = ["Message", "NotRedisError", "RedisAwayError", "RedisCopy", "RedisLibrary", "ServerFacts"]


@library(scope="GLOBAL", version=__version__, doc_format="ROBOT", auto_keywords=False, listener=LISTENERS)
class RedisLibrary(ReplicationKeywords):
    """Looks into a Redis or Valkey server and waits for what should be there.

    | `Connect To Redis`    redis://127.0.0.1:6379/0
    | `Get Redis Value`    greeting    ==    hello    within=2s
    | `Get Redis Ttl`    session:42    <=    1800

    = Connections =

    Keywords use the connection ``default``, or the one named by ``connection``. Where `Connect To Redis` was not called
    and a target is in use (PlatformLibrary), ``default`` is the Redis of the target.

    = Assertions =

    Getters take an operator and an expected value; with ``within`` they ask again until the assertion holds, and a key
    that is missing, or a server that is away, counts as "not yet". Without operator they return the value. A key that
    is missing fails a getter; it never is an empty value.

    Operators are those of the AssertionEngine: ``==``, ``!=``, ``<``, ``>``, ``<=``, ``>=``, ``contains``,
    ``not contains``, ``^=``, ``$=``, ``matches``, ``validate``, ``then``.
    """

    def __init__(self) -> None:
        self._connections = Connections()
        self._subscriptions: dict[str, Subscription] = {}

    @keyword(tags=("connection",))
    def connect_to_redis(
        self, url: str | Secret | None = None, connection: str = DEFAULT, timeout: timedelta = timedelta(seconds=5)
    ) -> ServerFacts:
        """Connects and returns which server runs there (see `Get Redis Server Facts`).

        ``url`` is ``redis://[user:password@]host:port/db`` or ``rediss://…``; default: that of the target in use.
        ``timeout`` is for each command. Fails when nothing answers, or something that is not Redis.
        """
        address = masking.reveal(url) if url else str(target.current().needed("redis_url"))
        return self._connections.open(address, connection, timeout.total_seconds()).facts()

    @keyword(tags=("connection",))
    def disconnect_from_redis(self, connection: str | None = None) -> None:
        """Closes ``connection``, or all of them, with their subscriptions."""
        for name in [connection] if connection else list(self._subscriptions):
            if subscription := self._subscriptions.pop(name, None):
                subscription.close()
        self._connections.close(connection)

    @keyword(tags=("connection",))
    def get_redis_server_facts(self, connection: str = DEFAULT) -> ServerFacts:
        """Which server really runs: ``name``, ``version``, ``compatible`` (the Redis version that it answers as),
        ``mode``, ``pid``, ``port``, ``uptime`` (seconds), ``persistent``.
        """
        return self._connections.get(connection).facts()

    @keyword(tags=("getter", "assertion"))
    def get_redis_value(
        self,
        key: str,
        assertion_operator: AssertionOperator | None = None,
        assertion_expected: Any = None,
        within: timedelta | None = None,
        message: str | None = None,
        connection: str = DEFAULT,
    ) -> Any:
        """The text under ``key``."""
        return self._checked(
            f"Redis value '{key}'",
            lambda: self._existing(key, lambda client: client.get(key), connection),
            (assertion_operator, assertion_expected, within, message),
        )

    @keyword(tags=("getter", "assertion"))
    def get_redis_json(
        self,
        key: str,
        assertion_operator: AssertionOperator | None = None,
        assertion_expected: Any = None,
        within: timedelta | None = None,
        message: str | None = None,
        connection: str = DEFAULT,
    ) -> Any:
        """The JSON document under ``key``, decoded; text that is no JSON fails and is shown."""

        def get() -> Any:
            text = self._existing(key, lambda client: client.get(key), connection)
            try:
                return json.loads(text)
            except ValueError as error:
                raise AssertionError(f"Redis key '{key}' holds no JSON ({error}): {shorten(text)}") from None

        return self._checked(f"Redis document '{key}'", get, (assertion_operator, assertion_expected, within, message))

    @keyword(tags=("getter", "assertion"))
    def get_redis_ttl(
        self,
        key: str,
        assertion_operator: AssertionOperator | None = None,
        assertion_expected: Any = None,
        within: timedelta | None = None,
        message: str | None = None,
        connection: str = DEFAULT,
    ) -> Any:
        """The seconds, with milliseconds, that ``key`` has left to live; ``inf`` without an expiry."""

        def get() -> float:
            left: int = self._ask(lambda client: client.pttl(key), connection)
            if left == -2:
                raise AssertionError(f"Redis has no key '{key}'")
            return math.inf if left == -1 else left / 1000

        return self._checked(f"TTL of '{key}'", get, (assertion_operator, assertion_expected, within, message))

    @keyword(tags=("getter", "assertion"))
    def get_redis_hash(
        self,
        key: str,
        field: str | None = None,
        assertion_operator: AssertionOperator | None = None,
        assertion_expected: Any = None,
        within: timedelta | None = None,
        message: str | None = None,
        connection: str = DEFAULT,
    ) -> Any:
        """The hash under ``key`` as a dictionary, or the text of its ``field``."""

        def get() -> Any:
            entries: dict[str, str] = self._existing(key, lambda client: client.hgetall(key), connection)
            if field is None:
                return entries
            if field not in entries:
                raise AssertionError(f"Redis hash '{key}' has no field '{field}'; it has: {', '.join(sorted(entries))}")
            return entries[field]

        name = f"Redis hash '{key}'" + (f" field '{field}'" if field is not None else "")
        return self._checked(name, get, (assertion_operator, assertion_expected, within, message))

    @keyword(tags=("getter", "assertion"))
    def get_redis_sorted_set(
        self,
        key: str,
        assertion_operator: AssertionOperator | None = None,
        assertion_expected: Any = None,
        within: timedelta | None = None,
        message: str | None = None,
        connection: str = DEFAULT,
    ) -> Any:
        """The sorted set under ``key``: a dictionary member → score, lowest score first."""
        return self._checked(
            f"Redis sorted set '{key}'",
            lambda: dict(self._existing(key, lambda client: client.zrange(key, 0, -1, withscores=True), connection)),
            (assertion_operator, assertion_expected, within, message),
        )

    @keyword(tags=("getter", "assertion"))
    def get_redis_keys(
        self,
        pattern: str = "*",
        assertion_operator: AssertionOperator | None = None,
        assertion_expected: Any = None,
        within: timedelta | None = None,
        message: str | None = None,
        connection: str = DEFAULT,
    ) -> Any:
        """The keys that match the glob ``pattern``, sorted; found by SCAN, which never blocks the server."""
        return self._checked(
            f"Redis keys '{pattern}'",
            lambda: self._ask(lambda client: sorted(client.scan_iter(match=pattern, count=1000)), connection),
            (assertion_operator, assertion_expected, within, message),
        )

    @keyword(tags=("assertion",))
    def redis_key_should_exist(self, key: str, within: timedelta = timedelta(0), connection: str = DEFAULT) -> None:
        """Passes as soon as ``key`` exists."""
        self._wait_for_existence(key, True, within, connection)

    @keyword(tags=("assertion",))
    def redis_key_should_not_exist(self, key: str, within: timedelta = timedelta(0), connection: str = DEFAULT) -> None:
        """Passes as soon as ``key`` does not exist. A server that is away is no proof of that, and fails."""
        self._wait_for_existence(key, False, within, connection)

    @keyword(tags=("writing",))
    def set_redis_value(
        self, key: str, value: str | Secret, ttl: timedelta | None = None, connection: str = DEFAULT
    ) -> None:
        """Writes a text under ``key``, to live for ``ttl``."""
        text = masking.reveal(value)
        self._ask(lambda client: client.set(key, text, px=ttl), connection)

    @keyword(tags=("writing",))
    def delete_redis_keys(self, pattern: str, connection: str = DEFAULT) -> int:
        """Deletes the keys that match the glob ``pattern``; returns how many there were."""

        def delete(client: redis.Redis) -> int:
            found = list(client.scan_iter(match=pattern, count=1000))
            deleted: Any = client.delete(*found) if found else 0
            return int(deleted)

        return int(self._ask(delete, connection))

    @keyword(tags=("writing",))
    def flush_redis(self, connection: str = DEFAULT) -> None:
        """Empties the database of ``connection``: for a platform that the suite has to itself."""
        self._ask(lambda client: client.flushdb(), connection)

    @keyword(tags=("getter",))
    def get_redis_copy(self, connection: str = DEFAULT) -> RedisCopy:
        """All keys as they are at this moment, for `Restore Redis Copy`."""
        copy: RedisCopy = self._ask(copies.take, connection)
        return copy

    @keyword(tags=("getter",))
    def get_redis_keys_holding(self, *texts: str, connection: str = DEFAULT) -> list[str]:
        """Keys of which the name or the value holds any of ``texts``, in any case, in order."""
        if not texts or not all(texts):
            raise ValueError("nothing to look for")
        found: list[str] = self._ask(lambda client: copies.holding(client, texts), connection)
        return found

    @keyword(tags=("assertion",))
    def redis_should_hold_copy(self, copy: RedisCopy, *free: str, connection: str = DEFAULT) -> None:
        """Passes when the database has the keys of ``copy``, each with its value and moment of expiry, and no other.

        ``free`` are patterns of keys that may change, come and go, as for ``KEYS``. The failure names each key. A copy
        without a key outside of ``free`` fails: nothing would be proved.
        """
        if not copies.differences(copy, RedisCopy({}), free):
            raise AssertionError("there is nothing to compare: the copy of Redis holds no key")
        now: RedisCopy = self._ask(copies.take, connection)
        if found := copies.differences(copy, now, free):
            raise AssertionError(f"Redis holds other values: {listed(found)}")

    @keyword(tags=("writing",))
    def restore_redis_copy(self, copy: RedisCopy, connection: str = DEFAULT) -> None:
        """Takes the database back in time, in one step and without a broken connection: it holds what ``copy`` holds.

        So does a server after a fail-over to a replica that lagged behind, or after a restart from an older dump. For a
        platform that the suite has to itself. A key that has expired since stays away.
        """
        self._ask(lambda client: copies.put_back(client, copy), connection)

    @keyword(tags=("writing",))
    def configure_redis(self, option: str, value: str, connection: str = DEFAULT) -> str:
        """Sets an option of the running server (``CONFIG SET``) and returns what it was.

        For a platform that the suite has to itself. ``min-replicas-to-write`` of 1 makes a server without replicas
        refuse every write, as one does that has lost them, and answer everything else.
        """

        def configure(client: redis.Redis) -> str:
            before: Any = client.config_get(option)
            client.config_set(option, value)
            return str(before[option])

        return str(self._ask(configure, connection))

    @keyword(tags=("publishing",))
    def publish_to_redis(self, channel: str, data: str, connection: str = DEFAULT) -> int:
        """Publishes ``data``; returns how many subscribers got it."""
        return int(self._ask(lambda client: client.publish(channel, data), connection))

    @keyword(tags=("publishing",))
    def subscribe_to_redis(self, *channels: str, connection: str = DEFAULT) -> None:
        """Listens to ``channels`` from now on; with ``*`` or ``?`` they are patterns. Returns when Redis has confirmed.

        `Wait For Redis Message` reads what came since.
        """
        if connection not in self._subscriptions:
            self._subscriptions[connection] = Subscription(self._connections.get(connection))
        for channel in channels:
            self._subscriptions[connection].add(channel)

    @keyword(tags=("publishing", "assertion"))
    def wait_for_redis_message(
        self,
        channel: str = "*",
        containing: str = "",
        within: timedelta = timedelta(seconds=2),
        connection: str = DEFAULT,
    ) -> Message:
        """The next message on ``channel`` (a glob) that contains a text; others are dropped, and named in a failure.

        Fails at once for a channel that nothing is subscribed to.
        """
        if connection not in self._subscriptions:
            raise RuntimeError("nothing is subscribed: call Subscribe To Redis first")
        if not self._subscriptions[connection].covers(channel):
            known = ", ".join(self._subscriptions[connection].channels)
            raise RuntimeError(f"nothing is subscribed to '{channel}': no message can come; subscribed are {known}")
        deadline = time.monotonic() + within.total_seconds()
        others: list[str] = []
        while (found := self._subscriptions[connection].next(deadline)) is not None:
            if fnmatch.fnmatchcase(found.channel, channel) and containing in found.data:
                return found
            others.append(masking.mask(f"{found.channel}: {found.data}"))
        wanted = f"channel '{channel}'" + (f" with '{containing}'" if containing else "")
        raise AssertionError(
            f"no message came on {wanted} within {seconds(within)}; seen: {listed(others) or 'nothing'}"
        )

    def _ask(self, command: Callable[[redis.Redis], Any], connection: str) -> Any:
        return self._connections.get(connection).ask(command)

    def _existing(self, key: str, command: Callable[[redis.Redis], Any], connection: str) -> Any:
        value = self._ask(command, connection)
        # Redis itself keeps no empty collection: an empty answer is a missing key.
        if value is None or value in ({}, []):
            raise AssertionError(f"Redis has no key '{key}'")
        return value

    @staticmethod
    def _checked(subject: str, get: Callable[[], Any], check: tuple[Any, ...]) -> Any:
        operator, expected, within, message = check
        tolerated = (AssertionError, RedisAwayError)
        return asserting.checked(subject, get, operator, expected, within, message, tolerated)

    def _wait_for_existence(self, key: str, wanted: bool, within: timedelta, connection: str) -> None:
        def look() -> str:
            found: Any = self._ask(lambda client: client.type(key), connection)
            return "missing" if found == "none" else f"a {found}"

        wait_until(
            f"Redis key '{key}'",
            "existing" if wanted else "missing",
            look,
            lambda seen: (seen != "missing") is wanted,
            within,
            (RedisAwayError,),
        )
