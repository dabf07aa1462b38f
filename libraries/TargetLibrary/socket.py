"""One socket of WebSocketLibrary in the words of a dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from lockstep import masking
from lockstep.dialect.driving import to_its_end
from lockstep.dialect.frames import Event
from lockstep.dialect.line import Await, Exchange, Gone, Line, Opened, Outgoing, Send
from lockstep.dialect.paths import look_up
from robot.api import logger
from robot.libraries.BuiltIn import BuiltIn
from WebSocketLibrary.connection import NotOpenError
from WebSocketLibrary.heartbeat import Heartbeats
from WebSocketLibrary.journal import Direction, Opcode
from WebSocketLibrary.waiting import wait_until


@dataclass(frozen=True)
class _Answered(Heartbeats):
    """The heartbeats of a dialect, answered on the loop thread of sockets: nobody has to wait for that."""

    line: Line

    def answer(self, opcode: int, body: bytes) -> bytes | None:
        for frame in self.line.decode(body.decode("utf-8", "replace")):
            answer = self.line.heartbeat(frame)
            if answer is not None:
                return answer if isinstance(answer, bytes) else answer.encode()
        return None


class Socket:
    """A socket, what it has received, and its state in the dialect (``line``)."""

    def __init__(self, line: Line, alias: str | None = None) -> None:
        self.line = line
        self.alias = alias or ""
        self.opened = Opened(False, {}, why="it was never opened")
        self.events: list[Event] = []
        self.before: Socket | None = None
        self._notes: dict[str, dict[str, Any]] = {}
        self.acknowledged: dict[str, Mapping[str, Any]] = {}
        self._wanted_alias = alias
        self._position = 0
        self._frames: list[Any] = []
        self._library: Any = None

    def open(self, timeout: float) -> None:
        """Opens it; whether the target then greeted and took its user says ``opened``."""
        self._library = BuiltIn().get_library_instance("WebSocketLibrary")
        from lockstep import target

        shake = self.line.handshake()
        ca_file = target.current().ca_file if target.in_use() else None
        _mask(self.line)
        self.alias = self._library.open_connection(
            shake.url, self._wanted_alias, headers=dict(shake.headers), subprotocols=list(shake.subprotocols),
            ca_file=ca_file if shake.url.startswith("wss") else None, timeout=timedelta(seconds=timeout),
        )  # fmt: skip
        if self.line.has_heartbeat:
            self.connection.heartbeats = _Answered((), self.line)
        self.opened = self.play(self.line.opening())

    @property
    def connection(self) -> Any:
        """WebSocketLibrary's connection."""
        return self._library.connections.get(self.alias)

    def note(self, room: Any, read: Mapping[str, Any]) -> None:
        """Keeps what an answer has said of a conversation: position, epoch."""
        self._notes.setdefault(str(room), {}).update(read)

    def notes(self, room: Any) -> dict[str, Any]:
        """What the device knows of a conversation by the answers that it was given, also on its sockets before."""
        before = self.before.notes(room) if self.before else {}
        return {**before, **self._notes.get(str(room), {})}

    @property
    def sockets(self) -> list[Socket]:
        """All sockets that the device has had, this one last."""
        return [*(self.before.sockets if self.before else []), self]

    @property
    def local_port(self) -> int:
        """Its TCP port on this side."""
        return int(self.connection.local_port)

    def answer_to(self, outgoing: Outgoing, name: str) -> Opened:
        """Waits for the answer to a frame that was sent, where the dialect has one for it."""
        if not outgoing.out.answer:
            return Opened(True, {})
        wanted = Await(lambda frame: bool(self.line.judged(outgoing, frame)), outgoing.out.within, f"answer to {name}")
        return self.line.came_of(outgoing, self._awaited(wanted), name)

    def answers_to(self, sent: Sequence[Outgoing], name: str) -> list[Opened]:
        """As `answer_to` for many frames; each further answer has the time of one. What came is looked at once."""
        if any(outgoing.call is None or not outgoing.out.answer for outgoing in sent) or self.line.facts.call is None:
            return [self.answer_to(outgoing, name) for outgoing in sent]
        path, waiting = self.line.facts.call.answer, {outgoing.call: outgoing for outgoing in sent}
        came: dict[Any, Any] = {}
        seen = 0

        def look() -> Any:
            nonlocal seen
            self.update()
            before = len(came)
            for index in range(seen, len(self._frames)):
                frame = self._frames[index]
                call = None if frame is None else look_up(frame, path)
                outgoing = waiting.get(call) if isinstance(call, str | int) else None
                if outgoing is not None and self.line.judged(outgoing, frame):
                    came[call], self._frames[index] = frame, None
                    del waiting[call]
            seen = len(self._frames)
            closing = self.connection.closing
            return Gone(closing.code) if closing and waiting else (len(came) > before or not waiting or None)

        end: Any = True
        while waiting and end is True:
            end = wait_until([self.connection], look, sent[0].out.within)
        gone = end if isinstance(end, Gone) else Gone()
        return [self.line.came_of(outgoing, came.get(outgoing.call, gone), name) for outgoing in sent]

    def send(self, content: str | bytes) -> None:
        """Sends a frame as it is."""
        if isinstance(content, bytes):
            self._library.send_binary(content, self.alias)
        else:
            self._library.send_text(content, self.alias)

    def play(self, exchange: Exchange) -> Opened:
        """Sends and waits as an exchange has it; a socket that has ended is an outcome, too."""

        def do(action: Send | Await) -> Any:
            return self.send(action.content) if isinstance(action, Send) else self._awaited(action)

        try:
            return to_its_end(exchange, do)
        except NotOpenError as error:
            return Opened(False, {}, why=str(error))

    def _awaited(self, action: Await) -> Any:
        seen = 0

        def look() -> Any:
            nonlocal seen
            self.update()
            while seen < len(self._frames):
                frame = self._frames[seen]
                seen += 1
                if frame is not None and action.wanted(frame):
                    self._frames[seen - 1] = None
                    return frame
            closing = self.connection.closing
            return Gone(closing.code) if closing else None

        found = wait_until([self.connection], look, action.within)
        return Gone() if found is None else found

    def update(self) -> None:
        """Reads what has come since. A heartbeat that came before the socket could answer it is answered here."""
        connection = self.connection
        for frame in connection.settled_journal.frames(Direction.RECEIVED, self._position):
            self._position = frame.index + 1
            if not frame.is_data and not frame.heartbeat:
                continue
            content = frame.body if frame.opcode == Opcode.BINARY else frame.text
            for decoded in self.line.decode(content):
                # What was answered by itself may tell something, too.
                self.events.extend(self.line.events(decoded))
                if frame.heartbeat:
                    continue
                answer = self.line.heartbeat(decoded)
                if answer is not None and connection.is_open:
                    self.send(answer)
                self._frames.append(decoded)

    def wait_for(self, look: Callable[[], Any], within: float) -> Any:
        """What ``look`` finds, asked after each frame; None after ``within`` seconds, or when the socket has ended."""

        def looked() -> Any:
            self.update()
            found = look()
            if found is not None:
                return found
            return Gone(self.connection.closing.code) if self.connection.closing else None

        found = wait_until([self.connection], looked, within)
        return None if isinstance(found, Gone) else found

    @property
    def state(self) -> str:
        """How it stands, for a message."""
        return str(self.connection.describe_state())

    def send_in_fragments(self, content: str | bytes, *, finish: bool) -> None:
        """Sends a frame as several (RFC 6455 §5.4), without the last of them where it is not to be finished."""
        kind = "binary" if isinstance(content, bytes) else "text"
        self._library.send_fragmented(content, 4, opcode=kind, finish=finish, connection=self.alias)

    def reset(self) -> None:
        """Cuts TCP without a close frame."""
        self._library.drop_connection(self.alias)

    def drop(self) -> None:
        """Closes it where it is open."""
        if self.connection.is_open:
            self._library.close_connection(self.alias)

    def __repr__(self) -> str:
        return f"<socket {self.alias}>"


def _mask(line: Line) -> None:
    token = line.session.values.get("access")
    if isinstance(token, str):
        masking.register(token)
    logger.debug(f"a socket of {line.session!r} at {line.endpoint.name}")
