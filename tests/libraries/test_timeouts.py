"""A time-out of Robot Framework interrupts whatever a keyword does; no connection may be worse for it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.libraries.conftest import Stack
from tests.libraries.inner import INNER, ROOT, run_inner
from tests.libraries.serving import served
from tests.libraries.websocket_server import bad_manners

SLOWLY = 1.5
HUNG_UP = threading.Event()


class SlowWeb(BaseHTTPRequestHandler):
    """Answers with the path: ``/slow`` late, ``/hung-up`` once the socket that opened late has been hung up."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/slow":
            time.sleep(SLOWLY)
        self.send_response(504 if self.path == "/hung-up" and not HUNG_UP.wait(10) else 200)
        self.send_header("Content-Length", str(len(self.path)))
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *_: object) -> None: ...

    def handle(self) -> None:
        with suppress(BrokenPipeError):  # of who waits no longer
            super().handle()


class SlowRedis:
    """Says of each key its name, and of the key ``slow`` late."""

    def answer(self, peer: socket.socket) -> None:
        asked = b""
        while received := peer.recv(4096):
            asked += received
            while command := re.match(rb"\*(\d+)\r\n((?:\$\d+\r\n[^\r]*\r\n)+)", asked):
                words = re.findall(rb"\$\d+\r\n([^\r]*)\r\n", command[2])
                if len(words) < int(command[1]):
                    break
                asked = asked[command.end() :]
                peer.sendall(self._to(words))

    @staticmethod
    def _to(words: list[bytes]) -> bytes:
        match words[0].upper():
            case b"GET":
                if words[1] == b"slow":
                    time.sleep(SLOWLY)
                return _bulk(words[1])
            case b"HELLO":
                return b"%1\r\n$5\r\nproto\r\n:3\r\n"
            case b"INFO":
                return _bulk(b"redis_version:7.0.0")
            case b"CONFIG":
                return b"%1\r\n" + _bulk(b"save") + _bulk(b"")
        return b"+OK\r\n"


def _bulk(text: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(text), text)


class SlowHost:
    """Speaks as the host of a platform does: says what it did, and ``slow`` and ``lease`` late."""

    def __init__(self) -> None:
        self._released: list[str] = []

    def answer(self, peer: socket.socket) -> None:
        for line in peer.makefile("rb"):
            request = json.loads(line)
            if request["do"] in ("slow", "lease"):
                time.sleep(SLOWLY)
            if request["do"] == "release":
                self._released.append(request["platform"])
            answer = {"ok": True, "id": request["id"], "did": request["do"], "descriptor": {"platform_id": "p1"}}
            peer.sendall(json.dumps({**answer, "platforms": self._released}).encode() + b"\n")


def answer_slow_handshake(peer: socket.socket) -> None:
    """Opens the socket late, and notes when it is hung up."""
    request = peer.recv(4096)
    time.sleep(SLOWLY)
    key = re.search(rb"Sec-WebSocket-Key: (\S+)", request, re.IGNORECASE)
    assert key is not None
    accept = base64.b64encode(hashlib.sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    peer.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %s\r\n\r\n" % accept
    )
    while peer.recv(4096):
        pass
    HUNG_UP.set()


@contextmanager
def listening(listener: socket.socket, answer: Callable[[socket.socket], None]) -> Iterator[socket.socket]:
    """Has each connection answered in a thread of its own, until left."""

    def serve(peer: socket.socket) -> None:
        with peer, suppress(OSError):
            answer(peer)

    def accept() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=[peer], daemon=True).start()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listener
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def unix_listener(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


def port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def test_no_connection_is_worse_for_a_timeout(stack: Stack, tmp_path: Path) -> None:
    host = tmp_path / "host.sock"
    with (
        served(SlowWeb) as web,
        listening(socket.create_server(("127.0.0.1", 0)), SlowRedis().answer) as redis,
        listening(socket.create_server(("127.0.0.1", 0)), answer_slow_handshake) as handshakes,
        listening(unix_listener(host), SlowHost().answer),
        bad_manners() as sockets,
    ):
        variables = {
            "DESCRIPTOR": str(stack.file(tmp_path)),
            "AUTH_DB": stack.descriptor["auth_db_url"],
            "MAIN_DB": stack.descriptor["main_db_url"],
            "REDIS": stack.descriptor["redis_url"],
            "SLOW_REDIS": f"redis://127.0.0.1:{port(redis)}/0",
            "SLOW_SOCKET": f"ws://127.0.0.1:{port(handshakes)}/",
            "SOCKET": sockets.url,
            "HTTP": web,
            "HOST": str(host),
        }
        resources = ("--pythonpath", str(ROOT / "resources"))
        run = run_inner(INNER / "timeouts" / "interrupted.robot", tmp_path, *resources, variables=variables)
    run.all_as_declared()
