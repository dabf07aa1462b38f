"""A reason in a message is never empty, and a long list keeps its cause."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from lockstep import applicability, reasons
from lockstep.http import CallError, Service
from lockstep.unknown import Unknown
from lockstep.waiting import LONGEST_SEEN, listed, shorten, show, wait_until
from PlatformLibrary import health
from ProbeLibrary.judge import Answer as ProbeAnswer
from ProbeLibrary.judge import Report
from QuotaLibrary import judge
from QuotaLibrary.asking import Answer
from RedisLibrary import RedisAwayError, RedisLibrary
from WebSocketLibrary.connection import Closing
from WebSocketLibrary.report import shortened

from tests.libraries.serving import served


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("unavailable", "the database is away"), "unavailable: the database is away"),
        (("unavailable", None), "unavailable"),
        ((" ", "the database is away"), "the database is away"),
        ((None, ""), "no reason given"),
        ((), "no reason given"),
        ((0,), "0"),
    ],
)
def test_what_was_given_is_told(parts: tuple[object, ...], text: str) -> None:
    assert reasons.given(*parts) == text


def test_an_exception_without_a_text_is_named() -> None:
    error = TimeoutError()
    error.__cause__ = ConnectionResetError("the peer hung up")
    assert reasons.of(error) == "TimeoutError because of ConnectionResetError: the peer hung up"
    assert reasons.of(TimeoutError()) == "TimeoutError, no reason given"
    assert reasons.of(ValueError("seven")) == "ValueError: seven"


def test_a_wait_that_ends_without_a_text_says_so() -> None:
    def ask() -> None:
        raise TimeoutError

    with pytest.raises(AssertionError, match="last seen: TimeoutError, no reason given"):
        wait_until("it", "well", ask, bool, timedelta(0), (TimeoutError,))


def test_of_a_long_list_the_first_and_the_last_are_whole() -> None:
    items = [f"user-{number}: error unavailable, the database is away" for number in range(100)]
    text = listed(items)
    assert text.startswith(f"{items[0]}; {items[1]}; ")
    assert text.endswith(f"; … ({100 - text.count('user-')} more) …; {items[-1]}")
    assert len(text) < LONGEST_SEEN + 100
    assert listed(items[:2]) == f"{items[0]}; {items[1]}"
    assert listed([]) == ""


def test_a_long_answer_in_a_list_is_cut_and_the_next_is_seen() -> None:
    text = listed(["a" * 5000, "the cause", *["b" * 300] * 9])
    assert "the cause" in text
    assert "8 more" in text or "9 more" in text


def test_a_list_of_answers_is_shown_by_items() -> None:
    assert show(["short"]) == "['short']"
    answers = [f"answer {number} with some words" for number in range(100)]
    assert show(answers).startswith("100 items: 'answer 0 with some words'; 'answer 1")
    assert show(answers).endswith("'answer 99 with some words'")


def test_more_of_the_beginning_than_of_the_end_is_kept() -> None:
    text = shorten("the cause" + "x" * 5000 + "the end")
    assert text.startswith("the cause")
    assert text.endswith("the end")
    assert text.partition(" … (")[0].count("x") > text.rpartition(") … ")[2].count("x")


def test_a_time_out_of_a_server_has_a_reason() -> None:
    """The peers take connections and say nothing: what times out has no text of its own."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert health.ask(f"http://127.0.0.1:{port}", None).cause
        with pytest.raises(RedisAwayError, match=r"does not answer: \S"):
            RedisLibrary().connect_to_redis(f"redis://127.0.0.1:{port}/0", timeout=timedelta(milliseconds=50))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (lambda: Unknown(""), "UNKNOWN: no reason given"),
        (lambda: Unknown("UNKNOWN: "), "UNKNOWN: no reason given"),
        (lambda: applicability.verdict("replicas.2", ""), "NA: replicas.2: no reason given"),
        (lambda: Closing(4001, "", 0.0, by_peer=True), "4001 (no reason given)"),
        (lambda: Closing(1006, "", 0.0, by_peer=True), "1006 (no close frame came)"),
        (lambda: Closing(1005, "", 0.0, by_peer=True), "1005 (a close frame without a code)"),
        (lambda: Closing(4001, "expired", 0.0, by_peer=True), "4001 'expired'"),
        (
            lambda: judge.refusal(Answer("http://a.test/", 0, 1, 429)),
            "a refusal has no problem code, not 'rate_limited'",
        ),
        (lambda: judge.describe(Answer("http://a.test/", 0, 1, 200)), "http://a.test/ 200 [no RateLimit]"),
    ],
)
def test_what_has_no_reason_says_so(said: Callable[[], object], message: str) -> None:
    assert str(said()).startswith(message)


def test_an_answer_without_a_problem_is_named_by_its_status() -> None:
    class Empty(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(500)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with served(Empty) as url, pytest.raises(CallError, match=r"was answered by shop with 500: \(no body\)$"):
        Service("shop", url).call("GET", "/")


def test_of_many_failed_probes_the_first_and_the_last_are_shown() -> None:
    answers = tuple(ProbeAnswer(float(second), 0.1, None, f"cause {second}") for second in range(9))
    text = Report("http://a.test/", answers).describe(answers)
    assert text == "no answer cause 0 (+0.00 s), no answer cause 1 (+1.00 s), … (6 more) …, no answer cause 8 (+8.00 s)"
    assert Report("http://a.test/", answers).describe(answers[:3]).count("cause") == 3


def test_a_long_frame_is_cut_in_its_middle() -> None:
    text = shortened('{"type": "error", "padding": "' + "x" * 5000 + '", "code": "unavailable"}')
    assert text.startswith('{"type": "error"')
    assert text.endswith('"code": "unavailable"}')
