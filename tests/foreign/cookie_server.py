"""A forum: pages with forms, a cookie for a session, redirects for refusals, and sockets that speak JSON lists.

``faults`` are mistakes: ``logout keeps``, ``any password``, ``no order``, ``twice``, ``socket open to all``,
``forgets``.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.libraries.serving import in_thread

FORM = """<html><form method="get" action="/find"><input name="q"></form>
<form method="post" action="{action}"><input type="hidden" name="_seal" value="{seal}">
<input name="who"><input type="password" name="word"><input type="submit" value="Go"></form></html>"""


@dataclass
class Forum:
    """All that it knows; one for a test."""

    faults: frozenset[str] = frozenset()
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    visits: dict[str, str] = field(default_factory=dict)
    topics: dict[str, dict[str, Any]] = field(default_factory=dict)
    seals: set[str] = field(default_factory=set)
    sockets: dict[web.WebSocketResponse, tuple[str, set[str]]] = field(default_factory=dict)
    url: str = ""
    keeper: str = field(default_factory=lambda: secrets.token_hex(16))

    # --- pages

    async def form(self, request: web.Request) -> web.Response:
        seal = secrets.token_hex(8)
        self.seals.add(seal)
        return web.Response(text=FORM.format(action=request.path, seal=seal), content_type="text/html")

    async def join(self, request: web.Request) -> web.Response:
        given = await self._sealed(request)
        if given["who"] in self.members:
            raise web.HTTPConflict
        self.members[given["who"]] = {"number": len(self.members) + 1, "word": given["word"]}
        raise web.HTTPSeeOther("/enter")

    async def enter(self, request: web.Request) -> web.Response:
        given = await self._sealed(request)
        member = self.members.get(given["who"])
        good = member is not None and (member["word"] == given["word"] or "any password" in self.faults)
        if not good:
            return web.Response(text="<p>no such member, or another word", content_type="text/html")
        visit = secrets.token_hex(16)
        self.visits[visit] = given["who"]
        answer = web.HTTPSeeOther("/home")
        is_open = "open cookie" in self.faults
        answer.set_cookie("visit", visit, httponly=not is_open, samesite=None if is_open else "Lax", path="/")
        raise answer

    async def leave(self, request: web.Request) -> web.Response:
        self._member(request)
        if "logout keeps" not in self.faults:
            self.visits.pop(request.cookies["visit"], None)
        raise web.HTTPSeeOther("/enter")

    async def home(self, request: web.Request) -> web.Response:
        return web.Response(text=f"<p>hello {self._member(request)}", content_type="text/html")

    async def account(self, request: web.Request) -> web.Response:
        return web.json_response({"member": {"number": self.members[self._member(request)]["number"]}})

    async def mute(self, request: web.Request) -> web.Response:
        if request.headers.get("X-Keeper") != self.keeper:
            raise web.HTTPForbidden(text="not the keeper")
        self.members[request.match_info["who"]]["mute"] = True
        raise web.HTTPNoContent

    async def _sealed(self, request: web.Request) -> Any:
        given = await request.post()
        if given.get("_seal") not in self.seals:
            raise web.HTTPForbidden(text="not from our page")
        self.seals.discard(str(given["_seal"]))
        return given

    def _member(self, request: web.Request) -> str:
        member = self.visits.get(request.cookies.get("visit", ""))
        if member is None:
            raise web.HTTPFound("/enter?back=" + request.path)
        return member

    # --- topics

    async def topic(self, request: web.Request) -> web.Response:
        name = secrets.token_hex(4)
        self.topics[name] = {"of": self._member(request), "posts": []}
        raise web.HTTPSeeOther(f"/topics?at={name}")

    async def posts(self, request: web.Request) -> web.Response:
        topic = self.topics.get(request.match_info["topic"])
        if topic is None or topic["of"] != self._member(request):
            raise web.HTTPNotFound
        if self.members[topic["of"]].get("mute") and "mute reads" not in self.faults:
            raise web.HTTPForbidden(text="mute")
        return web.json_response([{"no": post[0], "by": post[1], "what": post[2]} for post in topic["posts"]])

    async def drop(self, request: web.Request) -> web.Response:
        """A topic, or one of its posts."""
        name, number = request.match_info["topic"], request.match_info.get("post")
        topic = self.topics.get(name)
        if topic is None or topic["of"] != self._member(request):
            raise web.HTTPNotFound
        if "delete keeps" not in self.faults:
            if number is None:
                del self.topics[name]
            else:
                topic["posts"] = [post for post in topic["posts"] if post[0] != int(number)]
        raise web.HTTPNoContent

    # --- sockets: ["word", call, …]

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        member = self.visits.get(request.cookies.get("visit", ""))
        if member is None and "socket open to all" not in self.faults:
            raise web.HTTPForbidden(text="enter first")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets[socket] = (request.cookies.get("visit", ""), set())
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._frame(socket, json.loads(message.data))
        finally:
            del self.sockets[socket]
        return socket

    async def _frame(self, socket: web.WebSocketResponse, frame: list[Any]) -> None:
        visit, joined = self.sockets[socket]
        member = self.visits.get(visit)
        if member is None:
            # It is only found out when somebody speaks.
            await socket.close(code=4401)
            return
        word, call, *rest = frame
        if word == "who":
            await socket.send_json(["you", call, self.members[member]["number"]])
        elif word == "watch":
            topic = self.topics.get(rest[0])
            if topic is None or topic["of"] != member:
                await socket.send_json(["no", call, "not yours"])
                return
            joined.add(rest[0])
            posts = [] if "forgets" in self.faults else topic["posts"]
            await socket.send_json(["watching", call, [[*post, rest[0]] for post in posts]])
        elif word == "post":
            await self._post(socket, call, member, *rest)

    async def _post(self, socket: web.WebSocketResponse, call: Any, member: str, topic: str, what: str) -> None:
        if self.members[member].get("mute") and "mute speaks" not in self.faults:
            await socket.send_json(["no", call, "mute"])
            return
        if self.topics[topic]["of"] != member:
            await socket.send_json(["no", call, "not yours"])
            return
        posts = self.topics[topic]["posts"]
        post = (len(posts) + 1, self.members[member]["number"], what)
        if "no order" in self.faults and len(posts) % 5 == 3:
            posts.insert(len(posts) - 1, post)
        else:
            posts.append(post)
        for other, (_, joined) in list(self.sockets.items()):
            for _ in range(2 if "twice" in self.faults else 1):
                if topic in joined:
                    # One that is being lost is no fault of whoever writes.
                    with suppress(ConnectionError):
                        await other.send_json(["posted", None, [*post, topic]])
        await socket.send_json(["kept", call, post[0]])

    def app(self) -> web.Application:
        """Its routes."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/join", self.form), web.post("/join", self.join), web.get("/enter", self.form),
                web.post("/enter", self.enter), web.get("/leave", self.leave), web.get("/home", self.home),
                web.get("/account", self.account), web.post("/topics", self.topic),
                web.get("/topics/{topic}", self.posts), web.delete("/topics/{topic}", self.drop),
                web.delete("/topics/{topic}/{post}", self.drop), web.post("/members/{who}/mute", self.mute),
                web.get("/live", self.socket),
            ]
        )  # fmt: skip
        return app


@contextmanager
def forum(*faults: str) -> Iterator[Forum]:
    """Serves a forum with these faults on a free loopback port, until left."""
    server = Forum(frozenset(faults))
    with in_thread(lambda ready, stop: serve_app(server, server.app(), ready, stop)):
        yield server


async def serve_app(server: Any, app: web.Application, ready: threading.Event, stop: asyncio.Event) -> None:
    """Serves ``app`` on a free port, which ``server.url`` names, until it is told to stop."""
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    ready.set()
    await stop.wait()
    await runner.cleanup()
