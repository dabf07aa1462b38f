"""Keywords for what an access token is: as the dialect declares it, and as services and introspection show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lockstep import target
from lockstep.dialect import Session
from lockstep.dialect.performing import claims
from lockstep.dialect.templates import MISSING, fill
from lockstep.masking import mask

from .base import Base, same
from .described import word
from .socket import Socket


class Tokens(Base):
    """Token Should Be As Declared, and what says the same as the token does."""

    @word("token", "assertion")
    def token_should_be_as_declared(self, session: Session) -> None:
        """Passes when the access token is a JWT that the target's keys verify, with all that the dialect declares.

        These are algorithm, type, issuer and audience, and the claims for user, session and times (RFC 7519, RFC 9068).
        NA where tokens are opaque, or no key is described.
        """
        facts = self._jwt()
        known = self._verified(session)
        names = facts.claims
        for purpose in ("user", "session"):
            if (
                purpose in session.values
                and names[purpose] in known
                and not same(known[names[purpose]], session.values[purpose])
            ):
                wanted = session.values[purpose]
                raise AssertionError(f"the token's {names[purpose]} is {known[names[purpose]]}, not {purpose} {wanted}")
        if names["user"] not in known:
            raise AssertionError(f"the token has no claim {names['user']}, which is declared to hold the user")
        lifetime = float(known[names["expiry"]]) - float(known.get(names["issued"], session.signed_in_at))
        name = "short_access_ttl" if session.values.get("is_short") else "access_ttl"
        if name in self.stage.dialect.limits and abs(lifetime - self.stage.dialect.limit(name)) > 1:
            raise AssertionError(
                f"the token lives for {lifetime:g} s, declared are {self.stage.dialect.limit(name):g} s"
            )

    @word("token", "assertion")
    def introspection_should_agree_with_token(self, session: Session) -> None:
        """Passes when introspection calls the token active and each claim that it shows is the token's (RFC 7662 §2.2).

        Which ones those are say ``operations.introspect.read`` and ``token.claims``. NA where tokens are opaque.
        """
        names = self._readable().claims
        shown = self.stage.needed("introspect", session, token=str(session.access)).read
        if shown.get("active") is not True:
            raise AssertionError(f"introspection says active: {shown.get('active')} of a token that is good")
        known = claims(str(session.access))
        compared = [name for name in names if name in shown]
        if not compared:
            raise self.stage.dialect.missing("operations.introspect.read")
        for name in compared:
            claim = known.get(names[name])
            if claim in (None, "", []):
                raise AssertionError(f"the token's {names[name]} is empty, so nothing is proved of the {name}")
            if shown[name] != claim:
                raise AssertionError(f"introspection and token differ in {names[name]}: {shown[name]} and {claim}")

    @word("token", "assertion")
    def every_endpoint_should_agree_on_user(self, session: Session) -> None:
        """Passes when what endpoints and sockets show of the user, and the token says, is as the account has it.

        Compared is what the dialect reads by ``endpoints.…who``, the ``greeting``, ``who_am_i`` and ``token.claims``,
        under the names that account and sign-in have for it: ``user``, ``session``, ``email``, ``name``.
        """
        known = session.values
        for endpoint in self.stage.endpoints:
            outcome = self.stage.who(endpoint, session)
            if not outcome.ok:
                raise AssertionError(f"{endpoint} does not recognise {session!r}: {mask(outcome.why)}")
            _compare(f"{endpoint}", outcome.read, known)
        facts = self.stage.dialect.token
        if facts.form == "jwt":
            held = claims(str(session.access))
            _compare(
                "the token", {name: held.get(claim) for name, claim in facts.claims.items() if claim in held}, known
            )
        if self.stage.dialect.socket is None or "socket" in self.stage.dialect.absent:
            return
        for endpoint in self.stage.socket_endpoints:
            socket = self.stage.open(endpoint, session)
            try:
                self._socket_agrees(socket, known)
            finally:
                socket.drop()

    @staticmethod
    def _socket_agrees(socket: Socket, known: Mapping[str, Any]) -> None:
        name = f"the socket at {socket.line.endpoint.name}"
        if not socket.opened.ok:
            raise AssertionError(f"{name} is of no use: {mask(socket.opened.why)}")
        greeted = socket.line.facts.greeting.read if socket.line.facts.greeting else {}
        _compare(name, {key: socket.line.read.get(key) for key in greeted}, known)
        if "who_am_i" in socket.line.facts.out:
            asked = socket.play(socket.line.asking("who_am_i"))
            if not asked.ok:
                raise AssertionError(f"{name} does not say who its user is: {mask(asked.why)}")
            _compare(name, asked.read, known)

    def _readable(self) -> Any:
        """What is described of tokens; raises ``NotDescribed`` where they are opaque."""
        facts = self.stage.dialect.token
        if facts.form != "jwt" or "token" in self.stage.dialect.absent:
            raise self.stage.dialect.missing(
                "token", "" if "token" in self.stage.dialect.absent else "tokens are opaque"
            )
        return facts

    def _jwt(self) -> Any:
        facts = self._readable()
        if not facts.keys and not facts.key:
            raise self.stage.dialect.missing("token.keys")
        return facts

    def _verified(self, session: Session) -> dict[str, Any]:
        from JWTLibrary import JWTLibrary

        facts = self._jwt()
        library = JWTLibrary()
        found: dict[str, Any] = library.verify_token(
            str(session.access),
            jwks=self._filled("keys"),
            issuer=self._filled("issuer"),
            audience=self._filled("audience"),
            algorithms=list(facts.algorithms) or None,
            type=facts.type,
            ca_file=self._ca_file,
            secret=facts.key,
        )
        return found

    def _filled(self, name: str) -> str | None:
        facts = self.stage.dialect.token
        template = getattr(facts, name)
        values = self.stage.speaker.values(Session(), {})
        return None if template is None else fill(template, values, facts.place.at(name))

    @property
    def _ca_file(self) -> str | None:
        return target.current().ca_file if target.in_use() else None


_OF_A_USER = ("user", "session", "email", "name")


def _compare(where: str, shown: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    for name in _OF_A_USER:
        value = shown.get(name, MISSING)
        if value is not MISSING and name in known and not same(value, known[name]):
            raise AssertionError(f"{where} shows another {name}: {value}, not {known[name]}")
