"""Accounts and rooms for the small servers of socket.io and GraphQL, with HTTP to sign up and in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Rooms:
    """What both servers keep: passwords, tokens, and rooms with their owners."""

    passwords: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def user(self, token: Any) -> str | None:
        """Whose token it is; ``Bearer`` before it is left out."""
        return self.tokens.get(str(token).removeprefix("Bearer "))

    async def sign_up(self, request: web.Request) -> web.Response:
        given = await request.json()
        self.passwords[given["name"]] = given["password"]
        return web.json_response({"user": given["name"]}, status=201)

    async def sign_in(self, request: web.Request) -> web.Response:
        given = await request.json()
        if self.passwords.get(given["name"]) != given["password"]:
            return web.json_response({"error": "credentials"}, status=401)
        token = secrets.token_hex(16)
        self.tokens[token] = given["name"]
        return web.json_response({"token": token, "user": given["name"]})

    async def who(self, request: web.Request) -> web.Response:
        user = self.user(request.headers.get("Authorization"))
        return web.json_response({"user": user} if user else {"error": "token"}, status=200 if user else 401)

    async def room(self, request: web.Request) -> web.Response:
        user = self.user(request.headers.get("Authorization"))
        if user is None:
            return web.json_response({"error": "token"}, status=401)
        name = secrets.token_hex(4)
        self.owners[name] = user
        return web.json_response({"room": name}, status=201)

    def app(self) -> web.Application:
        """The requests that both servers have."""
        app = web.Application()
        app.add_routes(
            [
                web.post("/users", self.sign_up), web.post("/tokens", self.sign_in),
                web.get("/me", self.who), web.post("/rooms", self.room),
            ]
        )  # fmt: skip
        return app
