"""A WebSocket server that answers a ``ping``, refuses what is no frame, and stumbles over some frames as it is told."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from websockets.asyncio.server import ServerConnection, serve

from tests.libraries.serving import in_thread
from tests.services.servers import free_port


@contextmanager
def stumbling_sockets(fault: str) -> Iterator[str]:
    """Serves until left; the value is its URL.

    It stumbles over a ``payload`` that is no object: ``internal`` closes with 1011, ``cut`` cuts the line, ``deaf``
    answers nothing any more, ``odd`` names an error that nobody knows, ``none`` refuses it as all else.
    """
    port = free_port()

    async def handle(socket: ServerConnection) -> None:
        async for text in socket:
            try:
                frame = json.loads(text)
            except (ValueError, RecursionError):
                frame = None
            if isinstance(frame, dict) and isinstance(frame.get("payload"), dict):
                if frame.get("type") == "ping":
                    await socket.send(json.dumps({"type": "pong", "id": frame.get("id")}))
            elif not isinstance(frame, dict) or fault == "none":
                await socket.send('{"type": "error", "payload": {"code": "invalid_frame"}}')
            elif fault == "odd":
                await socket.send('{"type": "error", "payload": {"code": "oops"}}')
            elif fault == "deaf":
                await socket.wait_closed()
            elif fault == "cut":
                socket.transport.abort()
            else:
                raise RuntimeError("a payload that is no object")

    async def serve_until(ready: threading.Event, stop: asyncio.Event) -> None:
        async with serve(handle, "127.0.0.1", port):
            ready.set()
            await stop.wait()

    with in_thread(serve_until):
        yield f"ws://127.0.0.1:{port}/"
