"""WebSockets through frontend: handshakes, close codes, pressure, and losses on either side."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from tests.services.frontend_bench import Bench, MakeBench, make_bench
from tests.services.servers import FRONTEND_CREDENTIAL, StartService, wait_until


@pytest.fixture(scope="module")
def bench(start_module_service: StartService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Shared by the tests that break nothing."""
    with ExitStack() as cleanup:
        yield make_bench(start_module_service, tmp_path_factory.mktemp("tls"), cleanup, {})


@pytest.fixture
def own_bench(start_service: StartService, tmp_path: Path) -> Iterator[MakeBench]:
    """For tests that break what stands behind frontend."""
    with ExitStack() as cleanup:
        yield lambda **env: make_bench(start_service, tmp_path, cleanup, env)


def arrived(connection: ClientConnection) -> dict[str, str]:
    """The handshake's headers as the service saw them."""
    headers: dict[str, str] = json.loads(connection.recv(5))["headers"]
    return headers


def closed_with(connection: ClientConnection) -> tuple[int, str]:
    """The close code and reason that come after all messages."""
    with pytest.raises(ConnectionClosed) as caught:
        read_to_the_end(connection)
    assert caught.value.rcvd is not None, "the connection was lost without a close frame"
    return caught.value.rcvd.code, caught.value.rcvd.reason


def read_to_the_end(connection: ClientConnection) -> None:
    """Receive until the connection is closed, which raises."""
    while True:
        connection.recv(5)


def closed_counts(bench: Bench) -> dict[str, int]:
    """How the service saw its sockets end."""
    counts: dict[str, int] = {}
    for one in bench.backends:
        for name, count in one.ask()["counts"].items():
            if name.startswith("closed-"):
                counts[name] = counts.get(name, 0) + count
    return counts


