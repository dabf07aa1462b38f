"""Secrets are registered where they come into being: in requests, answers and frames, before anything shows them."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from lockstep import learning, masking, wire
from WebSocketLibrary.journal import Journal, Opcode

from tests.libraries.inner import INNER, run_inner


def made() -> str:
    return secrets.token_urlsafe(32)


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("Authorization", "Bearer {}"),
        ("authorization", "token {}"),
        ("Cookie", "a=b; sid={}; c=d"),
        ("Set-Cookie", "jupyterhub-session-id={}; HttpOnly; Path=/"),
        ("Set-Cookie", '__Host-access="{}"; Secure'),
        ("Location", "https://a.test/back?state=x&code={}"),
        ("Location", "https://a.test/back#access_token={}&n=1"),
        ("X-Auth-Token", "{}"),
    ],
)
def test_header_fields(name: str, template: str) -> None:
    value = made()
    learning.learn_headers([(name, template.format(value))])
    assert masking.mask(f"('x', '{value}')") == "('x', '***')"


@pytest.mark.parametrize(
    "template",
    [
        '{{"data": [{{"refreshToken": "{}"}}]}}',
        '{{"access_token": "{}", "n": 1}}',
        "grant_type=x&refresh_token={}",
        '{{"ticket": "{}"}}',
    ],
)
def test_bodies(template: str) -> None:
    value = made()
    learning.learn_text(template.format(value).encode())
    assert masking.mask(f"{value}!") == "***!"


def test_words_stay_readable() -> None:
    learning.learn_text(
        json.dumps({"token_type": "Bearer-of-tokens", "token_type_hint": "refresh_token", "code": 4001})
    )
    learning.learn_headers([("Cookie", "theme=dark-and-quiet-one"), ("Location", "/a?code=server_error")])
    kept = "Bearer-of-tokens refresh_token dark-and-quiet-one server_error"
    assert masking.mask(kept) == kept


def test_frames_of_sockets() -> None:
    value = made()
    journal = Journal("tab")
    journal.record(Opcode.TEXT, json.dumps({"auth": {"access": value}}).encode(), sent=False)
    assert value not in masking.mask(journal[0].text)


@pytest.fixture
def server() -> Iterator[tuple[str, dict[str, str]]]:
    """A server that hands out a token in its body and another in a cookie."""
    issued = {"refresh_token": made(), "cookie": made(), "second": made()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"refresh_token": issued["refresh_token"]}).encode()
            self.send_response(200)
            self.send_header("Set-Cookie", f"one={issued['cookie']}; Path=/")
            self.send_header("Set-Cookie", f"two={issued['second']}; Expires=Wed, 21 Oct 2037 07:28:00 GMT")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever).start()
        yield f"http://127.0.0.1:{running.server_port}/", issued
        running.shutdown()


@pytest.mark.parametrize("client", ["requests", "wire"])
def test_whatever_a_client_gets(server: tuple[str, dict[str, str]], client: str) -> None:
    url, issued = server
    if client == "requests":
        requests.get(url, timeout=5)
    else:
        connection = wire.connection_to(url, 5)
        connection.request("GET", "/")
        connection.getresponse().read()
        connection.close()
    for value in issued.values():
        assert masking.mask(f"<{value}>") == "<***>"


def test_no_other_listener_sees_a_secret(server: tuple[str, dict[str, str]], tmp_path: Any) -> None:
    url, issued = server
    listener = INNER / "masking" / "Listening.py"
    run = run_inner(
        INNER / "masking" / "listened.robot",
        tmp_path,
        *(f"--listener={listener}:{version}:{tmp_path}/seen-{version}" for version in (2, 3)),
        variables={"URL": url},
    )
    assert run.returncode == 0, run.console
    for version in (2, 3):
        seen = (tmp_path / f"seen-{version}").read_text("utf-8")
        assert "***" in seen
        assert not [name for name, value in issued.items() if value in seen], f"listener of version {version}"
    assert not [name for name, value in issued.items() if value in run.output]
