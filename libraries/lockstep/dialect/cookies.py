"""The cookies of one session, as a browser keeps them (RFC 6265 §5), as data."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Cookie:
    """One cookie: for a host (without its port, RFC 6265 §8.5), a path and, where ``secure``, TLS only.

    ``attributes`` are those that the answer gave, names in lower case; one without a value is an empty text.
    """

    name: str
    value: str
    host: str
    path: str = "/"
    secure: bool = False
    attributes: tuple[tuple[str, str], ...] = ()

    def goes_to(self, url: str) -> bool:
        """Whether a request to ``url`` carries it; loopback counts as secure, as browsers have it."""
        parts = urlsplit(url)
        host, path = parts.hostname or "", parts.path or "/"
        if host != self.host and not host.endswith(f".{self.host}"):
            return False
        if self.secure and parts.scheme not in ("https", "wss") and host not in ("localhost", "127.0.0.1", "::1"):
            return False
        return path == self.path or path.startswith(self.path if self.path.endswith("/") else f"{self.path}/")


def taken_over(cookies: Sequence[Cookie], headers: Iterable[tuple[str, str]], url: str) -> tuple[Cookie, ...]:
    """``cookies`` after an answer of ``url`` with these headers: new ones are set, those that it ends are gone."""
    kept = {(cookie.name, cookie.host, cookie.path): cookie for cookie in cookies}
    for name, text in headers:
        if name.lower() != "set-cookie":
            continue
        cookie = parsed(text, url)
        if cookie is None:
            continue
        key = (cookie.name, cookie.host, cookie.path)
        if _is_over(dict(cookie.attributes)):
            kept.pop(key, None)
        else:
            kept[key] = cookie
    return tuple(kept.values())


def _is_over(attributes: Mapping[str, str]) -> bool:
    """Whether a cookie ends at once; ``Max-Age`` counts before ``Expires`` (RFC 6265 §4.1.2.2)."""
    age = attributes.get("max-age", "")
    if age.lstrip("-").isdigit():
        return int(age) <= 0
    try:
        return parsedate_to_datetime(attributes["expires"]).timestamp() <= time.time()
    except (KeyError, ValueError, TypeError):
        return False


def parsed(text: str, url: str) -> Cookie | None:
    """The cookie of one ``Set-Cookie`` header (RFC 6265 §5.2); None without a name, or for another host."""
    first, *rest = text.split(";")
    name, equals, value = (part.strip() for part in first.partition("="))
    if not equals or not name:
        return None
    attributes = {}
    for part in rest:
        key, _, given = part.strip().partition("=")
        attributes[key.lower()] = given.strip()
    parts = urlsplit(url)
    path = attributes.get("path", "")
    if not path.startswith("/"):
        path = (parts.path or "/").rpartition("/")[0] or "/"
    own = parts.hostname or ""
    host = attributes.get("domain", "").lstrip(".") or own
    if host != own and not own.endswith(f".{host}"):
        return None
    return Cookie(name, value.strip('"'), host, path, "secure" in attributes, tuple(attributes.items()))


def header(cookies: Iterable[Cookie], url: str) -> str:
    """The ``Cookie`` header of a request to ``url``, longer paths first (RFC 6265 §5.4); "" where none goes there."""
    going = sorted((cookie for cookie in cookies if cookie.goes_to(url)), key=lambda cookie: -len(cookie.path))
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in going)
