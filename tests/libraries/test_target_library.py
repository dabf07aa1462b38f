"""The portable suites on two small platforms with other dialects, as they should be and with faults."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from lockstep.dialect import Driver, Session, Speaker, load, loads
from robot.api import SkipExecution
from TargetLibrary import TargetLibrary
from TargetLibrary.stage import Stage

from tests.deaf import deaf
from tests.foreign.cookie_server import forum
from tests.foreign.frame_server import chat
from tests.foreign.running import FAIL, FOREIGN, NA, PASS, ROOT, UNBOUNDED, included, run, served
from tests.libraries.inner import run_inner

IDS = {"T20": 6, "T21": 9, "T22": 5, "T23": 4, "T24": 12, "T25": 7, "T26": 4, "T27": 2, "T28": 2, "T29": 2}
ALL = [f"{group}-{number:02}" for group, count in IDS.items() for number in range(1, count + 1)]

ON_FORUM = {
    "T24-11": "NA operations.sessions: not described in",
    "T24-12": "NA operations.introspect: not described in",
    "T25-07": "NA socket.unsubscribe: not described in",
    "T21-09": "UNBOUNDED opens a socket for a page of another origin",
    **dict.fromkeys(["T20-06", "T21-08"], "NA token: tokens are opaque"),
    **dict.fromkeys(
        ["T22-01", "T22-02", "T22-03", "T22-04", "T22-05"], "NA operations.sign_in_short: absent: a visit has no exp"
    ),
    **dict.fromkeys(["T23-01", "T23-02", "T23-03"], "NA operations.refresh: absent: a visit has no tokens"),
    **dict.fromkeys(["T23-04", "T24-02"], "NA operations.sign_in.read.refresh: absent: a visit has no tokens"),
    "T24-03": "WEAKER declared (next_frame)",
    "T24-05": "NA operations.revoke_session: not described in",
    "T24-06": "NA operations.revoke_all: not described in",
    "T24-07": "NA operations.change_password: not described in",
    "T24-08": "NA operations.deactivate: not described in",
    "T24-09": "NA operations.deactivate: not described in",
    "T24-10": "NA operations.delete_account: not described in",
    "T25-04": "NA operations.send: not described in",
    "T29-01": "WEAKER the cookie visit has Secure absent, as declared",
    "T29-02": "UNBOUNDED a page of https://origin.invalid could do room",
    **dict.fromkeys(
        ["T26-01", "T26-02", "T26-03", "T26-04"], "NA private_platform: the target is one platform for all suites"
    ),
}
ON_CHAT = {
    "T24-11": "NA operations.sessions: not described in",
    "T24-12": "NA operations.introspect: not described in",
    "T25-07": "NA socket.unsubscribe: not described in",
    "T21-09": "UNBOUNDED opens a socket for a page of another origin",
    "T22-05": "NA socket.reauthenticate: not described in",
    **dict.fromkeys(["T20-06", "T21-08"], "NA token: tokens are opaque"),
    "T21-05": "NA refusals.revoked: absent: a token cannot be taken back",
    "T21-06": "NA operations.history: absent: nothing is kept",
    "T22-03": "UNBOUNDED is still good",
    "T23-02": "WEAKER a spent refresh token is refused, and its family goes on",
    "T24-01": "WEAKER declared (at_expiry)",
    "T24-03": "UNBOUNDED is still good",
    "T24-04": "WEAKER declared (at_expiry)",
    "T24-05": "NA operations.revoke_session: not described in",
    "T24-06": "NA operations.revoke_all: not described in",
    "T24-07": "NA operations.change_password: not described in",
    "T24-08": "NA operations.deactivate: not described in",
    "T24-09": "NA operations.deactivate: not described in",
    "T24-10": "NA operations.delete_account: not described in",
    "T25-03": "NA operations.history: absent: nothing is kept",
    "T25-04": "NA operations.send: not described in",
    "T25-06": "NA socket.resume: absent: nothing is kept",
    **dict.fromkeys(["T27-01", "T27-02"], "NA roles: not described in"),
    "T28-01": "NA operations.delete_message: not described in",
    "T28-02": "NA operations.delete_room: not described in",
    **dict.fromkeys(["T29-01", "T29-02"], "NA credentials.jar: no session lives in cookies"),
    **dict.fromkeys(
        ["T26-01", "T26-02", "T26-03", "T26-04"], "NA private_platform: the target is one platform for all suites"
    ),
}


@pytest.mark.req("T01")
@pytest.mark.req("T03")
@pytest.mark.req("T04")
@pytest.mark.parametrize(("name", "expected"), [("cookie", ON_FORUM), ("frames", ON_CHAT)])
def test_portable_suites_judge_a_platform_of_another_dialect(
    name: str, expected: Mapping[str, str], tmp_path: Path
) -> None:
    with served(name) as variables:
        found = run(tmp_path, name, variables)
    assert sorted(found) == sorted(ALL)
    wrong = []
    for key, (verdict, message) in found.items():
        wanted, _, words = expected.get(key, PASS).partition(" ")
        if verdict != wanted or words not in message:
            wrong.append(f"{key}: wanted {wanted} {words}, got {verdict} {message}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.req("T04")
@pytest.mark.parametrize(
    ("name", "fault", "caught"),
    [
        ("cookie", "logout keeps", {"T24-01": "access at forum after sign_out did not become"}),
        ("cookie", "any password", {"T20-03": "should not be able to sign in, and is signed in"}),
        ("cookie", "no order", {"T25-03": "messages in the history are out of order"}),
        ("cookie", "twice", {"T25-02": None}),
        ("cookie", "mute speaks", {"T27-02": "the right to send on the socket at forum after change_role"}),
        ("cookie", "mute reads", {"T27-01": "the right to history after change_role"}),
        (
            "cookie",
            "delete keeps",
            {"T28-01": "messages in the history are never sent: 'deleted'", "T28-02": "is read still: 'deleted with"},
        ),
        ("cookie", "open cookie", {"T29-01": "the cookie visit lacks HttpOnly"}),
        ("cookie", "socket open to all", {"T21-03": "but a socket opened", "T21-04": "but a socket opened"}),
        (
            "frames",
            "any token",
            {"T21-02": "should refuse the token as invalid", "T21-04": "as invalid, but serves it"},
        ),
        ("frames", "renew twice", {"T23-02": "the spent refresh token should be refused", "T23-03": "not one"}),
        ("frames", "to all", {"T25-05": "should not arrive on"}),
        ("frames", "forgets", {"T25-02": "are missing: 'message 3'"}),
    ],
)
def test_a_fault_of_such_a_platform_is_caught(
    name: str, fault: str, caught: Mapping[str, str | None], tmp_path: Path
) -> None:
    with served(name, fault) as variables:
        found = run(tmp_path, name, variables, *included(list(caught)))
    for key, words in caught.items():
        verdict, message = found[key]
        # Repeats may come where they are known by their id: what is declared is kept.
        assert verdict == (FAIL if words else PASS), (key, verdict, message)
        assert (words or "") in message


@pytest.mark.req("T03")
@pytest.mark.parametrize(("name", "ids"), [("cookie", ALL), ("frames", ["T20-01", "T21-03"])])
def test_a_deaf_target_passes_nothing(name: str, ids: Sequence[str], tmp_path: Path) -> None:
    with deaf(parts=("auth",)) as urls:
        found = run(tmp_path, name, {"FORUM_URL": urls["auth"], "CHAT_URL": urls["auth"]}, *included(ids))
    assert [key for key, (verdict, _) in found.items() if verdict not in (FAIL, NA)] == []
    assert FAIL in {verdict for verdict, _ in found.values()}


@pytest.mark.req("T04")
@pytest.mark.parametrize(
    ("promise", "verdict", "words"),
    [
        ("{access: 300s, sockets: next_frame}", PASS, ""),
        ("{access: 300s}", NA, "promises.ends.sign_out: access at forum has a bound of 300 s"),
        ("{access: 2s}", FAIL, "access at forum after sign_out did not become refused"),
        ("{access: never}", UNBOUNDED, "access at forum is still good"),
        ("{}", FAIL, "access at forum after sign_out did not become refused"),
    ],
)
def test_an_end_is_judged_by_what_is_declared(promise: str, verdict: str, words: str, tmp_path: Path) -> None:
    text = (FOREIGN / "cookie" / "target.yaml").read_text("utf-8")
    changed = text.replace("sign_out: {sockets: next_frame}", f"sign_out: {promise}")
    assert changed != text or "next_frame" in promise
    folder = tmp_path / "forum"
    folder.mkdir()
    (folder / "target.yaml").write_text(changed, "utf-8")
    with served("cookie", *(("logout keeps",) if verdict != PASS else ())) as variables:
        found = run(tmp_path, str(folder), variables, *included(["T24-01"]))
    assert found["T24-01"][0] == verdict, found
    assert words in found["T24-01"][1]


@pytest.mark.req("T04")
def test_a_page_of_another_origin_is_judged_by_what_is_declared(tmp_path: Path) -> None:
    text = (FOREIGN / "cookie" / "target.yaml").read_text("utf-8")
    text = text.replace("room: {post: /topics,", 'room: {post: /topics, form: {title: "{unique}"},')
    assert "title" in text
    folder = tmp_path / "forum"
    folder.mkdir()
    (folder / "target.yaml").write_text(text.replace("origin: any", "origin: refused"), "utf-8")
    with served("cookie") as variables:
        found = run(tmp_path, str(folder), variables, *included(["T29-02"]))
    assert found["T29-02"] == (FAIL, "a page of https://origin.invalid could do room in the user's name")


@pytest.mark.req("T04")
@pytest.mark.parametrize(
    ("old", "new", "key", "verdict", "words"),
    [
        (
            "refresh: {reuse: refused}",
            "refresh: {rotation: no}",
            "T23-02",
            NA,
            "promises.refresh.rotation: no: a refresh",
        ),
        (
            "refresh: {reuse: refused}",
            "refresh: {rotation: no}",
            "T23-03",
            NA,
            "promises.refresh.rotation: no: a refresh",
        ),
        ("{by: authentication}", "{by: authentication, when: {do: ERR, why: none}}", "T21-03", PASS, ""),
        # A socket is refused once the token is, and that has its bound.
        ("expiry: {access: 2s", "expiry: {access: 4s", "T22-02", PASS, ""),
        ("expiry: {access: 2s", "expiry: {access: 300s", "T22-02", PASS, ""),
        ("expiry: {access: 2s", "expiry: {access: never", "T22-02", NA, "access at chat has a bound of never"),
        (
            "{by: authentication}",
            "{by: authentication, when: {do: BYE}, within: 1s}",
            "T21-03",
            FAIL,
            "no frame with do = BYE",
        ),
    ],
)
def test_a_changed_fact_changes_the_verdict(
    old: str, new: str, key: str, verdict: str, words: str, tmp_path: Path
) -> None:
    folder = tmp_path / "frames"
    shutil.copytree(FOREIGN / "frames", folder)
    text = (folder / "target.yaml").read_text("utf-8")
    assert old in text
    (folder / "target.yaml").write_text(text.replace(old, new), "utf-8")
    with served("frames") as variables:
        found = run(tmp_path / "out", str(folder), variables, *included([key]))
    assert found[key][0] == verdict, found
    assert words in found[key][1]


@pytest.mark.req("T04")
@pytest.mark.parametrize(
    ("faults", "goes_on"), [((), "PASS"), (("logout keeps",), "FAIL access at forum after sign_out")]
)
def test_a_target_without_sockets_is_judged_by_the_rest(faults: tuple[str, ...], goes_on: str, tmp_path: Path) -> None:
    facts = yaml.safe_load((FOREIGN / "cookie" / "target.yaml").read_text("utf-8"))
    del facts["socket"], facts["endpoints"]["forum"]["socket"]
    facts["absent"] = {**facts["absent"], "socket": "pages only"}
    (tmp_path / "target.yaml").write_text(yaml.safe_dump(facts), "utf-8")
    wanted = {"T24-01": goes_on, "T24-04": goes_on, "T24-03": "NA socket: absent", "T25-01": "NA"}
    with served("cookie", *faults) as variables:
        found = run(tmp_path / "out", str(tmp_path), variables, *included(list(wanted)))
    for key, expected in wanted.items():
        verdict, _, words = expected.partition(" ")
        assert (found[key][0], words in found[key][1]) == (verdict, True), found


@pytest.mark.req("T04")
def test_a_socket_is_refused_within_the_bound_of_the_token(tmp_path: Path) -> None:
    """The server takes expired tokens on sockets, and has a minute or less, or longer, to refuse them."""
    for bound, verdict, words in (("4s", FAIL, "did not become refused"), ("300s", NA, "has a bound of 300 s")):
        folder = tmp_path / bound / "frames"
        shutil.copytree(FOREIGN / "frames", folder)
        text = (folder / "target.yaml").read_text("utf-8")
        (folder / "target.yaml").write_text(text.replace("expiry: {access: 2s", f"expiry: {{access: {bound}"), "utf-8")
        with served("frames", "no expiry") as variables:
            found = run(tmp_path / bound / "out", str(folder), variables, *included(["T22-02"]))
        assert found["T22-02"][0] == verdict, found
        assert words in found["T22-02"][1]


@pytest.mark.req("T04")
def test_a_refused_origin_shows_nothing_where_no_socket_opens(tmp_path: Path) -> None:
    text = (FOREIGN / "cookie" / "target.yaml").read_text("utf-8")
    folder = tmp_path / "forum"
    folder.mkdir()
    assert 'socket: "{base}/live"' in text
    changed = text.replace("origin: any", "origin: refused").replace('"{base}/live"', '"{base}/nowhere"')
    (folder / "target.yaml").write_text(changed, "utf-8")
    with served("cookie") as variables:
        found = run(tmp_path, str(folder), variables, *included(["T21-09"]))
    assert found["T21-09"][0] == FAIL, found
    assert "forum opens no socket without a foreign origin either" in found["T21-09"][1]


@pytest.mark.req("T04")
@pytest.mark.parametrize(
    ("sender", "verdict", "words"),
    [("sender: nick, ", PASS, ""), ("", NA, "NA: socket.in.message.read.sender: not described in")],
)
def test_a_sender_that_nobody_reads_is_not_judged(sender: str, verdict: str, words: str, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    shutil.copytree(FOREIGN / "frames", folder)
    text = (folder / "target.yaml").read_text("utf-8").replace("sender: nick, ", sender)
    said = (
        '    send: {send: {do: SAY, n: "{call}", room: "{room}", text: "{text}", key: "{key}"}, answer: {do: DONE}}\n'
    )
    assert said in text
    claims = said.replace("send: {send:", "send_as: {send:").replace('key: "{key}"', 'key: "{key}", nick: "{sender}"')
    (folder / "target.yaml").write_text(text.replace(said, f"{said}\n{claims}"), "utf-8")
    suite = ROOT / "suites" / "critical" / "02_socket_authentication.robot"
    with served("frames") as variables:
        found = run(tmp_path / "out", str(folder), variables, *included(["C02-05"]), suites=suite)
    assert found["C02-05"][0] == verdict, found
    assert words in found["C02-05"][1]


def test_an_expiry_is_known_from_the_answer_or_within_the_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_URL", "http://127.0.0.1:9")
    stage = Stage()
    stage._driver = Driver(Speaker(load(FOREIGN / "frames" / "target.yaml"), {}))
    known = {"signed_in_at": 1000.0, "sign_in_took": 2.5}
    assert (stage.expiry(Session(known)), stage.latest_expiry(Session(known))) == (1003.0, 1005.5)
    for told in ("1970-01-01T00:20:00Z", "1970-01-01T01:20:00+01:00", "1970-01-01T00:20:00", 1200):
        session = Session({**known, "expires_at": told})
        assert (stage.expiry(session), stage.latest_expiry(session)) == (1200.0, 1200.0)


HEARTBEATS = """*** Settings ***
Library    RequestsLibrary
Library    WebSocketLibrary
Library    TargetLibrary
Suite Setup    Use Target

