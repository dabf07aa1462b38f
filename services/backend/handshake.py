"""The opening of a socket: who may, and what the others are told before it opens."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from services.backend import frames
from services.common import http, problems
from services.common.problems import Problem

SUBPROTOCOL = "chat.v1"
TOKEN_PREFIX = "bearer."  # noqa: S105 - a prefix, no secret
QUERY_TOKENS = ("access_token", "token", "jwt", "bearer", "authorization")
CLIENT_HEADER = "x-client-id"


@dataclass(frozen=True)
class Opening:
    """A handshake that may go on to the check of its token."""

    token: str
    client_id: str
    subprotocol: str | None


def read(connection: HTTPConnection, public_url: str) -> Opening:
    """Raises the 400, 401 or 403 of docs/protocol.md §4."""
    names = {name.lower() for name in connection.query_params}
    if names.intersection(QUERY_TOKENS):
        raise Problem(400, "invalid_request", "a token in the query string is refused: it would be logged on its way")
    origin = connection.headers.get("origin")
    if origin is not None and origin != public_url.rstrip("/"):
        raise Problem(403, "origin_not_allowed", "sockets are opened from the public origin only")
    offered: list[str] = connection.scope.get("subprotocols", [])
    token = http.bearer(connection) or _offered_token(offered)
    if token is None:
        raise problems.token_missing()
    return Opening(token, _client_id(connection), SUBPROTOCOL if SUBPROTOCOL in offered else None)


def _offered_token(offered: list[str]) -> str | None:
    return next((name.removeprefix(TOKEN_PREFIX) for name in offered if name.startswith(TOKEN_PREFIX)), None)


def _client_id(connection: HTTPConnection) -> str:
    given = connection.query_params.get("client_id") or connection.headers.get(CLIENT_HEADER)
    if not given:
        return str(uuid.uuid4())
    try:
        return frames.checked_id(given, "client_id")
    except frames.FrameError as error:
        raise Problem(400, "invalid_request", error.detail) from None
