"""Sockets in a dialect, without a network: handshakes, openings, frames and what they mean; accounts and turns."""

from __future__ import annotations

import json
import multiprocessing
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lockstep.dialect import DialectError, Line, NotDescribed, Session, Speaker, loads
from lockstep.dialect.accounts import Accounts
from lockstep.dialect.cookies import Cookie, parsed, taken_over
from lockstep.dialect.line import Await, Gone, Opened, Send
from lockstep.dialect.messages import Answer, FrameAnswer
from lockstep.dialect.socket import handshake_refusals
from TargetLibrary.turns import Turn

BASE = """dialect: 1
endpoints: {api: {url: "http://api:1", socket: "{base}/ws?room={room?}&client={client}"}, plain: http://plain}
credentials: {header: "Authorization: Bearer {access}", cookie: sid}
"""
ACCOUNTS = BASE + "socket: {}\n"
USER = Session({"access": "t0k", "user": "u1"}, (Cookie("visit", "v1", "api"),))


def line(text: str, session: Session | None = USER, **methods: Any) -> Line:
    return Line(Speaker(loads(BASE + text, methods=methods), {}), "", session, client="c1", room="a b")


def play(exchange: Any, *frames: Any) -> tuple[list[Any], Opened]:
    """What an exchange sends, and how it comes out when these frames come; those that nobody waits for are passed."""
    sent: list[Any] = []
    left = list(frames)
    came: Any = None
    while True:
        try:
            action = exchange.send(came)
        except StopIteration as end:
            return sent, end.value
        if isinstance(action, Send):
            sent.append(action.content)
            came = None
            continue
        assert isinstance(action, Await)
        came = Gone()
        while left:
            frame = left.pop(0)
            if isinstance(frame, dict) and frame.get("re") == "<call>":
                frame["re"] = json.loads(sent[-1])["id"]
            if isinstance(frame, Gone) or action.wanted(frame):
                came = frame
                break


@pytest.mark.parametrize(
    ("authentication", "headers", "query", "subprotocols"),
    [
        ("header", {"Authorization": "Bearer t0k"}, "", ()),
        ("{header: 'X-Key: {access}'}", {"X-Key": "t0k"}, "", ()),
        ("cookie", {"Cookie": "sid=t0k; visit=v1"}, "", ()),
        ("{cookie: 'other=<{user}>'}", {"Cookie": "other=<u1>; visit=v1"}, "", ()),
        ("{cookie: visit}", {"Cookie": "visit=t0k"}, "", ()),
        ("{query: 'auth={access}'}", {}, "&auth=t0k", ()),
        ("{subprotocol: 'bearer.{access}'}", {}, "", ("bearer.t0k",)),
        ("none", {}, "", ()),
    ],
)
def test_the_handshake_carries_the_credential_where_it_belongs(
    authentication: str, headers: dict[str, str], query: str, subprotocols: tuple[str, ...]
) -> None:
    text = f"socket: {{authentication: {authentication}, subprotocols: [v1], headers: {{X-All: all}}}}"
    shake = line(text).handshake()
    assert shake.url == f"ws://api:1/ws?room=a%20b&client=c1{query}"
    assert shake.headers == {"X-All": "all", **headers}
    assert shake.subprotocols == ("v1", *subprotocols)
    nobody = line(text, None).handshake()
    assert (nobody.headers, nobody.subprotocols) == ({"X-All": "all"}, ("v1",))


GREETING = """socket:
  authentication: frame
  greeting: {when: {type: hello}, read: {client: you.client, maybe: maybe you.gone}, within: 2s}
  call: {in: re}
  out:
    authenticate: {send: {type: auth, token: "{access}", id: "{call}", client: "{client}"}, answer: {type: ok}, refused: {type: bad}, read: {user: user}}
    who_am_i: {send: {type: who, id: "{call}"}, answer: {type: you}, read: {user: id}}
    ping: {send: {type: ping}}
  in:
    error: {when: {type: error}, read: {code: code}}
"""  # noqa: E501 - a dialect reads best line by line


