"""A hub on which one socket carries everything: accounts, sessions, messages and lists are JSON frames, as at a home's.

A frame has ``id`` and ``type``, its answer the same id. A session that has ended leaves its sockets open: each frame on
them is refused (``session_over``), and nothing is sent to them. ``faults`` are mistakes that it makes: ``any old word``
takes any old password, ``serves ended`` refuses nothing on open sockets, ``half ended`` answers pings there,
``stays subscribed``, ``old name`` is told on sockets that were open before, ``hides a session``, ``gives rights``,
``lists without asking``, ``logs words``.
"""

from __future__ import annotations

import itertools
import json
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from tests.foreign.cookie_server import serve_app
from tests.libraries.serving import in_thread

LIFETIME, SHORT = 300.0, 2.0
MOST_MALFORMED = 3
_NOBODYS = ("register", "login", "renew", "auth")


class No(Exception):  # noqa: N818 - what it says
    """A frame is refused with a code."""


@dataclass
class Visit:
    """A session: whose, with its access token, and until when that is good."""

    user: str
    session: str
    until: float
    ended: bool = False

    @property
    def over(self) -> bool:
        return self.ended or time.time() >= self.until


@dataclass
class Client:
    """An open socket, and who is there."""

    socket: web.WebSocketResponse
    visit: Visit | None = None
    rooms: dict[int, str] = field(default_factory=dict)
    name: str = ""
    malformed: int = 0