def refusal(bench: Bench, query: str = "", **options: Any) -> tuple[int, dict[str, Any], Headers]:
    """Status, body and headers of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as caught:
        bench.socket(query, **options)
    response = caught.value.response
    assert response.body is not None
    return response.status_code, json.loads(response.body), response.headers


def test_messages_pass_both_ways_in_order(bench: Bench) -> None:
    with bench.socket(subprotocols=["chat.v1"]) as connection:
        arrived(connection)
        sent: list[str | bytes] = [*(f"{number} ä€𝄞" for number in range(200)), b"\x00\xff" * 100, "x" * 65000]
        for message in sent:
            connection.send(message)
        assert [connection.recv(5) for _ in sent] == sent


def test_a_fragmented_message_arrives_whole(bench: Bench) -> None:
    with bench.socket() as connection:
        arrived(connection)
        connection.send(["one ", "two ", "three"])
        assert connection.recv(5) == "one two three"


def test_subprotocols_go_up_and_the_chosen_one_comes_back(bench: Bench) -> None:
    with bench.socket(subprotocols=["chat.v1", "bearer.a.b.c"]) as connection:
        assert connection.subprotocol == "chat.v1"
        assert arrived(connection)["sec-websocket-protocol"].replace(" ", "") == "chat.v1,bearer.a.b.c"


def test_the_handshake_carries_identity_and_ids(bench: Bench) -> None:
    fields = {
        "Cookie": "__Host-access=cookie-token; __Host-refresh=r",
        "X-Frontend-Credential": "guess",
        "X-Forwarded-For": "9.9.9.9",
        "X-Test-Id": "the test",
    }
    with bench.socket("?client_id=7", additional_headers=fields) as connection:
        headers = arrived(connection)
    assert headers["authorization"] == "Bearer cookie-token"
    assert "cookie" not in headers
    assert headers["x-frontend-credential"] == FRONTEND_CREDENTIAL
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-test-id"] == "the test"
    assert headers["x-request-id"]


@pytest.mark.parametrize(
    "options", [{"additional_headers": {"Authorization": "Bearer own"}}, {"subprotocols": ["bearer.x"]}]
)
def test_a_token_of_its_own_wins_over_the_cookie(bench: Bench, options: dict[str, Any]) -> None:
    options["additional_headers"] = {"Cookie": "__Host-access=cookie-token"} | options.get("additional_headers", {})
    with bench.socket(**options) as connection:
        assert arrived(connection).get("authorization") in (None, "Bearer own")


@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_a_refused_handshake_comes_back_as_it_was(bench: Bench, status: int) -> None:
    code, body, headers = refusal(bench, f"?refuse={status}")
    assert (code, body) == (status, {"code": "token_expired"})
    assert headers["WWW-Authenticate"] == 'Bearer realm="lockstep", error="invalid_token"'
    assert headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("origin", ["https://evil.test", "null", "PUBLIC0", "http://127.0.0.1", ""])
def test_another_origin_is_refused(bench: Bench, origin: str) -> None:
    origin = origin.replace("PUBLIC", bench.origin)
    code, body, _ = refusal(bench, additional_headers={"Origin": origin})
    assert (code, body["code"]) == (403, "origin_not_allowed")


def test_the_own_origin_and_no_origin_are_let_in(bench: Bench) -> None:
    with bench.socket(origin=bench.origin) as connection:
        assert arrived(connection)["origin"] == bench.origin
    with bench.socket() as connection:
        assert "origin" not in arrived(connection)


@pytest.mark.parametrize("query", ["?token=x", "?client_id=1&access_token=x", "?a=eyJhbGciOiJub25lIn0.eyJhIjoxfQ."])
def test_a_token_in_the_query_is_refused(bench: Bench, query: str) -> None:
    code, body, _ = refusal(bench, query)
    assert (code, body["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("code", [1000, 1008, 1009, 1011, 1012, 4001, 4003, 4008, 4009, 4010, 4029])
def test_the_services_close_code_reaches_the_client(bench: Bench, code: int) -> None:
    with bench.socket(f"?close={code}&reason=why") as connection:
        assert closed_with(connection) == (code, "why")


@pytest.mark.parametrize("code", [1000, 1001, 4321])
def test_the_clients_close_code_reaches_the_service(bench: Bench, code: int) -> None:
    before = closed_counts(bench).get(f"closed-{code}", 0)
    with bench.socket() as connection:
        arrived(connection)
        connection.close(code)
    wait_until(lambda: closed_counts(bench).get(f"closed-{code}", 0) == before + 1, f"the service saw {code}")


def test_a_client_that_vanishes_is_going_away(bench: Bench) -> None:
    before = closed_counts(bench).get("closed-1001", 0)
    with bench.socket() as connection:
        arrived(connection)
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.socket.close()
    wait_until(lambda: closed_counts(bench).get("closed-1001", 0) == before + 1, "the service's socket ended")


def test_a_lost_service_is_a_restart_and_the_next_socket_finds_another(own_bench: MakeBench) -> None:
    bench = own_bench()
    with bench.socket() as connection:
        name = json.loads(connection.recv(5))["name"]
        connection.send("die")
        assert closed_with(connection) == (1012, "")
    for _ in range(3):
        with bench.socket() as connection:
            assert json.loads(connection.recv(5))["name"] != name


def test_without_a_service_the_handshake_is_a_503(own_bench: MakeBench) -> None:
    bench = own_bench()
    for echo in bench.backends:
        echo.end()
    code, body, headers = refusal(bench)
    assert (code, body["code"]) == (503, "backend_unavailable")
    assert int(headers["Retry-After"]) >= 1


def test_frontends_own_restart_closes_both_sides(own_bench: MakeBench) -> None:
    bench = own_bench()
    with bench.socket() as connection:
        arrived(connection)
        assert bench.frontend.stop() in (0, -15)
        assert closed_with(connection)[0] == 1012
    wait_until(lambda: closed_counts(bench) == {"closed-1001": 1}, "the service's socket ended")
    assert "Traceback" not in bench.frontend.log()


def test_a_frame_that_is_too_big_is_closed_with_1009(bench: Bench) -> None:
    with bench.socket() as connection:
        arrived(connection)
        connection.send("x" * ((64 << 10) + 1))
        assert closed_with(connection)[0] == 1009


def test_a_client_that_does_not_read_holds_the_service_back(bench: Bench) -> None:
    with bench.socket(max_queue=1) as connection:
        name = json.loads(connection.recv(5))["name"]
        service = next(one for one in bench.backends if one.name == name)
        connection.send("flood")

        def halted() -> bool:
            before = service.ask()["streamed"]
            return int(before) > 0 and before == service.ask()["streamed"]

        wait_until(halted, "the service stops sending")
        assert service.ask()["streamed"] < 32 << 20
        for _ in range(4000):
            assert len(connection.recv(10)) == 32768
        assert connection.recv(5) == "flood"


def test_open_sockets_are_counted(bench: Bench) -> None:
    def count() -> float:
        line = next(
            line for line in bench.http.get("/metrics").text.splitlines() if line.startswith("frontend_sockets_open ")
        )
        return float(line.split()[1])

    wait_until(lambda: count() == 0, "no socket is left of the tests before")
    with bench.socket() as connection:
        arrived(connection)
        assert count() == 1
    wait_until(lambda: count() == 0, "the socket is gone")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_handshake_under_way_when_frontend_stops_is_finished(own_bench: MakeBench, number: signal.Signals) -> None:
    bench = own_bench()
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(bench.socket, "?late=1.5")
        wait_until(lambda: any("late" in one.ask()["counts"] for one in bench.backends), "the handshake is under way")
        os.kill(bench.frontend.pid, number)
        connection = opening.result()
    with connection:
        assert closed_with(connection)[0] == 1012