def test_a_socket_opens_with_greeting_and_first_frame() -> None:
    socket = line(GREETING)
    exchange = socket.opening()
    sent, opened = play(
        exchange,
        {"type": "noise"},
        {"type": "hello", "you": {"client": "c9"}},
        {"type": "ok", "user": "u1", "re": "<call>"},
    )
    assert opened.ok
    assert opened.read == {"user": "u1"}
    assert json.loads(sent[0])["client"] == "c9"
    assert re.fullmatch(r"[0-9a-f-]{36}", json.loads(sent[0])["id"])


@pytest.mark.parametrize(
    ("frames", "refused", "why"),
    [
        ([Gone(1008)], False, "no greeting (type = hello) within 2 s: the socket was closed with 1008"),
        ([{"type": "hello"}], False, "the greeting has no client (you.client)"),
        (
            [{"type": "hello", "you": {"client": 1}}],
            False,
            "no answer (type = ok) to authenticate within 5 s: nothing came",
        ),
        ([{"type": "hello", "you": {"client": 1}}, {"type": "bad"}], True, "authenticate was refused"),
        (
            [{"type": "hello", "you": {"client": 1}}, {"type": "ok", "re": "<call>"}],
            False,
            "the answer to authenticate has no user (user)",
        ),
    ],
)
def test_what_is_wrong_with_an_opening_is_said(frames: list[Any], refused: bool, why: str) -> None:
    _, opened = play(line(GREETING).opening(), *frames)
    assert (opened.ok, opened.refused) == (False, refused)
    assert why in opened.why


def test_an_answer_is_known_by_its_call() -> None:
    socket = line(GREETING)
    outgoing = socket.outgoing("who_am_i")
    assert socket.judged(outgoing, {"type": "you", "id": "u1", "re": "another"}) == ""
    assert socket.judged(outgoing, {"type": "you", "id": "u1"}) == ""
    assert socket.judged(outgoing, {"type": "you", "id": "u1", "re": outgoing.call}) == "answer"
    assert socket.judged(outgoing, {"type": "error", "re": outgoing.call, "code": 3}) == "refused"
    assert socket.judged(outgoing, {"type": "error", "re": "another", "code": 3}) == ""
    assert play(socket.asking("ping")) == (['{"type":"ping"}'], Opened(True, {}))


def test_a_frame_without_a_call_is_answered_by_what_fits() -> None:
    socket = line("socket: {call: {in: re}, out: {unsubscribe: {send: {do: leave}, answer: {did: leave}}}}")
    outgoing = socket.outgoing("unsubscribe")
    assert outgoing.call is None
    assert socket.judged(outgoing, {"did": "leave"}) == "answer"
    assert socket.judged(outgoing, {"did": "join"}) == ""


def test_calls_may_be_counted() -> None:
    socket = line("socket: {call: {in: n, kind: integer}, out: {ping: {send: [ping, '{call}'], answer: {n: 1}}}}")
    assert [socket.outgoing("ping").frame for _ in range(2)] == [["ping", 1], ["ping", 2]]


def test_a_frame_holds_events() -> None:
    socket = line(
        "socket:\n  in:\n"
        "    message: [{when: {t: one}, read: {text: x}}, {when: {t: many}, each: xs, read: {text: '.x', room: r}}]\n"
        "    warning: {when: {t: [slow, late]}, read: {code: t}}\n"
    )
    several = socket.events({"t": "many", "r": "r1", "xs": [{"x": "a"}, {"x": "b"}]})
    assert [(event.kind, event.text, event.room, event.id) for event in several] == [
        ("message", "a", "r1", None),
        ("message", "b", "r1", None),
    ]
    assert [event.text for event in socket.events({"t": "one", "x": "c"})] == ["c"]
    assert [event.code for event in socket.events({"t": "late"})] == ["late"]
    assert socket.events({"t": "other"}) == socket.events([]) == socket.events({"t": "many"}) == []


def test_a_heartbeat_is_answered() -> None:
    socket = line("socket: {heartbeat: {when: {t: ping}, send: {t: pong, n: '{frame.n}'}}}")
    assert socket.heartbeat({"t": "ping", "n": 7}) == '{"t":"pong","n":7}'
    assert socket.heartbeat({"t": "pong"}) is None


