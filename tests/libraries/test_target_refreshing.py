"""Which access token a refresh may bring: one that was issued by it."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from lockstep import verdicts
from lockstep.dialect import Answer, Outcome, Session, loads
from robot.api import SkipExecution
from TargetLibrary.attempts import Attempts
from TargetLibrary.refreshing import Refreshing, issued_since
from TargetLibrary.signing import Signing

KEY = "a key of more than thirty-two bytes"


@pytest.mark.parametrize(
    ("claims", "is_new"),
    [({"iat": 1000}, True), ({"iat": 1001}, True), ({"iat": 999}, False), ({}, False)],
)
def test_a_token_of_the_same_second_may_be_the_new_one(claims: dict[str, object], is_new: bool) -> None:
    assert issued_since(jwt.encode({**claims, "exp": 2000}, KEY), "iat", 1000.7) is is_new


def test_the_claim_is_the_one_of_the_dialect() -> None:
    assert issued_since(jwt.encode({"made": 1000}, KEY), "made", 1000.0)
    assert not issued_since("opaque", "iat", 0.0)


DIALECT = """
dialect: 1
endpoints: {api: {url: "http://api", who: {get: /me, read: {user: id}}}}
credentials: {header: "Authorization: Bearer {access}"}
operations: {refresh: {post: /renew, json: {token: "{refresh}"}, read: {access: access, refresh: refresh}}}
promises: %s
"""


class Tokens:
    """Gives the next pair for a refresh token until the newest pair is used, as Matrix does; sees who is asked for."""

    def __init__(self, promises: str) -> None:
        self.dialect = loads(DIALECT % promises)
        self.endpoints = ["api"]
        self.made, self.used = 0, False

    def perform(self, word: str, session: Session, /, **values: Any) -> Outcome:
        if session.values["refresh"] == "r0" and self.used:
            return Outcome(session, answer=Answer(403), ok=False, refused=True)
        self.made += 1
        read = {"access": f"a{self.made}", "refresh": f"r{self.made}"}
        return Outcome(session.with_values(read), read, answer=Answer(200))

    def who(self, endpoint: str, session: Session) -> Outcome:
        self.used = True
        return Outcome(session, answer=Answer(200))


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(verdicts, "weaker", lambda text, reference: found.append(text))
    return found


def spend(promises: str) -> None:
    keywords: Any = Refreshing()
    keywords.stage = Tokens(promises)
    spent = Session({"refresh": "r0"})
    keywords.spent_refresh_token_should_be_useless(spent, keywords.stage.perform("refresh", spent).session)


def test_a_spent_token_may_be_good_until_its_successor_is_used(said: list[str]) -> None:
    with pytest.raises(AssertionError, match="the spent refresh token should be refused, but has bought a new pair"):
        spend("{refresh: {reuse: refused}}")
    with pytest.raises(AssertionError, match="bought another successor than the first time"):
        spend("{refresh: {reuse: refused, grace: 5s}}")
    assert said == []
    spend("{refresh: {reuse: refused, grace: until_used}}")
    assert said[0] == "a spent refresh token is taken until its successor is used, as declared"


def test_who_has_no_refresh_token_refreshes_nothing() -> None:
    keywords: Any = Signing()
    keywords.stage = Tokens("{}")
    with pytest.raises(SkipExecution, match=r"operations\.sign_in_short\.read\.refresh"):
        keywords.refresh_session(Session({"access": "a", "is_short": True}))


@pytest.mark.parametrize(
    ("goes_on", "promises", "wrong"),
    [
        (False, "{}", "a user could end a session that is not theirs"),
        (False, "{revocation: {foreign: ignored}}", "a user could end a session that is not theirs"),
        (True, "{}", "ended nothing, and was answered as if it were done; where that is meant, declare"),
        (True, "{revocation: {foreign: ignored}}", ""),
    ],
)
def test_what_was_not_ended_is_not_said_to_have_ended(
    goes_on: bool, promises: str, wrong: str, said: list[str]
) -> None:
    keywords: Any = Attempts()
    keywords.stage = stage = Tokens(promises)
    stage.who = lambda endpoint, session: Outcome(session, ok=goes_on)  # type: ignore[method-assign]
    mine, theirs = Session({"refresh": "r1"}), Session({"refresh": "r2", "session": "s2"})
    if wrong:
        with pytest.raises(AssertionError, match=wrong):
            keywords.revoke_session_should_be_refused(theirs, mine)
    else:
        keywords.revoke_session_should_be_refused(theirs, mine)
        assert len(said) == 1
