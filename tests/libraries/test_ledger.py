"""What a run notes of what it makes, and how it is undone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lockstep.dialect import Answer, Driver, Request, Session, Speaker, loads, pace
from lockstep.dialect.ledger import Ledger, by_owner, read
from lockstep.dialect.undoing import undo

pytestmark = pytest.mark.req("T06")

DIALECT = """dialect: 1
endpoints: {desk: {url: "http://desk"}}
credentials: {header: "Authorization: Bearer {access}"}
accounts: {made: {name: "{unique}", password: "{secret}"}}
operations:
  sign_up: {post: /people, json: {name: "{name}"}, status: 201, read: {user: id}}
  sign_in: {post: /login, json: {name: "{name}", password: "{password}"}, read: {access: token}, refused: {status: 403}}
  refresh: {post: /renew, read: {access: token}}
  sign_out: {post: /logout}
  change_password: {post: /password}
  change_profile: {post: /profile, json: {name: "{name}"}}
  deactivate: {post: /suspend}
  activate: {post: /restore, as: user}
  room: {post: /rooms, read: {room: id}}
  delete_room: {delete: "/rooms/{room}"}
  limited: {post: /limited}
"""
DELETES = '  delete_account: {delete: "/people/{user}"}\n'
ANN = Session({"name": "ls-ann", "password": "first-password"})
MADE = {"/people": (201, b'{"id": "p1"}'), "/login": (200, b'{"token": "t-1"}'), "/rooms": (200, b'{"id": "r1"}'),
        "/renew": (200, b'{"token": "t-2"}')}  # fmt: skip


class Desk:
    """Answers as told, and 200 to all else; what was asked is in ``asked``."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {**MADE, **{f"/{name}": answer for name, answer in answers.items()}}
        self.asked: list[tuple[str, str]] = []

    def send(self, request: Request) -> Answer:
        path = request.url.removeprefix("http://desk")
        self.asked.append((request.method, path))
        found = self.answers.get(path, (200, b"{}"))
        status, body = found.pop(0) if isinstance(found, list) else found
        return Answer(status, (("retry-after", "1"),) if status == 429 else (), body)


def driver(ledger: Ledger | None, desk: Desk, text: str = DIALECT + DELETES) -> Driver:
    return Driver(Speaker(loads(text), {}), desk.send, ledger=ledger, pause=lambda _: None)


def kinds(path: Path) -> list[str]:
    return [made.kind for made in read(path)]


def test_what_is_made_is_noted_before_it_is_made_and_gone_when_it_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "made.jsonl"
    noted: list[list[str]] = []

    class Watched(Desk):
        def send(self, request: Request) -> Answer:
            noted.append(kinds(path))
            return super().send(request)

    words = driver(Ledger(path), Watched())
    ann = words.needed("sign_up", ANN).session
    ann = words.needed("sign_in", ann).session
    words.needed("room", ann)
    assert noted[0] == ["account"]
    assert kinds(path) == ["room", "account"]
    assert read(path)[1].session.values["user"] == "p1"
    words.needed("delete_room", ann, room="r1")
    assert kinds(path) == ["account"]
    words.needed("delete_account", ann)
    assert kinds(path) == []
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_account_that_was_refused_was_never_made(tmp_path: Path) -> None:
    path = tmp_path / "made.jsonl"
    assert not driver(Ledger(path), Desk(people=(409, b""))).perform("sign_up", ANN).ok
    assert kinds(path) == []
    assert not driver(Ledger(path), Desk(people=(502, b""))).perform("sign_up", ANN).ok
    assert kinds(path) == ["account"]


def test_sessions_are_noted_where_their_account_stays(tmp_path: Path) -> None:
    path = tmp_path / "made.jsonl"
    words = driver(Ledger(path), Desk())
    given = ANN.with_values({"given": True})
    session = words.needed("sign_in", given).session
    later = words.needed("refresh", session).session
    (made,) = read(path)
    assert (made.kind, made.session.values["access"]) == ("session", "t-2")
    words.needed("sign_out", later)
    assert kinds(path) == []


def test_a_session_of_an_account_that_no_word_deletes_is_signed_out(tmp_path: Path) -> None:
    desk = Desk()
    words = driver(Ledger(tmp_path / "made.jsonl"), desk, DIALECT)
    words.needed("sign_in", words.needed("sign_up", ANN).session)
    session, account = read(tmp_path / "made.jsonl")
    assert undo(words, session) is None
    assert desk.asked[-1] == ("POST", "/logout")
    left = undo(words, account)
    assert left is not None
    assert "operations.delete_account: not described" in left.why


