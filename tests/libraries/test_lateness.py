"""What was only late, on a machine that was away, is no failure of the platform."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from lockstep.causes import is_unknown
from lockstep.lateness import excused
from lockstep.machine import Waiting
from RequestsLibrary import RequestsLibrary

AWAY, THERE = Waiting(12.0, 8.1), Waiting(12.0, 5.9)
LATE = [
    "Url: https://127.0.0.1:2000/api/me Expected status: 503 != 200",
    "ReadTimeout: HTTPSConnectionPool(host='127.0.0.1', port=2000): Read timed out. (read timeout=30)",
    "No socket opened: the handshake with wss://127.0.0.1:2000/ws got no answer within 30 s",
    "the loser of a conflict is not told (status, code): (503, 'backend_unavailable', 0) != (412, 'late', 5)",
    "sign_up did not succeed: POST http://127.0.0.1:2000/users was answered with 503, {}",
    'deliveries were not taken: [(503, \'{"code":"database_unavailable"}\')]',
    "ID token with nonce another: expected error 'server_error' and no code, got error 'temporarily_unavailable'",
    "the login ends with an error: temporarily_unavailable != None",
    "CallError: POST /api/conversations was answered by backend with 503 database_unavailable: {}",
]
WRONG = [
    "Url: https://127.0.0.1:2000/api/me Expected status: 500 != 200",
    "Url: https://127.0.0.1:2000/api/me Expected status: 200 != 503",
    "No socket opened: the handshake was refused with 401 Unauthorized",
    "the loser of a conflict is not told (status, code): (412, 'version_conflict') != (503, 'backend_unavailable')",
    "503 messages are stored, not 600",
    "auth sees another user",
]


class Unavailable(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(503)


@pytest.mark.parametrize("message", LATE)
def test_a_limit_of_time_was_missed_by_the_machine(message: str) -> None:
    found = excused(message, AWAY)
    assert found == f"UNKNOWN: {message}\nthe machine was busy: 8.1 of 12.0 s waiting for a processor"
    assert is_unknown(found)
    assert excused(message, THERE) == message


@pytest.mark.parametrize("message", WRONG)
def test_whatever_else_is_wrong_is_wrong_on_any_machine(message: str) -> None:
    assert excused(message, AWAY) == message


def test_requests_library_says_first_what_it_got() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Unavailable) as server, ThreadPoolExecutor() as threads:
        threads.submit(server.serve_forever)
        try:
            with pytest.raises(AssertionError) as late:
                RequestsLibrary().session_less_get(f"http://127.0.0.1:{server.server_port}/", expected_status="200")
        finally:
            server.shutdown()
    assert is_unknown(excused(str(late.value), AWAY)), late.value


def test_one_real_failure_is_enough() -> None:
    both = f"Several failures occurred:\n\n1) {LATE[0]}\n\n2) {WRONG[3]}"
    assert excused(both, AWAY) == both
    late = f"Several failures occurred:\n\n1) {LATE[0]}\n\n2) UNKNOWN: the token expired before its use"
    assert is_unknown(excused(late, AWAY))
    assert not is_unknown(excused(late, THERE))


def test_a_setup_that_was_late_judges_nothing() -> None:
    assert is_unknown(excused(f"Parent suite setup failed:\n{LATE[1]}", AWAY))


def test_the_first_line_of_a_cause_decides() -> None:
    shown = "the answers are out of order\nlast seen: 503, ReadTimeout"
    assert excused(shown, AWAY) == shown
