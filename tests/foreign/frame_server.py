"""A chat on a socket and nothing else: accounts, sessions and messages are lines of words, not JSON.

``WORD key=value key=value``, values escaped as in a query string. A token is good for three seconds, renewed by another
one, and cannot be taken back: signing out ends the renewal only. ``faults`` are mistakes that it makes: ``any token``,
``no expiry`` of tokens, ``to all``, ``renew twice``, ``forgets``; with a room's third message ``again`` and ``again
as new`` (the second time under another key), ``changes`` its text, ``swaps`` it with the fourth, ``hangs up`` (1011),
``restarts`` (1012); ``anyone enters`` and ``anyone writes`` into any room, ``rooms for nobody``; ``stalls`` now and
then over the first one.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from aiohttp import WSMsgType, web

from tests.foreign.cookie_server import serve_app
from tests.libraries.serving import in_thread

LIFETIME = 3.0


def line(word: str, **values: Any) -> str:
    """A frame."""
    return f"{word} {urlencode(values)}"


@dataclass
class Chat:
    """All that it knows; one for a test."""

    faults: frozenset[str] = frozenset()
    words: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict)
    renewals: dict[str, str] = field(default_factory=dict)
    rooms: dict[str, tuple[str, list[tuple[str, str]]]] = field(default_factory=dict)
    sockets: dict[web.WebSocketResponse, dict[str, Any]] = field(default_factory=dict)
    kept: dict[str, dict[str, str]] = field(default_factory=dict)
    url: str = ""
    beat: float = 30.0

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets[socket] = {"nick": None, "rooms": set()}
        beating = asyncio.create_task(self._beat(socket))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    word, _, rest = message.data.partition(" ")
                    given = dict(parse_qsl(rest))
                    handler = getattr(self, f"on_{word.lower()}", None)
                    if handler is None:
                        await socket.send_str(line("ERR", why="what", re=given.get("n", "")))
                    else:
                        await handler(socket, given)
        finally:
            beating.cancel()
            del self.sockets[socket]
        return socket

    async def _beat(self, socket: web.WebSocketResponse) -> None:
        """Who does not answer a beat by the next one is gone."""
        while True:
            state = self.sockets[socket]
            if state.get("beat") is not None:
                await socket.close(code=4000)
                return
            state["beat"] = secrets.token_hex(2)
            await socket.send_str(line("BEAT", at=state["beat"]))
            await asyncio.sleep(self.beat)

    async def on_back(self, socket: web.WebSocketResponse, given: dict[str, str]) -> None:
        if given["at"] == self.sockets[socket]["beat"]:
            self.sockets[socket]["beat"] = None

    async def on_join(self, socket: web.WebSocketResponse, given: dict[str, str]) -> None:
        self.words[given["nick"]] = given["word"]
        await socket.send_str(line("OK", re=given["n"], nick=given["nick"]))

    async def on_login(self, socket: web.WebSocketResponse, given: dict[str, str]) -> None:
        if self.words.get(given["nick"]) != given["word"]:
            await socket.send_str(line("ERR", re=given["n"], why="word"))
            return
        await self._tokens(socket, given, given["nick"])

    async def _tokens(self, socket: web.WebSocketResponse, given: dict[str, str], nick: str) -> None:
        token, renewal = secrets.token_hex(12), secrets.token_hex(12)
        self.tokens[token] = (nick, time.time() + LIFETIME)
        self.renewals[renewal] = nick
        await socket.send_str(line("TOKENS", re=given["n"], nick=nick, token=token, renewal=renewal))

    async def on_renew(self, socket: web.WebSocketResponse, given: dict[str, str]) -> None:
        nick = self.renewals.get(given["renewal"])
        if "renew twice" not in self.faults:
            self.renewals.pop(given["renewal"], None)
        if nick is None:
            await socket.send_str(line("ERR", re=given["n"], why="renewal"))
            return
        await self._tokens(socket, given, nick)

    async def on_hello(self, socket: web.WebSocketResponse, given: dict[str, str]) -> None:
        nick, until = self.tokens.get(given["token"], ("", 0.0))
        if not nick and "any token" in self.faults:
            nick, until = next(iter(self.words)), time.time() + 1
        if not nick or (time.time() >= until and "no expiry" not in self.faults):
            await socket.send_str(line("ERR", re=given["n"], why="old" if nick else "token"))
            return
        self.sockets[socket]["nick"] = nick
        await socket.send_str(line("HELLO", re=given["n"], nick=nick))

    async def on_logout(self, socket: web.WebSocketResponse, given: dict[str, str]) -> None:
        self.renewals.pop(given["renewal"], None)
        await socket.send_str(line("OK", re=given["n"]))

    async def on_who(self, socket: web.WebSocketResponse, given: dict[str, str]) -> None:
        nick = self.sockets[socket]["nick"]
        await socket.send_str(line("YOU", re=given["n"], nick=nick) if nick else line("ERR", re=given["n"], why="none"))

    async def on_room(self, socket: web.WebSocketResponse, given: dict[str, str]) -> None:
        nick, name = self.sockets[socket]["nick"], secrets.token_hex(4)
        if nick is None and "rooms for nobody" not in self.faults:
            await socket.send_str(line("ERR", re=given["n"], why="none"))
            return
        self.rooms[name] = (nick, [])
        await socket.send_str(line("ROOM", re=given["n"], room=name))

    async def on_enter(self, socket: web.WebSocketResponse, given: dict[str, str]) -> None:
        owner, _ = self.rooms[given["room"]]
        if owner != self.sockets[socket]["nick"] and "anyone enters" not in self.faults:
            await socket.send_str(line("ERR", re=given["n"], why="room"))
            return
        self.sockets[socket]["rooms"].add(given["room"])
        await socket.send_str(line("IN", re=given["n"]))

    async def on_say(self, socket: web.WebSocketResponse, given: dict[str, str]) -> None:
        nick, room = self.sockets[socket]["nick"], given["room"]
        owner, said = self.rooms[room]
        if owner != nick and "anyone writes" not in self.faults:
            await socket.send_str(line("ERR", re=given["n"], why="room"))
            return
        if "stalls" in self.faults and len(said) % 5 == 4 and room == next(iter(self.rooms)):
            time.sleep(0.4)  # noqa: ASYNC251 - the fault is that nobody else is served meanwhile
        said.append((nick, given["text"]))
        frame = {"room": room, "nick": nick, "text": given["text"], "key": given["key"]}
        for sent in self._frames(frame, len(said)):
            for other, state in list(self.sockets.items()):
                if room in state["rooms"] or "to all" in self.faults:
                    # One that is being lost is no fault of whoever writes.
                    with suppress(ConnectionError):
                        await other.send_str(line("SAID", **sent))
        await socket.send_str(line("DONE", re=given["n"]))
        if len(said) == 3 and self.faults & {"hangs up", "restarts"}:
            await socket.close(code=1012 if "restarts" in self.faults else 1011)

    def _frames(self, frame: dict[str, str], number: int) -> list[dict[str, str]]:
        """What is sent of a room's message of this number."""
        if number == 4 and "swaps" in self.faults:
            return [frame, self.kept.pop(frame["room"])]
        if number != 3:
            return [frame]
        if "swaps" in self.faults:
            self.kept[frame["room"]] = frame
            return []
        if "again as new" in self.faults:
            return [frame, {**frame, "key": "another"}]
        if "changes" in self.faults:
            return [{**frame, "text": "another text"}]
        return [] if "forgets" in self.faults else [frame] * (2 if "again" in self.faults else 1)

    def app(self) -> web.Application:
        """Its only route."""
        app = web.Application()
        app.add_routes([web.get("/", self.socket)])
        return app


@contextmanager
def chat(*faults: str) -> Iterator[Chat]:
    """Serves a chat with these faults on a free loopback port, until left."""
    server = Chat(frozenset(faults))
    with in_thread(lambda ready, stop: serve_app(server, server.app(), ready, stop)):
        yield server
