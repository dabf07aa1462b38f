"""WebSockets that go through frontend to a replica of backend, with both sides' close codes."""

from __future__ import annotations

import asyncio

from aiohttp import ClientWebSocketResponse, WSMsgType
from prometheus_client import Gauge
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from services.common import logs
from services.common.problems import Problem
from services.frontend import credentials, headers
from services.frontend.forwarding import forwarding_headers, target_of
from services.frontend.settings import Settings
from services.frontend.upstream import HandshakeRefused, Upstream

SERVICE_RESTART = 1012
GOING_AWAY = 1001
NORMAL = 1000
# Codes that an endpoint may report but never send (RFC 6455 §7.4.1), and what this server says when it stops itself.
_NOT_TO_PASS_ON = frozenset({1005, 1006, 1012, 1015})

OPEN = Gauge("frontend_sockets_open", "WebSockets open through frontend")


class SocketRelay:
    """ASGI application for ``/ws``."""

    def __init__(self, upstream: Upstream, settings: Settings) -> None:
        self._upstream = upstream
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        try:
            upstream = await self._connect(scope)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        except HandshakeRefused as refused:
            response = Response(refused.body, refused.status)
            response.raw_headers = headers.downstream(refused.headers)
            await response(scope, receive, send)
            return
        try:
            with OPEN.track_inprogress():
                await _serve(upstream, receive, send)
        finally:
            await upstream.close(code=GOING_AWAY)

    async def _connect(self, scope: Scope) -> ClientWebSocketResponse:
        sent, subprotocols = Headers(scope=scope), scope["subprotocols"]
        credentials.refuse_token_in_query(scope["query_string"])
        if "origin" in sent:
            credentials.require_own_origin(sent["origin"], self._settings.public_url)
        fields = headers.upstream(scope["headers"]) + forwarding_headers(scope, self._settings)
        if by_cookie := credentials.authorization(sent, headers.cookies(scope["headers"]), subprotocols):
            fields.append(("Authorization", by_cookie))
        return await self._upstream.connect(target_of(scope), fields, subprotocols)


async def _serve(upstream: ClientWebSocketResponse, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept", "subprotocol": upstream.protocol, "headers": []})
    up = asyncio.create_task(_client_to_upstream(receive, upstream))
    down = asyncio.create_task(_upstream_to_client(upstream, send))
    try:
        await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
        # Where both ended at once the client's close needs no answer from here.
        ended_by_client = up.done()
    finally:
        up.cancel()
        down.cancel()
        await asyncio.wait([up, down])
    if ended_by_client:
        code, reason = up.result()
        await upstream.close(code=code, message=reason.encode())
    else:
        code, reason = down.result()
        await _close_client(send, code, reason)
    logs.logger().info("socket_closed", close_code=code, by="client" if ended_by_client else "backend")


async def _client_to_upstream(receive: Receive, upstream: ClientWebSocketResponse) -> tuple[int, str]:
    """Pass messages on until the client goes; the code and reason to close the other side with."""
    while True:
        message: Message = await receive()
        if message["type"] == "websocket.disconnect":
            code = message.get("code") or NORMAL
            return (GOING_AWAY if code in _NOT_TO_PASS_ON else code), message.get("reason") or ""
        try:
            if message.get("text") is not None:
                await upstream.send_str(message["text"])
            else:
                await upstream.send_bytes(message["bytes"])
        except OSError:
            await _the_other_direction_to_learn_why()


async def _upstream_to_client(upstream: ClientWebSocketResponse, send: Send) -> tuple[int, str]:
    """Pass messages on until the service closes; only a close frame has a code, all else is a lost connection."""
    while True:
        message = await upstream.receive()
        if message.type is WSMsgType.CLOSE:
            return message.data or NORMAL, message.extra or ""
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            return SERVICE_RESTART, ""
        kind = "text" if message.type is WSMsgType.TEXT else "bytes"
        try:
            await send({"type": "websocket.send", kind: message.data})
        except OSError:
            await _the_other_direction_to_learn_why()


async def _the_other_direction_to_learn_why() -> None:
    await asyncio.Event().wait()


async def _close_client(send: Send, code: int, reason: str) -> None:
    try:
        await send({"type": "websocket.close", "code": code, "reason": reason})
    except OSError:
        logs.logger().info("socket_gone_before_close", close_code=code)
