"""A line at level error means that a service is at fault: whatever a client does wrong writes none."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.services.platform_bench import Platform, start_platform
from tests.services.servers import FRONTEND_CREDENTIAL, ROOT, MakeDatabase, Servers, Service, StartService

LOUD = ("error", "critical")
RESET = struct.pack("ii", 1, 0)
SERVICES = ("auth", "backend-1", "frontend", "provider")
HOST = b"Host: x\r\n"
HANDSHAKE = HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
KEY = b"Sec-WebSocket-Key: " + base64.b64encode(b"0123456789abcdef") + b"\r\n"
LONG = b"x" * (200 << 10)
LOGIN_FAILURES = 20


@pytest.fixture(scope="module")
def platform(
    start_module_service: StartService,
    servers: Servers,
    make_database: MakeDatabase,
    tmp_path_factory: pytest.TempPathFactory,
) -> Platform:
    """One for all: no mistake of a client harms the next."""
    return start_platform(
        start_module_service,
        servers,
        make_database,
        tmp_path_factory.mktemp("platform"),
        LOGIN_FAILURE_LIMIT=str(LOGIN_FAILURES),
    )


def service_of(platform: Platform, name: str) -> Service:
    """The service of that name."""
    named = {"backend-1": platform.backends[0], "backend-2": platform.backends[1]}
    return named[name] if name in named else getattr(platform, name)


def all_services(platform: Platform) -> list[Service]:
    """Every process of the platform."""
    return [platform.provider, platform.auth, *platform.backends, platform.frontend]


def loud_lines(platform: Platform) -> list[str]:
    """Lines at level error, and those that are no JSON, such as a traceback's."""
    return [
        f"{service.name}: {line}"
        for service in all_services(platform)
        for line in service.log().splitlines()
        if level_of(line) in LOUD
    ]


def level_of(line: str) -> str:
    try:
        return str(json.loads(line)["level"])
    except (ValueError, KeyError, TypeError):
        return "error"


