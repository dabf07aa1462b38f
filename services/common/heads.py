"""What the head of a request may be before anybody reads it (RFC 9110, RFC 9112, RFC 6455 §4.2)."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Sequence
from http import HTTPStatus

from services.common import logs
from services.common.problems import Problem

TOO_LARGE = 431
MAX_HEAD = 64 << 10
"""Bytes of request line and header fields together, at every service."""
_HOST = re.compile(rb"[\w.~%!$&'()*+,;=:\[\]-]*", re.ASCII)

Fields = Sequence[tuple[bytes, bytes]]


def too_large() -> Problem:
    """431: the head has more than `MAX_HEAD` bytes."""
    return Problem(TOO_LARGE, "headers_too_large", f"request line and header fields have at most {MAX_HEAD} bytes")


def malformed(detail: str) -> Problem:
    """400: the request cannot be read."""
    return Problem(400, "invalid_request", detail)


def fault(version: str, fields: Fields) -> Problem | None:
    """What is wrong with a head; None where nothing is."""
    hosts = [value for name, value in fields if name == b"host"]
    if len(hosts) > 1 or (not hosts and version != "1.0"):
        return malformed("a request has one Host field")
    if hosts and not _HOST.fullmatch(hosts[0].strip()):
        return malformed("Host names no host")
    return None


def upgrade_fault(method: bytes, version: str, fields: Fields) -> Problem | None:
    """What is wrong with a request for a WebSocket; None where nothing is."""
    if method != b"GET" or version == "1.0":
        return malformed("a WebSocket is asked for with GET and HTTP/1.1")
    if [value for name, value in fields if name == b"sec-websocket-version"] != [b"13"]:
        wanted = {"Sec-WebSocket-Version": "13", "Upgrade": "websocket", "Connection": "Upgrade, close"}
        return Problem(426, "upgrade_required", "version 13 of the WebSocket protocol is spoken here", headers=wanted)
    keys = [value for name, value in fields if name == b"sec-websocket-key"]
    if len(keys) != 1 or not _is_key(keys[0]):
        return malformed("Sec-WebSocket-Key is not 16 bytes in base64")
    return None


def _is_key(value: bytes) -> bool:
    try:
        return len(base64.b64decode(value.strip(), validate=True)) == 16
    except binascii.Error:
        return False


def answer(problem: Problem) -> bytes:
    """``problem`` as the last answer of a connection, byte by byte, for where there is no application yet."""
    problem.headers.setdefault("Connection", "close")
    problem.headers["X-Request-Id"] = problem.extra["request_id"] = str(uuid.uuid4())
    logs.logger().info("request_refused", status=problem.status, code=problem.code, reason=problem.detail)
    response = problem.response()
    head = b"".join(b"%s: %s\r\n" % field for field in response.raw_headers)
    phrase = HTTPStatus(problem.status).phrase.encode()
    return b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (problem.status, phrase, head, bytes(response.body))
