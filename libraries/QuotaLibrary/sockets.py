"""Attackers on sockets: handshakes without end, messages without a pause, answers that nobody reads."""

from __future__ import annotations

import socket as sockets
import ssl
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from threading import Event
from urllib.parse import urlsplit
from uuid import uuid4

from lockstep import reasons
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from QuotaLibrary.asking import Answer

_TIMEOUT = 15.0
_FRAMES = {"MESSAGES": 200, "SLOW_READER": 64}
_HELD = 0.5
ID = "$ID"


class Attack(Enum):
    """What an attacker does on each socket."""

    HANDSHAKES = "opens it, and the next"
    MESSAGES = "sends without waiting for answers, until it is closed"
    SLOW_READER = "asks for answers that it does not read"


class Closable(ClientConnection):
    """A connection whose reader ends when it is closed, over TLS too.

    What TLS 1.3 sends after its handshake makes a socket readable that has no data yet: a thread that reads there is
    not woken by a close alone, and the connection waits for that thread.
    """

    def close_socket(self) -> None:
        """Shut the socket down, which wakes its reader, and close it."""
        with suppress(OSError, ValueError):
            self.socket.shutdown(sockets.SHUT_RDWR)
        super().close_socket()


class SocketAttacker:
    """Opens sockets one after the other, from one address and with one set of headers; for one thread.

    ``frame`` is the text of each frame; ``$ID`` in it becomes a new UUID. Every socket is one `Answer`: its status is
    that of a refused handshake, 101 for a socket that lived, and 429 for one that was closed with 4029 (``abuse``),
    with the close code as ``detail``.
    """

    def __init__(
        self, attack: Attack, headers: Mapping[str, str], source: str | None, ca_file: str | None, frame: str = ""
    ) -> None:
        self._attack = attack
        self._headers = dict(headers)
        self._source = source
        self._ca_file = ca_file
        self._frame = frame

    def insist(
        self, urls: Sequence[str], refusals: int, until: float, first: Callable[[], object], enough: Event
    ) -> list[Answer]:
        """As `Asker.insist`, a socket for each request."""
        answers: list[Answer] = []
        refused: Counter[str] = Counter()
        told = False
        while time.monotonic() < until and not (enough.is_set() and all(refused[url] >= refusals for url in urls)):
            for url in urls:
                answer = self._opened(url, enough)
                answers.append(answer)
                refused[url] += answer.refused
                if not told and (answer.refused or not refusals):
                    told = True
                    first()
        return answers

    def close(self) -> None:
        """Nothing is kept open between two sockets."""

    def _opened(self, url: str, enough: Event) -> Answer:
        sent = time.monotonic()
        context = ssl.create_default_context(cafile=self._ca_file) if urlsplit(url).scheme == "wss" else None
        # A reader that takes one frame and no other fills what lies between it and the service.
        queue = 1 if self._attack is Attack.SLOW_READER else 1000
        try:
            with connect(
                url,
                ssl=context,
                additional_headers=self._headers,
                compression=None,
                proxy=None,
                open_timeout=_TIMEOUT,
                close_timeout=0,
                max_queue=queue,
                create_connection=Closable,
                source_address=(self._source, 0) if self._source else None,
            ) as socket:
                code = self._use(socket, enough)
        except InvalidStatus as error:
            return Answer(url, sent, time.monotonic(), error.response.status_code)
        except (OSError, WebSocketException) as error:
            return Answer(url, sent, time.monotonic(), None, reasons.of(error))
        return Answer(url, sent, time.monotonic(), 429 if code == 4029 else 101, str(code))

    def _use(self, socket: ClientConnection, enough: Event) -> int | None:
        try:
            if self._attack is Attack.HANDSHAKES:
                return None
            for _ in range(_FRAMES[self._attack.name]):
                socket.send(self._frame.replace(ID, str(uuid4())))
            if self._attack is Attack.SLOW_READER:
                enough.wait(_HELD)
                return None
            while True:
                socket.recv(timeout=_TIMEOUT)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None
        except TimeoutError:
            return None
