"""Outages and availability as a dialect promises them, judged on recorded answers; connections that are kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lockstep import verdicts
from lockstep.dialect import DialectError, Session, Speaker, loads
from lockstep.dialect.keeping import Kept
from lockstep.dialect.messages import Request
from lockstep.unknown import Unknown
from ProbeLibrary.judge import Answer
from robot.api import SkipExecution
from TargetLibrary.breaking import Away, Breaking
from TargetLibrary.instances import Instances
from TargetLibrary.surviving import Surviving
from TargetLibrary.watch import Watch
from TargetLibrary.watching import Watching

DIALECT = """
dialect: 1
endpoints:
  front: {url: "http://127.0.0.1:1", instance: one, who: {get: /me, read: {user: id}}}
  other: {url: "http://127.0.0.1:2", instance: two, who: {get: /me, read: {user: id}}}
credentials: {header: "Authorization: Bearer {access}"}
control: {adapter: none, stores: {database: postgres}}
promises:
  outage: %s
"""
OUTAGE = "{of: one, without: {database: {other: refused}}}"


def words(outage: str = OUTAGE) -> Any:
    keywords = Watching()
    keywords.stage = SimpleNamespace(dialect=loads(DIALECT % outage))  # type: ignore[assignment]
    keywords.stage.breaking = Breaking(keywords.stage)
    return keywords


def watched(**answers: list[Answer]) -> Watch:
    probes = {name: SimpleNamespace(answers=found, stop=lambda: None) for name, found in answers.items()}
    return Watch(probes, SimpleNamespace(), [100.0])  # type: ignore[arg-type]


def answers(*wrong: int, count: int = 60, kind: str = "other", status: int | None = None) -> list[Answer]:
    """One each second from 80 on; those of these seconds are not good."""
    return [
        Answer(80.0 + number, 0.01, status, "gone", kind)
        if 80 + number in wrong
        else Answer(80.0 + number, 0.01, 200, "", "good")
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("outage", "words_of_it"),
    [
        ("{at: fron}", "promises.outage.at: 'fron' is no endpoint; did you mean front?"),
        ("{existing: often}", "promises.outage.existing: a time such as 300ms"),
        ("{unknown: 99}", "promises.outage.unknown: an HTTP status or go_on or no_answer is needed"),
        ("{without: {databas: go_on}}", "neither an instance nor one of control.stores; did you mean database?"),
        ("{without: {database: {front: perhaps}}}", "is none of go_on, refused or no_answer"),
    ],
)
def test_an_outage_that_cannot_be_is_an_error_with_its_entry(outage: str, words_of_it: str) -> None:
    with pytest.raises(DialectError) as error:
        loads(DIALECT % outage)
    assert words_of_it in str(error.value)


def test_who_signs_users_in_is_asked_for_by_the_names_that_there_are() -> None:
    keywords = Instances()
    known = loads(DIALECT % "{of: auth}")
    keywords.stage = SimpleNamespace(dialect=known, speaker=Speaker(known, {}))  # type: ignore[assignment]
    with pytest.raises(SkipExecution, match=r"instance 'auth'; set it to the one of one, two that signs users in"):
        keywords.get_instance_that_signs_in()


def test_sessions_that_go_on_pass_and_one_refused_request_is_named() -> None:
    keywords = words()
    keywords.stage.breaking.away.append(Away("one", "kill", 101.0, 130.0))
    keywords.endpoints_should_have_gone_on(watched(front=answers(*range(101, 130)), other=answers()))
    with pytest.raises(AssertionError, match="other failed 1 of 60 requests"):
        keywords.endpoints_should_have_gone_on(watched(front=answers(), other=answers(110)))


def test_an_endpoint_may_fail_only_while_its_own_instance_is_away() -> None:
    keywords = words()
    keywords.stage.breaking.away.append(Away("one", "kill", 101.0, 103.0))
    keywords.endpoints_should_have_been_available(watched(front=answers(101, 102, 103), other=answers()), "it is away")
    with pytest.raises(AssertionError, match=r"other answered .* while it is away, not 99.9 %"):
        keywords.endpoints_should_have_been_available(watched(front=answers(101), other=answers(102)), "it is away")
    with pytest.raises(AssertionError, match=r"front answered .* while it is away"):
        keywords.endpoints_should_have_been_available(watched(front=answers(90), other=answers()), "it is away")


@pytest.mark.parametrize("status", [401, 403, 404, 429])
def test_no_share_excuses_who_turns_a_good_token_away(status: int) -> None:
    lost, refused = answers(110, count=2000), answers(110, count=2000, status=status)
    words().endpoints_should_have_been_available(watched(front=lost, other=answers()), "it is away", 99.9)
    with pytest.raises(AssertionError, match="front turned a good token away while it is away"):
        words().endpoints_should_have_been_available(watched(front=refused, other=answers()), "it is away", 99.9)


def test_who_refuses_without_a_store_has_to_say_so() -> None:
    keywords = words()
    keywords.stage.breaking.away.append(Away("postgres", "stop", 101.0, 103.0))
    refused = answers(101, 102, kind="refused", status=503)
    keywords.endpoints_should_have_been_available(watched(front=answers(), other=refused), "the store is away")
    with pytest.raises(AssertionError, match="other failed otherwise than declared"):
        keywords.endpoints_should_have_been_available(watched(front=answers(), other=answers(101)), "the store is away")


def test_nothing_is_proved_where_nobody_missed_what_was_away() -> None:
    keywords = words()
    keywords.stage.breaking.away.append(Away("one", "kill", 101.0, 103.0))
    with pytest.raises(Unknown, match="no request failed"):
        keywords.endpoints_should_have_been_available(watched(front=answers(), other=answers()), "it is away")


def test_an_endpoint_that_stays_away_fails() -> None:
    keywords = words()
    keywords.stage.breaking.away.append(Away("one", "kill", 101.0, 103.0))
    gone = answers(*range(101, 112), count=32)
    with pytest.raises(AssertionError, match="front does not serve again"):
        keywords.endpoints_should_have_been_available(watched(front=gone, other=answers()), "it is away")


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            seen.append(f"{self.client_address[0]}:{self.client_address[1]}")
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing is written."""

    with HTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{found.server_address[1]}", seen
        found.shutdown()
        thread.join()


