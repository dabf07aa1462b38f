"""Keywords for accounts and sessions: what users and administrators do."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from lockstep import masking
from lockstep.dialect import Outcome, Session
from lockstep.dialect.accounts import made_up
from lockstep.dialect.entries import Entries, Place, Source, anything, seconds
from lockstep.dialect.parts import LIMITS
from lockstep.dialect.templates import fields
from robot.api import logger

from .base import Base
from .described import word
from .stage import register

_AT_ONCE = timedelta()


class Signing(Base):
    """Use Target, Sign Up, Sign In and what ends a session."""

    @word("target")
    def use_target(self) -> None:
        """Uses the run's target, shared with all suites that disturb nobody."""
        self.stage.use()

    @word("target")
    def use_private_target(self) -> None:
        """Uses a target of this suite's own, which may be disturbed; NA where the target cannot give one."""
        self.stage.use_private()

    @word("target")
    def use_target_alone(self, **limits: str) -> None:
        """Uses the run's target while no other suite does, for what would slow others down or use up their quotas.

        Where the run starts the target it has these ``limits`` (`rate_limit=8`, `rate_window=2s`); else its own.
        """
        entries = Entries(limits, Place(Source("Use Target Alone")))
        found = {name: read_limit(limits[name], entries.place.at(name)) for name in entries.known(LIMITS, anything)}
        entries.end()
        self.stage.use_alone(found)

    @word("target")
    def leave_target(self) -> None:
        """Gives the target back, with the accounts that were leased. Sockets are closed by `Close All Sockets`."""
        self.stage.leave()

    @word("account")
    def sign_up(self) -> Session:
        """A new account, signed up and not signed in; where accounts are given, one that no other test has now."""
        account = self.stage.accounts.new()
        register(account.values)
        if self.stage.accounts.are_given:
            return account
        return self.stage.needed("sign_up", account).session

    @word("account")
    def sign_in(self, account: Session | None = None, device: str | None = None) -> Session:
        """A session of ``account``, of a new one where none is given; ``device`` is what it is called there."""
        return self._signed_in("sign_in", account, device)

    @word("account")
    def sign_in_for_seconds(self, account: Session | None = None, device: str | None = None) -> Session:
        """As `Sign In`; the access token lives for seconds."""
        return self._signed_in("sign_in_short", account, device)

    @word("account")
    def sign_in_elsewhere(self, account: Session | None = None) -> Session:
        """As `Sign In`; the access token is for another service, so none of the endpoints may take it."""
        return self._signed_in("sign_in_elsewhere", account, None)

    def _signed_in(self, how: str, account: Session | None, device: str | None) -> Session:
        chosen = account or self.sign_up()
        kept = without_session(chosen).values
        arguments = {"device": device} if device else {}
        began = time.time()
        session = self.stage.needed(how, Session(kept), **arguments).session
        took = time.time() - began
        known: dict[str, Any] = {
            "signed_in_at": began, "sign_in_took": took, "is_short": how == "sign_in_short", **arguments
        }  # fmt: skip
        if "user" not in session.values:
            known["user"] = self.stage.who(self.stage.endpoints[0], session).read.get("user")
        logger.info(f"{session!r} is signed in")
        return session.with_values(known)

    @word("session")
    def refresh_session(self, session: Session) -> Session:
        """The session with the next pair of tokens; the one before has what is spent now."""
        dialect = self.stage.dialect
        if (
            "refresh" not in session.values
            and dialect.knows("refresh")
            and "refresh" in dialect.needs(dialect.operations.get("refresh", ()))
        ):
            how = "sign_in_short" if session.values.get("is_short") else "sign_in"
            raise dialect.missing(f"operations.{how}.read.refresh")
        began = time.time()
        session = self.stage.needed("refresh", session).session
        return session.with_values({"signed_in_at": began, "sign_in_took": time.time() - began})

    @word("session")
    def renew_tokens(self, session: Session) -> Session:
        """The user's next tokens: by a refresh, or by another sign-in where nothing is refreshed."""
        is_refreshed = self.stage.dialect.knows("refresh") and "refresh" in session.values
        return self.refresh_session(session) if is_refreshed else self.sign_in(session)

    @word("session")
    def sign_out(self, session: Session) -> None:
        """Ends a session, as its user does."""
        self.stage.needed("sign_out", session)

    @word("session")
    def revoke_session(self, revoked: Session, session: Session) -> None:
        """``session`` ends another session of its user, ``revoked``."""
        if self.stage.dialect.knows("revoke_session") and "session" not in revoked.values:
            raise self.stage.dialect.missing("operations.sign_in.read.session")
        self.stage.needed("revoke_session", session, session=revoked.values.get("session"))

    @word("session")
    def revoke_all_sessions(self, session: Session) -> None:
        """Ends all sessions of the user of ``session``."""
        self.stage.needed("revoke_all", session)

    @word("account")
    def change_password(self, session: Session) -> Session:
        """Sets a new password, which the returned session knows; NA on an account that is given."""
        self.must_be_ours(session, "change_password")
        password = made_up()["secret"]
        masking.register(password)
        return self.stage.needed("change_password", session, new_password=password).session.with_values(
            {"password": password}
        )

    @word("account")
    def deactivate_account(self, session: Session) -> None:
        """Suspends the account of ``session``; NA on an account that is given."""
        self.must_be_ours(session, "deactivate")
        self.stage.needed("deactivate", session)

    @word("account")
    def activate_account(self, session: Session) -> None:
        """Lets a suspended account go on."""
        self.stage.needed("activate", session)

    @word("account")
    def delete_account(self, session: Session) -> None:
        """Deletes the account of ``session``; NA on an account that is given."""
        self.must_be_ours(session, "delete_account")
        self.stage.needed("delete_account", session)

    @word("account", "assertion")
    def sign_in_should_be_refused(self, account: Session) -> None:
        """Passes when ``account`` cannot sign in, and the target says so in the dialect's words."""
        self.refused_sign_in(account)

    def refused_sign_in(self, account: Session) -> Outcome:
        """What came of a sign-in that has to be refused."""
        outcome = self.stage.perform("sign_in", without_session(account))
        if outcome.ok:
            raise AssertionError(f"{account!r} should not be able to sign in, and is signed in")
        if not outcome.refused:
            raise AssertionError(f"sign_in was not refused, but failed: {masking.mask(outcome.why)}")
        return outcome

    @word("account")
    def forget_password(self, account: Session) -> Session:
        """The account with a password that is wrong; NA where accounts have none."""
        self.password_of(account)
        return account.with_values({"password": made_up()["secret"]})

    @word("session")
    def wait_until_token_expires(
        self, session: Session, before: timedelta = _AT_ONCE, after: timedelta = _AT_ONCE
    ) -> None:
        """Waits until the clock has passed the expiry of the access token, or is so long ``before`` or ``after`` it."""
        expiry = self.stage.expiry(session) - before.total_seconds() + after.total_seconds()
        left = expiry - time.time()
        logger.info(f"until {datetime.fromtimestamp(expiry)} it is {left:.3f} s")
        while (left := expiry - time.time()) > 0:
            time.sleep(left)

    @word("session")
    def tamper_with_token(self, session: Session) -> Session:
        """The session with one character of its access token changed, or of its cookies where it has none.

        Where sockets take another value of the session than that token, that value has changed, too.
        """
        if "access" in session.values:
            names = ("access", *self._only_for_sockets(session))
            return session.with_values({name: tampered(str(session.values[name])) for name in names})
        cookies = tuple(replace(cookie, value=tampered(cookie.value)) for cookie in session.cookies)
        return Session(session.values, cookies)

    def _only_for_sockets(self, session: Session) -> list[str]:
        """The values of the session that let it in at a socket, where its access token does not travel there."""
        dialect = self.stage.dialect
        if dialect.socket is None:
            return []
        by_frame = dialect.socket.authentication == "frame" and "authenticate" in dialect.socket.out
        shown = dialect.socket.out["authenticate"].send if by_frame else dialect.socket.credential
        names = dict.fromkeys(fields(shown, optional=True))
        known = {*_OF_AN_ACCOUNT, *(dialect.accounts.made if dialect.accounts else ())}
        return [] if "access" in names else [name for name in names if name in session.values and name not in known]

    @word("session")
    def tamper_with_refresh_token(self, session: Session) -> Session:
        """The session with one character of its refresh token changed; NA where there is none."""
        if "refresh" not in session.values:
            raise self.stage.dialect.missing("operations.sign_in.read.refresh")
        return session.with_values({"refresh": tampered(str(session.refresh))})

    @word("session")
    def drop_token(self, session: Session) -> Session:
        """The same user without token and cookies."""
        return without_session(session)


def read_limit(value: str, place: Place) -> float:
    """A limit as it stands in Robot: a number, or a time with its unit."""
    return float(value) if value.replace(".", "", 1).isdecimal() else seconds(value, place)


def without_session(account: Session) -> Session:
    """The account without token and cookies."""
    return Session({name: value for name, value in account.values.items() if name not in _OF_A_SESSION})


_OF_AN_ACCOUNT = ("user", "name", "email", "password", "device")
_OF_A_SESSION = (
    "access", "refresh", "session", "device", "signed_in_at", "sign_in_took", "expires_at", "is_short"
)  # fmt: skip


def tampered(text: str) -> str:
    """``text`` with one character changed: of a JWT in the middle of its signature, where each bit counts."""
    place = len(text) - max(1, len(text.rpartition(".")[2]) // 2)
    other = "A" if text[place] != "A" else "B"
    return text[:place] + other + text[place + 1 :]
