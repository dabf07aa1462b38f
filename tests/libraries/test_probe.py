"""The judge of ProbeLibrary, and its keywords against a real HTTP server."""

import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

import pytest
from lockstep import machine
from lockstep.machine import Waiting
from lockstep.unknown import Unknown
from ProbeLibrary import ProbeLibrary
from ProbeLibrary.judge import Answer, Report, judge_expiry

from tests.libraries.serving import served

EXPIRED = (401, "token_expired")


def report(*answers: tuple[float, float, int | None, str]) -> Report:
    return Report("http://a.test/", tuple(Answer(*answer) for answer in answers))


def judged(*answers: tuple[float, float, int | None, str]) -> Report:
    """As the keyword's own probe keeps them."""
    kinds: dict[tuple[int | None, str], str] = {(200, ""): "good", EXPIRED: "refused"}
    return Report("http://a.test/", tuple(Answer(*one, kinds.get(one[2:], "other")) for one in answers))


def test_good_until_expiry_then_refused_is_fine_whatever_was_in_flight() -> None:
    assert judge_expiry(judged((9.0, 0.1, 200, ""), (9.95, 0.1, *EXPIRED), (10.0, 0.1, *EXPIRED)), 10.0) == []
    assert judge_expiry(judged((9.0, 0.1, 200, ""), (9.95, 0.1, 200, ""), (10.0, 0.1, *EXPIRED)), 10.0) == []


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([(9.2, 0.1, *EXPIRED), (10.0, 0.1, *EXPIRED)], "answered 401 token_expired 0.700 s before the expiry"),
        ([(9.2, 0.1, 200, ""), (10.5, 0.1, 200, "")], "answered 200 to a request sent 0.500 s after the expiry"),
        ([(9.2, 0.1, 200, ""), (10.5, 0.1, 401, "token_invalid")], "not 401 token_expired"),
        ([(9.2, 0.1, 200, ""), (10.5, 0.1, 500, "internal_error")], "answered 500 internal_error to a request"),
        ([(8.0, 0.1, 200, ""), (10.0, 0.1, *EXPIRED)], "gave no answer in the last 1.5 s"),
        ([(9.2, 0.1, 200, "")], "was asked nothing after the expiry"),
    ],
)
def test_every_way_to_be_wrong_is_found(answers: list[tuple[float, float, int, str]], message: str) -> None:
    wrong = judge_expiry(judged(*answers), 10.0)
    assert len(wrong) == 1
    assert message in wrong[0]


def test_availability_counts_errors_and_silence() -> None:
    seen = report((0, 0.1, 200, ""), (1, 0.2, 503, "x"), (2, 0.3, None, "reset"), (3, 0.4, 404, ""))
    assert seen.availability == 25.0
    assert seen.percentile(50) == 0.2
    assert seen.percentile(99) == 0.4
    library = ProbeLibrary()
    library.availability_should_be_at_least(seen, 25)
    with pytest.raises(AssertionError, match=r"25.000 % of 4 requests.*503 x \(\+1.00 s\), no answer reset.*404"):
        library.availability_should_be_at_least(seen, 25.1)
    with pytest.raises(Unknown):
        library.availability_should_be_at_least(report(), 0)


@pytest.mark.parametrize(
    ("answers", "seconds"),
    [
        ([(0, 0.1, 200, ""), (1, 0.1, 302, "")], 0.0),
        ([(0, 0.1, 200, ""), (1, 0.1, 503, "x"), (2, 0.5, None, "reset"), (3, 0.25, 200, ""), (4, 0.1, 200, "")], 2.25),
        ([(0, 0.1, None, "x"), (1, 0.5, 200, ""), (2, 0.1, 503, "x"), (2.5, 0.25, 200, "")], 1.5),
        ([(0, 0.1, 200, ""), (1, 0.1, 503, "x")], float("inf")),
        ([], 0.0),
    ],
)
def test_an_outage_lasts_from_the_first_failure_to_the_next_good_answer(
    answers: list[tuple[float, float, int | None, str]], seconds: float
) -> None:
    assert report(*answers).longest_outage == seconds


def test_failures_have_to_be_those_that_were_announced() -> None:
    library, seen = ProbeLibrary(), report((0, 0.1, 200, ""), (1, 0.2, 503, "away"), (2, 0.3, None, "reset"))
    library.failures_should_be(seen, "away", "no answer")
    with pytest.raises(AssertionError, match=r"1 requests to http://a.test/ failed otherwise than with away: .*reset"):
        library.failures_should_be(seen, "away")
    with pytest.raises(Unknown):
        library.failures_should_be(report((0, 0.1, 200, "")), "away")


