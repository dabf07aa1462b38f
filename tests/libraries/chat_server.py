"""A real server of the chat protocol, good or bad as the path says, in a thread of the test process."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tests.libraries.serving import in_thread

EPOCH = "first"


class ChatServer:
    """``logs`` holds what each conversation has stored. What the path names happens once to each client:

    ``restart`` closes 1012 before the second message's ack · ``final`` closes 4003 there · ``late`` refuses the
    handshake after a restart · ``forget`` resumes no stream after it · ``stubborn`` answers the first resumption with
    an error. Always: ``refuse`` lets nobody in · ``mute`` acknowledges nothing · ``unwilling`` answers messages with
    errors · ``busy`` with errors after which they may be sent again · ``lose`` gives no message back · ``answer`` has
    an assistant · ``good`` is good.
    """

    def __init__(self) -> None:
        self.url = ""
        self.logs: dict[str, list[dict[str, Any]]] = {}
        self.subprotocols: set[str | None] = set()
        self._done: set[tuple[str, str]] = set()
        self._restarted: set[str] = set()

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        manner, client = _read(request.path)
        shut = manner == "late" and client in self._restarted and self._once("shut", client)
        if manner == "refuse" or shut:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, json.dumps({"code": "draining"}))
        return None

    async def talk(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        manner, client = _read(connection.request.path)
        self.subprotocols.add(connection.subprotocol)
        try:
            await _send(connection, "welcome", None, client_id=client, user_id="ann", session_id="s")
            async for text in connection:
                frame = json.loads(text)
                await getattr(self, "on_" + frame["type"].replace(".", "_"))(connection, manner, client, frame)
        except ConnectionClosed:
            pass

    async def on_subscribe(self, connection: ServerConnection, manner: str, client: str, frame: dict[str, Any]) -> None:
        conversation = frame["payload"]["conversation_id"]
        head = len(self.logs.setdefault(conversation, []))
        await _send(connection, "subscribed", frame["id"], conversation_id=conversation, epoch=EPOCH, head=head)

    async def on_resume(self, connection: ServerConnection, manner: str, client: str, frame: dict[str, Any]) -> None:
        if manner == "stubborn" and self._once("stubborn", client):
            await _send(connection, "error", frame["id"], code="unavailable", detail="not now", retryable=True)
            return
        ((conversation, position),) = frame["payload"]["positions"].items()
        log = self.logs[conversation]
        recovered = manner != "forget"
        missed = log[position["seq"] :] if recovered else []
        if missed:
            await _send(connection, "message.batch", None, conversation_id=conversation, epoch=EPOCH, messages=missed)
        await _send(
            connection,
            "resumed",
            frame["id"],
            client_id=client,
            recovered=recovered,
            reason=None if recovered else "window_passed",
            replayed=len(missed),
            positions={conversation: {"epoch": EPOCH, "seq": len(log)}},
        )

    async def on_message_send(
        self, connection: ServerConnection, manner: str, client: str, frame: dict[str, Any]
    ) -> None:
        said = frame["payload"]
        conversation, name = said["conversation_id"], said["client_msg_id"]
        log = self.logs[conversation]
        if manner == "unwilling":
            await _send(connection, "error", frame["id"], code="not_found", detail="no such room", retryable=False)
            return
        if manner == "busy":
            await _send(connection, "error", frame["id"], code="unavailable", detail="", retryable=True)
            return
        known = next((message for message in log if message["client_msg_id"] == name), None)
        message = known or self._store(log, conversation, name, said["body"])
        ends = manner in ("restart", "final", "late", "forget", "stubborn")
        if ends and len(log) == 2 and self._once("restart", client):
            self._restarted.add(client)
            await connection.close(4003 if manner == "final" else 1012, "as the path says")
            return
        place = {"conversation_id": conversation, "epoch": EPOCH, "seq": message["seq"]}
        if manner != "mute":
            await _send(connection, "ack", frame["id"], client_msg_id=name, duplicate=known is not None, **place)
        if known is None and manner != "lose":
            await _send(connection, "message", None, **message)
        if manner == "answer" and known is None:
            answer = self._store(log, conversation, f"answer:{message['seq']}", "Indeed.")
            await _send(connection, "message", None, **answer)

    @staticmethod
    def _store(log: list[dict[str, Any]], conversation: str, name: str, body: str) -> dict[str, Any]:
        log.append(
            {"conversation_id": conversation, "epoch": EPOCH, "seq": len(log) + 1, "client_msg_id": name, "body": body}
        )
        return log[-1]

    def _once(self, what: str, client: str) -> bool:
        first = (what, client) not in self._done
        self._done.add((what, client))
        return first

    async def serve_until(self, ready: threading.Event, stop: asyncio.Event) -> None:
        def choose(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
            return Subprotocol("chat.v1") if "chat.v1" in offered else None

        async with serve(
            self.talk, "127.0.0.1", 0, process_request=self.answer, select_subprotocol=choose, close_timeout=1
        ) as server:
            self.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
            ready.set()
            await stop.wait()


def _read(path: str) -> tuple[str, str]:
    parts = urlsplit(path)
    return parts.path.strip("/"), parse_qs(parts.query)["client_id"][0]


async def _send(connection: ServerConnection, kind: str, frame_id: str | None, **payload: Any) -> None:
    await connection.send(json.dumps({"type": kind, "id": frame_id, "payload": payload}))


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    """The server, running."""
    server = ChatServer()
    with in_thread(server.serve_until):
        yield server
