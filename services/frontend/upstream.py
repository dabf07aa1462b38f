"""Calls to a service behind frontend: on a ready replica, repeated once where that is safe, never for long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
from aiohttp.connector import Connection
from multidict import CIMultiDict
from prometheus_client import Counter
from yarl import URL

from services.common import logs, problems
from services.frontend.headers import RawHeaders
from services.frontend.replicas import Replica, Replicas

# Shorter than the 5 s after which uvicorn closes an idle connection: the closing must not race with a request.
_IDLE_TIMEOUT = 4.0
# An answer that may be asked for again is waited for as a whole up to this size; a longer one is passed on as it comes.
_SMALL = 64 << 10
_NO_OWN_HEADERS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")

REPEATED = Counter("frontend_repeated_total", "Requests sent a second time", ["service"])
FAILED = Counter("frontend_upstream_failures_total", "Attempts without an answer", ["service", "kind"])

T = TypeVar("T")


@dataclass(frozen=True)
class Outgoing:
    """A request on its way to a service; ``target`` is path and query as the client wrote them."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    repeatable: bool = False


def _as_written(fields: list[tuple[str, str]]) -> CIMultiDict[str]:
    """Fields such that the client's own bytes go out: ASGI reads them as Latin-1, aiohttp writes UTF-8."""
    written: CIMultiDict[str] = CIMultiDict()
    for name, value in fields:
        try:
            written.add(name, value.encode("latin-1").decode())
        except UnicodeError:
            written.add(name, value)
    return written


class HandshakeRefused(Exception):  # noqa: N818 - an answer, not a failure
    """A service answered a WebSocket handshake with something else than 101."""

    def __init__(self, status: int, headers: RawHeaders, body: bytes) -> None:
        super().__init__(f"handshake refused with {status}")
        self.status = status
        self.headers = headers
        self.body = body


class _HandshakeResponse(aiohttp.ClientResponse):
    """aiohttp forgets the body of a refused handshake; this reads it first."""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        await super().start(connection)
        if self.status != 101:
            raise HandshakeRefused(self.status, list(self.raw_headers), await self.read())
        return self


class Upstream:
    """The service ``name`` at ``urls``."""

    def __init__(self, name: str, urls: tuple[str, ...], timeout: float, ping_interval: float) -> None:
        self.name = name
        self.replicas = Replicas(name, urls, timeout)
        self._timeout = timeout
        self._ping_interval = ping_interval
        REPEATED.labels(name)  # counted from nought, not from the first
        for kind in (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError):
            FAILED.labels(name, kind.__name__)

    async def open(self) -> None:
        """Open the connections' pools and begin to watch the replicas; needs the running loop."""
        pool = aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_TIMEOUT)
        single = aiohttp.TCPConnector(limit=0, force_close=True)
        self._pooled = self._session(pool)
        # A request that must not be repeated gets a connection of its own: a kept one may be closing unseen.
        self._fresh = self._session(single)
        self._sockets = self._session(single, response_class=_HandshakeResponse)
        self._watcher = asyncio.create_task(self.replicas.watch(self._fresh))

    def _session(self, connector: aiohttp.TCPConnector, **options: Any) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_NO_OWN_HEADERS,
            timeout=aiohttp.ClientTimeout(sock_connect=self._timeout, sock_read=self._timeout),
            **options,
        )
        # aiohttp would repeat PUT and DELETE by itself, on the same replica, whatever became of the first one.
        session._retry_connection = False
        return session

    async def close(self) -> None:
        """Stop watching and close every connection."""
        self._watcher.cancel()
        await asyncio.wait([self._watcher])
        for session in (self._sockets, self._fresh, self._pooled):
            await session.close()

    async def send(self, outgoing: Outgoing) -> aiohttp.ClientResponse:
        """The answer; a 503 ``Problem`` naming the service where none comes.

        Its body is unread, or read already where the request may be repeated and the answer is small: a replica that
        dies between its head and its end has then answered nothing.
        """
        session = self._pooled if outgoing.repeatable else self._fresh

        async def attempt(replica: Replica) -> aiohttp.ClientResponse:
            answer = await session.request(
                outgoing.method,
                URL(replica.url + outgoing.target, encoded=True),
                headers=_as_written(outgoing.headers),
                data=outgoing.body or None,
                allow_redirects=False,
            )
            if outgoing.repeatable and answer.content_length is not None and answer.content_length <= _SMALL:
                await answer.read()
            return answer

        return await self._on_a_replica(attempt, outgoing.repeatable)

    async def connect(
        self, target: str, headers: list[tuple[str, str]], subprotocols: list[str]
    ) -> aiohttp.ClientWebSocketResponse:
        """An open WebSocket; raises ``HandshakeRefused``, or a 503 ``Problem`` where no replica answers."""

        async def attempt(replica: Replica) -> aiohttp.ClientWebSocketResponse:
            async with asyncio.timeout(self._timeout):
                return await self._sockets.ws_connect(
                    URL(replica.url + target, encoded=True),
                    headers=_as_written(headers),
                    protocols=subprotocols,
                    heartbeat=self._ping_interval,
                    max_msg_size=0,
                )

        return await self._on_a_replica(attempt, repeatable=True)

    async def _on_a_replica(self, attempt: Callable[[Replica], Awaitable[T]], repeatable: bool) -> T:
        replica: Replica | None = None
        for last in (False, True):
            replica = await self.replicas.choose(avoid=replica)
            try:
                async with asyncio.timeout(None) as patience:
                    with replica.waiting(patience):
                        answer = await attempt(replica)
                replica.heard()
            except HandshakeRefused:
                replica.heard()
                raise
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                self._failed(replica, error)
            except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
                self._failed(replica, error)
                if not repeatable:
                    break
            else:
                return answer
            if not last:
                REPEATED.labels(self.name).inc()
        raise problems.unavailable(self.name)

    def _failed(self, replica: Replica, error: Exception) -> None:
        FAILED.labels(self.name, type(error).__name__).inc()
        logs.logger().warning("upstream_failed", replica=replica.url, error=type(error).__name__)
        replica.doubt()
