"""The sixteen keyword names of robotframework-websocketlibrary, for suites written against it.

Source of the names and arguments: `WebSocketLibrary.py` of tcmak/robotframework-websocketlibrary (one socket per
library, hence no handle); its fork robotframework-websocketclient has the same sixteen with a handle as first
argument. `Send Binary` is one keyword for both worlds and lives in `keywords/sending.py`.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from robot.api.deco import keyword
from robot.utils import timestr_to_secs

from .background import background
from .handshake import Request, build
from .journal import Opcode
from .keywords.base import DEFAULT_WAIT
from .keywords.closing import Closing
from .keywords.opening import open_one
from .keywords.sending import Sending
from .matching import Matcher
from .waiting import find

_LONGEST_WAIT = 30.0
"""Seconds that stand for "for ever": a test has to end."""

_ANY_DATA = Matcher("any data frame", lambda frame: frame.is_data)
_DATA_OR_CLOSE = Matcher("any data or close frame", lambda frame: frame.is_data or frame.opcode == Opcode.CLOSE)
_ANYTHING = Matcher("any frame", lambda frame: True)


def _seconds(timeout: Any) -> float | None:
    """Robot text (`1`, `500 ms`), a number, or None: no limit."""
    if timeout is None or str(timeout).lower() in ("none", ""):
        return None
    return float(timestr_to_secs(timeout))


def _classic_request(url: str, options: Mapping[str, Any]) -> Request:
    """The request that `create_connection` of websocket-client would make from these options."""
    known = {"header", "subprotocols", "origin", "cookie", "host", "sslopt"}
    if unknown := set(options) - known:
        raise ValueError(f"unknown option(s) {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
    header = options.get("header") or {}
    if isinstance(header, str):
        header = [header]
    if not isinstance(header, Mapping):
        header = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in header)}
    headers = {str(name): str(value) for name, value in header.items()}
    headers |= {name: str(options[key]) for key, name in (("cookie", "Cookie"), ("host", "Host")) if options.get(key)}
    subprotocols: Sequence[str] = options.get("subprotocols") or ()
    tls: Mapping[str, Any] = options.get("sslopt") or {}
    return build(
        url,
        headers=headers,
        subprotocols=[subprotocols] if isinstance(subprotocols, str) else subprotocols,
        origin=options.get("origin"),
        ca_file=tls.get("ca_certs"),
        verify_tls=int(tls.get("cert_reqs", ssl.CERT_REQUIRED)) != ssl.CERT_NONE,
    )


class Classic(Sending, Closing):
    """Connect, Send, Recv and the rest, all on the current connection."""

    _timeout: float | None = None

    @keyword(name="Connect", tags=["classic"])
    def connect(self, url: str, timeout: Any = None, **options: Any) -> str:
        """Opens a socket; it is the current connection from then on. ``timeout`` is also that of every ``Recv``.

        Options: ``header`` (list of lines or dictionary), ``subprotocols``, ``origin``, ``cookie``, ``host``,
        ``sslopt`` (``ca_certs``, ``cert_reqs``).
        """
        self._timeout = _seconds(timeout)
        connection = self._connection(None, _classic_request(url, options))
        limit = DEFAULT_WAIT if self._timeout is None else timedelta(seconds=self._timeout)
        background().run(open_one(connection, limit, self.max_frame_size))
        self.connections.add(connection)
        return connection.alias

    @keyword(tags=["classic"])
    def gettimeout(self) -> float | None:
        """The time-out of ``Recv`` in seconds; None is no limit of its own (30 s)."""
        return self._timeout

    @keyword(tags=["classic"])
    def settimeout(self, timeout: Any) -> None:
        """Sets the time-out of ``Recv``: seconds, Robot time or None."""
        self._timeout = _seconds(timeout)

    @keyword(tags=["classic"])
    def getsubprotocol(self) -> str | None:
        """The subprotocol that the server selected."""
        return self.connections.get(None).answer.subprotocol

    @keyword(tags=["classic"])
    def getstatus(self) -> int:
        """The HTTP status of the handshake."""
        return self.connections.get(None).answer.status

    @keyword(tags=["classic"])
    def getheaders(self) -> dict[str, str]:
        """The headers of the handshake's answer, names in lower case."""
        return dict(self.connections.get(None).answer.headers)

    @keyword(tags=["classic"])
    def send(self, message: str) -> int:
        """Sends a text frame; returns its size in bytes."""
        return self._send(None, Opcode.TEXT, message.encode())

    @keyword(tags=["classic"])
    def ping(self, payload: str | bytes = "") -> None:
        """Sends a ping."""
        self._send_control(Opcode.PING, payload)

    @keyword(tags=["classic"])
    def pong(self, payload: str | bytes = "") -> None:
        """Sends a pong."""
        self._send_control(Opcode.PONG, payload)

    def _send_control(self, opcode: Opcode, payload: str | bytes) -> None:
        body = payload.encode() if isinstance(payload, str) else payload
        background().call(self.connections.get(None).send, opcode, body)

    @keyword(tags=["classic"])
    def recv(self) -> str | bytes:
        """The next message in the order of arrival: text as text, binary as bytes. Fails when the socket ended, with
        its close code.
        """
        frame = find(self.connections.get(None), _ANY_DATA, self._patience)
        return frame.text if frame.opcode == Opcode.TEXT else frame.body

    @keyword(tags=["classic"])
    def recv_data(self, control_frame: bool = False) -> tuple[int, bytes]:
        """The next message as opcode and bytes; a close frame counts as one, pings and pongs only with
        ``control_frame``.
        """
        wanted = _ANYTHING if control_frame else _DATA_OR_CLOSE
        frame = find(self.connections.get(None), wanted, self._patience)
        return frame.opcode, frame.body

    @property
    def _patience(self) -> timedelta:
        return timedelta(seconds=_LONGEST_WAIT if self._timeout is None else self._timeout)

    @keyword(tags=["classic"])
    def send_close(self) -> None:
        """Sends a close frame with code 1000 and waits for nothing."""
        background().call(self.connections.get(None).send_close, 1000, "")

    @keyword(tags=["classic"])
    def send_close_with_reason(self, status: int, reason: str) -> None:
        """Sends a close frame with that code and reason and waits for nothing."""
        background().call(self.connections.get(None).send_close, status, reason)

    @keyword(tags=["classic"])
    def close(self) -> None:
        """Closes the socket with code 1000 and waits for its end."""
        self.close_connection()

    @keyword(tags=["classic"])
    def close_with_reason(self, status: int, reason: str) -> None:
        """Closes the socket with that code and reason and waits for its end."""
        self.close_connection(code=status, reason=reason)
