"""Bytes as they are, for requests that no HTTP client would send."""

from __future__ import annotations

import json
import select
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_CHUNK = 1 << 16


@dataclass(frozen=True)
class RawReply:
    """What came back: ``status`` is None without an HTTP answer; ``closed``: the server has ended the connection."""

    status: int | None
    headers: dict[str, str]
    text: str = field(repr=False)
    closed: bool
    seconds: float

    @property
    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None

    @property
    def code(self) -> str | None:
        """The code of a problem."""
        return self.json.get("code") if isinstance(self.json, dict) else None


def exchange(url: str, data: bytes, ca_file: str | None, within: float) -> RawReply:
    """Send ``data`` and read at the same time, until the server closes or ``within`` seconds have passed."""
    parts = urlsplit(url)
    began = time.monotonic()
    with socket.create_connection((str(parts.hostname), parts.port or 80), timeout=within) as plain:
        connection = plain
        if parts.scheme in ("https", "wss"):
            connection = ssl.create_default_context(cafile=ca_file).wrap_socket(plain, server_hostname=parts.hostname)
        connection.setblocking(False)
        received, closed = _pump(connection, data, began + within)
    return _reply(received, closed, time.monotonic() - began)


def _pump(connection: socket.socket, data: bytes, deadline: float) -> tuple[bytes, bool]:
    received, unsent = bytearray(), memoryview(data)
    while (left := deadline - time.monotonic()) > 0:
        readable, writable, _ = select.select([connection], [connection] if unsent else [], [], left)
        try:
            if writable:
                unsent = unsent[connection.send(unsent[:_CHUNK]) :]
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass
        except OSError:
            unsent = memoryview(b"")
        if readable or not unsent:
            try:
                piece = connection.recv(_CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                continue
            except OSError:
                return bytes(received), True
            if not piece:
                return bytes(received), True
            received += piece
    return bytes(received), False


def _reply(received: bytes, closed: bool, seconds: float) -> RawReply:
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else None
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return RawReply(status, headers, body.decode("utf-8", "replace"), closed, seconds)
