"""Leaving without being missed: a server that drains before it ends, for a successor on the same listening socket.

SIGTERM ends a server as soon as what it is answering is answered, and what has been sent in part: the rest of it has a
few seconds to come, and is then answered with 503. SIGQUIT drains it (the two signals mean the same to
nginx): it takes no new connections, closes sockets with 1012, and goes on for a while to answer what comes on the
connections that it has, each answer saying ``Connection: close``. Idle ones are closed at the end of it, so that hardly
any request finds nobody listening.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import struct

import httptools
import uvicorn
import websockets.http11
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

from services.common import heads, problems
from services.common.problems import Problem

# What has been read as HTTP is handed on to be read as a handshake: by one limit, not by two.
websockets.http11.MAX_LINE_LENGTH = websockets.http11.MAX_NUM_HEADERS = heads.MAX_HEAD

LINGER = 0.5
"""Seconds in which a draining server still takes requests on the connections that it has."""
LEAVE = 0.2
"""Seconds that the peer of a closed connection has to close it too."""
DRAIN = 15
"""Seconds that a draining server has to answer what it is asked; its successor serves meanwhile, so nobody waits."""
PATIENCE = 3.0
"""Seconds in which the peer of a socket that has ended may take what was written to it."""
REST = 2.5
"""Seconds that the rest of a request has to come once its server is to end; less than uvicorn waits for tasks."""
_TICK = 0.02
_TOO_EARLY = "frames were sent before the answer to the handshake"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class DrainingProtocol(HttpToolsProtocol):
    """HTTP that keeps no connection once its process is draining, and reads no more of a head than any may have."""

    service = ""
    draining = False
    _leaves = False
    _begun = False
    _reads_head = True
    _head = 0
    _unfinished = 0
    _thrown_away = 0
    _fault: Problem | None = None

    def data_received(self, data: bytes) -> None:
        if self._fault is not None:
            self._thrown_away += len(data)
            return
        self._unset_keepalive_if_required()
        before = self._head
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(self._fault or heads.malformed("the request cannot be read"))
        else:
            self._weigh(0 if self._head != before else len(data))

    def _weigh(self, unfinished: int) -> None:
        """Refuse a head that has grown too large; of a field that has not ended nothing is told but by its bytes."""
        self._unfinished = self._unfinished + unfinished if unfinished else 0
        if self._fault is None and self._reads_head and self._head + self._unfinished > heads.MAX_HEAD:
            self._fault = heads.too_large()
        if self._fault is not None:
            self._refuse(self._fault)

    def _upgrade(self, sent_along: bytes) -> None:
        if not self._should_upgrade():
            # Answered as if it asked for no other protocol (RFC 9110 §7.8).
            return
        if sent_along:
            self._refuse(heads.malformed(_TOO_EARLY))
        elif self._leaves:
            self._refuse(problems.unavailable(self.service))
        else:
            self.handle_websocket_upgrade()

    def _refuse(self, problem: Problem) -> None:
        self._fault = problem
        if self.transport.is_closing():
            return
        if self.answering and (self.pipeline or self.cycle.response_started):
            # Nothing can stand before another answer, or amid it.
            self.transport.close()
            return
        if self.answering:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(heads.answer(problem))
        if problem.status == heads.TOO_LARGE:
            self._close_when_quiet(self.loop.time() + PATIENCE)
        else:
            self.transport.close()

    def _close_when_quiet(self, latest: float) -> None:
        """What comes is thrown away for a while: a peer that is reset amid its writing never reads the answer."""

        def look(seen: int) -> None:
            if self._thrown_away == seen or self.loop.time() > latest:
                self.transport.close()
            else:
                self.loop.call_later(LEAVE, look, self._thrown_away)

        self.loop.call_later(LEAVE, look, self._thrown_away)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begun = True
        self._reads_head, self._head, self._unfinished = True, 0, 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._head += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += len(name) + len(value) + 4
        if self._head <= heads.MAX_HEAD:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._begun = self._reads_head = False
        self._fault = self._found_fault()
        if self._fault is not None:
            raise ValueError(self._fault.code)
        super().on_headers_complete()
        if (self.draining or self._leaves) and self.cycle is not None:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        self._leaves = True
        if self._begun and not self.answering:
            # Half a head is here: its peer cannot know whether what it sends is acted upon, unless it is answered.
            return
        super().shutdown()

    def give_up(self, *, answers: bool) -> None:
        """Answer with 503 what was sent in part; with ``answers`` what waits for its answer too."""
        waits = self.answering and not self.cycle.response_started and (answers or self.cycle.more_body)
        if self._fault is None and (self._begun or waits):
            self._refuse(problems.unavailable(self.service))

    def _found_fault(self) -> Problem | None:
        if self._head > heads.MAX_HEAD:
            return heads.too_large()
        version = self.parser.get_http_version()
        found = heads.fault(version, self.headers)
        if found is None and self.parser.should_upgrade() and self._should_upgrade():
            found = heads.upgrade_fault(self.parser.get_method(), version, self.headers)
        return found

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
        if self.handshake_initiated and not self.handshake_complete:
            # RFC 6455 §4.1: a client sends nothing before it has the answer to its handshake.
            self._refuse_handshake(_TOO_EARLY)
            return
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_complete:
            self._refuse_handshake("the handshake cannot be read")

    def _refuse_handshake(self, detail: str) -> None:
        self.transport.write(heads.answer(heads.malformed(detail)))
        # As if the peer had left: whoever judges its handshake answers nobody any more.
        self.handshake_complete = self.disconnected = True
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
        answering = asyncio.create_task(self._answer_the_slow())
        if self._drains:
            self.config.timeout_graceful_shutdown = DRAIN
            DrainingProtocol.draining = True
            for server in self.servers:
                server.close()
            await self._linger()
        await super().shutdown(sockets)
        leaving.cancel()
        answering.cancel()

    async def _answer_the_slow(self) -> None:
        """Whoever has sent a part of a request, and not the rest in ``REST`` seconds, is told that nobody takes it."""
        await asyncio.sleep(REST)
        for connection in list(self.server_state.connections):
            if isinstance(connection, DrainingProtocol):
                connection.give_up(answers=not self._drains)

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