def test_who_has_another_name_signs_in_by_it_to_be_deleted(tmp_path: Path) -> None:
    path = tmp_path / "made.jsonl"
    words = driver(Ledger(path), Desk())
    ann = words.needed("sign_in", words.needed("sign_up", ANN).session).session
    words.needed("change_profile", ann, name="ls-anna")
    (account,) = read(path)
    assert (account.session.values["name"], account.session.values["password"]) == ("ls-anna", "first-password")


def test_who_has_changed_is_signed_in_again_to_be_deleted(tmp_path: Path) -> None:
    path = tmp_path / "made.jsonl"
    desk = Desk(**{"people/p1": [(401, b""), (200, b"")]})
    words = driver(Ledger(path), desk)
    ann = words.needed("sign_in", words.needed("sign_up", ANN).session).session
    words.needed("change_password", ann, new_password="second-password")
    words.needed("deactivate", ann)
    (account,) = read(path)
    assert (account.session.values["password"], account.suspended) == ("second-password", True)
    del desk.asked[:]
    assert undo(words, account) is None
    assert [path for _, path in desk.asked] == ["/people/p1", "/restore", "/login", "/people/p1"]


def test_what_is_not_there_any_more_is_undone(tmp_path: Path) -> None:
    path = tmp_path / "made.jsonl"
    words = driver(Ledger(path), Desk(**{"people/p1": (404, b"")}))
    words.needed("sign_up", ANN)
    assert undo(words, read(path)[0]) is None


def test_an_account_that_nobody_knows_of_was_never_made(tmp_path: Path) -> None:
    path = tmp_path / "made.jsonl"
    desk = Desk(people=(503, b""), **{"people/p1": (500, b"no")})
    words = driver(Ledger(path), desk)
    assert not words.perform("sign_up", ANN).ok
    desk.answers["/login"] = (403, b"")
    assert undo(words, read(path)[0]) is None
    desk.answers["/people"] = (201, b'{"id": "p1"}')
    words.needed("sign_up", ANN)
    desk.answers["/login"] = (403, b"")
    assert undo(words, read(path)[0]) is not None


def test_what_cannot_be_undone_has_its_reason_and_request(tmp_path: Path) -> None:
    path = tmp_path / "made.jsonl"
    words = driver(Ledger(path), Desk(**{"people/p1": (500, b"no")}))
    words.needed("sign_up", ANN)
    left = undo(words, read(path)[0])
    assert left is not None
    assert (left.what, str(left.request)) == ("account ls-ann", "DELETE http://desk/people/p1")
    assert "500" in left.why


def test_a_line_that_a_killed_worker_has_cut_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "made.jsonl"
    words = driver(Ledger(path), Desk())
    words.needed("room", words.needed("sign_up", ANN).session)
    path.write_text(path.read_text("utf-8") + '{"key": "account 1", "ki', "utf-8")
    assert kinds(path) == ["room", "account"]
    assert [len(made) for made in by_owner(read(path))] == [2]


def test_a_throttled_request_is_sent_again_but_one_that_is_to_be_throttled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCKSTEP_RUN_DIR", str(tmp_path))
    desk = Desk(people=[(429, b""), (201, b'{"id": "p1"}')], limited=(429, b""), logout=(429, b""))
    words = driver(Ledger(), desk)
    assert words.perform("sign_up", ANN).ok
    assert not words.perform("limited", ANN).ok
    assert [path for _, path in desk.asked] == ["/people", "/people", "/limited"]
    assert (tmp_path / pace.RECORDS).read_text("utf-8") == '{"seconds": 1}\n'
    assert not words.perform("sign_out", ANN).ok
    assert [path for _, path in desk.asked].count("/logout") == 1 + pace.MOST_TIMES
    words.patient = False
    words.perform("sign_out", ANN)
    assert [path for _, path in desk.asked].count("/logout") == 2 + pace.MOST_TIMES


def test_at_a_platform_of_its_own_a_run_notes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCKSTEP_LEDGER", raising=False)
    words = driver(None, Desk(people=(429, b"")))
    assert not words.perform("sign_up", ANN).ok
    assert words.ledger is None
