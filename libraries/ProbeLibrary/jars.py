"""Cookies of requests that no session sends, in jars as RequestsLibrary's sessions have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from email.message import Message
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.request import Request

from lockstep import masking
from robot.api.types import Secret

_LOOPBACK = ("localhost", "127.0.0.1", "::1", "[::1]")


class _AsBrowsers(DefaultCookiePolicy):
    """As RFC 6265 §5.4 has it, but that loopback counts as secure, as in browsers."""

    def return_ok_secure(self, cookie: Cookie, request: Request) -> bool:
        host = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdecimal() else request.host
        return host in _LOOPBACK or bool(super().return_ok_secure(cookie, request))


def new_jar() -> CookieJar:
    """An empty jar."""
    return CookieJar(_AsBrowsers())


def header(cookies: CookieJar | Mapping[str, Any], url: str) -> str | None:
    """The ``Cookie`` field of a request to ``url``; None where no cookie goes there.

    Of a jar, those that a browser would send there; a dictionary goes whole. Raises ``ValueError`` for anything else.
    """
    if isinstance(cookies, CookieJar):
        request = Request(url)  # noqa: S310  http and https only, and never opened
        cookies.add_cookie_header(request)
        return request.get_header("Cookie")
    if not isinstance(cookies, Mapping):
        raise ValueError(f"cookies are a dictionary or a cookie jar, not {type(cookies).__name__}")  # noqa: TRY004
    plain = {name: masking.reveal(one) if isinstance(one, Secret) else str(one) for name, one in cookies.items()}
    for value in plain.values():
        masking.register(value)
    return "; ".join(f"{name}={value}" for name, value in plain.items()) or None


def take_over(jar: CookieJar, url: str, fields: Iterable[str]) -> None:
    """Puts into ``jar`` what these ``Set-Cookie`` fields of an answer of ``url`` set, and removes what they end."""
    jar.extract_cookies(_Answer(fields), Request(url))  # type: ignore[arg-type]  # noqa: S310
    for cookie in jar:
        masking.register(cookie.value or "")


class _Answer:
    """What a jar looks at in an answer."""

    def __init__(self, fields: Iterable[str]) -> None:
        self._headers = Message()
        for field in fields:
            self._headers["Set-Cookie"] = field

    def info(self) -> Message:
        return self._headers