@dataclass
class Hub:
    """All that it knows; one for a test."""

    faults: frozenset[str] = frozenset()
    log: Path = Path("hub.log")
    users: dict[str, dict[str, str]] = field(default_factory=dict)
    visits: dict[str, Visit] = field(default_factory=dict)
    renewals: dict[str, str] = field(default_factory=dict)
    rooms: dict[str, tuple[str, list[dict[str, Any]]]] = field(default_factory=dict)
    clients: list[Client] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    chief: str = field(default_factory=lambda: secrets.token_hex(8))
    url: str = ""

    def __post_init__(self) -> None:
        self.users["u0"] = {"name": "chief", "password": self.chief, "rank": "chief"}

    # --- who is there

    def on_register(self, client: Client, given: dict[str, Any]) -> Any:
        if any(known["name"] == given["name"] for known in self.users.values()):
            raise No("taken")
        user = f"u{next(self.numbers)}"
        self.users[user] = {"name": given["name"], "password": given["password"], "rank": "member"}
        return {"user": user}

    def on_login(self, client: Client, given: dict[str, Any]) -> Any:
        fits = [key for key, known in self.users.items() if known["name"] == given["name"]]
        if not fits or self.users[fits[0]]["password"] != given["password"]:
            raise No("wrong_password")
        return self._enter(fits[0], secrets.token_hex(4), SHORT if given.get("short") else LIFETIME)

    def _enter(self, user: str, session: str, life: float) -> dict[str, str]:
        access, refresh = secrets.token_hex(12), secrets.token_hex(12)
        self.visits[access] = Visit(user, session, time.time() + life)
        self.renewals[refresh] = access
        return {"access": access, "refresh": refresh, "session": session, "user": user}

    def on_renew(self, client: Client, given: dict[str, Any]) -> Any:
        access = self.renewals.pop(given["refresh"], "")
        if access not in self.visits or self.visits[access].ended:
            raise No("stale")
        before = self.visits[access]
        return self._enter(before.user, before.session, LIFETIME)

    def on_auth(self, client: Client, given: dict[str, Any]) -> Any:
        visit = self.visits.get(given["access"])
        if visit is None:
            raise No("no_such_token")
        if visit.over:
            raise No("session_over")
        client.visit, client.name = visit, self.users[visit.user]["name"]
        return {"user": visit.user}

    def on_whoami(self, client: Client, given: dict[str, Any]) -> Any:
        visit = _there(client)
        known = self.users[visit.user]
        name = client.name if "old name" in self.faults else known["name"]
        return {"user": visit.user, "name": name, "session": visit.session, "rank": known["rank"]}

    def on_rename(self, client: Client, given: dict[str, Any]) -> Any:
        known = self.users[_there(client).user]
        known["name"] = given["name"]
        if "gives rights" in self.faults:
            known["rank"] = given.get("rank", known["rank"])
        return {}

    def on_rank(self, client: Client, given: dict[str, Any]) -> Any:
        if self.users[_there(client).user]["rank"] != "chief":
            raise No("not_yours")
        self.users[given["user"]]["rank"] = given["rank"]
        return {}

    def on_password(self, client: Client, given: dict[str, Any]) -> Any:
        visit = _there(client)
        if given["old"] != self.users[visit.user]["password"] and "any old word" not in self.faults:
            raise No("wrong_password")
        self.users[visit.user]["password"] = given["new"]
        self._end(lambda known: known.user == visit.user and known.session != visit.session)
        return {}

    def on_sessions(self, client: Client, given: dict[str, Any]) -> Any:
        if client.visit is None and "lists without asking" in self.faults:
            return {"sessions": []}
        visit = _there(client)
        own = sorted({known.session for known in self.visits.values() if known.user == visit.user and not known.ended})
        return {
            "sessions": [{"key": key} for key in own if key == visit.session or "hides a session" not in self.faults]
        }

    def on_revoke(self, client: Client, given: dict[str, Any]) -> Any:
        user = _there(client).user
        if not any(known.user == user and known.session == given["session"] for known in self.visits.values()):
            raise No("not_yours")
        self._end(lambda known: known.session == given["session"])
        return {}

    def on_logout(self, client: Client, given: dict[str, Any]) -> Any:
        session = _there(client).session
        self._end(lambda known: known.session == session)
        return {}

    def _end(self, fits: Any) -> None:
        for known in self.visits.values():
            known.ended = known.ended or fits(known)

    def on_ping(self, client: Client, given: dict[str, Any]) -> Any:
        return {}

    # --- rooms

    def on_create(self, client: Client, given: dict[str, Any]) -> Any:
        room = secrets.token_hex(4)
        self.rooms[room] = (_there(client).user, [])
        return {"room": room}

    def _own(self, client: Client, room: str) -> list[dict[str, Any]]:
        owner, messages = self.rooms.get(room, ("", []))
        if owner != _there(client).user or self.users[owner]["rank"] == "guest":
            raise No("not_yours")
        return messages

    def on_subscribe(self, client: Client, given: dict[str, Any]) -> Any:
        self._own(client, given["room"])
        number = next(self.numbers)
        client.rooms[number] = given["room"]
        return {"subscription": number}

    def on_unsubscribe(self, client: Client, given: dict[str, Any]) -> Any:
        if client.rooms.pop(given["subscription"], None) is None:
            raise No("no_such_subscription")
        return {}

    async def on_publish(self, client: Client, given: dict[str, Any]) -> Any:
        messages = self._own(client, given["room"])
        message = {"number": len(messages) + 1, "by": _there(client).user, "text": given["text"], "key": given["key"]}
        messages.append(message)
        for other in self.clients:
            is_in = given["room"] in other.rooms.values() or "stays subscribed" in self.faults
            if is_in and other.visit is not None and not other.visit.over:
                with suppress(ConnectionError):
                    await other.socket.send_json({"type": "event", "room": given["room"], **message})
        return {"number": message["number"]}

    def on_messages(self, client: Client, given: dict[str, Any]) -> Any:
        return {"messages": list(self._own(client, given["room"]))}

    # --- the socket

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        self._write(f"GET {request.path} {request.headers.get('X-Request-Id', '-')}")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client = Client(socket)
        self.clients.append(client)
        try:
            # A client may have gone meanwhile.
            with suppress(ConnectionError):
                async for message in socket:
                    if message.type is WSMsgType.TEXT:
                        await socket.send_json(await self._answer(client, json.loads(message.data)))
                        if client.malformed == MOST_MALFORMED:
                            await socket.close(code=1008)
        finally:
            self.clients.remove(client)
        return socket

    def _write(self, line: str) -> None:
        with self.log.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    async def _answer(self, client: Client, given: dict[str, Any]) -> dict[str, Any]:
        word = str(given.get("type"))
        self._write(f"frame {json.dumps(given) if 'logs words' in self.faults else word}")
        answer = {"id": given.get("id"), "type": "result"}
        try:
            result = self._handled(client, word, given)
            result = await result if hasattr(result, "__await__") else result
        except (No, KeyError) as error:
            client.malformed += isinstance(error, KeyError)
            return {**answer, "success": False, "error": {"code": str(error) if isinstance(error, No) else "malformed"}}
        return {**answer, "success": True, "result": result}

    def _handled(self, client: Client, word: str, given: dict[str, Any]) -> Any:
        served = "serves ended" in self.faults or ("half ended" in self.faults and word == "ping")
        if client.visit is not None and client.visit.over and word not in _NOBODYS and not served:
            raise No("session_over")
        handler = getattr(self, f"on_{word}", None)
        if handler is None:
            raise No("no_such_type")
        return handler(client, given)

    def app(self) -> web.Application:
        """Its only route."""
        app = web.Application()
        app.add_routes([web.get("/api", self.serve)])
        return app


def _there(client: Client) -> Visit:
    if client.visit is None:
        raise No("who_are_you")
    return client.visit


@contextmanager
def hub(*faults: str) -> Iterator[Hub]:
    """Serves a hub with these faults on a free loopback port, until left."""
    with tempfile.TemporaryDirectory(prefix="hub-") as folder:
        server = Hub(frozenset(faults), Path(folder) / "hub.log")
        with in_thread(lambda ready, stop: serve_app(server, server.app(), ready, stop)):
            yield server