def test_a_framing_may_be_its_own() -> None:
    def encode(frame: Any) -> str:
        return f"<{frame['t']}>"

    def decode(content: str) -> list[Any]:
        return [{"t": word} for word in content.strip("<>").split("><")]

    socket = line("socket: {framing: own, out: {ping: {send: {t: ping}}}}", encode=encode, decode=decode)
    assert socket.outgoing("ping").content == "<ping>"
    assert socket.decode("<a><b>") == [{"t": "a"}, {"t": "b"}]
    assert line("socket: {}").decode("no json") == []


def test_what_a_socket_has_not_is_said() -> None:
    with pytest.raises(NotDescribed, match=r"^socket: not described"):
        Line(Speaker(loads("dialect: 1\nendpoints: {a: http://a}"), {}))
    with pytest.raises(NotDescribed, match=r"^endpoints\.plain\.socket: not described"):
        Line(Speaker(loads(BASE + "socket: {}"), {}), "plain")
    with pytest.raises(NotDescribed, match=r"^socket\.resume: absent: no log"):
        line("socket: {}\nabsent: {socket.resume: no log}").frame("resume")


def test_a_refused_handshake_has_words_of_its_own_or_the_general_ones() -> None:
    text = (
        "refusals: {invalid: {status: 401}, expired: {status: 419}}\nsocket: {refused: {expired: {by: handshake}, %s}}"
    )
    found = loads(BASE + text % "invalid: {by: handshake, answer: {status: 403}}")
    assert found.socket
    own = handshake_refusals(found.socket, found.refusals, "invalid")
    general = handshake_refusals(found.socket, found.refusals, "expired")
    assert (own[0].fits(Answer(403)), own[0].fits(Answer(401)), general[0].fits(Answer(419))) == (True, False, True)


def test_a_word_may_be_a_frame() -> None:
    speaker = Speaker(
        loads(
            BASE + "operations: {refresh: {frame: {t: renew, r: '{refresh}'}, answer: {t: ok}, read: {access: a}}}\n"
            "refusals: {invalid: {code_at: code, codes: [9]}}\nsocket: {}"
        ),
        {},
    )
    signed_in = USER.with_values({"refresh": "r1"})

    def answered(answer: FrameAnswer, session: Session = signed_in) -> Any:
        talk = speaker.perform("refresh", session)
        asked = next(talk)
        with pytest.raises(StopIteration) as end:
            talk.send(answer)
        return asked, end.value.value

    asked, outcome = answered(FrameAnswer({"t": "ok", "a": "new"}))
    assert (asked.session, asked.values["refresh"], outcome.session.access) == (signed_in, "r1", "new")
    _, refused = answered(FrameAnswer({"code": 9}, ok=False, why="no"))
    assert (refused.ok, refused.refused, refused.classes) == (False, True, ("invalid",))
    asked, _ = answered(FrameAnswer({"t": "ok", "a": "new"}), Session({"refresh": "r1"}))
    assert asked.session is None


# --- accounts


def test_accounts_are_made_up() -> None:
    accounts = Accounts(loads(ACCOUNTS + "accounts: {made: {email: '{unique}@example.test', password: '{secret}'}}"))
    first, second = accounts.new(), accounts.new()
    assert first.email != second.email
    assert first.email.startswith("ls-")
    assert first.password != second.password
    assert not accounts.are_given
    with pytest.raises(NotDescribed, match="accounts: not described"):
        Accounts(loads(ACCOUNTS)).new()


def test_given_accounts_are_leased_to_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIVEN_ACCOUNTS", json.dumps([{"email": "a", "password": "x"}, {"email": "b", "password": "y"}]))
    dialect = loads(ACCOUNTS + "accounts: {environment: GIVEN_ACCOUNTS}")
    here, there = Accounts(dialect, tmp_path), Accounts(dialect, tmp_path)
    assert [here.new().email, there.new().email] == ["a", "b"]
    with pytest.raises(NotDescribed, match="each of the given accounts is in use; give more"):
        here.new()
    here.release()
    assert there.new().email == "a"
    there.release(keep=1)
    assert here.new().email == "a"


