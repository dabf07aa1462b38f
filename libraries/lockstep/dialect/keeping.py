"""Requests on connections that are kept, as a browser sends them; for one thread."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from lockstep import reasons
from lockstep.dialect.driving import TIMEOUT
from lockstep.dialect.messages import Answer, Request
from lockstep.wire import connection_to

SAFE = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
"""Methods that may be sent again where a kept connection was closed (RFC 9110 §9.2.2)."""


class Kept:
    """One connection to each server. ``source`` is the local address to connect from.

    A server may close a connection between two requests: what may be sent twice is then sent once more.
    """

    def __init__(self, ca_file: str | None = None, timeout: float = TIMEOUT, source: str | None = None) -> None:
        self._ca_file = ca_file
        self._timeout = timeout
        self._source = source
        self._connections: dict[str, HTTPConnection] = {}
        self._served: set[str] = set()

    def send(self, request: Request) -> Answer:
        """What came, or why nothing did."""
        parts = urlsplit(request.url)
        place = f"{parts.scheme}://{parts.netloc}"
        if request.method not in SAFE:
            self._drop(place)
        try:
            try:
                return self._sent(place, request)
            except (ConnectionResetError, BrokenPipeError):  # http.client's RemoteDisconnected is a reset
                if place not in self._served:
                    raise
                self._served.discard(place)
                return self._sent(place, request)
        except (OSError, HTTPException) as error:
            return Answer(None, url=request.url, error=reasons.of(error))

    def close(self) -> None:
        """Ends the connections."""
        for place in list(self._connections):
            self._drop(place)

    def _sent(self, place: str, request: Request) -> Answer:
        if place not in self._connections:
            self._connections[place] = connection_to(place, self._timeout, self._ca_file, self._source)
        connection = self._connections[place]
        try:
            connection.request(request.method, request.target, request.body, dict(request.headers))
            came = connection.getresponse()
            body = came.read()
        except BaseException:
            connection.close()
            raise
        self._served.discard(place) if came.will_close else self._served.add(place)
        headers = tuple((name.lower(), value) for name, value in came.getheaders())
        return Answer(came.status, headers, body, request.url)

    def _drop(self, place: str) -> None:
        self._served.discard(place)
        if connection := self._connections.pop(place, None):
            connection.close()
