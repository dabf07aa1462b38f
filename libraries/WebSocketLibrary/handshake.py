"""The opening handshake (RFC 6455 §4.1): what is asked, and what a refusal answers."""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache, cached_property
from typing import Any
from urllib.parse import quote, urlsplit

QUERY_NAME = "access_token"
"""The query parameter of a token (RFC 6750 §2.3)."""


class TokenPlace(StrEnum):
    """Where the token travels: `Authorization: Bearer`, subprotocol `bearer.<token>`, query parameter
    `access_token` or of another name, or the first frame after the handshake.
    """

    HEADER = "header"
    SUBPROTOCOL = "subprotocol"
    QUERY = "query"
    FRAME = "frame"


@dataclass(frozen=True)
class Request:
    """One handshake to be made. `headers` come beside those that RFC 6455 demands."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    subprotocols: tuple[str, ...] = ()
    ca_file: str | None = None
    verify_tls: bool = True

    @property
    def tls(self) -> ssl.SSLContext | None:
        """The context of a `wss` URL; certificates and host names are checked unless the request says otherwise."""
        return _tls_context(self.ca_file, self.verify_tls) if self.url.startswith("wss:") else None

    @property
    def all_headers(self) -> list[tuple[str, str]]:
        """The headers, subprotocols included."""
        offered = [("Sec-WebSocket-Protocol", ", ".join(self.subprotocols))] if self.subprotocols else []
        return [*self.headers, *offered]


@dataclass(frozen=True)
class Answer:
    """What the server answered to a handshake. Header names are in lower case; repeated ones are joined by a comma."""

    status: int
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    @cached_property
    def json(self) -> Any:
        """The body parsed as JSON; None where it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that the server selected."""
        return self.headers.get("sec-websocket-protocol")

    def __str__(self) -> str:
        shown = self.body if len(self.body) <= 300 else self.body[:300] + "…"
        return f"{self.status} {self.reason}".strip() + (f", body {shown!r}" if shown else ", no body")


def build(
    url: str,
    *,
    token: str | None = None,
    token_in: TokenPlace = TokenPlace.HEADER,
    subprotocols: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    origin: str | None = None,
    ca_file: str | None = None,
    verify_tls: bool = True,
    test_id: str | None = None,
    query_name: str = QUERY_NAME,
) -> Request:
    """Puts token, origin and test id where they belong. A header given by hand wins over one made here."""
    if urlsplit(url).scheme not in ("ws", "wss") or not urlsplit(url).hostname:
        raise ValueError(f"'{url}' is not a ws:// or wss:// URL")
    given = {name.lower() for name in headers or {}}
    made: dict[str, str] = {}
    if token is not None and token_in is TokenPlace.HEADER:
        made["Authorization"] = f"Bearer {token}"
    if origin is not None:
        made["Origin"] = origin
    if test_id:
        made["X-Test-Id"] = test_id
    request = Request(
        url=url,
        headers=(*((n, v) for n, v in made.items() if n.lower() not in given), *(headers or {}).items()),
        subprotocols=tuple(subprotocols),
        ca_file=ca_file,
        verify_tls=verify_tls,
    )
    if token is not None and token_in is TokenPlace.SUBPROTOCOL:
        return replace(request, subprotocols=(*subprotocols, f"bearer.{token}"))
    if token is not None and token_in is TokenPlace.QUERY:
        separator = "&" if urlsplit(url).query else "?"
        return replace(request, url=f"{url}{separator}{quote(query_name, safe='')}={quote(token, safe='')}")
    return request


def ask(request: Request, timeout: float) -> Answer:
    """Makes the handshake over plain HTTP and reads the whole answer, body included; redirects are answers, not
    followed.

    The client of the open sockets sees only those bytes of a refusal that came with its first packet, hence this way.
    Raises `OSError` or `http.client.HTTPException` where no HTTP answer came; `timeout` (seconds) covers everything.
    """
    deadline = time.monotonic() + timeout
    parts = urlsplit(request.url)
    host = parts.hostname or ""
    if request.tls:
        link: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, parts.port, timeout=timeout, context=request.tls
        )
    else:
        link = http.client.HTTPConnection(host, parts.port, timeout=timeout)
    try:
        _send_upgrade(link, request)
        response = link.getresponse()
        body = b"" if response.status == 101 else _read_until(response, link, deadline)
    finally:
        link.close()
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
    return Answer(response.status, response.reason, headers, body.decode("utf-8", "replace"))


def _send_upgrade(link: http.client.HTTPConnection, request: Request) -> None:
    parts = urlsplit(request.url)
    given = {name.lower() for name, _ in request.headers}
    link.putrequest(
        "GET",
        (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        skip_host="host" in given,
        skip_accept_encoding=True,
    )
    for name, value in (
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", base64.b64encode(os.urandom(16)).decode()),
    ):
        if name.lower() not in given:
            link.putheader(name, value)
    for name, value in request.all_headers:
        link.putheader(name, value)
    link.endheaders()


def _read_until(response: http.client.HTTPResponse, link: http.client.HTTPConnection, deadline: float) -> bytes:
    body = bytearray()
    while chunk := response.read1(65536):
        body += chunk
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the body of the answer did not end in time")
        if link.sock:
            link.sock.settimeout(left)
    return bytes(body)


@cache
def _tls_context(ca_file: str | None, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
