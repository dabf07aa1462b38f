"""Sessions that have ended for who asks who they are, and not for what they do."""

from __future__ import annotations

from typing import Any

import pytest
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

    def perform(self, word: str, session: Session, endpoint: str = "", /, **values: Any) -> Outcome:
        self.asked.append((word, endpoint))
        return Outcome(session, answer=Answer(200 if word == self.serves else 401), ok=word == self.serves)


def test_who_has_ended_can_do_nothing() -> None:
    words = Words("")
    words.access_should_end(Session({"access": "a"}), "sign_out")
    assert words.asked == [("sessions", "api"), ("rooms", "chat")]


@pytest.mark.parametrize(("word", "where"), [("sessions", "api"), ("rooms", "chat")])
def test_a_word_that_is_done_for_who_has_ended_is_caught(word: str, where: str) -> None:
    with pytest.raises(AssertionError, match=f"^{word} at {where} after sign_out did not become refused in 200 ms"):
        Words(word).access_should_end(Session({"access": "a"}), "sign_out")
