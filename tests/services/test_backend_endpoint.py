"""Backend's socket endpoint: whom a handshake replaces, and whom it must not."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from services.backend.endpoint import SocketEndpoint
from services.common.problems import Problem

TOLD = "the tests' own registration"


def handshake(*later: str) -> tuple[list[str], list[Any]]:
    """Which clients are registered by a handshake after which the peer does this, and what it is answered."""
    registered: list[str] = []
    answered: list[Any] = []

    async def waits(*_: Any) -> Any:
        await asyncio.sleep(0.01)
        return SimpleNamespace(
            user=SimpleNamespace(id="u", plan="standard"),
            token=SimpleNamespace(session_id="s", expires_at=0.0),
            session_check="live",
        )

    async def register(_user: str, client: str, _session: str) -> None:
        registered.append(client)
        raise Problem(503, "unavailable", TOLD)

    parts = SimpleNamespace(
        settings=SimpleNamespace(public_url="https://a.test", socket_queue=9, close_grace=1.0),
        quotas=SimpleNamespace(admit_address=waits, admit_user=waits),
        identity=SimpleNamespace(authenticate=waits),
        clients=SimpleNamespace(register=register),
    )
    scope = {
        "type": "websocket",
        "app": SimpleNamespace(state=SimpleNamespace(parts=parts, handlers=None)),
        "headers": [(b"authorization", b"Bearer t")],
        "query_string": b"client_id=3f2b8f0a-7f6f-4c3e-9a52-0b8a8f6b5f10",
        "path": "/ws",
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }

    async def run() -> None:
        coming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for kind in ("websocket.connect", *later):
            coming.put_nowait({"type": kind, "code": 1006})

        async def send(message: Any) -> None:
            answered.append(message)

        await SocketEndpoint()(scope, coming.get, send)

    asyncio.run(run())
    return registered, answered


def test_a_handshake_registers_its_client() -> None:
    registered, answered = handshake()
    assert registered == ["3f2b8f0a-7f6f-4c3e-9a52-0b8a8f6b5f10"]
    assert answered


@pytest.mark.parametrize("later", [("websocket.disconnect",)])
def test_a_handshake_that_was_given_up_registers_nobody_and_so_replaces_nobody(later: tuple[str, ...]) -> None:
    registered, _ = handshake(*later)
    assert registered == []
