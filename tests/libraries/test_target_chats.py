"""Chats of many users in the words of a dialect: TargetLibrary's keywords on a small platform, good and bad."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from lockstep.dialect import Session
from TargetLibrary.chatting import Chatting

from tests.foreign.cookie_server import forum
from tests.foreign.frame_server import chat
from tests.foreign.graphql_server import graphql_chat
from tests.foreign.running import included, run, served
from tests.foreign.socketio_server import socketio_chat
from tests.libraries.inner import run_inner

FRAMES = Path(__file__).resolve().parents[1] / "foreign" / "frames"
SUITE = """*** Settings ***
Resource          portable/vocabulary.resource
Suite Setup       Use Target
Suite Teardown    Leave Target
Test Teardown     Close Chats

*** Test Cases ***
Chats Go On
    ${users} =    Sign In Users    3
    ${rooms} =    Create Rooms    ${users}
    Open Chats    ${users}    ${rooms}
    ${sent} =    Send From Every Chat    5
    Chats Should Settle    within=2s
    Send From Every Chat    1
    Chats Should Settle    within=2s
    Chats Should Have Gone On    closes=%CLOSES%
    Chat History Should Be As Promised
    Should Be Equal As Integers    ${sent}    %SENT%
"""


JUDGED = """*** Settings ***
Resource          portable/vocabulary.resource
Suite Setup       Use Target
Suite Teardown    Leave Target
Test Teardown     Close Chats And Sockets

*** Test Cases ***
A Burst Is Fair
    Open Chats For Users    2
    Burst Should Not Slow Other Chat    chat-0    other=chat-1

A Room Is Private
    Sign In At Room
    ${other} =    Sign In
    Room Should Be Out Of Reach    ${other}    ${ROOM}

Who Comes First Is Served First
    Open Chats For Users    2
    Send Burst    chat-1    10
    Burst Should Settle
    Send Burst    chat-0
    Burst Should Settle
    Burst Should Not Be Ahead Of Other Chat    chat-0    other=chat-1

Who Comes Last Is Served Last
    Open Chats For Users    2
    Send Burst    chat-0
    Burst Should Settle
    Send Burst    chat-1    10
    Burst Should Settle
    Burst Should Not Be Ahead Of Other Chat    chat-0    other=chat-1

A User Chats In Time
    ${began} =    Get Moment
    Sign In At Room
    Delay Should Be As Promised    first_message    ${began}

Nothing Is Acknowledged Too Early
    Open Chats For Users    1
    Send Burst    chat-0    10
    Burst Should Settle
    Acknowledgements Should Be In Order
    No Message Should Be Acknowledged

Nothing Is Stored While The Store Is Held
    Sign In At Room
    Hold Storing Of Messages    ${ROOM}
