"""HTTP without a session in between: connections that a keyword opens, times and closes itself."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterable
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

_Fields = Iterable[tuple[str, str]]
_watchers: list[tuple[Callable[..., None], Callable[..., None]]] = []


def watch(see_fields: Callable[..., None], see_body: Callable[..., None]) -> None:
    """Show every request and answer to come to these two, its header fields and its body, with ``of_answer``."""
    _watchers.append((see_fields, see_body))


def _show(fields: _Fields, body: Any, *, of_answer: bool) -> None:
    for see_fields, see_body in _watchers:
        see_fields(fields, of_answer=of_answer)
        see_body(body, of_answer=of_answer)


class _Response(HTTPResponse):
    def read(self, amt: int | None = None) -> bytes:
        body = super().read(amt)
        _show((), body, of_answer=True)
        return body


class _Watched(HTTPConnection):
    response_class = _Response

    def request(self, method: str, url: str, body: Any = None, headers: Any = (), **options: Any) -> None:
        _show(list(dict(headers).items()), body, of_answer=False)
        super().request(method, url, body, dict(headers), **options)

    def getresponse(self) -> HTTPResponse:
        response = super().getresponse()
        _show(response.getheaders(), None, of_answer=True)
        return response


class _WatchedSafely(_Watched, HTTPSConnection):
    """The same over TLS."""


def connection_to(url: str, timeout: float, ca_file: str | None = None, source: str | None = None) -> HTTPConnection:
    """An unopened connection to the host of ``url``; ``timeout`` in seconds.

    TLS is verified by ``ca_file`` or the system's CAs; ``source`` is the local address to connect from.
    """
    parts = urlsplit(url)
    host, address = parts.hostname or "", (source, 0) if source else None
    if parts.scheme == "https":
        trust = ssl.create_default_context(cafile=ca_file)
        return _WatchedSafely(host, parts.port, timeout=timeout, source_address=address, context=trust)
    return _Watched(host, parts.port, timeout=timeout, source_address=address)


def problem_code(body: str | bytes) -> str | None:
    """The stable word of a problem answer (RFC 9457), "" of other JSON, None where ``body`` is no JSON."""
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return str(document.get("code", "")) if isinstance(document, dict) else ""