class _Door(BaseHTTPRequestHandler):
    closes_at = 0.0
    peers: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        type(self).peers = {self.client_address[0]}
        good = time.time() < type(self).closes_at and self.headers["Authorization"] == "Bearer t"
        body = b"{}" if good else b'{"code": "token_expired"}'
        self.send_response(200 if good else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with served(_Door) as url:
        yield url


def test_token_honoured_until_its_expiry_and_no_longer(url: str) -> None:
    expiry = _Door.closes_at = time.time() + 1
    ProbeLibrary().token_should_be_honoured_until(expiry, "t", url)
    expiry = time.time() + 1
    _Door.closes_at = expiry + 5
    with pytest.raises(AssertionError, match="after the expiry, not 401 token_expired"):
        ProbeLibrary().token_should_be_honoured_until(expiry, "t", url)


def test_probe_of_a_dead_server_reports_failures() -> None:
    library = ProbeLibrary()
    library.start_probe("dead", "http://127.0.0.1:9/")
    with pytest.raises(AssertionError, match="'dead' is running already"):
        library.start_probe("dead", "http://127.0.0.1:9/")
    library.wait_for_probe_failure("dead", timedelta(seconds=5))
    seen = library.stop_probe("dead")
    assert seen.availability == 0.0
    assert "ConnectionRefusedError" in seen.answers[0].detail
    with pytest.raises(AssertionError, match="no probe 'dead' is running; running: none"):
        library.stop_probe("dead")


def _timed(before: float, after: float, count: int = 20) -> Report:
    answers = [Answer(n, before, 200) for n in range(count)] + [Answer(100 + n, after, 200) for n in range(count)]
    return Report("http://a.test/", tuple(answers), (99.0,))


def test_response_times_are_compared_across_the_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "test_waiting", lambda: Waiting(10.0, 0.0))
    library = ProbeLibrary()
    library.response_times_should_stay_bounded(_timed(0.01, 0.4))
    library.response_times_should_stay_bounded(_timed(0.1, 0.9))
    with pytest.raises(
        AssertionError, match=r"p99 of http://a.test/ was 10.0 ms and became 600.0 ms.*500.0 ms allowed"
    ):
        library.response_times_should_stay_bounded(_timed(0.01, 0.6))
    monkeypatch.setattr(machine, "test_waiting", lambda: Waiting(10.0, 6.0))
    library.response_times_should_stay_bounded(_timed(0.01, 0.6))
    with pytest.raises(Unknown, match=r"became 1200\.0 ms"):
        library.response_times_should_stay_bounded(_timed(0.01, 1.2))
    with pytest.raises(AssertionError, match="9 answers before the mark and 9 after it"):
        library.response_times_should_stay_bounded(_timed(0.01, 0.01, count=9))
    with pytest.raises(AssertionError, match="has no mark"):
        library.response_times_should_stay_bounded(report((0, 0.1, 200, "")))


def test_a_request_under_way_at_the_mark_counts_as_after_it() -> None:
    slow = Report("http://a.test/", (Answer(1, 0.1, 200), Answer(2, 5.0, 200), Answer(8, 0.1, 200)), (4.0,))
    before, after = slow.parts()
    assert (before.answers, after.answers) == (slow.answers[:1], slow.answers[1:])


def test_every_answer_has_the_status_or_is_shown() -> None:
    library = ProbeLibrary()
    library.every_answer_should_be(report((0, 0.1, 200, "")), 200)
    with pytest.raises(AssertionError, match=r"gave 1 of 2 answers that are not 200: 429 rate_limited"):
        library.every_answer_should_be(report((0, 0.1, 200, ""), (1, 0.1, 429, "rate_limited")), 200)
    with pytest.raises(Unknown):
        library.every_answer_should_be(report(), 200)


def test_a_probe_comes_from_its_source_and_is_waited_for(url: str) -> None:
    library = ProbeLibrary()
    _Door.closes_at = time.time() + 60
    with pytest.raises(AssertionError, match="no probe is running"):
        library.wait_for_probe_answers(1)
    library.start_probe("here", url, "t", timedelta(milliseconds=5), source="127.0.0.9")
    library.wait_for_probe_answers(3)
    library.mark_probes()
    library.wait_for_probe_answers(3)
    with pytest.raises(AssertionError, match="the number of answers of each probe did not become 900 more in 50 ms"):
        library.wait_for_probe_answers(900, timedelta(milliseconds=50))
    with pytest.raises(AssertionError, match=r"answered did not become a failure in 50 ms; last seen: \{'?200"):
        library.wait_for_probe_failure("here", timedelta(milliseconds=50))
    with pytest.raises(AssertionError, match="no probe 'there' is running; running: here"):
        library.wait_for_probe_failure("there")
    seen = library.stop_probe("here")
    assert [len(part.answers) >= 3 for part in seen.parts()] == [True, True]
    assert _Door.peers == {"127.0.0.9"}


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def hanging_up(answers: int) -> tuple[str, list[int]]:
    """A server that answers so many requests on each connection, and reads one more before it hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))
    asked: list[int] = []

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            with connection:
                asked.append(0)
                while connection.recv(4096):
                    asked[-1] += 1
                    if asked[-1] > answers:
                        break
                    connection.sendall(ANSWER)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/", asked


def probed(url: str, answers: int) -> Report:
    library = ProbeLibrary()
    library.start_probe("one", url, every=timedelta(milliseconds=5))
    library.wait_for_probe_answers(answers, timedelta(seconds=10))
    return library.stop_probe("one")


def test_a_connection_that_is_closed_between_two_requests_is_no_failure() -> None:
    url, asked = hanging_up(answers=3)
    seen = probed(url, 7)
    assert {answer.status for answer in seen.answers} == {200}
    assert asked[0] == 4


def test_a_request_that_is_never_answered_on_a_new_connection_is_a_failure() -> None:
    url, _ = hanging_up(answers=0)
    seen = probed(url, 2)
    assert {answer.status for answer in seen.answers} == {None}
    assert "RemoteDisconnected" in seen.answers[0].detail
