"""What an answer does to a browser's cookies (RFC 6265 §4.1), read from its raw ``Set-Cookie`` fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_PROTECTION = {
    "secure": "it travels unencrypted too",
    "httponly": "a script of the page can read it",
    "samesite": "other sites' requests carry it",
    "path": "it is not good on the whole origin",
}
_WANTED = {"secure": "", "httponly": "", "samesite": "lax", "path": "/"}


@dataclass(frozen=True)
class SetCookie:
    """One ``Set-Cookie`` field; names of attributes are in lower case, an attribute without a value has ""."""

    name: str
    value: str
    attributes: Mapping[str, str]

    @property
    def removes(self) -> bool:
        """Whether the browser is to forget the cookie."""
        return self.attributes.get("max-age") == "0"


def read(fields: Iterable[str]) -> dict[str, SetCookie]:
    """The cookies that these ``Set-Cookie`` fields set, by name; the last one of a name counts."""
    return {cookie.name: cookie for cookie in map(_one, fields)}


def _one(field: str) -> SetCookie:
    first, *rest = field.split(";")
    name, _, value = first.partition("=")
    pairs = (part.strip().partition("=") for part in rest)
    return SetCookie(name.strip(), value.strip().strip('"'), {key.lower(): text for key, _, text in pairs})


def unprotected(cookie: SetCookie, max_age: int | None = None) -> str:
    """What is wrong with a cookie that holds a secret (OWASP ASVS 5.0 3.3, RFC 6265bis §4.1.3.2), or ""."""
    for name, effect in _PROTECTION.items():
        given = cookie.attributes.get(name)
        if given is None or (_WANTED[name] and given.lower() != _WANTED[name]):
            return f"cookie {cookie.name} has {name} {given!r}, not {_WANTED[name]!r}: {effect}"
    if "domain" in cookie.attributes:
        return f"cookie {cookie.name} names the domain {cookie.attributes['domain']}: other hosts get it"
    if max_age is not None and cookie.attributes.get("max-age") != str(max_age):
        return f"cookie {cookie.name} lives for {cookie.attributes.get('max-age')} s, not {max_age} s"
    return ""
