"""A device's line to the platform: one socket after another, all recorded in one history."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from HistoryLibrary.journal import Translator
from HistoryLibrary.mapping import FrameMapping
from HistoryLibrary.recorder import History
from HistoryLibrary.sources import RecordedSocket
from lockstep import masking
from robot.api.types import Secret
from WebSocketLibrary.background import background
from WebSocketLibrary.connection import Connection
from WebSocketLibrary.handshake import TokenPlace
from WebSocketLibrary.journal import Opcode
from WebSocketLibrary.keywords.opening import HandshakeFailedError, open_one, prepare
from WebSocketLibrary.waiting import wait_until

from .device import Device

HANDSHAKE = timedelta(seconds=5)
ANSWER = 5.0
"""Seconds for which an answer is awaited before a schedule goes on without it; nothing is concluded from it."""
MAX_FRAME = 1 << 20
CHAT = ["chat.v1"]


class Line:
    """The network of one device."""

    def __init__(
        self,
        name: str,
        conversations: Mapping[str, str],
        token: Secret | str,
        history: History,
        mapping: FrameMapping,
    ) -> None:
        self.device = Device(name, str(uuid4()), conversations)
        self.trouble = ""
        self.was_connected = False
        self._token = token
        self._history = history
        self._mapping = mapping
        self._connection: Connection | None = None
        self._sockets: list[RecordedSocket] = []
        self._read = 0
        for key in conversations.values():
            history.record("ok", name, "grant", key)

    @property
    def is_open(self) -> bool:
        """Whether there is a socket that can be written to."""
        return self._connection is not None and self._connection.is_open

    @property
    def is_ready(self) -> bool:
        """Whether the socket is open and its beginning was answered well."""
        self.listen()
        return self.is_open and self.device.joined and not self.device.must_return

    @property
    def cause(self) -> str:
        """What keeps the device from being ready, as far as it knows."""
        if self.trouble:
            return self.trouble
        if self.device.errors:
            return f"the last error was {self.device.errors[-1]}"
        return "its socket was not answered"

    def connect(self, url: str) -> bool:
        """Opens a socket and begins to subscribe and resume, without waiting for the answers; False when refused."""
        self.was_connected = True
        request = prepare(
            f"{url}?client_id={self.device.client_id}", self._token, TokenPlace.HEADER, CHAT, None, None, None
        )
        connection = Connection(self.device.name, request)
        try:
            background().run(open_one(connection, HANDSHAKE, MAX_FRAME))
        except HandshakeFailedError as error:
            self.trouble = masking.mask(str(error))
            return False
        self.trouble = ""
        self._connection, self._read = connection, 0
        translator = Translator(self._history, self.device.name, self._mapping)
        self._sockets.append(RecordedSocket(connection, translator))
        for frame in self.device.greet():
            self._send(frame)
        return True

    def use(self, *frames: str | None) -> None:
        """Sends these, where the socket is open, and stays so, until its beginning has been answered."""
        for frame in frames:
            if frame is not None and self.is_open:
                self._send(frame)

    def wait_until_joined(self) -> None:
        """Waits for the answers to how the socket began."""
        self.wait(lambda: self.device.joined)

    def settle(self) -> None:
        """Waits for every answer."""
        self.wait(lambda: not self.device.waiting)

    def wait(self, holds: Callable[[], bool], within: float = ANSWER) -> bool:
        """Whether it came to hold, of the device, while the socket was open and ``within`` so many seconds."""
        if self._connection is None:
            return False
        connection = self._connection

        def look() -> bool | None:
            closed = connection.closing is not None
            self.listen()
            return holds() or (False if closed else None)

        return bool(wait_until([connection], look, within))

    def listen(self) -> None:
        """Lets the device hear what has come since the last time."""
        if self._connection is None:
            return
        entries = self._connection.journal.entries
        while self._read < len(entries):
            _, kind, body = entries[self._read]
            self._read += 1
            if kind == Opcode.TEXT:
                self.device.hear(json.loads(body))

    def drop(self) -> None:
        """Cuts TCP, without a word."""
        if self._connection is not None:
            background().call(self._connection.cut)

    def close(self) -> None:
        """Says goodbye with 1000."""
        if self._connection is not None and self._connection.is_open:
            background().call(self._say_goodbye, self._connection)

    def wait_until_closed(self) -> None:
        """Waits for the end of a socket that was cut or closed."""
        self.wait(lambda: False)

    def collect(self) -> None:
        """Brings the history up to date with all sockets."""
        for socket in self._sockets:
            socket.collect()

    @staticmethod
    def _say_goodbye(connection: Connection) -> None:
        if connection.is_open:
            connection.send_close(1000)

    def _send(self, frame: str) -> None:
        assert self._connection is not None
        background().call(self._connection.send_if_open, Opcode.TEXT, frame.encode())


def tell(history: History, note: str, **fields: Any) -> None:
    """Notes in the history what the schedule does, for the picture; no check looks at it."""
    history.record("ok", "schedule", "x-step", note=note, **fields)
