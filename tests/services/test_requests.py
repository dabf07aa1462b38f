"""What the middleware of every service has done by the time that a client has its answer."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import REGISTRY
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from services.common.http import Requests

SCOPE: Scope = {"type": "http", "method": "GET", "path": "/x", "headers": []}


def counted() -> float:
    """How many requests without a route were answered with 200."""
    labels = {"method": "GET", "route": "unmatched", "status": "200"}
    return REGISTRY.get_sample_value("http_requests_total", labels) or 0.0


async def receive() -> Message:
    """No test of these has a body."""
    raise AssertionError("nobody reads")


@pytest.mark.parametrize("parts", [1, 3])
def test_an_answer_is_counted_and_logged_once_and_before_its_end_is_sent(parts: int) -> None:
    seen: list[tuple[float, int]] = []
    before = counted()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(parts):
            await send({"type": "http.response.body", "body": b"x", "more_body": number < parts - 1})

    async def send(message: Message) -> None:
        seen.append((counted() - before, len(logged)))

    with capture_logs() as logged:
        asyncio.run(Requests(app)(SCOPE, receive, send))
    assert seen == [(0, 0)] * parts + [(1, 1)]
    assert (counted() - before, len(logged)) == (1, 1)


def test_an_answer_that_never_ends_is_counted_and_logged_all_the_same() -> None:
    before = counted()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("the stream broke")

    async def send(message: Message) -> None:
        return None

    with capture_logs() as logged, pytest.raises(RuntimeError, match="the stream broke"):
        asyncio.run(Requests(app)(SCOPE, receive, send))
    assert counted() - before == 1
    assert [entry["event"] for entry in logged] == ["unhandled", "request"]
