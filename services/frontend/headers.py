"""Which header fields cross frontend, and which it writes itself. Pure functions over raw ASGI headers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie

RawHeaders = list[tuple[bytes, bytes]]

LOGIN_COOKIE = "__Host-login"
# RFC 6265 §4.1.1: what was quoted may hold anything else, line ends too, and goes on in another field.
_COOKIE_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_REPLACED_UPSTREAM = frozenset(
    {
        b"host",
        b"content-length",
        b"cookie",
        b"expect",
        b"forwarded",
        b"via",
        b"x-real-ip",
        b"x-frontend-credential",
        b"x-session-user",
        b"x-request-id",
        b"x-test-id",
    }
)
_REPLACED_DOWNSTREAM = frozenset({b"date", b"server", b"set-cookie"})


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """Without hop-by-hop fields, those that ``Connection`` names included (RFC 9110 §7.6.1)."""
    pairs = [(name.lower(), value) for name, value in headers]
    named = {part.strip().lower() for name, value in pairs if name == b"connection" for part in value.split(b",")}
    return [(name, value) for name, value in pairs if name not in _HOP_BY_HOP and name not in named]


def upstream(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """What of the client's fields goes on to a service: none that only frontend may write, no cookie."""
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in _end_to_end(headers)
        if name not in _REPLACED_UPSTREAM and not name.startswith((b"x-forwarded-", b"sec-websocket-"))
    ]


def downstream(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """What of a service's fields goes back to the client; of the cookies only those that bind a login."""
    pairs = list(headers)
    login = [pair for pair in pairs if pair[0].lower() == b"set-cookie" and _names_login_cookie(pair[1])]
    return [pair for pair in _end_to_end(pairs) if pair[0] not in _REPLACED_DOWNSTREAM] + login


def _names_login_cookie(set_cookie: bytes) -> bool:
    return is_login_cookie(set_cookie.partition(b"=")[0].strip().decode("latin-1"))


def is_login_cookie(name: str) -> bool:
    """Whether a cookie of this name binds a login to its browser; each login has one of its own."""
    return name == LOGIN_COOKIE or name.startswith(f"{LOGIN_COOKIE}-")


def cookies(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The cookies that a client sent; one that cannot be read is as good as none."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name == b"cookie":
            for part in value.decode("latin-1").split(";"):
                found |= _cookie(part.strip())
    return found


def _cookie(pair: str) -> dict[str, str]:
    try:
        read = {name: morsel.value for name, morsel in SimpleCookie(pair).items()}
    except CookieError:
        return {}
    return {name: value for name, value in read.items() if _COOKIE_VALUE.fullmatch(value)}
