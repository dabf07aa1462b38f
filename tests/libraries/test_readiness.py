"""Each endpoint of a target is asked before the first test; what is wrong with it is said once, and ends the run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from PlatformLibrary import profile, reach
from PlatformLibrary.reach import NotReadyError
from robot.api import ExecutionResult

from tests.deaf import deaf, profile_of
from tests.launcher.launching import launch
from tests.libraries.inner import ROOT, run_inner
from tests.libraries.serving import served
from tests.services.servers import free_port

SUITE = """*** Settings ***
Resource       platform.resource
Suite Setup    Open Shared Platform

*** Test Cases ***
One
    No Operation

Two
    No Operation
"""
Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves one answer at ``/health``, another to handshakes, and 404 beside; returns the URL."""
    with ExitStack() as stack:

        def start(status: int, body: object, kind: str = "application/json", socket: int = 401) -> str:
            class Handler(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    known = {"/health": status, "/ws": socket, "/admin/outbox": 403}
                    text = body if isinstance(body, str) else json.dumps(body)
                    self.send_response(known.get(self.path, 404))
                    self.send_header("Content-Type", kind)
                    self.end_headers()
                    self.wfile.write(text.encode())

                def log_message(self, format: str, *args: Any) -> None:
                    return

            return stack.enter_context(served(Handler)).rstrip("/")

        yield start


def refusal(path: Path) -> list[str]:
    with pytest.raises(NotReadyError) as refused:
        reach.check(profile.load(path))
    return str(refused.value).splitlines()


def one_service(folder: Path, url: str, **more: Any) -> Path:
    path = folder / "mine.yaml"
    entries = {
        "kind": "external",
        "capabilities": [],
        "control": {"adapter": "none"},
        "endpoints": {"auth_url": url},
        **more,
    }
    path.write_text(json.dumps(entries, indent=1))
    return path


@pytest.mark.parametrize(
    ("status", "body", "kind", "line"),
    [
        (404, "<html>no such page</html>", "text/html; charset=utf-8", "answered 404 text/html, wanted 200 JSON"),
        (200, "<html>welcome</html>", "text/html", "answered 200 text/html, wanted 200 JSON"),
        (302, "", "text/plain", "answered 302 text/plain, wanted 200 JSON"),
        (503, {"status": "starting"}, "application/json", "answered 503 application/json, wanted 200 JSON"),
        (200, {}, "application/json", "answered 200 JSON without a protocol, wanted protocol 1"),
        (200, {"protocol": 2}, "application/json", "answered protocol 2, wanted 1: use the suites of that version"),
        (
            200,
            {"protocol": 1, "service": "backend"},
            "application/json",
            "answered as service 'backend', wanted 'auth'",
        ),
    ],
)
def test_a_service_that_answers_otherwise_is_told_so(
    serve: Serve, tmp_path: Path, status: int, body: object, kind: str, line: str
) -> None:
    url = serve(status, body, kind)
    first, second, *_ = refusal(one_service(tmp_path, url))
    assert first == "target 'mine' is not ready:"
    assert second.startswith(f"{tmp_path}/mine.yaml:8: GET {url}/health {line}")


def test_a_service_that_is_away_or_silent_is_told_from_one_that_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    assert f"GET {dead}/health got no answer: [Errno 111] Connection refused" in refusal(one_service(tmp_path, dead))[1]
    monkeypatch.setattr(reach, "_TIMEOUT", 0.2)
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as silent:
        url = f"http://127.0.0.1:{silent.server_port}"
        assert "/health got no answer: nothing came within 0.2 s" in refusal(one_service(tmp_path, url))[1]


def test_a_platform_that_is_as_its_profile_says_is_ready(tmp_path: Path) -> None:
    with deaf() as urls:
        assert reach.check(profile.load(profile_of(urls, tmp_path))) == {}


def test_every_endpoint_is_asked_and_all_that_is_wrong_is_said_at_once(serve: Serve, tmp_path: Path) -> None:
    away = serve(404, "no such page", "text/plain", socket=404)
    with deaf() as urls:
        whole = {**urls, "backend-2": away, "provider": away}
        lines = refusal(profile_of(whole, tmp_path))
        assert [line.partition(": ")[2] for line in lines[1:-1]] == [
            f"GET {away}/health answered 404 text/plain, wanted 200 JSON",
            f"GET {away.replace('http', 'ws')}/ws answered 404 text/plain to a handshake without a token, wanted 401: "
            "correct this line",
            f"GET {away}/health answered 404 text/plain, wanted 200 JSON",
        ]
        assert lines[-1].startswith("Is it the right address")
        twice = {**urls, "backend-2": urls["backend-1"].replace("127.0.0.1", "localhost")}
        assert "'backend-1' answers here and at another of them" in refusal(profile_of(twice, tmp_path))[1]


def test_a_health_elsewhere_or_nowhere_is_as_the_profile_says(serve: Serve, tmp_path: Path) -> None:
    url = serve(200, {"protocol": 1})
    for path, ready in (("/health", True), ("/healthz", False), (None, True)):
        mine = one_service(tmp_path, url, mapping={"paths": {"health": path}})
        if ready:
            assert reach.check(profile.load(mine)) == {}
        else:
            assert f"GET {url}/healthz answered 404" in refusal(mine)[1]


def test_a_credential_or_file_that_is_of_no_use_is_said_with_its_line(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_CREDENTIAL", "wrong")
    url = serve(200, {"protocol": 1})
    mine = one_service(tmp_path, url, service_token_env="MY_CREDENTIAL", capabilities=["session.admin"])
    assert f"mine.yaml:12: GET {url}/admin/outbox answered 403 application/json to the service" in refusal(mine)[1]
    mine = one_service(tmp_path, url, endpoints={"auth_url": "https://127.0.0.1:1", "ca_file": "no/ca.pem"})
    assert refusal(mine)[1:] == [
        f"{tmp_path}/mine.yaml:9: {tmp_path}/no/ca.pem cannot be read: No such file or directory; correct this line"
    ]


@pytest.mark.req("H10")
def test_a_target_that_is_not_ready_is_refused_once_before_any_suite(tmp_path: Path) -> None:
    suites = tmp_path / "suites"
    suites.mkdir()
    for name in ("a", "b", "c"):
        (suites / f"{name}.robot").write_text(SUITE)
    with deaf(healthy=False) as urls:
        target = profile_of(urls, tmp_path)
        launched = launch(suites, tmp_path / "results", "--target", str(target))
        plain = run_inner(suites, tmp_path, "--pythonpath", str(ROOT / "resources"), variables={"TARGET": str(target)})
    told = f"GET {urls['auth']}/health answered 200 JSON without a protocol, wanted protocol 1"
    assert launched.code == 2
    assert launched.output.count(told) == 1
    assert "No suite was started: target 'deaf' is not ready:" in launched.output
    assert not (tmp_path / "results").exists()
    tests = list(ExecutionResult(plain.directory / "output.xml").suite.all_tests)
    first = f"GET {urls['backend-1']}/health answered 200 JSON without a protocol, wanted protocol 1 (and "
    assert [(test.parent.name, test.status) for test in tests if first in test.message] == [("A", "FAIL")] * 2
    assert {test.message for test in tests[2:]} == {"Test execution stopped due to a fatal error."}
    assert plain.output.count('type="SETUP"') == 1
    assert plain.console.count("Suite setup failed:\ntarget 'deaf' is not ready:\n") == 1
