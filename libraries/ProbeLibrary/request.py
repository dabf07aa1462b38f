"""One request as a keyword is told it: address, method, credential, body and cookies."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode, urlsplit

from lockstep import masking, test_identity
from lockstep.applicability import present
from robot.api.types import Secret

from ProbeLibrary import jars

BEARER = "Authorization: Bearer {token}"
SAFE_TO_REPEAT = ("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE")
"""Idempotent methods: a request that may have been lost is sent again (RFC 9110 §9.2.2)."""

NOTHING: Any = object()
"""In the place of JSON, where None is ``null``: there is no body."""

_FIELDS = ("method", "url", "token", "json", "headers", "form", "credential", "cookies")


@dataclass(frozen=True)
class Request:
    """One request; ``headers`` and ``body`` are complete."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    jar: CookieJar | None = field(default=None, repr=False)

    @classmethod
    def read(cls, entries: Mapping[str, Any]) -> Request:
        """A request from a dictionary of those entries that `made` takes; ``ValueError`` for anything else."""
        wrong = [name for name in entries if name not in _FIELDS]
        if wrong or "url" not in entries:
            raise ValueError(
                f"a request has {', '.join(_FIELDS)} and needs an url; got {', '.join(entries) or 'nothing'}"
            )
        return cls.made(**{"method": "GET", **entries})

    @classmethod
    def made(
        cls,
        url: str,
        method: str = "GET",
        token: str | Secret | None = None,
        credential: str = BEARER,
        headers: Mapping[str, Any] | None = None,
        json: Any = NOTHING,
        form: Mapping[str, Any] | None = None,
        cookies: CookieJar | Mapping[str, Any] | None = None,
    ) -> Request:
        """The request with everything that belongs to it.

        ``credential`` is the header that carries ``token``. ``json`` is a body of JSON, ``form`` one of HTML's forms
        (application/x-www-form-urlencoded); a list in it is a field given several times. ``cookies`` are a dictionary,
        or a jar, which goes along as ``jar``.

        Raises ``ValueError`` for both bodies at once, cookies beside a ``Cookie`` header, an address or a method that
        is none, and a credential without a place for the token.
        """
        url = str(present(url))
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ValueError(f"an http or https URL is needed, not {url!r}")
        if not re.fullmatch(r"[A-Za-z]+", str(method)):
            raise ValueError(f"an HTTP method such as POST is needed, not {method!r}")
        complete = test_identity.headers() | {name: _plain(value) for name, value in (headers or {}).items()}
        if token is not None:
            masking.register(present(token))
            name, value = carried(credential, masking.reveal(token))
            complete[name] = value
        body = _body(json, form)
        if body is not None:
            complete["Content-Type"] = "application/json" if form is None else "application/x-www-form-urlencoded"
        if cookies is not None:
            if any(name.lower() == "cookie" for name in complete):
                raise ValueError("a request has one Cookie header (RFC 6265 §5.4): give cookies or a header, not both")
            if (going := jars.header(cookies, url)) is not None:
                complete["Cookie"] = going
        return cls(str(method).upper(), url, complete, body, cookies if isinstance(cookies, CookieJar) else None)

    @property
    def target(self) -> str:
        """Path and query."""
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def head(self) -> bytes:
        """Request line and fields as they are sent (RFC 9112 §2.1)."""
        fields = {"Host": urlsplit(self.url).netloc, **self.headers}
        if self.body is not None:
            fields["Content-Length"] = str(len(self.body))
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        return "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1")

    def carrying(self, member: str, value: Any) -> Request:
        """The same request with another value for a member of its JSON; ``ValueError`` where it has no such body."""
        document = json.loads(self.body or b"null")
        if not isinstance(document, dict) or member not in document:
            raise ValueError(f"the request has no JSON with a member {member!r} that could be carried on")
        masking.register(str(value))
        return replace(self, body=json.dumps({**document, member: value}).encode())


def carried(credential: str, token: str) -> tuple[str, str]:
    """The name and value of the header that carries ``token``; ``ValueError`` that shows neither of the two."""
    name, colon, template = credential.partition(":")
    if not colon or not name.strip() or "{token}" not in template:
        raise ValueError("a credential is a header with a place for the token, such as 'Cookie: session={token}'")
    return name.strip(), template.strip().replace("{token}", token)


def _body(document: Any, form: Mapping[str, Any] | None) -> bytes | None:
    if form is None:
        return None if document is NOTHING else json.dumps(document, default=_open).encode()
    if document is not NOTHING:
        raise ValueError("a request has one body: give json or form, not both")
    if not isinstance(form, Mapping):
        raise ValueError(f"a form is a dictionary of its fields, not {type(form).__name__}")  # noqa: TRY004
    return urlencode([(name, _plain(value)) for name, values in form.items() for value in _several(values)]).encode()


def _open(value: Any) -> Any:
    """A secret as JSON has it; ``TypeError`` for anything else that is none."""
    if isinstance(value, Secret):
        return masking.reveal(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def _plain(value: Any) -> str:
    return masking.reveal(value) if isinstance(value, Secret) else str(value)


def _several(values: Any) -> list[Any]:
    return list(values) if isinstance(values, list | tuple) else [values]
