"""Frontend alone: what it passes on, what it keeps back, and what it does when a service behind it fails."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from services.frontend.replicas import PROBE_TIMEOUT
from tests.services.frontend_bench import Bench, MakeBench, make_bench, within
from tests.services.servers import FRONTEND_CREDENTIAL, SERVICE_TOKEN, StartService, wait_until

ACCESS = {"Cookie": "__Host-access=cookie-token; __Host-login=abc; other=1"}


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


def echoed(answer: httpx.Response) -> tuple[dict[str, str], dict[str, object]]:
    """The headers that arrived (names once), and the rest of the echo."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    names = [name for name, _ in body["headers"]]
    assert len(names) == len(set(names)), f"a header arrived twice: {names}"
    return dict(body["headers"]), body


# --- what goes through


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/auth/google?state=x", {"auth"}),
        ("/users/me", {"auth"}),
        ("/.well-known/jwks.json", {"auth"}),
        ("/api/me", {"one", "two"}),
    ],
)
def test_paths_go_to_their_service(bench: Bench, path: str, service: set[str]) -> None:
    _, body = echoed(bench.http.get(path))
    assert body["name"] in service
    assert str(body["target"]).rstrip("?") == path


def test_replicas_take_turns(bench: Bench) -> None:
    names = [bench.http.get("/api/x").json()["name"] for _ in range(10)]
    assert names.count("one") == names.count("two") == 5


@pytest.mark.parametrize(
    "path",
    ["/admin/sessions", "/internal/sync", "/openapi.json", "/docs", "/auth", "/apis/x", "/control/users/x"],
)
def test_inner_paths_are_not_forwarded(bench: Bench, path: str) -> None:
    for method in ("GET", "POST"):
        answer = bench.http.request(method, path, headers={"Authorization": f"Bearer {SERVICE_TOKEN}"})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "target",
    [
        "/api/../admin/x",
        "/api/%2e%2e/admin/x",
        "/api/%252e%252e/admin/x",
        "/api/..%2fadmin/x",
        "/api//x",
        "/api/a%5c..%5cx",
        "/auth/./../admin/users/x",
    ],
)
def test_a_path_that_could_be_read_in_two_ways_is_refused(bench: Bench, target: str) -> None:
    assert raw_status(bench, f"GET {target} HTTP/1.1") == 400


def raw_status(bench: Bench, request_line: str, *fields: str) -> int:
    """The status for a request that no client library would write."""
    with (
        socket.create_connection(("127.0.0.1", bench.frontend.port), 5) as plain,
        bench.context.wrap_socket(plain, server_hostname="127.0.0.1") as tls,
    ):
        lines = [request_line, "Host: x", "Connection: close", *fields, "", ""]
        tls.sendall("\r\n".join(lines).encode("latin-1"))
        return int(tls.recv(1024).split()[1])


def test_headers_that_only_frontend_writes_are_replaced(bench: Bench) -> None:
    spoofed = {
        "X-Forwarded-For": "9.9.9.9",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "for=9.9.9.9",
        "X-Frontend-Credential": "guess",
        "X-Real-IP": "9.9.9.9",
        "Connection": "X-Secret-Hop, keep-alive",
        "X-Secret-Hop": "1",
        "TE": "trailers",
    }
    arrived, _ = echoed(bench.http.get("/api/x", headers=spoofed))
    assert arrived["x-forwarded-for"] == "127.0.0.1"
    assert arrived["x-forwarded-proto"] == "https"
    assert arrived["x-forwarded-host"] == f"127.0.0.1:{bench.frontend.port}"
    assert arrived["x-frontend-credential"] == FRONTEND_CREDENTIAL
    assert not {"x-forwarded-prefix", "forwarded", "x-real-ip", "x-secret-hop", "te"} & arrived.keys()


def test_ids_go_on_and_come_back(bench: Bench) -> None:
    answer = bench.http.get("/api/x", headers={"X-Request-Id": "request-7", "X-Test-Id": "A Test"})
    arrived, _ = echoed(answer)
    assert arrived["x-request-id"] == answer.headers["x-request-id"] == "request-7"
    assert arrived["x-test-id"] == "A Test"
    arrived, _ = echoed(bench.http.get("/api/x"))
    assert len(arrived["x-request-id"]) == 36


