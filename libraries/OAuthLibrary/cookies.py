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
_SAME_SITE = ("none", "lax", "strict")
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


def weaker(cookie: SetCookie, *, secure: bool, http_only: bool, same_site: str) -> str:
    """What is wrong with a cookie of a platform that declares these flags, or "" (OWASP ASVS 5.0 3.3).

    ``same_site`` is ``none``, ``lax`` or ``strict``, the least that is wanted; a cookie without it is one with
    ``none``. What browsers refuse is wrong whatever is declared: ``SameSite=None`` without ``Secure``, and the
    prefixes ``__Secure-`` and ``__Host-`` without what they stand for (RFC 6265bis §4.1.2.7, §4.1.3).
    """
    has = cookie.attributes
    if wrong := _refused_by_browsers(cookie):
        return f"cookie {cookie.name} {wrong}: browsers refuse it"
    for wanted, name, spelling in ((secure, "secure", "Secure"), (http_only, "httponly", "HttpOnly")):
        if wanted and name not in has:
            return f"cookie {cookie.name} has no {spelling}: {_PROTECTION[name]}"
    given = has.get("samesite", "none").lower()
    if (_SAME_SITE.index(given) if given in _SAME_SITE else 0) < _SAME_SITE.index(same_site):
        stands = f"SameSite={has['samesite']}" if "samesite" in has else "no SameSite"
        return f"cookie {cookie.name} has {stands}, not {same_site}: {_PROTECTION['samesite']}"
    return ""


def _refused_by_browsers(cookie: SetCookie) -> str:
    has = cookie.attributes
    if "secure" not in has:
        if has.get("samesite", "").lower() == "none":
            return "has SameSite=None without Secure"
        if cookie.name.startswith(("__Secure-", "__Host-")):
            return "has a prefix that wants Secure, and lacks it"
    if cookie.name.startswith("__Host-") and ("domain" in has or has.get("path") != "/"):
        return "has the prefix __Host-, which wants Path=/ and no Domain"
    return ""
