"""What every HTTP request passes through, and the endpoints that every service has."""

from __future__ import annotations

import hmac
import os
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Histogram, generate_latest
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Lifespan, Message, Receive, Scope, Send

from services.common import logs, problems
from services.common.problems import Problem
from services.common.settings import PROTOCOL, VERSION, CommonSettings

MAX_BODY = (1 << 20) + (64 << 10)
CLIENT_GONE = 499  # what nginx writes into its log of a request that nobody waits for any more
DependencyCheck = Callable[[], Awaitable[bool]]

REQUESTS = Counter("http_requests_total", "Requests answered", ["method", "route", "status"])
LATENCY = Histogram(
    "http_request_seconds",
    "Time to the first byte of the answer",
    ["route"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


class _BodyTooLarge(HTTPException):
    # An HTTPException, since FastAPI turns any other one raised while it reads a body into a 400.
    def __init__(self) -> None:
        super().__init__(413, f"a body has at most {MAX_BODY} bytes")


class Requests:
    """ASGI middleware: request and test ids, the body limit, a log line and metrics, no stack trace to a client."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        logs.request_id.set(_printable(headers.get("x-request-id"), 100) or str(uuid.uuid4()))
        logs.test_id.set(_printable(headers.get("x-test-id"), 200))
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        await self._http(scope, headers, receive, send)

    async def _http(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        status = 0
        recorded = False

        def record() -> None:
            nonlocal recorded
            if not recorded:
                recorded = True
                self._record(scope, status, time.perf_counter() - started)

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answer = MutableHeaders(scope=message)
                answer["X-Request-Id"] = logs.request_id.get() or ""
                for name, value in scope.get("state", {}).get("answer_headers", {}).items():
                    answer[name] = value
            elif message["type"] == "http.response.body" and not message.get("more_body", False):
                # Before the end leaves: whoever has the answer finds it in the log and in the metrics.
                record()
            await send(message)

        try:
            if _declared_length(headers) > MAX_BODY:
                await _too_large().response()(scope, receive, send_on)
            else:
                await self.app(scope, _limited(receive), send_on)
        except _BodyTooLarge:
            await _too_large().response()(scope, receive, send_on)
        except ClientDisconnect:
            status = CLIENT_GONE
        except Exception:
            logs.logger().exception("unhandled", path=scope["path"])
            if status:
                raise
            await Problem(500, "internal_error", "the cause is in the log under this request id").response()(
                scope, receive, send_on
            )
        finally:
            record()

    @staticmethod
    def _record(scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        REQUESTS.labels(scope["method"], route, status).inc()
        LATENCY.labels(route).observe(seconds)
        if route not in ("/health", "/metrics"):
            logs.logger().info(
                "request", method=scope["method"], path=scope["path"], status=status, ms=round(seconds * 1000, 2)
            )


def _too_large() -> Problem:
    return Problem(413, "payload_too_large", f"a body has at most {MAX_BODY} bytes")


def _declared_length(headers: Headers) -> int:
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else 0


def _limited(receive: Receive) -> Receive:
    seen = 0

    async def receive_on() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_BODY:
            raise _BodyTooLarge
        return message

    return receive_on


def _printable(value: str | None, limit: int) -> str | None:
    # ASCII only, since the value goes on in the headers of calls to other services.
    return "".join(sign if " " <= sign <= "~" else "?" for sign in value[:limit]) if value else None


def bearer(connection: HTTPConnection) -> str | None:
    """The token of the ``Authorization`` header (RFC 6750 §2.1), or None where there is none."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def service_credential(settings: CommonSettings) -> Callable[[Request], Awaitable[None]]:
    """A FastAPI dependency that lets only holders of the service token pass.

    A coroutine, as every dependency here: FastAPI runs plain functions in a thread, which costs more than they do.
    """
    wanted = settings.service_token.get_secret_value().encode()

    async def check(request: Request) -> None:
        token = bearer(request)
        if token is None:
            raise problems.token_missing()
        if not hmac.compare_digest(token.encode(), wanted):
            raise problems.token_refused("token_invalid", "this endpoint needs the service credential")

    return check


def make_app(lifespan: Lifespan[FastAPI], **more: Any) -> FastAPI:
    """An application without pages of documentation; no path is redirected, which would name an inner address."""
    return FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False, **more)


def install(app: FastAPI, service: str, settings: CommonSettings, dependencies: dict[str, DependencyCheck]) -> None:
    """Give ``app`` its middleware, error answers, ``/health`` and ``/metrics``.

    ``app.state.ready`` turns ``/health`` from 503 to 200; the service sets it at the end of its start.
    """
    app.state.ready = False
    app.add_middleware(Requests)  # type: ignore[arg-type, unused-ignore]
    problems.install(app)

    @app.get("/health", include_in_schema=False)
    async def health() -> Response:
        body: dict[str, Any] = {
            "status": "ready" if app.state.ready else "starting",
            "service": service,
            "start_id": settings.start_id,
            "instance": settings.instance,
            "version": VERSION,
            "protocol": PROTOCOL,
            "pid": os.getpid(),
            "dependencies": {name: "up" if await check() else "down" for name, check in dependencies.items()},
        }
        return JSONResponse(body, 200 if app.state.ready else 503)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