*** Test Cases ***
A Silent Socket Stays Open
    ${user} =    Sign In
    ${socket} =    Open Socket    ${user}
    Connection Should Be Open    ${socket}    hold=1s
    Socket Should Be Open    ${socket}
"""


@pytest.mark.parametrize("answered", [True, False])
def test_heartbeats_are_answered_while_nobody_waits(answered: bool, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    shutil.copytree(FOREIGN / "frames", folder)
    if not answered:
        text = (folder / "target.yaml").read_text("utf-8")
        (folder / "target.yaml").write_text(text.replace("do: BEAT", "do: NEVER"), "utf-8")
    (tmp_path / "suite.robot").write_text(HEARTBEATS, "utf-8")
    with chat() as server:
        server.beat = 0.3
        done = run_inner(tmp_path / "suite.robot", tmp_path, variables={"TARGET": str(folder)}, CHAT_URL=server.url)
    status, message = done.verdicts["A Silent Socket Stays Open"]
    assert status == ("PASS" if answered else "FAIL"), message
    assert ("4000" in message) is not answered


def test_no_secret_of_a_run_is_in_its_output(tmp_path: Path) -> None:
    with forum() as server:
        run(tmp_path, "cookie", {"FORUM_URL": server.url}, *included(["T20-01", "T24-07"]), "--loglevel", "TRACE")
        secrets = [member["word"] for member in server.members.values()] + list(server.visits)
    text = (tmp_path / "output.xml").read_text("utf-8")
    assert secrets
    assert [secret for secret in secrets if secret in text] == []


def test_the_example_of_the_page_runs_without_platform_library(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "libraries" / "target.md").read_text("utf-8")
    block = re.search(r"```robotframework\n(.*?)```", page, re.DOTALL)
    assert block
    (tmp_path / "example.robot").write_text(block[1], "utf-8")
    with forum() as server:
        done = run_inner(
            tmp_path / "example.robot", tmp_path, variables={"TARGET": str(FOREIGN / "cookie")}, FORUM_URL=server.url
        )
    assert done.verdicts == {"Sign Out Ends Access": ("PASS", "")}


def test_every_keyword_is_on_the_page() -> None:
    page = (ROOT / "docs" / "libraries" / "target.md").read_text("utf-8")
    reference = (ROOT / "docs" / "keywords" / "TargetLibrary.md").read_text("utf-8")
    assert [name for name in re.findall(r"^### (.+)$", reference, re.MULTILINE) if name not in page] == []


def test_no_two_parts_of_the_library_have_a_name_in_common() -> None:
    owners: dict[str, list[str]] = {}
    for part in TargetLibrary.__mro__[1:-1]:
        for name in vars(part):
            if not name.startswith("__"):
                owners.setdefault(name, []).append(part.__name__)
    assert {name: parts for name, parts in owners.items() if len(parts) > 1} == {}


PUBLIC = """
dialect: 1
endpoints:
  front: {url: "http://127.0.0.1:1", who: {get: /me, read: {user: id}}, socket: "{base}/ws"}
