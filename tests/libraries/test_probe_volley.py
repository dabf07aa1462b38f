"""Send At Once: everything is in flight together, every answer comes back in its place, and silence is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from lockstep import masking
from ProbeLibrary import ProbeLibrary, volley

from tests.libraries.inner import INNER, run_inner
from tests.libraries.serving import served

PARTIES = 8


class _Meeting(BaseHTTPRequestHandler):
    """Answers nobody before ``PARTIES`` requests have come: a sender of one after the other never gets an answer."""

    together = threading.Barrier(PARTIES)

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            type(self).together.wait(10)
        except threading.BrokenBarrierError:
            self.send_error(504)
            return
        self._answer(
            200, {"n": body["n"], "bearer": self.headers["Authorization"], "if_match": self.headers["If-Match"]}
        )

    def do_GET(self) -> None:
        self._answer(404, {"code": "not_found", "path": self.path})

    def _answer(self, status: int, document: dict[str, object]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"7"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def meeting() -> Iterator[str]:
    _Meeting.together = threading.Barrier(PARTIES)
    with served(_Meeting) as url:
        yield url


def test_all_requests_are_in_flight_together_and_answers_keep_their_order(meeting: str) -> None:
    token = masking.secret("volley-token")
    requests = [
        {"method": "put", "url": meeting, "token": token, "json": {"n": n}, "headers": {"If-Match": '"1"'}}
        for n in range(PARTIES)
    ]
    replies = ProbeLibrary().send_at_once(requests)
    assert [reply.json["n"] for reply in replies] == list(range(PARTIES))
    assert {(reply.status, reply.json["bearer"], reply.json["if_match"]) for reply in replies} == {
        (200, "Bearer volley-token", '"1"')
    }
    assert replies[0].headers["etag"] == '"7"'


def test_an_answer_of_any_status_is_handed_on(meeting: str) -> None:
    [reply] = ProbeLibrary().send_at_once([{"url": f"{meeting}a?b=c"}])
    assert (reply.status, reply.code, reply.json["path"]) == (404, "not_found", "/a?b=c")


def test_who_gets_no_answer_is_told_why_and_holds_nobody_up(meeting: str) -> None:
    dead, alive = ProbeLibrary().send_at_once([{"url": "http://127.0.0.1:9/"}, {"url": meeting}])
    assert (dead.status, alive.status) == (None, 404)
    assert "ConnectionRefusedError" in dead.error
    assert volley.summary([dead, alive]).endswith("1 x 404 not_found")


@pytest.mark.parametrize(
    ("request_", "message"), [({"uri": "x"}, "needs an url; got uri"), ({"method": "GET"}, "got method")]
)
def test_a_request_that_cannot_be_read_is_refused(request_: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ProbeLibrary().send_at_once([request_])


def test_no_requests_prove_nothing() -> None:
    with pytest.raises(ValueError, match="nothing would be proved"):
        ProbeLibrary().send_at_once([])


def test_the_keyword_from_outside_and_no_token_in_what_it_leaves(meeting: str, tmp_path: Path) -> None:
    _Meeting.together = threading.Barrier(3)
    run = run_inner(
        INNER / "probe" / "volley.robot", tmp_path, variables={"MEETING": meeting, "BEARER": "volley-secret-token"}
    )
    run.all_as_declared()
    assert "volley-secret-token" not in run.output + run.log
    assert "3 requests sent within" in run.output