def test_a_fields_bytes_go_on_as_they_came(bench: Bench) -> None:
    arrived, _ = echoed(bench.http.get("/api/x", headers={b"X-Name": "Zoë €".encode()}))
    assert arrived["x-name"].encode("latin-1").decode() == "Zoë €"


def test_of_an_answers_fields_only_end_to_end_ones_come_back(bench: Bench) -> None:
    for path in ("/auth/x", "/api/x"):
        answer = bench.http.get(path)
        assert answer.headers.get_list("set-cookie") == ["__Host-login=abc; Path=/; Secure; HttpOnly; SameSite=Lax"]
        assert "x-hop" not in answer.headers
        assert "server" not in answer.headers
        assert len(answer.headers.get_list("date")) == 1
        assert answer.headers["x-answered-by"]


@pytest.mark.parametrize("status", [201, 302, 404, 412, 429, 500, 503])
def test_a_services_own_status_comes_back(bench: Bench, status: int) -> None:
    assert bench.http.get(f"/api/{status}").status_code == status


def test_bodies_arrive_whole(bench: Bench) -> None:
    body = bytes(range(256)) * 4096
    _, echo = echoed(bench.http.put("/api/x", content=body))
    assert str(echo["body"]).encode("latin-1") == body
    arrived, echo = echoed(bench.http.post("/api/x", content=iter([b"a", b"b"])))
    assert echo["body"] == "ab"
    assert arrived["content-length"] == "2"


def test_a_body_beyond_the_limit_is_refused(bench: Bench) -> None:
    size = (1 << 20) + (64 << 10) + 1
    for content in (b"x" * size, iter([b"x" * size])):
        answer = bench.http.post("/api/x", content=content)
        assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


def test_a_slow_reader_holds_the_service_back(bench: Bench) -> None:
    with bench.http.stream("GET", "/api/stream") as answer:
        pieces = answer.iter_raw()
        next(pieces)
        backends = bench.backends

        def halted() -> bool:
            before = [one.ask()["streamed"] for one in backends]
            return before == [one.ask()["streamed"] for one in backends] and max(map(int, before)) > 0

        wait_until(halted, "the service stops sending")
        assert max(one.ask()["streamed"] for one in backends) < 32 << 20
        received = sum(map(len, pieces))
    assert received > 100 << 20


def test_a_cut_answer_is_seen_to_be_cut(own_bench: MakeBench) -> None:
    bench = own_bench()
    with pytest.raises(httpx.RemoteProtocolError):
        bench.http.get("/api/cut?of=100000")
    with pytest.raises(httpx.RemoteProtocolError):
        bench.http.post("/api/cut")


# --- whose request it is


def test_a_bearer_token_goes_through_unchanged(bench: Bench) -> None:
    arrived, _ = echoed(bench.http.post("/api/x", headers={"Authorization": "Bearer mine", **ACCESS}))
    assert arrived["authorization"] == "Bearer mine"
    assert "cookie" not in arrived


def test_the_cookie_becomes_authorization_and_only_the_login_cookie_goes_to_auth(bench: Bench) -> None:
    arrived, _ = echoed(bench.http.get("/api/x", headers=ACCESS))
    assert arrived["authorization"] == "Bearer cookie-token"
    assert "cookie" not in arrived
    arrived, _ = echoed(bench.http.get("/auth/google/callback", headers=ACCESS))
    assert arrived["cookie"] == "__Host-login=abc"


