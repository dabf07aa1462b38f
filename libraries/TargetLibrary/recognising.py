"""Keywords that ask each endpoint who a session is, and see that it refuses what it has to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from lockstep import machine
from lockstep.dialect import Outcome, Session
from lockstep.masking import mask

from .base import Base, same
from .described import word

_PAUSE = 0.05
_STATES = {"active": "is good", "ended": "has ended"}


class Recognising(Base):
    """Endpoints recognise users and refuse bad credentials."""

    @word("endpoint")
    def get_endpoints(self) -> list[str]:
        """The names of the endpoints that know who somebody is."""
        return self.stage.endpoints

    @word("endpoint", "assertion")
    def every_endpoint_should_recognise_user(self, session: Session, within: timedelta | None = None) -> None:
        """Passes when each endpoint answers with the user of ``session``, at once or ``within`` that time.

        There is no verdict where the token has expired meanwhile.
        """
        for endpoint in self.stage.endpoints:
            self.endpoint_should_recognise_user(endpoint, session, within)

    @word("endpoint", "assertion")
    def endpoint_should_recognise_user(self, endpoint: str, session: Session, within: timedelta | None = None) -> None:
        """Passes when this endpoint answers with the user of ``session``, at once or ``within`` that time."""
        outcome = self.stage.who(endpoint, session)
        deadline = machine.Deadline(within.total_seconds()) if within else None
        while deadline is not None and not self._recognises(outcome, session) and deadline.left():
            time.sleep(_PAUSE)
            outcome = self.stage.who(endpoint, session)
        if self._recognises(outcome, session):
            instance, served_by = self.stage.dialect.endpoint(endpoint).instance, outcome.read.get("served_by")
            if served_by is not None and instance is not None and not same(served_by, instance):
                raise AssertionError(f"{endpoint} was answered by {served_by}, not by its own instance {instance}")
            return
        if self.stage.has_expired(session):
            machine.missed(f"UNKNOWN: the token expired before {endpoint} was asked")
        if outcome.ok:
            raise AssertionError(f"{endpoint} sees user {outcome.read.get('user')}, not {session.user}")
        raise AssertionError(f"{endpoint} does not recognise {session!r}: {mask(outcome.why)}")

    @word("endpoint", "assertion")
    def every_endpoint_should_refuse_token(self, session: Session, reason: str) -> None:
        """Passes when each endpoint refuses the token of ``session`` as the dialect describes it for ``reason``.

        ``reason`` is ``unauthenticated``, ``invalid``, ``expired``, ``revoked``, ``forbidden`` or ``throttled``; where
        the dialect does not tell it from others, the next coarser class counts.
        """
        for endpoint in self.stage.endpoints:
            self.endpoint_should_refuse_token(endpoint, session, reason)

    @word("endpoint", "assertion")
    def endpoint_should_refuse_token(self, endpoint: str, session: Session, reason: str) -> None:
        """As `Every Endpoint Should Refuse Token`, at one."""
        reason = self.expected_refusal(reason)
        outcome = self.stage.who(endpoint, session)
        if outcome.ok:
            raise AssertionError(
                f"{endpoint} should refuse the token as {reason}, but answered with user {_user(outcome)}"
            )
        if wrong := self.not_refused_as(outcome, reason):
            raise AssertionError(f"{endpoint} {wrong}")

    @staticmethod
    def _recognises(outcome: Outcome, session: Session) -> bool:
        return outcome.ok and same(outcome.read.get("user"), session.user)

    @word("session", "assertion")
    def sessions_should_be_listed(self, session: Session, sessions: Sequence[Session]) -> None:
        """Passes when the user of ``session`` is shown these of their sessions as active, and no others."""
        listed = {str(item.get("session")) for item in self.stage.needed("sessions", session).items}
        wanted = {str(known.session) for known in sessions}
        if listed != wanted:
            missing, other = sorted(wanted - listed), sorted(listed - wanted)
            raise AssertionError(f"other sessions are listed: missing are {missing}, more than wanted {other}")

    @word("session", "assertion")
    def listed_sessions_should_be(self, session: Session, *sessions: Session) -> None:
        """As `Sessions Should Be Listed`; where the target lists no sessions, nothing is asked."""
        if self.stage.dialect.knows("sessions") and "session" in session.values:
            self.sessions_should_be_listed(session, sessions)

    @word("token", "assertion")
    def introspection_should_call_token(self, session: Session, state: Literal["active", "ended"]) -> None:
        """Passes when introspection (RFC 7662 §2.2) calls the access token active, or no longer active."""
        token = session.access if self.stage.dialect.knows("introspect") else ""
        found = self.stage.needed("introspect", session, token=token).read.get("active")
        if found is not (state == "active"):
            raise AssertionError(f"introspection says active: {found} of a token that {_STATES[state]}")

    def not_refused_as(self, outcome: Outcome, reason: str) -> str:
        """What is wrong with how a bad answer refuses, in words; "" where it is as the dialect describes it."""
        if reason in outcome.classes:
            return ""
        wanted = " or ".join(map(str, self.stage.dialect.refusal(reason)))
        return f"should refuse the token as {reason} ({wanted}), but: {mask(outcome.why)}"

    def expected_refusal(self, reason: str) -> str:
        """The class by which the target refuses a token for ``reason``: that itself, else the next coarser one.

        Raises ``NotDescribed`` where none of them is described.
        """
        known = self.stage.dialect.refusals
        found = next((name for name in (reason, "invalid", "unauthenticated") if name in known), None)
        if found is None:
            self.stage.dialect.refusal(reason)
        return str(found)


def _user(outcome: Outcome) -> str:
    return str(outcome.read.get("user"))
