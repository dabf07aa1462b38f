"""Opens one socket with picows: once, with no redirect, and only where the server chose what was offered."""

from __future__ import annotations

import asyncio

from picows import ws_connect

from . import detours
from .connection import Connection, NotOpenError


async def connect(connection: Connection, timeout: float, max_frame_size: int) -> Connection:  # noqa: ASYNC109
    """Opens the socket within `timeout` seconds. No redirect is followed and no second attempt is made.

    A socket that opens although nobody waits for it any more is hung up at once.
    """
    request = connection.request
    given_up = False

    def listener(*_: object) -> Connection:
        if given_up:
            raise NotOpenError("the handshake was answered too late")
        return connection

    try:
        async with asyncio.timeout(timeout):
            await ws_connect(
                listener,
                request.url,
                ssl_context=request.tls,
                websocket_handshake_timeout=timeout,
                enable_auto_pong=False,
                max_frame_size=max_frame_size,
                extra_headers=request.all_headers,
                max_redirects=0,
                socket_factory=detours.open_tcp,
            )
    except BaseException:
        given_up = True
        raise
    if not connection.was_opened:
        raise ConnectionError("the server hung up during the handshake")
    _check_choices(connection)
    return connection


def _check_choices(connection: Connection) -> None:
    """RFC 6455 §4.1: a client fails a handshake that selects what was not offered."""
    chosen = connection.answer.subprotocol
    if chosen is not None and chosen not in connection.request.subprotocols:
        connection.cut()
        raise NotOpenError(f"the server selected subprotocol '{chosen}', which was not offered")
    if extensions := connection.answer.headers.get("sec-websocket-extensions"):
        connection.cut()
        raise NotOpenError(f"the server selected extensions '{extensions}', which were not offered")