@pytest.mark.parametrize("origin", [None, "null", "https://evil.test", "same-but-longer", "http://127.0.0.1:8443"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_cookie_does_nothing_unsafe_for_another_origin(bench: Bench, method: str, origin: str | None) -> None:
    if origin == "same-but-longer":
        origin = bench.origin + "0"
    headers = ACCESS | ({"Origin": origin} if origin else {})
    for path in ("/api/unsafe", "/users/me", "/auth/logout"):
        answer = bench.http.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
    assert all("unsafe" not in one.ask()["counts"] for one in bench.backends)


def test_a_cookie_acts_from_the_own_origin(bench: Bench) -> None:
    arrived, _ = echoed(bench.http.post("/api/x", headers={**ACCESS, "Origin": bench.origin}))
    assert arrived["authorization"] == "Bearer cookie-token"


@pytest.mark.parametrize(
    "query", ["access_token=x", "token=x", "a=1&Token=x", "q=eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.c2ln"]
)
def test_a_token_in_the_query_is_refused_and_not_logged(bench: Bench, query: str) -> None:
    answer = bench.http.get(f"/api/x?{query}SECRET")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "SECRET" not in bench.frontend.log()


def test_secrets_are_not_logged(bench: Bench) -> None:
    bench.http.get(
        "/api/x", headers={"Authorization": "Bearer very-secret-token", "Cookie": "__Host-access=cookie-secret"}
    )
    assert "/api/x" in bench.frontend.log()
    assert "very-secret-token" not in bench.frontend.log()
    assert "cookie-secret" not in bench.frontend.log()


# --- when a service fails


def test_a_safe_request_without_an_answer_is_repeated_on_another_replica(own_bench: MakeBench) -> None:
    bench = own_bench()
    for _ in range(2):  # one of two in turn meets the replica that dies
        assert bench.http.get("/api/die?at=one").json()["name"] == "two"
    assert bench.backends[0].process is not None
    assert bench.backends[0].process.wait(5) == 1
    assert bench.ready_backends() == {"two"}


def test_a_small_answer_that_was_cut_is_asked_for_on_another_replica(own_bench: MakeBench) -> None:
    bench = own_bench()
    for _ in range(2):
        assert bench.http.get("/api/cut?at=one").json()["name"] == "two"
    assert bench.backends[0].process is not None
    assert bench.backends[0].process.wait(5) == 1


def test_an_idempotency_key_makes_a_write_repeatable(own_bench: MakeBench) -> None:
    bench = own_bench()
    for _ in range(2):
        answer = bench.http.post("/api/die?at=one", headers={"Idempotency-Key": "k"}, content=b"body")
        assert (answer.json()["name"], answer.json()["body"]) == ("two", "body")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_write_without_an_answer_is_not_repeated(own_bench: MakeBench, method: str) -> None:
    bench = own_bench()
    answer = within(5, lambda: bench.http.request(method, "/api/die"))
    assert (answer.status_code, answer.json()["code"]) == (503, "backend_unavailable")
    wait_until(lambda: len(bench.alive()) < 2, "the replica that was asked has ended")
    assert len(bench.alive()) == 1
    assert "die" not in bench.alive()[0].ask()["counts"]


def test_a_write_that_reached_nobody_goes_to_another_replica(own_bench: MakeBench) -> None:
    bench = own_bench()
    bench.backends[0].end()
    for _ in range(4):
        assert bench.http.post("/api/x").json()["name"] == "two"


def test_without_a_service_the_answer_is_a_quick_503_and_health_says_so(own_bench: MakeBench) -> None:
    bench = own_bench()
    for echo in (bench.auth, *bench.backends):
        echo.end()
    for method, path, code in [
        ("GET", "/api/x", "backend_unavailable"),
        ("POST", "/api/x", "backend_unavailable"),
        ("GET", "/auth/google", "auth_unavailable"),
        ("POST", "/auth/token", "auth_unavailable"),
    ]:
        answer = within(5, lambda method=method, path=path: bench.http.request(method, path))  # type: ignore[misc]
        assert (answer.status_code, answer.json()["code"]) == (503, code)
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["content-type"] == "application/problem+json"
    bench.wait_for(auth="down", backend="down")
    for echo in (bench.auth, *bench.backends):
        echo.start()
    bench.wait_for(auth="up", backend="up")
    assert bench.http.get("/api/x").status_code == 200


def test_a_replica_that_fell_silent_keeps_nobody_waiting(own_bench: MakeBench) -> None:
    bench = own_bench()
    bench.backends[0].signal(signal.SIGSTOP)
    try:
        answers = [within(5, lambda: bench.http.get("/api/x")) for _ in range(2)]
        assert {answer.json()["name"] for answer in answers} == {"two"}
        wait_until(lambda: bench.ready_backends() == {"two"}, "the silent replica is left out")
    finally:
        bench.backends[0].signal(signal.SIGCONT)
    wait_until(lambda: bench.ready_backends() == {"one", "two"}, "it is taken back")


def test_a_write_at_a_silent_service_is_given_up_and_not_repeated(own_bench: MakeBench) -> None:
    bench = own_bench()
    bench.auth.signal(signal.SIGSTOP)
    try:
        answer = within(5, lambda: bench.http.post("/auth/token"))
        assert (answer.status_code, answer.json()["code"]) == (503, "auth_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    finally:
        bench.auth.signal(signal.SIGCONT)
    bench.wait_for(auth="up", backend="up")
    assert bench.auth.ask()["counts"].get("token", 0) <= 1


def test_a_service_that_never_answers_a_write_is_given_up(own_bench: MakeBench) -> None:
    bench = own_bench(UPSTREAM_TIMEOUT="0.5")
    answer = within(3, lambda: bench.http.post("/api/hang"))
    assert (answer.status_code, answer.json()["code"]) == (503, "backend_unavailable")


# --- when a service is only slow, or frontend is


def test_a_service_that_answers_is_not_silent_although_its_health_takes_long(own_bench: MakeBench) -> None:
    bench = own_bench()
    bench.auth.ask("/ail?health=60")
    until = time.monotonic() + 4
    while time.monotonic() < until:
        assert bench.http.get("/auth/x").status_code == 200
    assert bench.dependencies() == {"auth": "up", "backend": "up"}


def test_a_replica_in_doubt_is_asked_before_anybody_is_refused(own_bench: MakeBench) -> None:
    bench = own_bench(UPSTREAM_TIMEOUT="1.5")
    bench.auth.ask("/ail?health=1")
    assert bench.http.get("/auth/falter").status_code == 200
    assert bench.auth.ask()["counts"]["falter"] == 2


def test_a_frontend_that_has_just_started_refuses_nobody_before_it_has_asked(own_bench: MakeBench) -> None:
    bench = own_bench()
    bench.auth.ask("/ail?health=1")
    bench.frontend.kill()
    bench.frontend.start()
    assert bench.http.get("/auth/x").status_code == 200


def test_a_frontend_that_was_held_up_itself_blames_nobody(own_bench: MakeBench) -> None:
    bench = own_bench()
    bench.auth.ask("/ail?health=1")
    asked = bench.auth.ask()["counts"]["health"]
    wait_until(lambda: bench.auth.ask()["counts"]["health"] > asked, "auth is being asked for its health")
    with ThreadPoolExecutor(1) as pool:
        os.kill(bench.frontend.pid, signal.SIGSTOP)
        try:
            answer = pool.submit(bench.http.get, "/auth/x")
            time.sleep(PROBE_TIMEOUT + 1)
        finally:
            os.kill(bench.frontend.pid, signal.SIGCONT)
        assert answer.result().status_code == 200
    assert '"ready": false' not in bench.frontend.log()


# --- malformed input


def test_malformed_requests_get_a_4xx(bench: Bench) -> None:
    assert raw_status(bench, "GET /api/x HTTP/1.1", "Content-Length: abc") == 400
    assert raw_status(bench, "BREW\x00 /api/x HTTP/1.1") == 400
    assert bench.http.get("/api/x", headers={b"Cookie": b'__Host-access="; \xff=;;='}).status_code == 200
    assert raw_status(bench, "GET /api/%ff%00?%zz=%ff HTTP/1.1") < 500


def test_the_page_comes_with_a_strict_policy(bench: Bench) -> None:
    page = bench.http.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert f"wss://127.0.0.1:{bench.frontend.port}" in policy
    assert "<script>" not in page.text
    assert "style=" not in page.text
    for name in ("app.css", "app.js", "icon.svg", "log.js", "session.js", "socket.js", "view.js"):
        file = bench.http.get(f"/assets/{name}")
        assert file.status_code == 200
        again = bench.http.get(f"/assets/{name}", headers={"If-None-Match": file.headers["etag"]})
        assert again.status_code == 304
    assert bench.http.get("/assets/../app.py").status_code == 404
    assert "localStorage" not in "".join(bench.http.get(f"/assets/{n}.js").text for n in ("app", "session", "socket"))


def test_health_is_frontends_own(bench: Bench) -> None:
    health = bench.http.get("/health").json()
    assert (health["service"], health["status"]) == ("frontend", "ready")
    assert "frontend_sockets_open" in bench.http.get("/metrics").text
    assert json.loads(bench.frontend.log().splitlines()[-1])["service"] == "frontend"
