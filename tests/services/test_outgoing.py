"""A service that cannot be reached is one kind of error, whatever the libraries below make of it."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator

import httpx
import pytest

from services.common import outgoing


@pytest.fixture
def resetting() -> Iterator[str]:
    """A server that resets every connection as soon as it is made."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_every_reset_is_a_transport_error(resetting: str) -> None:
    async def ask_often() -> list[BaseException]:
        async with httpx.AsyncClient(transport=outgoing.Transport()) as client:
            answers = [await asyncio.gather(*(client.get(resetting) for _ in range(50)), return_exceptions=True)]
            return [error for group in answers for error in group if isinstance(error, BaseException)]

    errors = asyncio.run(ask_often())
    assert len(errors) == 50
    assert {type(error) for error in errors if not isinstance(error, httpx.TransportError)} == set()


@pytest.mark.parametrize("raised", [AttributeError("getpeername"), RuntimeError("closed"), OSError("not connected")])
def test_what_the_libraries_below_let_through_is_translated(raised: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_self: httpx.AsyncHTTPTransport, _request: httpx.Request) -> httpx.Response:
        raise raised

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", fail)

    async def ask() -> None:
        async with httpx.AsyncClient(transport=outgoing.Transport()) as client:
            await client.get("http://127.0.0.1/")

    with pytest.raises(httpx.ConnectError, match=type(raised).__name__):
        asyncio.run(ask())