"""
EARLY = "of 10 messages 10 were acknowledged and 10 given back before they were stored"


@pytest.mark.parametrize(
    ("faults", "promises", "expected"),
    [
        (
            (),
            "",
            {
                "A Room Is Private": "PASS ",
                "A Burst Is Fair": "PASS ",
                "Who Comes First Is Served First": "PASS ",
                "Who Comes Last Is Served Last": "FAIL 100 of 100 messages of the burst were stored before",
                "A User Chats In Time": "PASS ",
                "Nothing Is Acknowledged Too Early": f"FAIL {EARLY}",
                "Nothing Is Stored While The Store Is Held": "SKIP NA: stores.hold: not described in",
            },
        ),
        (
            ("stalls", "anyone writes"),
            "  load: {slower: 9, ahead: any}\n  delays: {first_message: 0s}\n",
            {
                "A Room Is Private": "FAIL send at chat of another user's conversation should be refused, and is done",
                "A Burst Is Fair": "FAIL budget 'round trip during a burst p",
                "Who Comes Last Is Served Last": "PASS unbounded: 100 of 100 messages of the burst",
                "A User Chats In Time": "FAIL first_message took 0.",
            },
        ),
        (
            ("anyone enters",),
            "  load: {slower: any}\n",
            {
                "A Room Is Private": "FAIL subscribe at chat of another user's conversation should be refused",
                "A Burst Is Fair": "PASS unbounded: the median was",
            },
        ),
    ],
)
def test_loads_and_rooms_are_judged_by_what_is_promised(
    faults: tuple[str, ...], promises: str, expected: dict[str, str], tmp_path: Path
) -> None:
    shutil.copytree(FRAMES, tmp_path / "frames")
    file = tmp_path / "frames" / "target.yaml"
    text = file.read_text("utf-8").replace("limits: {", "limits: {burst: 100, ")
    file.write_text(text.replace("promises:\n", f"promises:\n{promises}"), "utf-8")
    (tmp_path / "suite.robot").write_text(JUDGED, "utf-8")
    tests = [part for name in expected for part in ("--test", name)]
    chosen = {"TARGET": str(tmp_path / "frames")}
    with chat(*faults) as server:
        done = run_inner(tmp_path / "suite.robot", tmp_path, *tests, variables=chosen, CHAT_URL=server.url)
    # On a busy machine what is too slow is UNKNOWN.
    found = {name: " ".join(done.verdicts[name]).replace("FAIL UNKNOWN: ", "FAIL ") for name in expected}
    assert {name: words for name, words in found.items() if not words.startswith(expected[name])} == {}


def chatting(
    folder: Path, *faults: str, sent: int = 5, closes: str = "", changes: tuple[tuple[str, str], ...] = ()
) -> tuple[str, str]:
    """Status and message of a test with three chats on a platform with these faults and changes of its dialect."""
    shutil.copytree(FRAMES, folder / "frames")
    text = (folder / "frames" / "target.yaml").read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "frames" / "target.yaml").write_text(text, "utf-8")
    (folder / "suite.robot").write_text(SUITE.replace("%SENT%", str(sent)).replace("%CLOSES%", closes), "utf-8")
    with chat(*faults) as server:
        done = run_inner(
            folder / "suite.robot", folder, variables={"TARGET": str(folder / "frames")}, CHAT_URL=server.url
        )
    return done.verdicts["Chats Go On"]


@pytest.mark.parametrize(
    ("faults", "status", "words"),
    [
        ((), "PASS", ""),
        (("to all",), "FAIL", "which it may not see"),
        (("forgets",), "FAIL", "1 not given back"),
        (("again",), "PASS", ""),
        (("again as new",), "FAIL", "-2 of "),
        (("changes",), "FAIL", "does not say to chat-"),
        (("swaps",), "FAIL", "-3 first"),
        (("hangs up",), "FAIL", "sockets closed with 1011"),
    ],
)
def test_what_a_platform_does_wrong_is_found(faults: tuple[str, ...], status: str, words: str, tmp_path: Path) -> None:
    found, message = chatting(tmp_path, *faults)
    assert found == status, message
    assert words in message


EXPIRED = """*** Settings ***
Resource          portable/vocabulary.resource
Suite Setup       Use Target
Suite Teardown    Leave Target
Test Teardown     Close Chats

*** Test Cases ***
A Message Is Missing After The Expiry
    ${users} =    Sign In Users    1
    ${rooms} =    Create Rooms    ${users}
    Open Chats    ${users}    ${rooms}
    Wait Until Token Expires    ${users}[0]
    Send From Every Chat    5
    Chats Should Settle    within=1s
