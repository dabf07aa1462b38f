"""The fork server of the services, spoken to as the host does."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.services.servers import wait_until

ROOT = Path(__file__).resolve().parents[2]
PROVIDER = {
    "SERVICE_TOKEN": "service-token-of-the-tests",
    "FRONTEND_CREDENTIAL": "frontend-credential-of-the-tests",
    "PROVIDER_URL": "http://127.0.0.1:1",
    "PROVIDER_CLIENT_ID": "lockstep",
    "PROVIDER_CLIENT_SECRET": "provider-secret-of-the-tests",
    "PROVIDER_REDIRECT_URIS": "https://127.0.0.1:2/callback",
    "START_ID": "one",
}


class Preloader:
    """The process and our end of its socket."""

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair()
        self.process = subprocess.Popen([sys.executable, "-m", "services.preload"], stdin=theirs.fileno(), cwd=ROOT)
        theirs.close()
        self.socket.settimeout(60)
        self._lines = self.socket.makefile("rb")

    def answer(self, wanted: str) -> dict[str, Any]:
        """The next message that has the entry ``wanted``."""
        while True:
            message: dict[str, Any] = json.loads(self._lines.readline())
            if wanted in message:
                return message

    def ask(self, request: dict[str, Any], listener: socket.socket | None = None) -> dict[str, Any]:
        data = json.dumps(request).encode() + b"\n"
        socket.send_fds(self.socket, [data], [listener.fileno()] if listener else [])
        found = self.answer("id")
        assert found["id"] == request["id"]
        return found

    def close(self) -> None:
        self._lines.close()
        self.socket.close()


@pytest.fixture
def preloader() -> Iterator[Preloader]:
    started = Preloader()
    yield started
    started.close()
    started.process.kill()
    started.process.wait()


def test_a_service_serves_on_the_socket_that_it_was_handed_and_its_end_is_told(
    preloader: Preloader, tmp_path: Path
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    request = {"id": 7, "service": "provider", "env": PROVIDER, "log": str(tmp_path / "log")}
    pid = preloader.ask(request, listener)["pid"]
    with socket.create_connection(listener.getsockname(), timeout=20) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = connection.makefile("rb").read()
    assert b'"start_id":"one"' in answer
    assert f'"pid":{pid}'.encode() in answer
    os.kill(pid, signal.SIGTERM)
    assert preloader.answer("exited") == {"exited": pid, "status": -signal.SIGTERM}
    second = preloader.ask(request | {"id": 8, "env": {}}, listener)["pid"]
    assert preloader.answer("exited") == {"exited": second, "status": 2}
    assert "bad settings" in (tmp_path / "log").read_text()
    listener.close()


def test_an_unknown_service_is_refused(preloader: Preloader) -> None:
    refused = preloader.ask({"id": 1, "service": "cache", "env": {}, "log": "/dev/null"})
    assert refused["error"] == "no service 'cache'; there are auth, provider, backend, frontend"


@pytest.mark.parametrize("how", ["its socket is closed", "it is killed"])
def test_nothing_survives_the_preloader(preloader: Preloader, tmp_path: Path, how: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    request = {"id": 1, "service": "provider", "env": PROVIDER, "log": str(tmp_path / "log")}
    pid = preloader.ask(request, listener)["pid"]
    family = [psutil.Process(pid), *psutil.Process(preloader.process.pid).children()]
    assert len(family) == 3
    if how == "it is killed":
        preloader.process.kill()
    else:
        preloader.close()
    preloader.process.wait(5)
    wait_until(lambda: not any(_runs(process) for process in family), "every process has ended")
    listener.close()


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
