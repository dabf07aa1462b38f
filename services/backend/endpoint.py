"""``GET /ws``: the life of a socket, from the handshake to its end."""

from __future__ import annotations

import asyncio

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from services.backend import events, frames, handshake, metrics
from services.backend.connection import Connection
from services.backend.handlers import Handlers
from services.backend.handshake import Opening
from services.backend.parts import Parts
from services.backend.peer import Peer
from services.backend.resume import Resumer
from services.backend.turns import Turn
from services.common import instants, logs
from services.common.problems import Problem


class SocketEndpoint:
    """An ASGI application for ``websocket`` scopes; ``parts`` and ``handlers`` come with the lifespan."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket."""
        parts: Parts = scope["app"].state.parts
        await receive()
        peer = Peer(receive)
        request = HTTPConnection(scope)
        try:
            opening = await self._read(parts, request)
            connection = await self._admit(parts, opening, request, peer)
        except Problem as problem:
            peer.forget()
            metrics.HANDSHAKES.labels(problem.status).inc()
            logs.logger().info("socket_refused", status=problem.status, code=problem.code)
            problem.headers.update(getattr(request.state, "answer_headers", {}))
            problem.headers["X-Request-Id"] = logs.request_id.get() or ""
            await problem.response()(scope, receive, send)
            return
        metrics.HANDSHAKES.labels(101).inc()
        headers = [(b"x-request-id", (logs.request_id.get() or "").encode())]
        await send({"type": "websocket.accept", "subprotocol": opening.subprotocol, "headers": headers})
        await self._live(parts, scope["app"].state.handlers, connection, peer.receive, send)

    @staticmethod
    async def _read(parts: Parts, request: HTTPConnection) -> Opening:
        """A handshake without a token, or of the wrong kind, is counted for its address."""
        try:
            return handshake.read(request, parts.settings.public_url)
        except Problem:
            await parts.quotas.admit_address(request)
            raise

    async def _admit(self, parts: Parts, opening: Opening, request: HTTPConnection, peer: Peer) -> Connection:
        async with parts.quotas.refusals(request):
            caller = await parts.identity.authenticate(opening.token)
        await parts.quotas.admit_user(request, caller.user.id, caller.user.plan)
        settings = parts.settings
        if peer.has_left:
            # Its next attempt may be open already, at another replica: it must not be replaced by this one.
            raise Problem(408, "handshake_given_up", "the peer has left before its socket was open")
        connection = Connection(caller, opening.client_id, settings.socket_queue, settings.close_grace)
        registration = await parts.clients.register(connection.user_id, connection.client_id, connection.session_id)
        connection.generation = registration.generation
        connection.known = registration.known
        connection.away = registration.away
        return connection

    async def _live(
        self, parts: Parts, handlers: Handlers, connection: Connection, receive: Receive, send: Send
    ) -> None:
        connection.send(frames.make("welcome", _welcome(parts, connection)))
        pump = asyncio.create_task(connection.pump(send))
        me = asyncio.current_task()
        assert me is not None
        connection.on_abort(me.cancel)
        parts.hub.add(connection)
        parts.notices.replaced(connection.user_id, connection.client_id, connection.generation)
        self._plan_events(parts, connection)
        logs.logger().info("socket_opened", user_id=connection.user_id, client_id=connection.client_id)
        code = 1006
        try:
            code = await _read(handlers, connection, receive)
        except asyncio.CancelledError:
            if not connection.closing:
                raise
        except Exception:
            logs.logger().exception("socket_failed")
            connection.close(frames.INTERNAL_ERROR, "internal error")
            await asyncio.wait([pump], timeout=1)
        finally:
            connection.on_abort(None)
            connection.end(code)
            parts.hub.remove(connection)
            parts.clients.left(connection)
            pump.cancel()
            logs.logger().info("socket_closed", code=connection.closing[0] if connection.closing else code)

    @staticmethod
    def _plan_events(parts: Parts, connection: Connection) -> None:
        """A new client gets its events at once; a returning one after ``resumed``, or soon where it does not resume."""
        if not connection.known:
            parts.events.open(connection)
        else:
            asyncio.get_running_loop().call_later(events.OPEN_AFTER, _open_late, parts, connection)


def _open_late(parts: Parts, connection: Connection) -> None:
    if not connection.events_open:
        parts.events.open(connection)


async def _read(handlers: Handlers, connection: Connection, receive: Receive) -> int:
    turn = Turn()
    while True:
        message = await receive()
        await turn.share()
        if message["type"] == "websocket.disconnect":
            return int(message.get("code") or 1005)
        if connection.closing:
            continue
        metrics.FRAMES_IN.inc()
        text = message.get("text")
        if text is None:
            connection.close(frames.UNSUPPORTED_DATA, "text frames only")
            continue
        await handlers.serve(connection, text)


def _welcome(parts: Parts, connection: Connection) -> dict[str, object]:
    return {
        "client_id": connection.client_id,
        "user_id": connection.user_id,
        "session_id": connection.session_id,
        "session_check": connection.session_check,
        "expires_at": instants.rfc3339_of_epoch(connection.expires_at),
        "served_by": parts.settings.instance,
        "protocol": frames.PROTOCOL,
    }


def make_handlers(parts: Parts) -> Handlers:
    """The handlers of a replica."""
    resumer = Resumer(
        parts.database,
        parts.conversations,
        parts.clients,
        parts.hub,
        parts.notices,
        window=parts.settings.resume_window,
        max_replay=parts.settings.max_replay,
    )
    return Handlers(parts, resumer)
