"""HTTP without a session in between: connections that a keyword opens, times and closes itself."""

from __future__ import annotations

import json
import ssl
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import urlsplit


def connection_to(url: str, timeout: float, ca_file: str | None = None, source: str | None = None) -> HTTPConnection:
    """An unopened connection to the host of ``url``; ``timeout`` in seconds.

    TLS is verified by ``ca_file`` or the system's CAs; ``source`` is the local address to connect from.
    """
    parts = urlsplit(url)
    host, address = parts.hostname or "", (source, 0) if source else None
    if parts.scheme == "https":
        trust = ssl.create_default_context(cafile=ca_file)
        return HTTPSConnection(host, parts.port, timeout=timeout, source_address=address, context=trust)
    return HTTPConnection(host, parts.port, timeout=timeout, source_address=address)


def problem_code(body: str | bytes) -> str | None:
    """The stable word of a problem answer (RFC 9457), "" of other JSON, None where ``body`` is no JSON."""
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return str(document.get("code", "")) if isinstance(document, dict) else ""