credentials: {cookie: sid}
accounts: {made: {name: "{unique}", password: "{secret}"}}
socket:
  authentication: frame
  out:
    authenticate: {send: {auth: "%s"}}
    subscribe: {send: {%s}}
  in: {message: {when: {kind: said}, read: {text: text}}}
promises: {restart: {sessions: end}}
absent: {private_rooms: every user sees every room}
"""


def on_public_target(credential: str = "{ticket}", subscribe: str = "follow: all") -> Any:
    keywords: Any = TargetLibrary()
    keywords.stage = SimpleNamespace(dialect=loads(PUBLIC % (credential, subscribe)))
    return keywords


@pytest.mark.parametrize(
    ("credential", "changed"),
    [("{ticket}", {"access", "ticket"}), ("{user}/{ticket}", {"access", "ticket"}), ("{access}", {"access"})],
)
def test_what_lets_a_session_in_at_sockets_is_tampered_with_too(credential: str, changed: set[str]) -> None:
    before = Session({"user": "ann", "name": "ann", "access": "secret-one", "ticket": "ann:secret-two"})
    after = on_public_target(credential).tamper_with_token(before)
    assert {name for name, value in after.values.items() if before.values[name] != value} == changed


def test_nothing_is_proved_of_other_users_where_every_socket_receives_everything() -> None:
    keywords = on_public_target()
    with pytest.raises(SkipExecution, match="every socket receives the messages of every room"):
        keywords.message_should_not_arrive("phone", "for me alone", "later")
    with pytest.raises(SkipExecution, match="private_rooms"):
        keywords.rooms_should_not_be_listed(Session({"user": "ann"}), ["room"])


def test_a_socket_that_follows_one_room_receives_no_other_though_rooms_are_public() -> None:
    keywords = on_public_target(subscribe='follow: "{room}"')
    arrived = SimpleNamespace(kind="message", room=None, text="for me alone")
    keywords.stage.has_sockets = True
    keywords.open_sockets = {"phone": SimpleNamespace(events=[arrived])}
    keywords.message_should_arrive = lambda socket, text: None
    with pytest.raises(AssertionError, match="should not arrive on phone"):
        keywords.message_should_not_arrive("phone", "for me alone", "later")


def test_what_goes_on_in_a_session_is_not_asked_where_restarts_end_sessions() -> None:
    with pytest.raises(SkipExecution, match="sessions end with a restart"):
        on_public_target().use_surviving_sessions()


@pytest.mark.parametrize(("subject", "seconds"), [("sockets", 5.0), ("access", 2.0)])
def test_what_ends_at_the_expiry_has_the_time_that_it_has_after_any(subject: str, seconds: float) -> None:
    keywords = on_public_target()
    text = (PUBLIC % ("{ticket}", "follow: all")).replace(
        "{restart: {sessions: end}}", f"{{ends: {{sign_out: {{{subject}: at_expiry}}, expiry: {{sockets: 5s}}}}}}"
    )
    keywords.stage = SimpleNamespace(dialect=loads(text), latest_expiry=lambda session: time.time())
    promise = keywords.stage.dialect.promises.ending("sign_out", subject)
    limit = keywords._limit(promise.bound("front"), promise, Session({"user": "ann"}), "front")
    assert limit == pytest.approx(seconds, abs=0.2)


def test_a_room_in_the_address_of_a_socket_is_not_tampered_with() -> None:
    keywords = on_public_target()
    text = (PUBLIC % ("{ticket}", "follow: all")).replace("authentication: frame", "authentication: header")
    keywords.stage = SimpleNamespace(dialect=loads(text.replace("{base}/ws", "{base}/ws/{kernel}")))
    before = Session({"user": "ann", "access": "secret-one", "kernel": "k-1"})
    assert keywords.tamper_with_token(before).values["kernel"] == "k-1"
