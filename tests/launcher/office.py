"""An office: a small platform with bearer tokens, messages over HTTP and on sockets, and an administrator.

``faults`` are mistakes of its own: ``never signs out``, ``never deletes``, ``slow``.
``throttles``, ``throttles wrong passwords`` and ``says suspended`` are none.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.foreign.cookie_server import serve_app
from tests.libraries.serving import in_thread

CHIEF = "chief-of-the-office-1"
SHORT, LONG = 1.0, 300.0
DIALECT = """dialect: 1
name: office

endpoints:
  desk:
    url: ${OFFICE_URL}
    socket: "{base}/socket?client={client}"
    ready: {get: /ready, status: 204}
    who: {get: /me, read: {user: user.id}}

headers: {X-Office: "1"}
credentials: {header: "Authorization: Bearer {access}"}
administrator: {header: "X-Chief: ${OFFICE_CHIEF}"}
accounts:
  made: {name: "{unique}", password: "{secret}"}

operations:
  sign_up: {post: /people, json: {name: "{name}", password: "{password}"}, status: 201, read: {user: id}}
  sign_in:
    post: /login
    json: {name: "{name}", password: "{password}", device: "{device?}"}
    status: 200
    read: {access: token, refresh: renewal, session: visit, user: person.id}
    refused: {status: 403, code_at: error, codes: [wrong_password]}
  sign_in_short:
    post: /login
    json: {name: "{name}", password: "{password}", short: yes}
    read: {access: token, user: person.id}
    refused: {status: 403, code_at: error, codes: [wrong_password]}
  refresh:
    as: none
    post: /renew
    json: {renewal: "{refresh}"}
    read: {access: token, refresh: renewal}
    refused: {status: 400, code_at: error, codes: [spent]}
  sign_out: {post: /logout, status: 204}
  sessions: {get: /visits, each: visits, items: {session: .id}}
  revoke_session: {delete: "/visits/{session}", status: 204}
  revoke_all: {post: "/people/{user}/end", as: administrator, status: 204}
  change_profile: {patch: /me, json: {title: "{name}"}, status: 200}
  change_password: {post: /me/password, json: {old: "{password}", new: "{new_password}"}, status: 204}
  deactivate: {post: "/people/{user}/suspend", as: administrator, status: 204}
  activate: {post: "/people/{user}/restore", as: administrator, status: 204}
  delete_account: {delete: "/people/{user}", as: administrator, status: 204}
  room: {post: /rooms, json: {title: "{name}"}, status: 201, read: {room: id}}
  delete_room: {delete: "/rooms/{room}", status: 204}
  send: {post: "/rooms/{room}/notes", json: {text: "{text}", key: "{key}"}, status: 201, read: {position: number}}
  delete_message: {delete: "/rooms/{room}/notes/{id}", status: 204}
  history:
    get: "/rooms/{room}/notes"
    query: {limit: 100}
    each: notes
    items: {id: .number, text: .text, position: .number, sender: .from}
  limited: {get: /me, status: 200}
  introspect: {post: /look, as: administrator, form: {token: "{token}"}, read: {active: alive}}

refusals:
  unauthenticated: {status: 401, header: {WWW-Authenticate: '^Bearer$'}}
  invalid: {status: 401, code_at: error, codes: [bad_token]}
  expired: {status: 401, code_at: error, codes: [old_token]}
  revoked: {status: 401, code_at: error, codes: [ended]}
  forbidden: {status: 403, code_at: error, codes: [not_yours]}

limits: {short_access_ttl: 1s}

socket:
  authentication: frame
  greeting: {when: {do: hello}, read: {server: name}, within: 2s}
  call: {in: re}
  out:
    authenticate:
      send: {do: enter, token: "{access}", n: "{call}"}
      answer: {do: entered}
      refused: {do: go_away}
      within: 2s
    who_am_i:
      send: {do: who, n: "{call}"}
      answer: {do: you}
      refused: {do: go_away}
      read: {user: id}
      within: 2s
    ping: {send: {do: ping, n: "{call}"}, answer: {do: pong}, within: 2s}
    subscribe: {send: {do: join, room: "{room}", n: "{call}"}, answer: {do: joined}, read: {head: head}, within: 2s}
    send:
      send: {do: write, room: "{room}", text: "{text}", n: "{call}"}
      answer: {do: written}
      read: {position: number}
      within: 2s
  in:
    message: {when: {do: note}, read: {room: room, text: text, id: number, position: number, sender: from}}
    snapshot: {when: {do: joined}, each: notes, read: {text: .text, id: .number}}
    error: {when: {do: error}, read: {code: why}}
  gapless: yes
  refused: {by: authentication}
  resume: subscription
  closes: {revoked: 4403}
