"""Leaving without being missed: a server that drains before it ends, for a successor on the same listening socket.

SIGTERM ends a server as soon as what it is answering is answered. SIGQUIT drains it (the two signals mean the same to
nginx): it takes no new connections, closes sockets with 1012, and goes on for a while to answer what comes on the
connections that it has, each answer saying ``Connection: close``. Idle ones are closed at the end of it, so that hardly
any request meets a closed door.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import struct

import uvicorn
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

LINGER = 0.5
"""Seconds in which a draining server still takes requests on the connections that it has."""
LEAVE = 0.2
"""Seconds that the peer of a closed connection has to close it too."""
DRAIN = 15
"""Seconds that a draining server has to answer what it is asked; its successor serves meanwhile, so nobody waits."""
PATIENCE = 3.0
"""Seconds in which the peer of a socket that has ended may take what was written to it."""
_TICK = 0.02
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class DrainingProtocol(HttpToolsProtocol):
    """HTTP that keeps no connection once its process is draining."""

    draining = False

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self.draining and self.cycle is not None:
            self.cycle.keep_alive = False

    @property
    def answering(self) -> bool:
        """Whether a request is under way."""
        return self.cycle is not None and not self.cycle.response_complete


class DrainingWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket that may be told twice, while it is closing or not yet open, that its process ends.

    A peer that reads nothing keeps no connection: closing alone waits for ever until it has taken what was written.
    The text frames of a round of the event loop are written together: a system call costs more than a frame.
    """

    _leaves = False
    _write_planned = False
    _cut: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_complete:
            # A handshake too long to be read, for one: uvicorn would leave its refusal unsent, and the peer waiting.
            self.handshake_complete = True
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def shutdown(self) -> None:
        if not self.handshake_complete:
            # uvicorn would answer the handshake with 500: it is answered as it deserves, and then told.
            self._leaves = True
        elif self.conn.state is not State.OPEN:
            self.stop_keepalive()
            self.transport.close()
        else:
            super().shutdown()

    async def send(self, message: ASGISendEvent) -> None:
        text = message.get("text") if message["type"] == "websocket.send" else None
        if text is not None and self.writable.is_set() and self.conn.state is State.OPEN:
            self.conn.send_text(text.encode())
            if not self._write_planned:
                self._write_planned = True
                self.loop.call_soon(self._write)
            return
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            # A refusal answers the handshake as well; uvicorn would log that nothing did.
            self.handshake_complete = True
        if self._leaves and self.handshake_complete:
            self.shutdown()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self._cut_after(PATIENCE + (self.close_timeout if self.close_timer else 0.0))

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._cut_after(PATIENCE)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._cut is not None:
            self._cut.cancel()

    def _cut_after(self, seconds: float) -> None:
        if self._cut is None and not self.disconnected:
            self._cut = self.loop.call_later(seconds, self._reset)

    def _reset(self) -> None:
        # Without this the system would go on for minutes to offer the peer what it does not take.
        if (plain := self.transport.get_extra_info("socket")) is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()

    def _write(self) -> None:
        # Whoever writes in between (a pong, a close frame) takes along what was there before.
        self._write_planned = False
        frames = self.conn.data_to_send()
        if frames and not self.transport.is_closing():
            self.transport.write(b"".join(frames))


class DrainingServer(uvicorn.Server):
    """uvicorn's server, which drains when it is told to by SIGQUIT."""

    _drains = False

    def drain_on_signal(self) -> None:
        """Listen for SIGQUIT; belongs to the main thread."""
        if hasattr(signal, "SIGQUIT"):
            signal.signal(signal.SIGQUIT, lambda *_: self.drain())

    def drain(self) -> None:
        """Take no new connections, finish with those that are there, then end."""
        self._drains = self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain first where that was asked for; nobody is waited for who does not take leave."""
        leaving = asyncio.create_task(self._cut_the_silent())
        if self._drains:
            self.config.timeout_graceful_shutdown = DRAIN
            DrainingProtocol.draining = True
            for server in self.servers:
                server.close()
            await self._linger()
        await super().shutdown(sockets)
        leaving.cancel()

    async def _cut_the_silent(self) -> None:
        """TLS ends when both sides said so, and an idle client does not look: cut what was closed and is sent out."""
        loop = asyncio.get_running_loop()
        closed: dict[object, float] = {}
        while True:
            await asyncio.sleep(_TICK)
            for connection in list(self.server_state.connections):
                transport = connection.transport
                if not transport.is_closing() or transport.get_write_buffer_size():
                    continue
                if loop.time() - closed.setdefault(connection, loop.time()) > LEAVE:
                    transport.abort()

    async def _linger(self) -> None:
        """Serve what is connected for ``LINGER`` seconds, or until everybody has left.

        A part of it passes in any case: while TLS shakes hands this server does not know of the connection.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not self.force_exit:
            self._turn_away()
            waited = loop.time() - began
            if waited >= LINGER or (waited >= LINGER / 5 and not self.server_state.connections):
                return
            await asyncio.sleep(_TICK)

    def _turn_away(self) -> None:
        for connection in list(self.server_state.connections):
            if isinstance(connection, DrainingWebSocket):
                if connection.handshake_complete:
                    connection.shutdown()
            elif isinstance(connection, DrainingProtocol) and connection.answering:
                connection.shutdown()
