"""A real frontend before services that misbehave on request, and a client that trusts its certificate."""

from __future__ import annotations

import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import trustme
from websockets.sync.client import ClientConnection, connect

from tests.services.servers import ROOT, Service, StartService, free_port, wait_until

MakeBench = Callable[..., "Bench"]


@dataclass
class Echo:
    """One process of ``upstream_server``."""

    name: str
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, or start again on the same port, and wait until it listens."""
        arguments = [sys.executable, "-m", "tests.services.upstream_server", str(self.port), self.name]
        self.process = subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.DEVNULL)
        wait_until(self._listens, f"{self.name} listens")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def end(self) -> None:
        """SIGKILL, if it still runs."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)

    def ask(self, path: str = "/") -> dict[str, Any]:
        """Its echo, past frontend."""
        answer: dict[str, Any] = httpx.get(self.url + path, timeout=5).json()
        return answer


@dataclass
class Bench:
    """Frontend, what stands behind it, and a client."""

    frontend: Service
    auth: Echo
    backends: list[Echo]
    context: ssl.SSLContext
    http: httpx.Client

    @property
    def origin(self) -> str:
        """The one public origin."""
        return self.frontend.url

    def socket(self, query: str = "", **options: Any) -> ClientConnection:
        """A WebSocket through frontend."""
        url = f"wss://127.0.0.1:{self.frontend.port}/ws{query}"
        opened: ClientConnection = connect(url, ssl=self.context, compression=None, open_timeout=10, **options)
        return opened

    def dependencies(self) -> dict[str, str]:
        """What frontend's health says of the services behind it."""
        found: dict[str, str] = self.http.get("/health").json()["dependencies"]
        return found

    def wait_for(self, **wanted: str) -> None:
        """Until frontend's health says ``wanted``."""
        wait_until(lambda: self.dependencies() == wanted, f"dependencies are {wanted}")

    def alive(self) -> list[Echo]:
        """The backends whose processes run."""
        return [one for one in self.backends if one.process and one.process.poll() is None]

    def ready_backends(self) -> set[str]:
        """Who answers now."""
        return {self.http.get("/api/x").json()["name"] for _ in range(4)}


def certificate(folder: Path) -> tuple[dict[str, str], ssl.SSLContext]:
    """``TLS_CERT`` and ``TLS_KEY`` from a CA of this test, and a client context that trusts it.

    The client speaks TLS 1.2: the tickets that TLS 1.3 sends after its handshake are read by one thread of a client of
    ``websockets.sync`` while the other writes its request, and OpenSSL's session is for one thread at a time. About one
    handshake in 600 then got no answer on crowded processors.
    """
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    chain, key = folder / "cert.pem", folder / "key.pem"
    for position, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(chain, append=position > 0)
    issued.private_key_pem.write_to_path(key)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return {"TLS_CERT": str(chain), "TLS_KEY": str(key)}, context


def client_of(origin: str, context: ssl.SSLContext) -> httpx.Client:
    """A client that follows no redirect by itself."""
    return httpx.Client(base_url=origin, verify=context, timeout=20)


def within(seconds: float, action: Callable[[], httpx.Response]) -> httpx.Response:
    """The answer of ``action``, which must come within ``seconds``: the bound is a promise to the client."""
    started = time.monotonic()
    answer = action()
    taken = time.monotonic() - started
    assert taken < seconds, f"the answer took {taken:.2f} s"
    return answer


def make_bench(start: StartService, folder: Path, cleanup: ExitStack, env: dict[str, str]) -> Bench:
    """Auth and two backends of ``upstream_server``, frontend before them, all ready."""
    echoes = [Echo("auth"), Echo("one"), Echo("two")]
    for echo in echoes:
        echo.start()
        cleanup.callback(echo.end)
    tls, context = certificate(folder)
    port = free_port()
    settings = {
        **tls,
        "PUBLIC_URL": f"https://127.0.0.1:{port}",
        "AUTH_URL": echoes[0].url,
        "BACKEND_URLS": f"{echoes[1].url},{echoes[2].url}",
        **env,
    }
    frontend = start("frontend", settings, port=port, scheme="https")
    http = cleanup.enter_context(client_of(frontend.url, context))
    bench = Bench(frontend, echoes[0], echoes[1:], context, http)
    wait_until(lambda: bench.ready_backends() == {"one", "two"}, "both backends answer")
    return bench
