"""Keywords for what nobody has a right to: guessed passwords, sessions and accounts of other users, forged tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lockstep import masking, verdicts
from lockstep.dialect import Answer, Outcome, Session
from lockstep.dialect.accounts import made_up
from lockstep.masking import mask

from .base import Base, same
from .described import word
from .recognising import Recognising
from .signing import Signing, tampered

_WORD = re.compile(r"[\w.@+-]+|[^\w\s]")


class Attempts(Base):
    """What is refused, and what an attempt must leave as it was."""

    @word("account")
    def make_up_account(self, account: Session) -> Session:
        """An account that nobody has signed up, with the password of ``account``."""
        facts = self.stage.dialect.accounts
        if facts is None or not facts.made:
            raise self.stage.dialect.missing("accounts.made", "accounts are given, and none can be made up")
        return self.stage.accounts.new().with_values({"password": self.password_of(account)})

    @word("account")
    def shorten_password(self, account: Session) -> Session:
        """The account with a password that lacks its last character."""
        return account.with_values({"password": self.password_of(account)[:-1]})

    @word("session")
    def tamper_with_session_id(self, session: Session) -> Session:
        """The session with one character of its id changed, so that there is no such session."""
        known = str(session.session)
        return session.with_values({"session": known[:-1] + ("1" if known[-1] == "0" else "0")})

    @word("account", "assertion")
    def refusals_of_sign_in_should_be_alike(self, *accounts: Session) -> None:
        """Passes when none of these accounts can sign in, and the answers tell nothing apart (ASVS 5.0 §6.3.8).

        What an answer repeats of the account, and what differs from one attempt to the next of the same account, such
        as the id of a request, does not count.
        """
        shown = [self._stable(account) for account in accounts]
        for account, other in zip(accounts[1:], shown[1:], strict=True):
            if other != shown[0]:
                raise AssertionError(
                    f"the answer tells {account!r} from {accounts[0]!r}: {_difference(shown[0], other)}"
                )

    def _stable(self, account: Session) -> tuple[Any, ...]:
        """Status and words of the refusal, without those that differ between two attempts."""
        assert isinstance(self, Signing)
        first, second = (_words(self.refused_sign_in(account), account) for _ in range(2))
        if len(first) != len(second):
            return (first[0], len(first) > 1)
        return tuple(one if one == other else "…" for one, other in zip(first, second, strict=True))

    @word("account", "assertion")
    def change_password_should_be_refused(self, session: Session) -> Session:
        """Passes when the password is not changed for a session whose ``password`` is wrong.

        Returns the account with the password that was tried. NA where the old one is not asked for.
        """
        self.must_be_ours(session, "change_password")
        dialect = self.stage.dialect
        if not dialect.sends(dialect.steps("change_password"), "password"):
            raise self.stage.dialect.missing("operations.change_password.password", "the old password is not asked for")
        password = made_up()["secret"]
        masking.register(password)
        outcome = self.stage.perform("change_password", session, new_password=password)
        self._must_be_refused(outcome, "a wrong old password was taken", "change_password")
        return session.with_values({"password": password})

    @word("session", "assertion")
    def revoke_session_should_be_refused(self, revoked: Session, session: Session) -> None:
        """Passes when ``session`` cannot end ``revoked``, which is not its user's, and the target says so.

        Where the target ignores it instead (``promises.revocation.foreign``), ``revoked`` has to go on.
        """
        outcome = self.stage.perform("revoke_session", session, session=revoked.session)
        if outcome.ok and all(self.stage.who(name, revoked).ok for name in self.stage.endpoints):
            promise = self.stage.dialect.promises.choice("revocation.foreign")
            said = "ending a session that is not theirs ended nothing, and was answered as if it were done"
            if promise.value != "ignored":
                raise AssertionError(f"{said}; where that is meant, declare promises.revocation.foreign: ignored")
            return verdicts.weaker(f"{said}, as declared", promise.reference)
        return self._must_be_refused(outcome, "a user could end a session that is not theirs", "revoke_session")

    @word("account", "assertion")
    def sign_up_should_be_refused(self, account: Session) -> None:
        """Passes when nobody can sign up as ``account``, which is there; nor with its e-mail in capitals."""
        spellings = [account]
        if "email" in account.values:
            spellings.append(account.with_values({"email": str(account.email).upper()}))
        for spelling in spellings:
            tried = Session({**self.stage.accounts.new().values, **_names(spelling)})
            outcome = self.stage.perform("sign_up", tried)
            self._must_be_refused(outcome, "another user could sign up with what an account has", "sign_up")

    def _must_be_refused(self, outcome: Outcome, done: str, word: str) -> None:
        if outcome.ok:
            raise AssertionError(done)
        if not outcome.refused:
            raise AssertionError(f"{word} was not refused in the dialect's words, but: {mask(outcome.why)}")

    @word("session", "assertion")
    def forged_tokens_should_end_no_session(self, session: Session) -> None:
        """Signs out with forged tokens of a session: passes when it goes on, whatever the answer was."""
        assert isinstance(self, Recognising)
        forged = {name: tampered(str(session.values[name])) for name in ("access", "refresh") if name in session.values}
        if not forged:
            raise self.stage.dialect.missing("operations.sign_in.read.access", "no token can be forged")
        outcome = self.stage.perform("sign_out", session.with_values(forged))
        if outcome.answer is not None and (outcome.answer.status is None or outcome.answer.status >= 500):
            raise AssertionError(f"a forged token makes the target fail: {mask(outcome.why)}")
        self.every_endpoint_should_recognise_user(session)

    @word("account", "assertion")
    def deleted_account_should_come_back_as_new_user(self, account: Session) -> Session:
        """Signs up and in again as a user who was deleted: passes when that is a new one, recognised at every endpoint.

        Returns the new session.

        Where a user's id is the name of the account, it is the same one. Where names stay taken
        (``promises.accounts.deleted``), the sign-up is refused, and ``account`` is returned.
        """
        assert isinstance(self, Signing)
        nobody = self.drop_token(account).without("user")
        promise = self.stage.dialect.promises.choice("accounts.deleted")
        if promise.value == "taken":
            self._must_be_refused(self.stage.perform("sign_up", nobody), "a deleted account's name is free", "sign_up")
            verdicts.weaker("the name of a deleted account stays taken, as declared", promise.reference)
            return account
        signed_up = self.stage.needed("sign_up", nobody).session
        again = self.sign_in(signed_up)
        if same(again.user, account.user) and str(account.user) not in map(str, _names(account).values()):
            raise AssertionError(f"the deleted user {account.user} has come back")
        assert isinstance(self, Recognising)
        self.every_endpoint_should_recognise_user(again)
        return again


def _names(account: Session) -> dict[str, Any]:
    return {name: account.values[name] for name in ("email", "name") if name in account.values}


def _words(outcome: Outcome, account: Session) -> list[Any]:
    """Status and words of an answer, without what it repeats of the account."""
    answer = outcome.answer or Answer(None, body=outcome.why.encode())
    text = answer.text
    for value in sorted((str(value) for value in account.values.values() if value), key=len, reverse=True):
        if len(value) > 3:
            text = text.replace(value, "<of the account>")
    return [answer.status, answer.header("location") or "", *_WORD.findall(text)]


def _difference(first: Sequence[Any], other: Sequence[Any]) -> str:
    if len(first) != len(other):
        return f"one has {len(first)} words, the other {len(other)}"
    one, two = next((a, b) for a, b in zip(first, other, strict=True) if a != b)
    return mask(f"{one!r} in the one, {two!r} in the other")
