"""A chat over socket.io, served by python-socketio: a token in the connect packet, rooms, acknowledged messages.

``faults`` are mistakes that it makes: ``any token``, ``to all``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import socketio  # type: ignore[import-untyped]

from tests.foreign.cookie_server import serve_app
from tests.foreign.rooms import Rooms
from tests.libraries.serving import in_thread


def _serve(rooms: Rooms, faults: frozenset[str], beat: float) -> Any:
    server: Any = socketio.AsyncServer(async_mode="aiohttp", ping_interval=beat, ping_timeout=beat)
    users: dict[str, str] = {}

    async def connect(sid: str, environ: Any, auth: Any) -> None:
        user = rooms.user((auth or {}).get("token"))
        if user is None and "any token" in faults:
            user = next(iter(rooms.passwords))
        if user is None:
            raise socketio.exceptions.ConnectionRefusedError("token")
        users[sid] = user

    async def who(sid: str, data: Any) -> Any:
        return {"user": users[sid]}

    async def join(sid: str, data: Any) -> Any:
        if rooms.owners.get(data["room"]) != users[sid]:
            return {"error": "room"}
        await server.enter_room(sid, data["room"])
        return {"ok": True}

    async def leave(sid: str, data: Any) -> Any:
        await server.leave_room(sid, data["room"])
        return {"ok": True}

    async def send(sid: str, data: Any) -> Any:
        if rooms.owners.get(data["room"]) != users[sid]:
            return {"error": "room"}
        message = {**data, "sender": users[sid]}
        await server.emit("message", message, room=None if "to all" in faults else data["room"])
        return {"ok": True}

    for handler in (connect, who, join, leave, send):
        server.event(handler)
    return server


@contextmanager
def socketio_chat(*faults: str, beat: float = 25.0) -> Iterator[Rooms]:
    """Serves it on a free loopback port until left; who does not answer a ping within ``beat`` seconds is closed."""
    rooms = Rooms()
    app = rooms.app()
    server = _serve(rooms, frozenset(faults), beat)
    server.attach(app)

    async def end(_: Any) -> None:
        await server.shutdown()

    app.on_shutdown.append(end)
    with in_thread(lambda ready, stop: serve_app(rooms, app, ready, stop)):
        yield rooms
