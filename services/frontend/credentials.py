"""Whose request it is: bearer token or cookie, from where it may come, and where a token must never stand."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.datastructures import Headers

from services.common.problems import Problem

ACCESS_COOKIE, REFRESH_COOKIE = "__Host-access", "__Host-refresh"
USER_FIELD = "x-session-user"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_TOKEN_PARAMETERS = frozenset({"access_token", "refresh_token", "id_token", "token", "jwt", "bearer", "authorization"})
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")


def refuse_token_in_query(query: bytes) -> None:
    """Raise a 400 ``Problem`` for a token in the query string: it would end up in logs and histories."""
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name.lower() in _TOKEN_PARAMETERS or _JWT.match(value.removeprefix("bearer.")):
            raise Problem(400, "invalid_request", "a token never travels in the query string")


def require_own_origin(origin: str | None, public_url: str) -> None:
    """Raise 403 unless ``origin`` is the public one."""
    if origin != public_url:
        raise Problem(403, "origin_not_allowed", "this origin may not act with the cookies of a session")


def has_bearer(headers: Headers, subprotocols: list[str]) -> bool:
    """Whether the client sent a token of its own, in the header or as a subprotocol."""
    return "authorization" in headers or any(name.startswith("bearer.") for name in subprotocols)


def authorization(headers: Headers, cookies: Mapping[str, str], subprotocols: list[str]) -> str | None:
    """The ``Authorization`` to add upstream from the cookie; None where the client's own token goes through."""
    if has_bearer(headers, subprotocols) or not cookies.get(ACCESS_COOKIE):
        return None
    return f"Bearer {cookies[ACCESS_COOKIE]}"


def refuse_cross_site(method: str, headers: Headers, public_url: str) -> None:
    """CSRF rule: an unsafe method that acts by a cookie must come from the own origin (403 otherwise)."""
    if method not in SAFE_METHODS:
        require_own_origin(headers.get("origin"), public_url)


def refuse_other_user(headers: Headers, cookies: Mapping[str, str]) -> None:
    """409 where a page names the user that it shows, and another one has signed in in its browser since.

    Whether the cookie is good is for the services to judge; here it only says whose it is.
    """
    shown = headers.get(USER_FIELD)
    if shown and (owner := _subject(cookies.get(ACCESS_COOKIE, ""))) and owner != shown:
        raise Problem(409, "other_user", "another user has signed in in this browser")


def _subject(token: str) -> str | None:
    """The ``sub`` of a token that nobody has verified; None where none can be read."""
    try:
        payload = token.split(".")[1]
        read = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, RecursionError):
        return None
    found = read.get("sub") if isinstance(read, dict) else None
    return found if isinstance(found, str) else None
