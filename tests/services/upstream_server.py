"""A service that misbehaves on request: what stands behind frontend in the tests of frontend alone.

Started as ``python -m tests.services.upstream_server <port> <name>``. A path ``/…/die`` (``?at=<name>``: only there)
ends the process without an answer, ``hang`` never answers, ``falter`` answers from the second time on, ``stream``
answers 128 MiB as fast as they are read, ``cut`` breaks off in an answer of 1,000 bytes (``?at=<name>``: only there;
``?of=<bytes>``: of so many); after ``ail?health=<seconds>`` each ``/health`` takes so
long; a number answers with that status; all else is echoed. A WebSocket may be accepted ``late`` by some seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from typing import Any
from urllib.parse import parse_qs

import uvicorn

Scope = dict[str, Any]


class Echo:
    """The ASGI application."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.counts: Counter[str] = Counter()
        self.streamed = 0
        self.health_takes = 0.0

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)

    async def _http(self, scope: Scope, receive: Any, send: Any) -> None:
        last = scope["path"].rpartition("/")[2]
        body = await _body(receive)
        self.counts[last] += 1
        if last == "die" and scope["query_string"] in (b"", b"at=" + self.name.encode()):
            os._exit(1)
        if last == "hang" or (last == "falter" and self.counts[last] == 1):
            await asyncio.Event().wait()
        if last == "ail":
            self.health_takes = float(parse_qs(scope["query_string"].decode())["health"][0])
        if last == "health":
            await asyncio.sleep(self.health_takes)
        if last == "stream":
            await self._stream(send)
            return
        asked = parse_qs(scope["query_string"].decode())
        if last == "cut" and asked.get("at", [self.name]) == [self.name]:
            length = asked.get("of", ["1000"])[0].encode()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
            await send({"type": "http.response.body", "body": b"x" * 10, "more_body": True})
            os._exit(1)
        answer = {
            "name": self.name,
            "method": scope["method"],
            "target": scope["raw_path"].decode() + "?" + scope["query_string"].decode(),
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]],
            "body": body.decode("latin-1"),
            "counts": dict(self.counts),
            "streamed": self.streamed,
        }
        headers = [
            (b"content-type", b"application/json"),
            (b"set-cookie", b"__Host-login=abc; Path=/; Secure; HttpOnly; SameSite=Lax"),
            (b"set-cookie", b"stray=1; Path=/"),
            (b"x-answered-by", self.name.encode()),
            (b"connection", b"x-hop"),
            (b"x-hop", b"1"),
            (b"server", b"echo"),
        ]
        status = int(last) if last.isdigit() else 200
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    async def _stream(self, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(2000):
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            self.streamed += 65536
        await send({"type": "http.response.body"})

    async def _websocket(self, scope: Scope, receive: Any, send: Any) -> None:
        await receive()
        asked = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        if "late" in asked:
            self.counts["late"] += 1
            await asyncio.sleep(float(asked["late"]))
        if "refuse" in asked:
            await _refuse(int(asked["refuse"]), send)
            return
        chosen = next((name for name in scope["subprotocols"] if not name.startswith("bearer.")), None)
        await send({"type": "websocket.accept", "subprotocol": chosen, "headers": []})
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        await send({"type": "websocket.send", "text": json.dumps({"name": self.name, "headers": headers})})
        if "close" in asked:
            await send({"type": "websocket.close", "code": int(asked["close"]), "reason": asked.get("reason", "")})
        while (message := await receive())["type"] == "websocket.receive":
            if message.get("text") == "die":
                os._exit(1)
            if message.get("text") == "flood":
                self.streamed = 0
                for _ in range(4000):
                    await send({"type": "websocket.send", "text": "x" * 32768})
                    self.streamed += 32768
            await send({**message, "type": "websocket.send"})
        self.counts[f"closed-{message.get('code')}"] += 1


async def _body(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _refuse(status: int, send: Any) -> None:
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"www-authenticate", b'Bearer realm="lockstep", error="invalid_token"'),
    ]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b'{"code": "token_expired"}'})


if __name__ == "__main__":
    port, own_name = int(sys.argv[1]), sys.argv[2]
    uvicorn.run(Echo(own_name), port=port, ws="websockets-sansio", lifespan="off", log_level="warning", loop="uvloop")
