"""HTTP requests that go through frontend to auth or backend."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

import aiohttp
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from services.common import logs
from services.common.problems import Problem
from services.frontend import credentials, headers
from services.frontend.settings import Settings
from services.frontend.upstream import Outgoing, Upstream

_DOTS = re.compile(r"(?:^|[/\\])\.{1,2}(?:[/\\]|$)")


def target_of(scope: Scope) -> str:
    """Path and query as the client wrote them; a 400 ``Problem`` where another service could read another path."""
    raw = scope["raw_path"].decode("latin-1")
    once = unquote(raw)
    if _DOTS.search(unquote(once)) or "\\" in once or "//" in once or once.count("/") != raw.count("/"):
        raise Problem(400, "invalid_request", "the path is ambiguous")
    query = scope["query_string"].decode("latin-1")
    return f"{raw}?{query}" if query else raw


def forwarding_headers(scope: Scope, settings: Settings) -> list[tuple[str, str]]:
    """The fields that only frontend writes: for whom it asks, its credential, the ids of the request."""
    public = urlsplit(settings.public_url)
    return [
        ("X-Forwarded-For", scope["client"][0] if scope["client"] else ""),
        ("X-Forwarded-Proto", public.scheme),
        ("X-Forwarded-Host", public.netloc),
        ("X-Frontend-Credential", settings.frontend_credential.get_secret_value()),
        *logs.onward_headers().items(),
    ]


class Forwarder:
    """ASGI application that passes requests on to ``upstream`` and its answers back."""

    def __init__(self, upstream: Upstream, settings: Settings, *, login_cookie: bool = False) -> None:
        self._upstream = upstream
        self._settings = settings
        self._login_cookie = login_cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        credentials.refuse_token_in_query(scope["query_string"])
        try:
            body = await Request(scope, receive).body()
        except ClientDisconnect:
            return
        answer = await self._upstream.send(self._outgoing(scope, body))
        try:
            await _relay(answer, send)
        finally:
            answer.close()

    def _outgoing(self, scope: Scope, body: bytes) -> Outgoing:
        sent, cookies = Headers(scope=scope), headers.cookies(scope["headers"])
        fields = headers.upstream(scope["headers"]) + forwarding_headers(scope, self._settings)
        if by_cookie := credentials.authorization(sent, cookies, []):
            credentials.refuse_cross_site(scope["method"], sent, self._settings.public_url)
            credentials.refuse_other_user(sent, cookies)
            fields.append(("Authorization", by_cookie))
        logins = [f"{name}={value}" for name, value in cookies.items() if headers.is_login_cookie(name)]
        if self._login_cookie and logins:
            fields.append(("Cookie", "; ".join(logins)))
        return Outgoing(
            scope["method"],
            target_of(scope),
            fields,
            body,
            repeatable=scope["method"] in credentials.SAFE_METHODS or "idempotency-key" in sent,
        )


async def _relay(answer: aiohttp.ClientResponse, send: Send) -> None:
    """Status and fields, then the body: at once where it has been read, else as fast as the client takes it."""
    await send(
        {"type": "http.response.start", "status": answer.status, "headers": headers.downstream(answer.raw_headers)}
    )
    if answer.content.at_eof():
        await send({"type": "http.response.body", "body": await answer.read()})
        return
    try:
        async for piece in answer.content.iter_any():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except (aiohttp.ClientError, OSError) as error:
        # Left unfinished on purpose: the server then closes the connection, and the client sees that bytes are missing.
        logs.logger().warning("answer_cut", error=type(error).__name__)
        return
    await send({"type": "http.response.body"})
