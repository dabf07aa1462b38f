"""Connections to Redis servers, and errors that say which server did what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import redis
from lockstep import masking, reasons, target
from redis.exceptions import RedisError

T = TypeVar("T")
DEFAULT = "default"


class RedisAwayError(RuntimeError):
    """The server cannot be reached, or did not answer in time."""


class NotRedisError(RuntimeError):
    """Something answers at the address, and it is no Redis."""


@dataclass(frozen=True)
class ServerFacts:
    """Which server really runs: ``name`` and ``version`` are its own, ``compatible`` the Redis version it claims."""

    name: str
    version: str
    compatible: str
    mode: str
    pid: int
    port: int
    uptime: int
    persistent: bool


class Connection:
    """One client, with its address for messages (without the password)."""

    def __init__(self, url: str, timeout: float) -> None:
        try:
            parts = urlsplit(url)
            if parts.password:
                masking.register(parts.password)
            self.client: redis.Redis = redis.Redis.from_url(
                url,
                decode_responses=True,
                encoding_errors="backslashreplace",
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                retry=None,
            )
        except ValueError as error:
            raise ValueError(f"not a Redis URL: {masking.mask(url)}: {error}") from None
        self.url = url
        self.address = f"{parts.scheme}://{parts.hostname}:{parts.port or 6379}{parts.path}"

    def ask(self, command: Callable[[redis.Redis], T]) -> T:
        """The answer of ``command``; raises `RedisAwayError`, `NotRedisError` or ``RuntimeError`` with the address."""
        with self.explained():
            return command(self.client)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turns what redis-py raises into errors that name the server."""
        try:
            yield
        except redis.exceptions.AuthenticationError as error:
            raise RuntimeError(f"Redis at {self.address} refuses the credentials: {reasons.text(error)}") from None
        except redis.exceptions.InvalidResponse as error:
            raise NotRedisError(f"what answers at {self.address} is not Redis: {reasons.text(error)}") from None
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError) as error:
            raise RedisAwayError(f"Redis at {self.address} does not answer: {reasons.text(error)}") from None
        except RedisError as error:
            raise RuntimeError(f"Redis at {self.address} refuses: {reasons.text(error)}") from None

    def facts(self) -> ServerFacts:
        """What the server says of itself (``INFO``)."""
        info: dict[str, Any] = self.ask(lambda client: client.info())
        valkey = info.get("server_name") == "valkey" or "valkey_version" in info
        return ServerFacts(
            name="Valkey" if valkey else "Redis",
            version=str(info.get("valkey_version") if valkey else info.get("redis_version", "")),
            compatible=str(info.get("redis_version", "")),
            mode=str(info.get("server_mode") or info.get("redis_mode", "")),
            pid=int(info.get("process_id", 0)),
            port=int(info.get("tcp_port", 0)),
            uptime=int(info.get("uptime_in_seconds", 0)),
            persistent=bool(info.get("aof_enabled", 0)) or bool(self._snapshots()),
        )

    def _snapshots(self) -> str:
        answer: Any = self.ask(lambda client: client.config_get("save"))
        return str(answer.get("save", ""))

    def close(self) -> None:
        self.client.close()


class Connections:
    """Connections by alias; where nobody connected, the Redis of the target in use."""

    def __init__(self) -> None:
        self._by_alias: dict[str, Connection] = {}
        self._of_target: Connection | None = None

    def open(self, url: str, alias: str, timeout: float) -> Connection:
        """Connects and sees that a Redis answers."""
        connection = Connection(url, timeout)
        try:
            connection.ask(lambda client: client.ping())
        except RuntimeError:
            connection.close()
            raise
        self.close(alias)
        self._by_alias[alias] = connection
        return connection

    def get(self, alias: str) -> Connection:
        """The connection ``alias``; raises ``RuntimeError`` that names those there are."""
        if alias in self._by_alias:
            return self._by_alias[alias]
        if alias == DEFAULT and target.in_use() and (url := target.current().redis_url):
            if self._of_target is None or self._of_target.url != url:
                self._of_target = Connection(url, 5.0)
            return self._of_target
        known = ", ".join(sorted(self._by_alias)) or "none"
        raise RuntimeError(f"no Redis connection '{alias}' (there are: {known}): call Connect To Redis first")

    def close(self, alias: str | None = None) -> None:
        """Closes ``alias``, or all."""
        for name in [alias] if alias else list(self._by_alias):
            if connection := self._by_alias.pop(name, None):
                connection.close()
