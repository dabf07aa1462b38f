"""An attacker's address: what a forged token points to with ``jku`` and ``x5u``, and who asks there."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class KeyListener:
    """Serves a JWKS (RFC 7517 §5) at every path of a port on loopback, and notes each request.

    ``asked`` are the requests so far, as method and path. A verifier that ignores ``jku`` and ``x5u`` (RFC 8725 §3.10)
    never comes.
    """

    def __init__(self, jwks: Mapping[str, Any]) -> None:
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(json.dumps(jwks).encode()))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/keys"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="attacker", daemon=True)
        self._thread.start()

    def __enter__(self) -> KeyListener:
        """It listens already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self, body: bytes) -> type[BaseHTTPRequestHandler]:
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(f"{self.command} {self.path}")
                self.send_response(200)
                self.send_header("Content-Type", "application/jwk-set+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_POST = do_GET  # noqa: N815 - the names of http.server

            def log_message(self, *_: object) -> None:
                """Nothing on stderr."""

        return Handler