class Client:
    """A client that sends whatever bytes it likes; it ends its connection at once."""

    def __init__(self, platform: Platform, name: str) -> None:
        service = service_of(platform, name)
        self.socket: socket.socket = socket.create_connection(("127.0.0.1", service.port), timeout=10)
        if service.scheme == "https":
            self.socket = platform.context.wrap_socket(self.socket, server_hostname="127.0.0.1")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self) -> bytes:
        """What has come, at least one byte; nothing where the service has closed."""
        try:
            return self.socket.recv(1 << 16)
        except (ConnectionError, ssl.SSLEOFError):
            return b""

    def reads(self, wanted: bytes) -> bool:
        """Whether ``wanted`` comes before the end; a service waits longer for its peer's close frame than we do."""
        data = b""
        while wanted not in data and (more := self.read()):
            data += more
        return wanted in data

    def reset(self) -> None:
        """Ends the connection by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()

    def close(self) -> None:
        self.socket.close()


@pytest.fixture(autouse=True)
def no_error_lines(platform: Platform) -> Iterator[None]:
    """No test leaves an error line, and none that came late to the one before."""
    before = loud_lines(platform)
    yield
    for service in all_services(platform):
        ask_health(platform, service)
    assert [line for line in loud_lines(platform) if line not in before] == []


def ask_health(platform: Platform, service: Service) -> None:
    """Whoever answers has done all that it was sent before."""
    verify: Any = platform.context if service.scheme == "https" else False
    assert httpx.get(f"{service.url}/health", verify=verify).status_code == 200


REFUSED = {
    "no HTTP": (b"\x16\x03\x01 no HTTP at all\r\n\r\n", b"400"),
    "no such path": (b"GET /nowhere HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", b"40"),
    "method": (b"PATCH /health HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", b"405"),
    "field without colon": (b"GET /health HTTP/1.1\r\n" + HOST + b"nonsense\r\n\r\n", b"400"),
    "two lengths": (b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", b"400"),
    "length that is no number": (b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: ten\r\n\r\n", b"400"),
    "chunk that is none": (b"POST /x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"40"),
    "too large": (b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999\r\nConnection: close\r\n\r\n", b"4"),
    "upgrade to h2c": (b"GET /x HTTP/1.1\r\n" + HOST + b"Connection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n", b"4"),
}


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("mistake", REFUSED)
def test_a_request_that_cannot_be_served(platform: Platform, name: str, mistake: str) -> None:
    data, status = REFUSED[mistake]
    with closing(Client(platform, name)) as client:
        client.send(data)
        answer = client.read()
    assert answer.split(b" ")[1].startswith(status), answer[:200]


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("reset", [True, False])
def test_an_upload_that_is_broken_off(platform: Platform, name: str, reset: bool) -> None:
    client = Client(platform, name)
    path = {"auth": b"/auth/login", "provider": b"/token"}.get(name, b"/api/conversations")
    length = b"Content-Type: application/json\r\nContent-Length: 1000\r\n"
    client.send(b"POST " + path + b" HTTP/1.1\r\n" + HOST + length + b'\r\n{"a":')
    client.reset() if reset else client.close()


@pytest.mark.parametrize("name", SERVICES)
def test_an_answer_that_nobody_reads(platform: Platform, name: str) -> None:
    client = Client(platform, name)
    client.send((b"GET /metrics HTTP/1.1\r\n" + HOST + b"\r\n") * 50)
    client.reset()


OPENINGS = {
    "no token": (KEY, b"401"),
    "token that is none": (KEY + b"Authorization: Bearer nonsense\r\n", b"401"),
    "foreign origin": (KEY + b"Origin: https://evil.example\r\n", b"403"),
    "no key": (b"", b"400"),
    "key that is none": (b"Sec-WebSocket-Key: short\r\n", b"400"),
    "too long": (KEY + b"X-Long: " + LONG + b"\r\n", b"4"),
}


@pytest.mark.parametrize("name", ["backend-1", "frontend"])
@pytest.mark.parametrize("mistake", OPENINGS)
def test_a_handshake_that_is_refused(platform: Platform, name: str, mistake: str) -> None:
    fields, status = OPENINGS[mistake]
    with closing(Client(platform, name)) as client:
        client.send(b"GET /ws HTTP/1.1\r\n" + HANDSHAKE + fields + b"\r\n")
        answer = client.read()
    assert answer.split(b" ")[1].startswith(status), answer[:200]


@pytest.mark.parametrize("name", ["backend-1", "frontend"])
def test_a_token_in_the_query_of_a_handshake(platform: Platform, name: str) -> None:
    with closing(Client(platform, name)) as client:
        client.send(b"GET /ws?access_token=x HTTP/1.1\r\n" + HANDSHAKE + KEY + b"\r\n")
        assert client.read().startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("name", ["backend-1", "frontend"])
def test_a_handshake_that_is_given_up(platform: Platform, name: str) -> None:
    client = Client(platform, name)
    client.send(b"GET /ws HTTP/1.1\r\n" + HANDSHAKE + KEY + b"Authorization: Bearer " + token(platform) + b"\r\n\r\n")
    client.reset()


def token(platform: Platform) -> bytes:
    """An access token of a new user."""
    login = {"email": f"{os.urandom(6).hex()}@example.test", "name": "N", "password": "a long password"}
    assert httpx.post(f"{platform.auth.url}/auth/signup", json=login).status_code == 201
    answer = httpx.post(f"{platform.auth.url}/auth/login", json=login)
    return str(answer.json()["access_token"]).encode()


def opened(platform: Platform, name: str) -> Client:
    """An open socket that has been welcomed."""
    client = Client(platform, name)
    client.send(b"GET /ws HTTP/1.1\r\n" + HANDSHAKE + KEY + b"Authorization: Bearer " + token(platform) + b"\r\n\r\n")
    seen = b""
    while b"welcome" not in seen:
        seen += client.read()
    return client


def frame(opcode: int, payload: bytes, *, masked: bool = True, first: int = 0x80) -> bytes:
    """A frame of RFC 6455 §5.2, masked with zeros."""
    mark = 0x80 if masked else 0
    size = len(payload)
    length = struct.pack("!B", mark | size) if size < 126 else struct.pack("!BQ", mark | 127, size)
    return bytes([first | opcode]) + length + (bytes(4) if masked else b"") + payload


FRAMES = {
    "text that is no UTF-8": (frame(1, b"a\xc3("), 1007),
    "not masked": (frame(1, b"{}", masked=False), 1002),
    "reserved opcode": (frame(3, b"x"), 1002),
    "reserved bits": (frame(1, b"{}", first=0xF0), 1002),
    "ping of 126 bytes": (frame(9, b"x" * 126), 1002),
    "continuation of nothing": (frame(0, b"x"), 1002),
    "close code that is none": (frame(8, struct.pack("!H", 999)), 1002),
    "close reason that is no UTF-8": (frame(8, struct.pack("!H", 1000) + b"\xc3("), 1007),
    "binary": (frame(2, b"x"), 1003),
    "too large": (frame(1, b" " * (65 << 10)), 1009),
    "three that are no JSON": (frame(1, b"nonsense") * 3, 1008),
}


@pytest.mark.parametrize("name", ["backend-1", "frontend"])
@pytest.mark.parametrize("mistake", FRAMES)
def test_frames_that_end_a_socket(platform: Platform, name: str, mistake: str) -> None:
    data, code = FRAMES[mistake]
    with closing(opened(platform, name)) as client:
        client.send(data)
        assert client.reads(struct.pack("!H", code))


@pytest.mark.parametrize("name", ["backend-1", "frontend"])
@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"type": "no.such", "payload": {}}, "unknown_type"),
        ({"type": "resume", "payload": {"positions": 7}}, "invalid_frame"),
        ({"type": "subscribe", "payload": {"conversation_id": "00000000-0000-4000-8000-000000000000"}}, "not_found"),
        ({"type": "reauth", "payload": {"token": "nonsense"}}, "token_invalid"),
    ],
)
def test_a_frame_that_is_refused(platform: Platform, name: str, sent: dict[str, Any], code: str) -> None:
    with closing(opened(platform, name)) as client:
        client.send(frame(1, json.dumps(sent).encode()))
        assert code.encode() in client.read()


@pytest.mark.parametrize("name", ["backend-1", "frontend"])
@pytest.mark.parametrize("reset", [True, False])
def test_a_socket_that_ends_without_a_word(platform: Platform, name: str, reset: bool) -> None:
    client = opened(platform, name)
    client.send(frame(1, b'{"type": "ping", "payload": {}}') * 20)
    client.reset() if reset else client.close()


def test_a_client_that_speaks_no_tls(platform: Platform) -> None:
    with closing(socket.create_connection(("127.0.0.1", platform.frontend.port), timeout=10)) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        while client.recv(1 << 16):
            pass


def test_a_client_that_does_not_trust_the_certificate(platform: Platform) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{platform.frontend.url}/health")


def test_a_tls_handshake_that_is_broken_off(platform: Platform) -> None:
    for how in (b"", b"\x16\x03\x01"):
        client = socket.create_connection(("127.0.0.1", platform.frontend.port), timeout=10)
        client.sendall(how)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()


LOGINS: dict[str, Callable[[str], httpx.Response]] = {
    "no JSON": lambda url: httpx.post(url, content=b"{", headers={"Content-Type": "application/json"}),
    "no UTF-8": lambda url: httpx.post(url, content=b'"\xff"', headers={"Content-Type": "application/json"}),
    "a list": lambda url: httpx.post(url, json=[]),
    "deep": lambda url: httpx.post(url, content=b"[" * 9999, headers={"Content-Type": "application/json"}),
    "wrong password": lambda url: httpx.post(url, json={"email": "a@b.test", "password": "not the password"}),
    "a NUL": lambda url: httpx.post(url, json={"email": "a\0@b.test", "password": "not the password"}),
    "a lone surrogate": lambda url: httpx.post(
        url, content=rb'{"email": "\ud800@b.test", "password": "x"}', headers={"Content-Type": "application/json"}
    ),
}


@pytest.mark.parametrize("mistake", LOGINS)
def test_a_login_that_is_refused(platform: Platform, mistake: str) -> None:
    assert 400 <= LOGINS[mistake](f"{platform.auth.url}/auth/login").status_code < 500


def test_a_flood_of_wrong_passwords(platform: Platform) -> None:
    wrong = {"email": "flood@b.test", "password": "not the password"}
    fields = {"X-Frontend-Credential": FRONTEND_CREDENTIAL, "X-Forwarded-For": "10.0.0.9"}
    url = f"{platform.auth.url}/auth/login"
    statuses = [httpx.post(url, json=wrong, headers=fields).status_code for _ in range(LOGIN_FAILURES + 1)]
    assert statuses == [401] * LOGIN_FAILURES + [429]


def provider_of(start_service: StartService) -> Any:
    url = "https://127.0.0.1:8443"
    client = {"PROVIDER_CLIENT_ID": "lockstep", "PROVIDER_CLIENT_SECRET": "provider-secret-of-the-tests"}
    env = {**client, "PROVIDER_URL": url, "PROVIDER_REDIRECT_URIS": f"{url}/auth/google/callback"}
    return start_service("provider", env)


def until_closed(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_stop_answers_an_upload_that_does_not_end(start_service: StartService, number: signal.Signals) -> None:
    provider = provider_of(start_service)
    with closing(socket.create_connection(("127.0.0.1", provider.port), timeout=10)) as uploading:
        form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\nExpect: 100-continue\r\n"
        uploading.sendall(b"POST /token HTTP/1.1\r\n" + HOST + form + b"\r\n")
        assert b"100 Continue" in uploading.recv(1 << 16)
        provider.process.send_signal(number)
        answer = until_closed(uploading).lower()
        provider.process.wait(20)
    assert answer.startswith(b"http/1.1 503 ")
    assert b"\r\nretry-after: 1\r\n" in answer
    assert b"provider_unavailable" in answer
    entries = [json.loads(line) for line in provider.log().splitlines()]
    assert [entry for entry in entries if entry["level"] in LOUD or "exception" in entry] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
@pytest.mark.parametrize("ends", [True, False])
def test_a_stop_answers_a_head_that_has_begun(start_service: StartService, number: signal.Signals, ends: bool) -> None:
    provider = provider_of(start_service)
    with closing(socket.create_connection(("127.0.0.1", provider.port), timeout=10)) as asking:
        asking.sendall(b"GET /health HTTP/1.1\r\n" + HOST[:-2])
        with closing(socket.create_connection(("127.0.0.1", provider.port), timeout=10)) as idle:
            idle.sendall(b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n")
            assert b"200 OK" in idle.recv(1 << 16)
            provider.process.send_signal(number)
            until_closed(idle)
        if ends:
            asking.sendall(b"\r\n\r\n")
        answer = until_closed(asking).lower()
        provider.process.wait(20)
    assert answer.startswith(b"http/1.1 200 " if ends else b"http/1.1 503 ")
    assert b"\r\nconnection: close\r\n" in answer


def logged_by(code: str) -> dict[str, Any]:
    """The line that ``code`` writes in a process that logs as a service does."""
    setup = "import logging, structlog\nfrom services.common import logs\nlogs.configure('auth', 'auth-1', 'info')\n"
    done = subprocess.run([sys.executable, "-c", setup + code], cwd=ROOT, capture_output=True, text=True, check=True)
    line: dict[str, Any] = json.loads(done.stderr)
    return line


def test_an_unforeseen_exception_is_an_error() -> None:
    entry = logged_by(
        "try:\n    1 / 0\n"
        "except ZeroDivisionError:\n    logging.getLogger('uvicorn.error').exception('Exception in ASGI application')"
    )
    assert entry["level"] == "error"
    assert "ZeroDivisionError" in entry["exception"]


def test_a_code_is_no_secret_and_a_token_is_one() -> None:
    entry = logged_by("logs.logger().info('socket_refused', code='token_expired', refresh_token='abc')")
    assert (entry["code"], entry["refresh_token"]) == ("token_expired", "***")
