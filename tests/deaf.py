"""A target that understands nothing: it answers each request with 200 ``{}`` and accepts each socket.

Whatever passes there has proved nothing. By hand: ``python -m tests.deaf FOLDER`` writes the profile of one into
FOLDER and serves it until Ctrl-C. With ``python -m tests.deaf FOLDER PROFILE`` it has the databases, Redis and signing
key of that profile, such as the one of ``./run up``, so that tests which look into them run too. `deaf_services` makes
private platforms deaf.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
_ACCEPTING = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CLOSE = 8
PARTS = ("auth", "backend-1", "backend-2", "frontend", "provider")
CAPABILITIES = (
    "oauth.provider", "session.admin", "jwt.short_lived", "ws", "ws.resume", "assistant", "replicas.2", "ratelimit"
)  # fmt: skip
NO_HEALTH = {"paths": {"health": None}}
"""Without it a target that is deaf to ``/health``, too, is refused before any test."""
_STORES = ("auth_db_url", "main_db_url", "redis_url", "signing_key_file", "signing_kid")
LIMITS = {"access_ttl": 300, "short_access_ttl": 3, "session_limit": 10, "max_replay": 10000, "resume_window": 86400}


class _Deaf(BaseHTTPRequestHandler):
    """One request of anybody; the name of the service is that of the server."""

    protocol_version = "HTTP/1.1"
    # Header and body in one packet: otherwise each answer waits for the peer's delayed acknowledgement.
    wbufsize = -1
    health: bytes | None = None
    disable_nagle_algorithm = True

    def handle_one_request(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().handle_one_request()

    def answer(self) -> None:
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self._accept()
            return
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = self.health if self.health and self.path == "/health" else b"{}"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def _accept(self) -> None:
        key = hashlib.sha1(self.headers["Sec-WebSocket-Key"].encode() + _ACCEPTING.encode()).digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(key).decode())
        if offered := self.headers.get("Sec-WebSocket-Protocol"):
            self.send_header("Sec-WebSocket-Protocol", offered.split(",")[0].strip())
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
        while (frame := self._frame()) is not None:
            if frame == _CLOSE:
                self.wfile.write(b"\x88\x00")
                self.wfile.flush()
                return

    def _frame(self) -> int | None:
        """The kind of the next frame, whose content is thrown away; None where the peer has gone (RFC 6455 §5.2)."""
        head = self.rfile.read(2)
        if len(head) < 2:
            return None
        size = head[1] & 127
        if size > 125:
            size = int.from_bytes(self.rfile.read(2 if size == 126 else 8))
        self.rfile.read(4 + size)
        return head[0] & 15

    def log_message(self, format: str, *args: Any) -> None:
        return


for _method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
    setattr(_Deaf, f"do_{_method}", _Deaf.answer)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that has hung up is no error here."""


@contextlib.contextmanager
def deaf(*, healthy: bool = True, parts: tuple[str, ...] = PARTS) -> Iterator[Mapping[str, str]]:
    """Serves each part on a free loopback port until left; the value has its URL.

    ``healthy``: each answers ``GET /health`` as a service of the reference platform does.
    """
    with ExitStack() as stack:
        urls = {}
        for part in parts:
            service = part.partition("-")[0]
            health = {"status": "ready", "service": service, "instance": part, "protocol": 1, "start_id": part}
            known = {"health": json.dumps({**health, "pid": 1, "dependencies": {}}).encode() if healthy else None}
            server = stack.enter_context(_Server(("127.0.0.1", 0), type("Handler", (_Deaf,), known)))
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            urls[part] = f"http://127.0.0.1:{server.server_port}"
        yield urls


def profile_of(urls: Mapping[str, str], folder: Path, name: str = "deaf", **more: Any) -> Path:
    """Writes a profile that promises all that a deaf target could be asked for; ``more`` replaces entries."""
    backends = [url for part, url in urls.items() if part.startswith("backend")]
    sockets = [f"{url.replace('http', 'ws', 1)}/ws" for url in backends]
    endpoints: dict[str, Any] = {"backend_urls": backends, "backend_socket_urls": sockets}
    if "auth" in urls:
        endpoints["auth_url"] = urls["auth"]
    if "frontend" in urls:
        endpoints |= {"public_url": urls["frontend"], "socket_url": f"{urls['frontend'].replace('http', 'ws', 1)}/ws"}
    if "provider" in urls:
        endpoints["provider_url"] = urls["provider"]
    entries = {
        "kind": "external",
        "endpoints": {**endpoints, "audience": "lockstep-api"},
        "service_token_env": "LOCKSTEP_SERVICE_TOKEN",
        "capabilities": list(CAPABILITIES),
        "control": {"adapter": "none"},
        "limits": LIMITS,
        **more,
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(entries, sort_keys=False), "utf-8")
    return path


def with_stores_of(other: Mapping[str, Any], path: Path) -> None:
    """Gives the profile at ``path`` the stores and the signing key of an ``other`` one, and what they allow."""
    entries = yaml.safe_load(path.read_text("utf-8"))
    entries["endpoints"] |= {name: other["endpoints"][name] for name in _STORES if name in other["endpoints"]}
    entries["capabilities"] += ["db.auth", "db.main", "redis", "jwt.signing_key"]
    path.write_text(yaml.safe_dump(entries, sort_keys=False), "utf-8")


_DEAFNESS = '''"""Answers each request but ``/health`` with 200 ``{}`` and accepts each socket."""


class Deaf:
    def __init__(self, app):
        self._app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan" or scope.get("path") == "/health":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept", "subprotocol": [*scope["subprotocols"], None][0]})
            while (await receive())["type"] != "websocket.disconnect":
                pass
        else:
            while (await receive()).get("more_body"):
                pass
            headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"{}"})
'''


def deaf_services(folder: Path) -> Path:
    """A profile in ``folder`` by which every platform of a run, private ones too, has deaf services on real stores.

    They answer ``/health`` as they are: otherwise no platform would start.
    """
    shutil.copytree(ROOT / "services", folder / "services", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "services" / "common" / "deafness.py").write_text(_DEAFNESS)
    serving = folder / "services" / "common" / "serve.py"
    text, made = serving.read_text(), ".create_app(settings)\n"
    assert text.count(made) == 1
    serving.write_text(
        text.replace(made, f"{made}    app = importlib.import_module('services.common.deafness').Deaf(app)\n")
    )
    entries = yaml.safe_load((ROOT / "variables" / "targets" / "embedded.yaml").read_text("utf-8"))
    entries |= {"name": "deaf", "platform": {"backends": 2, "services_dir": str(folder)}}
    path = folder / "deaf.yaml"
    path.write_text(yaml.safe_dump(entries, sort_keys=False), "utf-8")
    return path


def main(folder: Path, other: Path | None = None) -> None:
    """Serve until Ctrl-C, with a profile in ``folder``."""
    with deaf(healthy=False) as urls:
        path = profile_of(urls, folder, mapping=NO_HEALTH)
        if other:
            with_stores_of(yaml.safe_load(other.read_text("utf-8")), path)
        print(f"LOCKSTEP_SERVICE_TOKEN=anything ./run all --target {path}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main(*(Path(argument).absolute() for argument in sys.argv[1:]))
