"""Keywords for what an access token is: as the dialect declares it, and never forged."""

from __future__ import annotations

from typing import Any

from lockstep import masking, target
from lockstep.dialect import Session
from lockstep.dialect.performing import claims
from lockstep.dialect.templates import fill
from robot.api import logger

from .base import Base, same
from .described import word
from .recognising import Recognising
from .sockets import Sockets

_ROWS = ("J01", "J02", "J03", "J04", "J05")
"""Rows of the checklist whose forgeries need no key of the target, and are no larger than a genuine token."""


class Tokens(Base):
    """Token Should Be As Declared, and forgeries (RFC 8725)."""

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

    def _jwt(self) -> Any:
        facts = self.stage.dialect.token
        if facts.form != "jwt" or "token" in self.stage.dialect.absent:
            raise self.stage.dialect.missing(
                "token", "" if "token" in self.stage.dialect.absent else "tokens are opaque"
            )
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

    @word("token", "assertion")
    def every_endpoint_should_refuse_forged_tokens(self, session: Session) -> None:
        """Passes when each endpoint and socket refuses every forgery of the token that needs no key of the target.

        Broken and missing signatures, other algorithms, the public key as a secret, foreign keys (RFC 8725 §2). NA
        where tokens are opaque.
        """
        facts = self.stage.dialect.token
        if facts.form != "jwt":
            raise self.stage.dialect.missing("token", "tokens are opaque")
        from JWTLibrary import JWTLibrary

        assert isinstance(self, Recognising)
        library = JWTLibrary()
        genuine = str(session.access)
        possible = library.list_attacks(token=genuine, claims=facts.claims)
        attacks = [name for row in _ROWS for name in library.list_attacks(needs_key=False, row=row) if name in possible]
        if not self._filled("keys"):
            attacks = [name for name in attacks if "public key" not in name]
        logger.info(f"{len(attacks)} forgeries of {sorted(claims(genuine))}: {', '.join(attacks)}")
        for attack in attacks:
            text = library.forge_token(
                genuine, attack, jwks=self._filled("keys"), ca_file=self._ca_file, claims=facts.claims
            )
            masking.register(text)
            self._forgery_is_refused(attack, session.with_values({"access": text}))
        self.every_endpoint_should_recognise_user(session)

    def _forgery_is_refused(self, attack: str, forged: Session) -> None:
        try:
            assert isinstance(self, Recognising)
            self.every_endpoint_should_refuse_token(forged, "invalid")
            if (
                isinstance(self, Sockets)
                and self.stage.dialect.socket
                and "invalid" in self.stage.dialect.socket.refused
            ):
                self.every_endpoint_should_refuse_socket(forged, "invalid")
        except AssertionError as error:
            raise AssertionError(f"{attack}: {error}") from error
