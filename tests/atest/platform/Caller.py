"""A client that says what it saw of a hop: how long an answer took, how much of it came, and how it ended."""

from __future__ import annotations

import errno
import http.client
import socket
import time
from urllib.parse import urlsplit

from robot.api.deco import keyword, library

_TIMEOUT = 15.0


@library(scope="GLOBAL", auto_keywords=False)
class Caller:
    """Plain HTTP over a new connection each time; nothing is retried."""

    @keyword
    def fastest_answer(self, url: str, calls: int = 4) -> float:
        """Seconds until the answer of ``/health`` was there, of the fastest of some calls."""
        return min(self.slowest_and_fastest(url, calls))

    @keyword
    def slowest_and_fastest(self, url: str, calls: int = 4) -> list[float]:
        """Seconds of the slowest and of the fastest of some calls."""
        taken = []
        for _ in range(calls):
            begun = time.monotonic()
            connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_TIMEOUT)
            connection.request("GET", "/health")
            connection.getresponse().read()
            taken.append(time.monotonic() - begun)
            connection.close()
        return [max(taken), min(taken)]

    @keyword
    def answer_in_bytes(self, url: str, path: str = "/health", within: float = _TIMEOUT) -> dict[str, object]:
        """What came of an answer before the connection ended: ``bytes``, ``end``, ``seconds`` and ``pieces``.

        ``end`` is ``closed``, ``silent`` where nothing came ``within`` seconds, or the name of the error, such as
        ``ECONNRESET``; ``pieces`` are the sizes as they were read.
        """
        address = urlsplit(url)
        begun = time.monotonic()
        pieces: list[int] = []
        try:
            with socket.create_connection((address.hostname, address.port), timeout=within) as connection:
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                while data := connection.recv(1 << 16):
                    pieces.append(len(data))
            end = "closed"
        except TimeoutError:
            end = "silent"
        except OSError as error:
            end = errno.errorcode.get(error.errno or 0, type(error).__name__)
        return {"bytes": sum(pieces), "end": end, "seconds": time.monotonic() - begun, "pieces": pieces}