"""


@dataclass
class Office:
    """All that it knows; one for a test."""

    faults: frozenset[str] = frozenset()
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    visits: dict[str, dict[str, Any]] = field(default_factory=dict)
    renewals: dict[str, str] = field(default_factory=dict)
    rooms: dict[str, dict[str, Any]] = field(default_factory=dict)
    sockets: dict[web.WebSocketResponse, dict[str, Any]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    throttled: int = 0
    failed: int = 0
    """Sign-ins that were refused."""
    made: int = 0
    """Accounts and rooms that there ever were."""
    passwords: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    url: str = ""

    def now(self) -> float:
        """Its clock, by which tokens live."""
        return time.time()

    # --- people

    async def people_post(self, request: web.Request) -> web.Response:
        given = await request.json()
        if any(person["name"] == given["name"] for person in self.people.values()):
            raise _no(409, "taken")
        key = f"p{next(self.numbers)}"
        self.made += 1
        self.passwords.append(given["password"])
        self.people[key] = {"name": given["name"], "password": given["password"], "title": "", "suspended": False}
        return web.json_response({"id": key}, status=201)

    async def login(self, request: web.Request) -> web.Response:
        given = await request.json()
        if "throttles wrong passwords" in self.faults and self.failed > 1:
            return web.Response(status=429)
        key = next((key for key, person in self.people.items() if person["name"] == given["name"]), None)
        self.failed += key is None or self.people[key]["password"] != given["password"]
        if key is None or self.people[key]["password"] != given["password"]:
            raise _no(403, "wrong_password")
        if self.people[key]["suspended"]:
            raise _no(403, "suspended" if "says suspended" in self.faults else "wrong_password")
        return self._enter(key, SHORT if given.get("short") else LONG)

    def _enter(self, person: str, life: float, visit: str = "") -> web.Response:
        visit = visit or secrets.token_hex(4)
        token, renewal = secrets.token_hex(12), secrets.token_hex(12)
        self.visits[token] = {"person": person, "until": time.time() + life, "visit": visit, "ended": False}
        self.renewals[renewal] = token
        return web.json_response({"token": token, "renewal": renewal, "visit": visit, "person": {"id": person}})

    async def renew(self, request: web.Request) -> web.Response:
        token = self.renewals.pop((await request.json())["renewal"], "")
        known = self.visits.get(token)
        if known is None or known["ended"]:
            raise _no(400, "spent")
        return self._enter(known["person"], LONG, known["visit"])

    def _who(self, request: web.Request) -> dict[str, Any]:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token:
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        known, why = self._known(token)
        if why:
            raise _no(401, why)
        return known

    def _known(self, token: str) -> tuple[dict[str, Any], str]:
        known = self.visits.get(token)
        if known is None:
            return {}, "bad_token"
        if known["ended"]:
            return known, "ended"
        return known, "old_token" if time.time() >= known["until"] else ""

    def _chief(self, request: web.Request) -> None:
        if request.headers.get("X-Chief") != CHIEF:
            raise _no(403, "not_the_chief")

    async def me(self, request: web.Request) -> web.Response:
        known = self._who(request)
        return web.json_response({"user": {"id": known["person"]}, "title": self.people[known["person"]]["title"]})

    async def me_patch(self, request: web.Request) -> web.Response:
        known = self._who(request)
        self.people[known["person"]]["title"] = (await request.json())["title"]
        return web.json_response({})

    async def password(self, request: web.Request) -> web.Response:
        person = self.people[self._who(request)["person"]]
        given = await request.json()
        if given["old"] != person["password"]:
            raise _no(403, "wrong_password")
        person["password"] = given["new"]
        return web.Response(status=204)

    async def logout(self, request: web.Request) -> web.Response:
        known = self._who(request)
        if "never signs out" not in self.faults:
            await self._end(lambda visit: visit["visit"] == known["visit"])
        return web.Response(status=204)

    async def visits_get(self, request: web.Request) -> web.Response:
        person = self._who(request)["person"]
        own = {known["visit"] for known in self.visits.values() if known["person"] == person and not known["ended"]}
        return web.json_response({"visits": [{"id": visit} for visit in sorted(own)]})

    async def visits_delete(self, request: web.Request) -> web.Response:
        person, wanted = self._who(request)["person"], request.match_info["visit"]
        if not any(known["visit"] == wanted and known["person"] == person for known in self.visits.values()):
            raise _no(404, "no_such_visit")
        await self._end(lambda known: known["visit"] == wanted)
        return web.Response(status=204)

    async def _end(self, fits: Any) -> None:
        for known in self.visits.values():
            known["ended"] = known["ended"] or fits(known)
        for socket, state in list(self.sockets.items()):
            if state.get("known", {}).get("ended"):
                await socket.close(code=4403)

    async def act(self, request: web.Request) -> web.Response:
        self._chief(request)
        person, what = request.match_info["person"], request.match_info["what"]
        if person not in self.people or what not in ("end", "suspend", "restore"):
            raise _no(404, "no_such_person")
        if what == "restore":
            self.people[person]["suspended"] = False
        else:
            self.people[person]["suspended"] = what == "suspend"
            await self._end(lambda known: known["person"] == person)
        return web.Response(status=204)

    async def people_delete(self, request: web.Request) -> web.Response:
        self._chief(request)
        if "never deletes" in self.faults:
            raise _no(503, "not_today")
        if self.people.pop(request.match_info["person"], None) is None:
            raise _no(404, "no_such_person")
        await self._end(lambda known: known["person"] == request.match_info["person"])
        return web.Response(status=204)

    async def look(self, request: web.Request) -> web.Response:
        self._chief(request)
        return web.json_response({"alive": not self._known(str((await request.post())["token"]))[1]})

    # --- rooms

    async def rooms_post(self, request: web.Request) -> web.Response:
        person, given = self._who(request)["person"], await request.json()
        key = secrets.token_hex(4)
        self.made += 1
        self.rooms[key] = {"of": person, "title": given["title"], "notes": [], "next": 1}
        return web.json_response({"id": key}, status=201)

    def _room(self, request: web.Request) -> dict[str, Any]:
        person, room = self._who(request)["person"], self.rooms.get(request.match_info["room"])
        if room is None:
            raise _no(404, "no_such_room")
        if room["of"] != person:
            raise _no(403, "not_yours")
        return room

    async def rooms_delete(self, request: web.Request) -> web.Response:
        self._room(request)
        del self.rooms[request.match_info["room"]]
        return web.Response(status=204)

    async def notes_get(self, request: web.Request) -> web.Response:
        notes = self._room(request)["notes"]
        return web.json_response({"notes": notes[: int(request.query.get("limit", "1"))]})

    async def notes_post(self, request: web.Request) -> web.Response:
        room, given = self._room(request), await request.json()
        if not given.get("key"):
            raise _no(422, "no_key")
        note = await self._write(request.match_info["room"], room["of"], given["text"])
        return web.json_response({"number": note["number"]}, status=201)

    async def notes_delete(self, request: web.Request) -> web.Response:
        room, number = self._room(request), request.match_info["number"]
        left = [note for note in room["notes"] if str(note["number"]) != number]
        if len(left) == len(room["notes"]):
            raise _no(404, "no_such_note")
        room["notes"] = left
        return web.Response(status=204)

    async def _write(self, key: str, person: str, text: str) -> dict[str, Any]:
        room = self.rooms[key]
        note = {"number": room["next"], "from": person, "text": text}
        room["next"] += 1
        room["notes"].append(note)
        for socket, state in list(self.sockets.items()):
            if key in state["rooms"]:
                await socket.send_json({"do": "note", "room": key, **note})
        return note

    # --- sockets

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        if not request.query.get("client"):
            raise _no(400, "no_client")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        state = self.sockets[socket] = {"rooms": set()}
        await socket.send_json({"do": "hello", "name": "office"})
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._frame(socket, state, json.loads(message.data))
        finally:
            del self.sockets[socket]
        return socket

    async def _frame(self, socket: web.WebSocketResponse, state: dict[str, Any], frame: dict[str, Any]) -> None:
        call = frame.get("n")
        if frame["do"] == "enter":
            known, why = self._known(frame.get("token", ""))
            if not why:
                state["known"] = known
            await socket.send_json({"do": "go_away" if why else "entered", "re": call, "why": why})
        elif "known" not in state:
            await socket.send_json({"do": "go_away", "re": call, "why": "enter_first"})
        else:
            await socket.send_json({**await self._answer(state, frame), "re": call})

    async def _answer(self, state: dict[str, Any], frame: dict[str, Any]) -> dict[str, Any]:
        person, room = state["known"]["person"], self.rooms.get(frame.get("room", ""))
        if frame["do"] == "who":
            return {"do": "you", "id": person}
        if frame["do"] == "ping":
            return {"do": "pong"}
        if frame["do"] not in ("join", "write") or room is None or room["of"] != person:
            return {"do": "error", "why": "not_yours"}
        if frame["do"] == "join":
            state["rooms"].add(frame["room"])
            return {"do": "joined", "head": room["next"] - 1, "notes": room["notes"]}
        note = await self._write(frame["room"], person, frame["text"])
        return {"do": "written", "number": note["number"]}

    # --- routes

    @web.middleware
    async def middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        self.times.append(time.monotonic())
        asked = sum(not known.endswith(" /socket") for known in self.requests)
        if "throttles" in self.faults and asked % 7 == 0 and request.path != "/socket":
            self.throttled += 1
            return web.Response(status=429, headers={"Retry-After": "1"})
        if "slow" in self.faults and request.path == "/rooms":
            await asyncio.sleep(1)
        if request.headers.get("X-Office") != "1" and not request.path.startswith("/socket"):
            raise _no(400, "not_this_office")
        try:
            response: web.StreamResponse = await handler(request)
        except (KeyError, ValueError):
            raise _no(422, "not_understood") from None
        return response

    async def ready(self, request: web.Request) -> web.Response:
        return web.Response(status=204)

    def app(self) -> web.Application:
        """Its routes."""
        app = web.Application(middlewares=[self.middleware])
        app.add_routes(
            [
                web.get("/ready", self.ready), web.post("/people", self.people_post), web.post("/login", self.login),
                web.post("/renew", self.renew), web.get("/me", self.me), web.patch("/me", self.me_patch),
                web.post("/me/password", self.password), web.post("/logout", self.logout),
                web.get("/visits", self.visits_get), web.delete("/visits/{visit}", self.visits_delete),
                web.post("/people/{person}/{what}", self.act), web.delete("/people/{person}", self.people_delete),
                web.post("/look", self.look), web.post("/rooms", self.rooms_post),
                web.delete("/rooms/{room}", self.rooms_delete), web.get("/rooms/{room}/notes", self.notes_get),
                web.post("/rooms/{room}/notes", self.notes_post),
                web.delete("/rooms/{room}/notes/{number}", self.notes_delete), web.get("/socket", self.socket),
            ]
        )  # fmt: skip
        return app


def _no(status: int, why: str) -> web.HTTPException:
    kinds = {
        400: web.HTTPBadRequest, 401: web.HTTPUnauthorized, 403: web.HTTPForbidden, 404: web.HTTPNotFound,
        409: web.HTTPConflict, 422: web.HTTPUnprocessableEntity, 503: web.HTTPServiceUnavailable,
    }  # fmt: skip
    return kinds[status](text=json.dumps({"error": why}), content_type="application/json")


@contextmanager
def office(*faults: str) -> Iterator[Office]:
    """Serves an office with these faults on a free loopback port, until left."""
    server = Office(frozenset(faults))
    with in_thread(lambda ready, stop: serve_app(server, server.app(), ready, stop)):
        yield server
