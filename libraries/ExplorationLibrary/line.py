"""A device's line to the target: one socket after another, all recorded in one history."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from HistoryLibrary.recorder import History
from HistoryLibrary.spoken import Names, SpokenSocket
from lockstep import masking, target, test_identity
from lockstep.dialect import Line as DialectLine
from lockstep.dialect import Session, Speaker
from lockstep.unknown import Unknown
from WebSocketLibrary.background import background
from WebSocketLibrary.connection import Connection
from WebSocketLibrary.handshake import build
from WebSocketLibrary.journal import Opcode
from WebSocketLibrary.keywords.opening import HandshakeFailedError, open_one
from WebSocketLibrary.waiting import wait_until

from .device import Content, Device

HANDSHAKE = timedelta(seconds=5)
ANSWER = 5.0
"""Seconds for which an answer is awaited before a schedule goes on without it; nothing is concluded from it."""
MAX_FRAME = 1 << 20


class Line:
    """The network of one device of ``session``."""

    def __init__(
        self,
        name: str,
        conversations: Mapping[str, Any],
        session: Session,
        speaker: Speaker,
        history: History,
        names: Names,
    ) -> None:
        self.device = Device(name, str(uuid4()), conversations, kept=self._kept)
        self.session = session
        self.trouble = ""
        self.was_connected = False
        self._speaker = speaker
        self._history = history
        self._names = names
        self._seen: set[tuple[str, str]] = set()
        self._connection: Connection | None = None
        self._spoken: SpokenSocket | None = None
        self._read = 0
        self._line: DialectLine | None = None
        for room in conversations.values():
            history.record("ok", name, "grant", str(room))

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

    def connect(self, endpoint: str) -> bool:
        """Opens a socket and begins to join, without waiting for the answers; False when refused."""
        self.listen()
        self.was_connected = True
        room = next(iter(self.device.conversations.values()))
        line = DialectLine(self._speaker, endpoint, self.session, client=self.device.client_id, room=room)
        shake = line.handshake()
        ca_file = target.current().ca_file if target.in_use() and shake.url.startswith("wss") else None
        request = build(
            shake.url, headers=shake.headers, subprotocols=shake.subprotocols, ca_file=ca_file,
            test_id=test_identity.current(),
        )  # fmt: skip
        connection = Connection(self.device.name, request)
        try:
            background().run(open_one(connection, HANDSHAKE, MAX_FRAME))
        except HandshakeFailedError as error:
            self.trouble = masking.mask(str(error))
            return False
        self.trouble = ""
        self._connection, self._read = connection, 0
        self._spoken = SpokenSocket(self._history, self.device.name, line, self._names, self._seen)
        self._line = line
        self._send(self.device.begin(line, self._spoken))
        return True

    def use(self, *frames: list[Content]) -> None:
        """Sends these, where the socket is open, and stays so, until its beginning has been answered."""
        for contents in frames:
            self._send(contents)

    def wait_until_joined(self) -> None:
        """Waits for the answers to how the socket began."""
        self._wait_a_while(lambda: self.device.joined)

    def settle(self) -> None:
        """Waits for every answer."""
        self._wait_a_while(lambda: not self.device.waits)

    def wait_until_kept(self) -> bool:
        """Whether the state that was on its way is answered."""
        return self._wait_a_while(lambda: not self.device.is_keeping)

    def _wait_a_while(self, holds: Callable[[], bool]) -> bool:
        """As `wait`; on a machine too busy for that, the schedule goes on: nothing is concluded."""
        try:
            return self.wait(holds)
        except Unknown:
            return False

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
        closing = self._connection.closing
        entries = self._connection.journal.entries
        while self._read < len(entries):
            _, kind, body = entries[self._read]
            self._read += 1
            if kind in (Opcode.TEXT, Opcode.BINARY):
                assert self._line is not None
                for frame in self._line.decode(body if kind == Opcode.BINARY else body.decode("utf-8", "replace")):
                    self._send(self.device.hear(frame))
        if closing is not None and self._spoken is not None:
            self._spoken.ended(closing.code)
            self._spoken = None
            self.device.lose()

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
        self._wait_a_while(lambda: False)

    @staticmethod
    def _say_goodbye(connection: Connection) -> None:
        if connection.is_open:
            connection.send_close(1000)

    def _send(self, contents: list[Content]) -> None:
        for content in contents:
            if not self.is_open:
                return
            assert self._connection is not None
            opcode, body = (Opcode.BINARY, content) if isinstance(content, bytes) else (Opcode.TEXT, content.encode())
            background().call(self._connection.send_if_open, opcode, body)

    def _kept(self, kind: Any, **fields: Any) -> None:
        self._history.record(kind, self.device.name, "write", key=f"state:{self.device.client_id}", **fields)


def tell(history: History, note: str, **fields: Any) -> None:
    """Notes in the history what the schedule does, for the picture; no check looks at it."""
    history.record("ok", "schedule", "x-step", note=note, **fields)