def test_requests_share_a_connection_that_is_kept(server: tuple[str, list[str]]) -> None:
    url, seen = server
    kept = Kept(timeout=5, source="127.0.0.9")
    assert [kept.send(Request("GET", f"{url}/")).status for _ in range(3)] == [200] * 3
    kept.close()
    assert len(set(seen)) == 1
    assert seen[0].startswith("127.0.0.9:")


def test_no_answer_says_why(tmp_path: Path) -> None:
    answer = Kept(timeout=1).send(Request("GET", "http://127.0.0.1:9/"))
    assert answer.status is None
    assert "ConnectionRefusedError" in answer.error


def test_what_is_away_is_given_back_in_the_reverse_order() -> None:
    done: list[str] = []
    platform = SimpleNamespace(
        start_service=lambda name: done.append(f"start {name}"),
        resume_service=lambda name: done.append(f"resume {name}"),
    )
    stage = SimpleNamespace(platform=platform, speaker=SimpleNamespace(endpoints=[]))
    breaking = Breaking(stage)  # type: ignore[arg-type]
    breaking.away += [Away("a", "kill", 1.0), Away("b", "pause", 2.0), Away("c", "stop", 3.0, 4.0)]
    breaking.restore()
    assert done == ["resume b", "start a"]
    assert breaking.away == []


@pytest.mark.parametrize(
    ("control", "waits"),
    [("adapter: commands, commands: {start: [start], stop: [stop]}", True), ("adapter: none", False)],
)
def test_an_instance_that_a_command_has_started_is_waited_for(
    control: str, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    dialect = loads((DIALECT % OUTAGE).replace("adapter: none", control))
    platform = SimpleNamespace(stop_service=lambda name: 0.0, start_service=lambda name: 0.0)
    breaking = Breaking(SimpleNamespace(dialect=dialect))  # type: ignore[arg-type]
    monkeypatch.setattr(breaking, "_must_be_able", lambda *_: None)
    monkeypatch.setattr(breaking, "_wait_until_ready", done.append)
    breaking.carry_out("stop", "one", platform)
    assert done == []
    breaking.carry_out("start", "one", platform)
    assert done == (["one"] if waits else [])


@pytest.mark.parametrize(("promise", "weaker"), [("survive", False), ("end", True)])
def test_who_has_no_session_after_a_restart_signs_in_again(
    promise: str, weaker: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    keywords: Any = Surviving()
    said: list[str] = []
    text = DIALECT.replace("outage: %s", f"restart: {{sessions: {promise}}}")
    keywords.stage = SimpleNamespace(dialect=loads(text))
    before, again = Session({"user": "u1"}), Session({"user": "u1", "access": "new"})
    keywords.sign_in = lambda session: again
    monkeypatch.setattr(verdicts, "weaker", lambda reason, reference="": said.append(reason))
    assert keywords.get_session_after_restart(before) is (again if weaker else before)
    assert said == (["sessions end with a restart, as declared"] if weaker else [])


def test_what_has_died_of_a_fault_is_started(server: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Instance one serves nobody any more, two does; the store whose loss was the fault is back already."""
    done: list[str] = []
    dialect = loads((DIALECT % OUTAGE).replace("http://127.0.0.1:2", server[0]).replace("127.0.0.1:1", "127.0.0.1:9"))
    platform = SimpleNamespace(start_service=lambda name: done.append(f"start {name}"))
    stage = SimpleNamespace(platform=platform, dialect=dialect, speaker=Speaker(dialect, {}))
    breaking = Breaking(stage)  # type: ignore[arg-type]
    monkeypatch.setattr(breaking, "_wait_until_ready", done.append)
    breaking.restore()
    assert done == []
    breaking.away.append(Away("postgres", "kill", 3.0, 4.0))
    breaking.restore()
    assert done == ["start one", "one"]
