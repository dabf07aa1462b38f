"""Keywords for the keys by which a target's tokens are verified (RFC 7517)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lockstep.dialect import Request, Session
from lockstep.dialect.templates import fill

from .base import Base
from .described import word

_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
"""Members of a key that nobody else may know (RFC 7518 §6)."""


class Keys(Base):
    """Published Keys Should Be Public, Metadata Should Name Published Keys."""

    @word("token", "assertion")
    def published_keys_should_be_public(self, session: Session) -> None:
        """Passes when the target publishes the key of the session's token, and no private part of any key.

        Caches may keep the keys for as long as ``limits.keys_ttl`` says, where it is declared (RFC 9111 §5.2.2). NA
        where no keys are published (``token.keys``).
        """
        keys, headers = self._key_set(self._address("keys"))
        secret = sorted({name for key in keys for name in key if name in _PRIVATE})
        if secret:
            raise AssertionError(f"published keys have private members: {', '.join(secret)}")
        incomplete = [str(key.get("kid")) for key in keys if "kty" not in key]
        if incomplete:
            raise AssertionError(f"published keys have no type (kty): {', '.join(incomplete)}")
        self._holds_key_of(keys, session, "the published keys")
        if "keys_ttl" in self.stage.dialect.limits:
            self._may_be_kept(headers, self.stage.dialect.limit("keys_ttl"))

    @word("token", "assertion")
    def metadata_should_name_published_keys(self, session: Session) -> None:
        """Passes when the metadata names the issuer as declared, and a key set that has the key of the session's token.

        NA where no metadata is described (``token.metadata``, RFC 8414).
        """
        facts = self.stage.dialect.token
        found = self._document(self._address("metadata"))[0]
        if facts.issuer is not None and found.get("issuer") != self._address("issuer"):
            raise AssertionError(f"the metadata names the issuer {found.get('issuer')}, not {self._address('issuer')}")
        named = str(found.get("jwks_uri", ""))
        if not named:
            raise AssertionError("the metadata names no key set (jwks_uri)")
        self._holds_key_of(self._key_set(named)[0], session, f"the key set {named} of the metadata")

    def _may_be_kept(self, headers: Mapping[str, str], seconds: float) -> None:
        control = headers.get("cache-control", "")
        age = re.search(r"\bmax-age=(\d+)", control)
        if age is None or float(age[1]) != seconds or re.search(r"\b(no-store|private)\b", control):
            raise AssertionError(
                f"the keys may be kept as Cache-Control says, {control or 'nothing'}; declared are {seconds:g} s"
            )

    def _holds_key_of(self, keys: Sequence[Mapping[str, Any]], session: Session, what: str) -> None:
        header = _header(str(session.access))
        known = [key.get("kid") for key in keys]
        if "kid" in header and header["kid"] not in known:
            raise AssertionError(f"{what} lack the key {header['kid']} of the token; there are {known}")

    def _address(self, name: str) -> str:
        facts = self.stage.dialect.token
        template = getattr(facts, name)
        if facts.form != "jwt" or template is None:
            reason = "tokens are opaque" if facts.form != "jwt" else ""
            raise self.stage.dialect.missing("token" if reason else f"token.{name}", reason)
        values = self.stage.speaker.values(Session(), {})
        return str(fill(template, values, facts.place.at(name)))

    def _key_set(self, url: str) -> tuple[Sequence[Mapping[str, Any]], Mapping[str, str]]:
        document, headers = self._document(url)
        keys = document.get("keys")
        if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
            raise AssertionError(f"{url} publishes no keys (RFC 7517 §5): {document}")
        return keys, headers

    def _document(self, url: str) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        answer = self.stage.send(Request("GET", url, endpoint=f"of {url}"))
        if answer.status != 200 or not isinstance(answer.json, dict):
            raise AssertionError(f"GET {url} was answered with {answer}")
        return answer.json, dict(answer.headers)


def _header(token: str) -> Mapping[str, Any]:
    """The header of a JWT; empty where it is none."""
    part = token.partition(".")[0]
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
