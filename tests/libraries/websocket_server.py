"""A real WebSocket server with bad manners on request, in a thread of the test process. The path says what it does."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tests.libraries.serving import in_thread


class BadManners:
    """Base URLs, and what the server saw of the closes of its sockets: (path, code, reason)."""

    def __init__(self) -> None:
        self.url = ""
        self.slow_http_url = ""
        self.closes: list[tuple[str, int | None, str | None]] = []
        self.handshakes = 0
        self._changed = threading.Condition()

    def saw_close(self, path: str, within: float = 5.0) -> tuple[int | None, str | None]:
        """Code and reason of the first close on that path, as the server saw it."""
        with self._changed:
            assert self._changed.wait_for(lambda: any(p == path for p, _, _ in self.closes), within), self.closes
            return next((code, reason) for p, code, reason in self.closes if p == path)

    def _note(self, path: str, connection: ServerConnection) -> None:
        with self._changed:
            self.closes.append((path, connection.close_code, connection.close_reason))
            self._changed.notify_all()

    # --- HTTP

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        self.handshakes += 1
        path = urlsplit(request.path).path
        if path.startswith("/refuse/"):
            status = int(path.rpartition("/")[2])
            response = connection.respond(HTTPStatus(status), json.dumps({"code": "token_expired", "status": status}))
            response.headers["WWW-Authenticate"] = 'Bearer realm="test"'
            return response
        if path == "/moved":
            response = connection.respond(HTTPStatus.FOUND, "elsewhere")
            response.headers["Location"] = "/echo"
            return response
        if path == "/token":
            bearer = request.headers.get("Authorization", "")
            return None if bearer == "Bearer good-token-0123456789" else connection.respond(HTTPStatus.UNAUTHORIZED, "")
        return None

    # --- WebSocket

    async def talk(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        path = connection.request.path
        name, _, argument = urlsplit(path).path.strip("/").partition("/")
        try:
            await getattr(self, f"do_{name}")(connection, argument)
        except ConnectionClosed:
            pass
        finally:
            await connection.wait_closed()
            self._note(path, connection)

    async def do_echo(self, connection: ServerConnection, argument: str) -> None:
        async for message in connection:
            await connection.send(message)

    async def do_twice(self, connection: ServerConnection, argument: str) -> None:
        """Answers each message by two frames, the second that many milliseconds after the first."""
        async for message in connection:
            await connection.send(message)
            await asyncio.sleep(int(argument) / 1000)
            await connection.send(message)

    async def do_token(self, connection: ServerConnection, argument: str) -> None:
        await self.do_echo(connection, argument)

    async def do_login(self, connection: ServerConnection, argument: str) -> None:
        """Wants a token in the first frame; says no to another one as the path says, and otherwise echoes."""
        if argument == "greeting":
            await connection.send('{"type": "greeting"}')
        first = json.loads(await connection.recv())
        if first.get("token") == "good-token-0123456789":
            await connection.send(json.dumps({"type": "welcome", "user": "u1", "got": sorted(first)}))
        elif argument.isdigit():
            await connection.close(int(argument), "not you")
        elif argument == "error":
            await connection.send('{"type": "error", "payload": {"code": "bad_token"}}')
        await self.do_echo(connection, argument)

    async def do_beat(self, connection: ServerConnection, argument: str) -> None:
        """Echoes each message after a ping of its own, and reports the answers to its pings when it is asked to."""
        pongs: list[object] = []
        asked = 0
        async for message in connection:
            frame = json.loads(message)
            if frame.get("type") == "pong":
                pongs.append(frame)
            elif frame.get("type") == "report":
                await connection.send(json.dumps({"type": "report", "pongs": pongs}))
            else:
                asked += 1
                await connection.send(
                    iter(['{"type": "ping"', f', "n": {asked}}}']) if argument == "fragments"
                    else json.dumps({"type": "ping", "n": asked})
                )  # fmt: skip
                await connection.send(message)

    async def do_silent(self, connection: ServerConnection, argument: str) -> None:
        async for _ in connection:
            pass

    async def do_close(self, connection: ServerConnection, argument: str) -> None:
        """Greets, waits for a first message, then closes with the code of the path."""
        await connection.send("hello")
        await connection.recv()
        await connection.close(int(argument), "as asked")

    async def do_close_at_once(self, connection: ServerConnection, argument: str) -> None:
        await connection.close(int(argument), "at once")

    async def do_error_at_once(self, connection: ServerConnection, argument: str) -> None:
        await connection.send('{"type": "error", "payload": {"code": "unavailable"}}')
        await self.do_silent(connection, argument)

    async def do_close_without_code(self, connection: ServerConnection, argument: str) -> None:
        connection.transport.write(Frame(Opcode.CLOSE, b"").serialize(mask=False))
        await connection.wait_closed()

    async def do_crash(self, connection: ServerConnection, argument: str) -> None:
        await connection.send("last words")
        await connection.recv()
        connection.transport.abort()

    async def do_crash_in_fragments(self, connection: ServerConnection, argument: str) -> None:
        connection.transport.write(Frame(Opcode.TEXT, b'{"half":', fin=False).serialize(mask=False))
        await connection.recv()
        connection.transport.abort()

    async def do_fragments(self, connection: ServerConnection, argument: str) -> None:
        await connection.send(iter(['{"type"', ': "frag', 'mented"}']))
        await self.do_silent(connection, argument)

    async def do_events(self, connection: ServerConnection, argument: str) -> None:
        """Numbered events of two kinds, then whatever is asked for."""
        for seq in range(1, 5):
            kind = "message" if seq % 2 else "notice"
            await connection.send(
                json.dumps({"type": kind, "payload": {"seq": seq, "tags": ["a", "b"], "last": seq == 4}})
            )
        async for message in connection:
            await connection.send(json.dumps({"type": "ack", "payload": {"got": json.loads(message)}}))

    async def do_late(self, connection: ServerConnection, argument: str) -> None:
        """Answers each message that many milliseconds later."""
        async for message in connection:
            await asyncio.sleep(int(argument) / 1000)
            await connection.send(message)

    async def do_say(self, connection: ServerConnection, argument: str) -> None:
        """Sends what each message lists under ``say``: ``ping``, a close code, or a frame, whose id is by default that
        of the message.
        """
        async for message in connection:
            request = json.loads(message)
            for what in request["say"]:
                if what == "ping":
                    await connection.ping()
                elif isinstance(what, int):
                    await connection.close(what)
                else:
                    await connection.send(json.dumps({"id": request.get("id"), **what}))

    async def do_ping(self, connection: ServerConnection, argument: str) -> None:
        async for message in connection:
            waiter = await connection.ping(message)
            try:
                await asyncio.wait_for(waiter, 0.5)
                await connection.send("answered")
            except TimeoutError:
                await connection.send("unanswered")

    async def do_deaf(self, connection: ServerConnection, argument: str) -> None:
        """Reads nothing any more, so no close frame is answered."""
        connection.transport.pause_reading()
        await self.released.wait()

    async def do_masked(self, connection: ServerConnection, argument: str) -> None:
        """Breaks RFC 6455 §5.1: a masked frame from a server."""
        connection.transport.write(Frame(Opcode.TEXT, b"masked").serialize(mask=True))
        await connection.wait_closed()

    async def do_flood(self, connection: ServerConnection, argument: str) -> None:
        """Sends until its buffers are full for a second, then gives up with 4008."""
        await connection.recv()
        try:
            while True:
                await asyncio.wait_for(connection.send("x" * 65536), 1)
        except TimeoutError:
            connection.transport.abort()

    async def do_headers(self, connection: ServerConnection, argument: str) -> None:
        assert connection.request is not None
        headers = {name.lower(): value for name, value in connection.request.headers.raw_items()}
        query = {name: values[0] for name, values in parse_qs(urlsplit(connection.request.path).query).items()}
        await connection.send(json.dumps({"headers": headers, "query": query}))
        await self.do_silent(connection, argument)

    # --- plain TCP: a refusal whose body comes after its head, and one that never ends

    async def slow_http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if b" /mute " in request:
            await self.released.wait()
        elif b" /hang-up " not in request:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: 29\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.write(b'{"code":"origin_not_allowed"}')
        writer.close()

    # --- life

    async def serve_until(self, ready: threading.Event, stop: asyncio.Event, tls: ssl.SSLContext | None) -> None:
        self.released = asyncio.Event()

        def choose(_: ServerConnection, offered: list[Subprotocol]) -> Subprotocol | None:
            return Subprotocol("chat.v1") if "chat.v1" in offered else None

        options = {"process_request": self.answer, "select_subprotocol": choose, "ping_interval": None, "ssl": tls}
        slow = await asyncio.start_server(self.slow_http, "127.0.0.1", 0)
        async with serve(self.talk, "127.0.0.1", 0, close_timeout=1, **options) as server:  # type: ignore[arg-type]
            port = next(iter(server.sockets)).getsockname()[1]
            self.url = f"{'wss' if tls else 'ws'}://127.0.0.1:{port}"
            self.slow_http_url = f"ws://127.0.0.1:{slow.sockets[0].getsockname()[1]}"
            ready.set()
            await stop.wait()
            self.released.set()
        slow.close()


@contextmanager
def bad_manners(certificate: Path | None = None, key: Path | None = None) -> Iterator[BadManners]:
    """The server, running; with a certificate it speaks TLS."""
    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
    server = BadManners()
    with in_thread(partial(server.serve_until, tls=tls)):
        yield server
