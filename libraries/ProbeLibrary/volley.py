"""Many requests sent at one instant: each has its connection already, and waits for the others before it speaks."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

from lockstep import reasons
from lockstep.wire import connection_to, problem_code

from ProbeLibrary.request import Request

TIMEOUT = 15.0


@dataclass(frozen=True)
class Reply:
    """What came back. ``status`` is None where nothing did, and ``error`` says why; header names are in lower case.

    ``sent`` is in seconds since the epoch, ``seconds`` is the time to the last byte, ``set_cookies`` are the
    ``Set-Cookie`` fields, each for itself.
    """

    url: str
    sent: float
    seconds: float
    status: int | None
    headers: Mapping[str, str] = field(repr=False)
    text: str = field(repr=False)
    error: str = ""
    set_cookies: tuple[str, ...] = field(default=(), repr=False)

    @property
    def json(self) -> Any:
        """The decoded body; ValueError where it is no JSON."""
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The stable word of a problem answer, else ""."""
        return problem_code(self.text) or ""


def fire(requests: Sequence[Request], ca_file: str | None) -> list[Reply]:
    """Send all ``requests`` at once and return their replies in the same order."""
    if not requests:
        raise ValueError("no requests: nothing would be proved")
    barrier = threading.Barrier(len(requests))
    with ThreadPoolExecutor(len(requests), "volley") as pool:
        return list(pool.map(lambda request: _send(request, barrier, ca_file), requests))


def summary(replies: Sequence[Reply]) -> str:
    """One line for the log: which answers, and how close together they were sent."""
    kinds = Counter(f"{reply.status or 'no answer'} {reply.code or reply.error}".strip() for reply in replies)
    spread = max(reply.sent for reply in replies) - min(reply.sent for reply in replies)
    answers = ", ".join(f"{count} x {kind}" for kind, count in kinds.most_common())
    return f"{len(replies)} requests sent within {spread * 1000:.1f} ms: {answers}"


def _send(request: Request, barrier: threading.Barrier, ca_file: str | None) -> Reply:
    connection = connection_to(request.url, TIMEOUT, ca_file)
    try:
        refused = _connect(connection)
        barrier.wait(2 * TIMEOUT)
        sent, began = time.time(), time.monotonic()
        if refused:
            return Reply(request.url, sent, 0.0, None, {}, "", refused)
        try:
            connection.request(request.method, request.target, request.body, dict(request.headers))
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, HTTPException) as error:
            return Reply(request.url, sent, time.monotonic() - began, None, {}, "", reasons.of(error))
        headers = {name.lower(): value for name, value in answer.getheaders()}
        cookies = tuple(answer.headers.get_all("Set-Cookie", []))
        return Reply(request.url, sent, time.monotonic() - began, answer.status, headers, text, "", cookies)
    finally:
        connection.close()


def _connect(connection: HTTPConnection) -> str:
    try:
        connection.connect()
    except OSError as error:
        return reasons.of(error)
    return ""
