"""Whoever opens a socket, and may have given it up before it is open."""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive


class Peer:
    """Reads one message ahead, so that its leaving shows before anybody asks for what it sends."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ahead: asyncio.Future[Message] | None = asyncio.ensure_future(receive())

    @property
    def has_left(self) -> bool:
        """Whether its connection is gone, as far as this process has noticed."""
        ahead = self._ahead
        return ahead is not None and ahead.done() and ahead.result()["type"] == "websocket.disconnect"

    async def receive(self) -> Message:
        """Its next message, as ASGI's ``receive``."""
        if self._ahead is None:
            return await self._receive()
        ahead = await self._ahead
        self._ahead = None
        return ahead

    def forget(self) -> None:
        """It was not let in: nobody waits for what it sends."""
        if self._ahead is not None:
            self._ahead.cancel()