@pytest.mark.parametrize("text", ["", "{}", "[1]", "no json"])
def test_accounts_that_are_none_are_an_error(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIVEN_ACCOUNTS", text)
    with pytest.raises(DialectError, match="list of accounts"):
        Accounts(loads(ACCOUNTS + "accounts: {environment: GIVEN_ACCOUNTS}"), tmp_path).new()


def test_locks_stay_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GIVEN_ACCOUNTS", json.dumps([{"email": "a", "password": "x"}]))
    accounts = Accounts(loads(ACCOUNTS + "accounts: {environment: GIVEN_ACCOUNTS}"))
    accounts.new()
    assert len(list((tmp_path / "cache" / "accounts").iterdir())) == 1
    accounts.release()
    (tmp_path / "file").touch()
    monkeypatch.setenv("LOCKSTEP_CACHE", str(tmp_path / "file"))
    with pytest.raises(DialectError, match="set LOCKSTEP_CACHE to another folder"):
        accounts.new()


# --- turns


class Profile:
    kind, name = "external", "staging"


def _hold(folder: Path, take: Callable[[Turn], None], taken: Any, end: Any) -> None:
    turn = Turn(folder)
    take(turn)
    taken.set()
    end.wait(30)


def _together(turn: Turn) -> None:
    turn.take(Profile)


def _alone(turn: Turn) -> None:
    turn.take_alone("staging")


@pytest.mark.parametrize(("first", "second", "waits"), [
    (_together, _together, False), (_together, _alone, True), (_alone, _together, True), (_alone, _alone, True),
])  # fmt: skip
def test_who_disturbs_a_target_is_alone_with_it(first: Any, second: Any, waits: bool, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    events = [context.Event() for _ in range(3)]
    one = context.Process(target=_hold, args=(tmp_path, first, events[0], events[1]))
    one.start()
    assert events[0].wait(30)
    other = context.Process(target=_hold, args=(tmp_path, second, events[2], events[1]))
    other.start()
    assert events[2].wait(2 if waits else 30) is not waits
    events[1].set()
    assert events[2].wait(30)
    one.join(30)
    other.join(30)
    assert (one.exitcode, other.exitcode) == (0, 0)


# --- cookies


HERE = {"http://x.test/in/other", "http://x.test:99/in", "ws://x.test/in/ws"}
ROOT_TOO = HERE | {"http://x.test/"}
SIBLING = "http://y.test/in"


@pytest.mark.parametrize(
    ("text", "url", "goes"),
    [
        ("a=b", "http://x.test/in/page", HERE),
        ("a=b; Path=/", "http://x.test/in", ROOT_TOO),
        ("a=b; Path=/i", "http://x.test/in", set()),
        ("a=b; Path=/; Domain=test", "http://x.test/in", ROOT_TOO | {SIBLING}),
        ("a=b; Path=/; Secure", "https://x.test/in", set()),
        ("a=b; Path=/; Domain=other.test", "http://x.test/in", set()),
        ("=b", "http://x.test/in", set()),
    ],
)
def test_a_cookie_goes_where_a_browser_sends_it(text: str, url: str, goes: set[str]) -> None:
    found = parsed(text, url)
    assert {one for one in (*ROOT_TOO, SIBLING) if found and found.goes_to(one)} == goes


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a=c", "c"),
        ("a=c; Max-Age=60", "c"),
        ("a=c; Max-Age=0", None),
        ("a=c; Expires=Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("a=c; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60", "c"),
        ("a=c; Expires=whenever", "c"),
    ],
)
def test_a_cookie_is_replaced_or_ended(text: str, left: str | None) -> None:
    kept = taken_over((Cookie("a", "b", "x", "/"),), [("set-cookie", text + "; Path=/"), ("other", "y")], "http://x/in")
    assert [cookie.value for cookie in kept] == ([left] if left else [])
