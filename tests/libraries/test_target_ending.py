"""Sessions that have ended for who asks who they are, and not for what they do."""

from __future__ import annotations

from typing import Any

import pytest
from lockstep import verdicts
from lockstep.dialect import Answer, Outcome, Session, loads
from TargetLibrary.ending import Ending
from TargetLibrary.recognising import Recognising

DIALECT = """
dialect: 1
endpoints:
  api: {url: "http://api", who: {get: /me, read: {user: id}}}
  chat: {url: "http://chat", who: {get: /me, read: {user: id}}}
credentials: {header: "Authorization: Bearer {access}"}
operations:
  sessions: {get: /sessions, at: api, each: ., items: {session: .id}}
  rooms: {get: /rooms, at: chat, each: ., items: {room: .id}}
  room: {given: {room: "{unique}"}}
refusals: {revoked: {status: 401}}
promises: {ends: {sign_out: {access: 200ms}}}
"""


class Words(Ending, Recognising):
    """At two endpoints that refuse who has signed out; ``serves`` is still done for them."""

    def __init__(self, serves: str) -> None:
        self.stage: Any = self
        self.dialect, self.endpoints, self.asked = loads(DIALECT), ["api", "chat"], list[tuple[str, str]]()
        self.serves = serves

    def who(self, endpoint: str, session: Session) -> Outcome:
        return Outcome(session, answer=Answer(401), ok=False, refused=True, classes=("revoked",))

    def has_expired(self, session: Session) -> bool:
        return False

    def perform(self, word: str, session: Session, endpoint: str = "", /, **values: Any) -> Outcome:
        self.asked.append((word, endpoint))
        return Outcome(session, answer=Answer(200 if word == self.serves else 401), ok=word == self.serves)


def test_who_has_ended_can_do_nothing() -> None:
    words = Words("")
    words.access_should_end(Session({"access": "a"}), "sign_out")
    assert words.asked == [("sessions", "api"), ("rooms", "chat")]


@pytest.mark.parametrize(("word", "where"), [("sessions", "api"), ("rooms", "chat")])
def test_a_word_that_is_done_for_who_has_ended_is_caught(word: str, where: str) -> None:
    with pytest.raises(AssertionError, match=f"^{word} at {where} after sign_out did not become refused in"):
        Words(word).access_should_end(Session({"access": "a"}), "sign_out")


@pytest.mark.parametrize(
    ("promises", "recognised", "wrong"),
    [
        ("{ends: {deactivate: {access: 200ms}}}", True, "access at api after deactivate did not become refused"),
        ("{ends: {deactivate: {access: 200ms}}}", False, ""),
        ("{accounts: {activated: go_on}}", True, ""),
        ("{accounts: {activated: go_on}}", False, "api does not recognise"),
    ],
)
def test_sessions_of_an_account_that_is_active_again(
    promises: str, recognised: bool, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdicts, "weaker", lambda text, reference: None)
    words = Words("")
    words.dialect = loads(DIALECT.replace("{ends: {sign_out: {access: 200ms}}}", promises))
    session = Session({"access": "a", "user": "u1"})
    if recognised:
        good = Outcome(session, {"user": "u1"}, answer=Answer(200))
        monkeypatch.setattr(words, "who", lambda endpoint, session: good)
    if wrong:
        with pytest.raises(AssertionError, match=wrong):
            words.suspended_access_should_stay_ended(session)
    else:
        words.suspended_access_should_stay_ended(session)
