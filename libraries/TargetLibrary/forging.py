"""Keywords that forge tokens, and see that nobody takes them (RFC 8725)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

from lockstep import masking
from lockstep.dialect import Session
from lockstep.dialect.performing import claims, where_is_known
from lockstep.unknown import within
from robot.api import logger

from .at_once import at_once
from .base import Base
from .described import word
from .recognising import Recognising
from .sockets import Sockets
from .tokens import Tokens

_ROWS = ("J01", "J02", "J03", "J04", "J05")
"""Rows of the checklist whose forgeries need no key of the target, and are no larger than a genuine token."""

_AT_ONCE = 20


class Forging(Base):
    """Forged tokens are refused, whatever was done to them."""

    @word("token", "assertion")
    def every_endpoint_should_refuse_forgeries(self, session: Session, *attacks: str) -> None:
        """Passes when each endpoint and socket refuses the token of ``session``, forged by each of these ``attacks``.

        The names are those of JWTLibrary. One that would show nothing with this token, such as a missing claim that it
        never had, is left out. NA where that leaves none, where tokens are opaque, or where an attack needs the signing
        key of the target (``token.signing_key`` or ``token.key``) and the dialect names none.

        What a forged header points to (``jku``, ``x5u``) is a listener on this machine that serves the attacker's keys:
        nobody may ask it for them.
        """
        self._refuse_each(session, attacks, sockets_only=False)

    @word("token", "assertion")
    def every_endpoint_should_refuse_socket_for_forgeries(self, session: Session, *attacks: str) -> None:
        """As `Every Endpoint Should Refuse Forgeries`, of sockets alone."""
        self._refuse_each(session, attacks, sockets_only=True)

    @word("token", "assertion")
    def every_endpoint_should_refuse_forged_tokens(self, session: Session, at_once: bool = False) -> None:
        """Passes when each endpoint and socket refuses every forgery of the token that needs no key of the target.

        Broken and missing signatures, other algorithms, the public key as a secret, foreign keys (RFC 8725 §2). NA
        where tokens are opaque. ``at_once`` sends all of them to all endpoints at one instant.
        """
        library = self._jwt_library()
        attacks = [name for row in _ROWS for name in library.list_attacks(needs_key=False, row=row)]
        if at_once:
            with self._listener(library) as listener:
                self._refused_at_once(self._forgeries(session, attacks, library, listener.url, with_key=False))
                _nobody_may_have_asked(listener, "one of these attacks")
        else:
            self._refuse_each(session, attacks, sockets_only=False, with_key=False)
        self._recogniser.every_endpoint_should_recognise_user(session)

    @word("token", "assertion")
    def common_secrets_should_sign_no_token(self, session: Session) -> None:
        """Passes when no word out of tutorials, templates and lists of passwords signs a token that is taken.

        Where a secret signs the target's tokens, the words are tried on the token of ``session``, and nothing is sent.
        Otherwise each word signs a token by HS256, and all of them are sent to all endpoints, some at a time. NA where
        tokens are opaque.
        """
        from JWTLibrary import guessing

        self._facts()
        genuine = str(session.access)
        if guessing.has_secret(genuine):
            self._jwt_library().token_secret_should_not_be_weak(genuine)
            return
        forgeries = [
            ("a common word as secret", self._with_token(session, text), "invalid")
            for text in guessing.signed_with_common_secrets(genuine)
        ]
        for start in range(0, len(forgeries), _AT_ONCE):
            self._refused_at_once(forgeries[start : start + _AT_ONCE])

    @word("token")
    def put_session_in_token(self, session: Session, other: Session | None = None) -> Session:
        """The session, whose token names the session of ``other``, or one that there is not, and is signed again.

        NA where tokens are opaque, the sign-in reads no session, or the dialect names no signing key
        (``token.signing_key``, ``token.key``).
        """
        claim = self._facts().claims.get("session", "sid")
        key = self._signing_key()
        if not key:
            raise self.stage.dialect.missing("token.signing_key")
        named = {claim: other.session if other else str(uuid.uuid4())}
        return self._with_token(session, self._jwt_library().change_token(str(session.access), **key, **named))

    # --- making them

    def _facts(self) -> Any:
        assert isinstance(self, Tokens)
        return self._readable()

    @staticmethod
    def _jwt_library() -> Any:
        from JWTLibrary import JWTLibrary

        return JWTLibrary()

    def _names(self) -> dict[str, str]:
        """The claims' names as JWTLibrary knows them."""
        from JWTLibrary.claims import ClaimNames

        return {name: claim for name, claim in self._facts().claims.items() if hasattr(ClaimNames, name)}

    def _fact(self, name: str) -> str | None:
        assert isinstance(self, Tokens)
        return Tokens._filled(self, name)

    def _signing_key(self) -> dict[str, Any]:
        """What signs a token as the target does, as JWTLibrary takes it; nothing where the dialect names no key."""
        facts = self._facts()
        if facts.key:
            return {"secret": facts.key}
        known = self.stage.speaker.values(Session(), {})
        if facts.signing_key is None or not where_is_known(facts.signing_key, known):
            return {}
        key = self._fact("signing_key")
        return {"key": key} if key not in (None, "", "None") else {}

    @staticmethod
    def _listener(library: Any) -> Any:
        from JWTLibrary.listening import KeyListener

        return KeyListener(library.get_attacker_jwks())

    def _forgeries(
        self, session: Session, attacks: Sequence[str], library: Any, url: str, with_key: bool = True
    ) -> list[tuple[str, Session, str]]:
        """Each attack with the forged session and the reason for which that has to be refused."""
        names, genuine = self._names(), str(session.access)
        possible = library.list_attacks(token=genuine, claims=names)
        published = self._fact("keys")
        chosen = [name for name in attacks if name in possible and (published or "public key" not in name)]
        left_out = [name for name in attacks if name not in chosen]
        if left_out:
            logger.info(f"with a token of {sorted(claims(genuine))} these would show nothing: {', '.join(left_out)}")
        if not chosen:
            raise self.stage.dialect.missing("token", f"its tokens have nothing that could be wrong: {attacks[0]}")
        key = self._signing_key() if with_key else {}
        if with_key and not key and any(name in library.list_attacks(needs_key=True) for name in chosen):
            raise self.stage.dialect.missing("token.signing_key")
        assert isinstance(self, Tokens)
        found = []
        for name in chosen:
            text = library.forge_token(
                genuine, name, jwks=published, url=url, ca_file=self._ca_file, claims=names, **key
            )
            found.append((name, self._with_token(session, text), "expired" if name == "expired" else "invalid"))
        return found

    @staticmethod
    def _with_token(session: Session, text: str) -> Session:
        masking.register(text)
        return session.with_values({"access": text})

    # --- seeing them refused

    @property
    def _recogniser(self) -> Recognising:
        assert isinstance(self, Recognising)
        return self

    def _refuse_each(self, session: Session, attacks: Sequence[str], sockets_only: bool, with_key: bool = True) -> None:
        """Each forgery is refused, one after the other, and nobody has asked the attacker for keys."""
        library = self._jwt_library()
        with self._listener(library) as listener:
            for attack, forged, reason in self._forgeries(session, attacks, library, listener.url, with_key):
                self._is_refused(attack, forged, reason, sockets_only)
                _nobody_may_have_asked(listener, attack)

    def _is_refused(self, attack: str, forged: Session, reason: str, sockets_only: bool) -> None:
        assert isinstance(self, Sockets)
        facts = self.stage.dialect.socket
        if attack == "duplicate claims" and self._facts().duplicates == "last":
            # The last one is the genuine user.
            self._recogniser.every_endpoint_should_recognise_user(forged)
            return
        try:
            if not sockets_only:
                self._recogniser.every_endpoint_should_refuse_token(forged, reason)
            if sockets_only or (facts is not None and reason in facts.refused):
                self.every_endpoint_should_refuse_socket(forged, reason)
        except AssertionError as error:
            raise within(attack, error) from error

    def _refused_at_once(self, forgeries: Sequence[tuple[str, Session, str]]) -> None:
        """Asks each endpoint with each forgery at one instant, then judges all answers."""
        endpoints = self.stage.endpoints
        asked = [(attack, forged, reason, name) for attack, forged, reason in forgeries for name in endpoints]
        outcomes = at_once(self.stage, [partial(self.stage.speaker.who, name, forged) for _, forged, _, name in asked])
        for (attack, _, reason, name), outcome in zip(asked, outcomes, strict=True):
            if outcome.ok:
                raise AssertionError(f"{attack}: {name} should refuse the token as {reason}, but answered with a user")
            if wrong := self._recogniser.not_refused_as(outcome, self._recogniser.expected_refusal(reason)):
                raise AssertionError(f"{attack}: {name} {wrong}")


def _nobody_may_have_asked(listener: Any, attack: str) -> None:
    if listener.asked:
        raise AssertionError(
            f"{attack}: the target asked the attacker's address {listener.url} for keys: {', '.join(listener.asked)}"
        )