"""


def test_chats_that_do_not_settle_say_that_their_tokens_have_expired(tmp_path: Path) -> None:
    (tmp_path / "suite.robot").write_text(EXPIRED, "utf-8")
    with chat("forgets") as server:
        done = run_inner(tmp_path / "suite.robot", tmp_path, variables={"TARGET": str(FRAMES)}, CHAT_URL=server.url)
    status, message = done.verdicts["A Message Is Missing After The Expiry"]
    assert status == "FAIL"
    assert "the tokens of 1 chats have expired meanwhile: " in message
    assert "not given back" in message


@pytest.mark.parametrize(
    ("faults", "change", "words"),
    [
        (("swaps",), "delivery: {order: none}", "weaker: messages may come in any order"),
        (("again as new",), "delivery: {repeats: possible}", "weaker: messages may come more than once"),
    ],
)
def test_what_is_declared_is_weaker_where_the_rest_is_judged(
    faults: tuple[str, ...], change: str, words: str, tmp_path: Path
) -> None:
    status, message = chatting(
        tmp_path, *faults, changes=(("recovery: {by: none}", f"{change}\n  recovery: {{by: none}}"),)
    )
    assert status == "PASS", message
    assert words in message


@pytest.mark.parametrize(
    ("name", "server", "variable"),
    [
        ("cookie", forum, "FORUM_URL"),
        ("socketio", socketio_chat, "ROOMS_URL"),
        ("graphql", graphql_chat, "ROOMS_URL"),
    ],
)
def test_clients_speak_whatever_the_dialect_says(name: str, server: Any, variable: str, tmp_path: Path) -> None:
    (tmp_path / "suite.robot").write_text(SUITE.replace("%SENT%", "5").replace("%CLOSES%", ""), "utf-8")
    chosen = {"TARGET": str(FRAMES.parent / name / "target.yaml")}
    with server() as running:
        done = run_inner(tmp_path / "suite.robot", tmp_path, variables=chosen, **{variable: running.url})
    status, message = done.verdicts["Chats Go On"]
    assert status == "PASS", message


def test_a_load_is_no_greater_than_the_target_allows(tmp_path: Path) -> None:
    status, message = chatting(tmp_path, sent=2, changes=(("limits: {", "limits: {users: 1, burst: 2, "),))
    assert status == "PASS", message


def test_a_client_comes_back_after_a_restart_and_loses_nothing_that_is_promised(tmp_path: Path) -> None:
    changes = (("refused: {by: authentication}", "refused: {by: authentication}\n  closes: {restart: 1012}"),)
    status, message = chatting(tmp_path, "restarts", closes="restart", changes=changes)
    assert status == "PASS", message


def test_a_close_that_is_not_described_is_not_applicable(tmp_path: Path) -> None:
    status, message = chatting(tmp_path, closes="restart")
    assert (status, message.split(": not")[0]) == ("SKIP", "NA: socket.closes.restart")


@pytest.mark.req("T04")
def test_a_filter_that_shows_what_is_foreign_is_caught(tmp_path: Path) -> None:
    """This server gives who has entered all messages: declared to be a filter, it is one that shows too much."""
    folder = tmp_path / "frames"
    shutil.copytree(FRAMES, folder)
    facts = yaml.safe_load((FRAMES / "target.yaml").read_text("utf-8"))
    facts["socket"]["filters"] = True
    (folder / "target.yaml").write_text(yaml.safe_dump(facts), "utf-8")
    with served("frames", "anyone enters") as variables:
        found = run(tmp_path / "out", str(folder), variables, *included(["T21-07"]))
    assert found["T21-07"][0] == "FAIL", found
    assert "a filter shows another user's conversation" in found["T21-07"][1]


@pytest.mark.parametrize("came", [None, "for members only"])
def test_a_filter_brings_nothing_that_is_foreign(came: str | None) -> None:
    keywords: Any = Chatting()
    sent: list[Any] = []
    keywords.owners = {"room": Session({"user": "ann"})}
    keywords.stage = SimpleNamespace(
        dialect=SimpleNamespace(knows=lambda word: True), needed=lambda word, owner, at, **values: sent.append(values)
    )
    line = SimpleNamespace(endpoint=SimpleNamespace(name="api"))
    socket = SimpleNamespace(line=line, wait_for=lambda look, within: came)
    if came:
        with pytest.raises(AssertionError, match="a filter shows another user's conversation: 'for members only"):
            keywords.nothing_should_come(socket, "room")
    else:
        keywords.nothing_should_come(socket, "room")
    assert [values["room"] for values in sent] == ["room"]
