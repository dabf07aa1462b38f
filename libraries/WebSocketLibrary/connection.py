"""One socket: the picows listener that writes its journal, on the loop thread, and what keywords may ask it to do."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from lockstep import reasons
from picows import WSFrame, WSListener, WSMsgType, WSTransport

from . import frames
from .background import background
from .errors import ErrorFrames, ErrorLog
from .handshake import Answer, Request
from .heartbeat import Heartbeats
from .journal import DATA_OPCODES, Journal, Opcode

PATIENCE_AFTER_CLOSE = 2.0
"""Seconds that a peer has, after both close frames, to close TCP (RFC 6455 §7.1.1); then the socket is cut."""

_TEXT, _BINARY = WSMsgType.TEXT, WSMsgType.BINARY
_NEVER = -1
_UNEXPLAINED = {frames.CLOSE_NO_STATUS: "a close frame without a code", frames.CLOSE_ABNORMAL: "no close frame came"}
_USUAL_ERRORS = ErrorFrames.described()


class NotOpenError(Exception):
    """A keyword needed an open socket and it is not."""

    ROBOT_SUPPRESS_NAME = True


@dataclass(frozen=True)
class Closing:
    """How a socket ended. Codes as RFC 6455 §7.4: 1005 no code in the frame, 1006 no close frame at all."""

    code: int
    reason: str
    at: float
    by_peer: bool
    cause: str = ""

    def __str__(self) -> str:
        if self.cause:
            return f"{self.code} ({self.cause})"
        if self.reason:
            return f"{self.code} '{self.reason}'"
        return f"{self.code} ({_UNEXPLAINED.get(self.code, reasons.NONE_GIVEN)})"


def _nothing() -> None:
    pass


class Rings(Protocol):
    """What a waiting keyword leaves at a socket."""

    def ring(self, source: Connection) -> None:
        """Something was journaled; called on the loop thread."""


class Connection(WSListener):
    """One open or closed socket. Methods that act belong to the loop thread; the journal may be read from any."""

    # Attributes of a subclass of picows' C type cost three times as much in a dictionary, on each frame of a load.
    __slots__ = (
        "_auto_pong",
        "_close_sent",
        "_end",
        "_entries",
        "_parts",
        "_parts_opcode",
        "_transport",
        "_was_cut",
        "alias",
        "answer",
        "bell",
        "closing",
        "data_received",
        "errors",
        "goal",
        "gone",
        "heartbeats",
        "journal",
        "on_goal",
        "request",
        "sendable",
    )

    def __init__(
        self,
        alias: str,
        request: Request,
        *,
        auto_pong: bool = True,
        errors: ErrorFrames = _USUAL_ERRORS,
        heartbeats: Heartbeats | None = None,
    ) -> None:
        super().__init__()
        self.heartbeats = heartbeats
        self.alias = alias
        self.request = request
        self.journal = Journal(alias)
        self.errors = ErrorLog(self.journal, errors)
        self.answer = Answer(0)
        self.closing: Closing | None = None
        self.gone = False
        self.bell: Rings | None = None
        self.sendable: WSTransport | None = None
        self.data_received = 0
        self.goal = _NEVER
        self.on_goal: Callable[[], None] = _nothing
        self._auto_pong = auto_pong
        self._entries = self.journal.entries
        self._transport: WSTransport | None = None
        self._parts: list[bytes] = []
        self._parts_opcode = 0
        self._close_sent = False
        self._was_cut = False
        self._end: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """True until a close frame went either way or the loss of TCP was noted."""
        return self.sendable is not None

    @property
    def local_port(self) -> int:
        """The TCP port on this side; from a keyword's thread."""
        tcp = self._open_transport.underlying_transport
        return int(background().call(tcp.get_extra_info, "sockname")[1])

    @property
    def was_opened(self) -> bool:
        """True once the handshake succeeded, also after the end."""
        return self._transport is not None

    # --- what the peer does

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = self.sendable = transport
        headers = {name.lower(): value for name, value in transport.response.headers.items()}
        self.answer = Answer(101, "Switching Protocols", headers)
        self.journal.opened_at = monotonic()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        opcode = frame.msg_type
        if self.heartbeats is None and opcode is _TEXT and frame.fin:
            self._entries.append((monotonic(), 1, frame.get_payload_as_bytes()))
            received = self.data_received = self.data_received + 1
            if received == self.goal:
                self.goal = _NEVER
                self.on_goal()
        else:
            self._uncommon_frame(frame)
        if self.bell is not None:
            self.bell.ring(self)

    def pause_writing(self) -> None:
        """The peer reads too slowly: what is sent meanwhile waits in memory, as in any client."""

    def resume_writing(self) -> None:
        """The peer reads again."""

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.gone = True
        if self._parts:
            self._record(self._parts_opcode, b"".join(self._parts), fragments=len(self._parts), complete=False)
        self._end = asyncio.get_running_loop().create_task(self._finish(transport))

    async def _finish(self, transport: WSTransport) -> None:
        cause = ""
        try:
            await transport.wait_disconnected()
        except Exception as error:  # picows hands over here whatever made it hang up
            cause = f"the peer broke the protocol: {reasons.text(error)}"
        self.sendable = None
        if self.closing is None:
            by_peer = not self._close_sent and not self._was_cut
            self.closing = Closing(frames.CLOSE_ABNORMAL, "", monotonic(), by_peer=by_peer, cause=cause)
        if self.goal != _NEVER:
            self._reach_goal()
        if self.bell is not None:
            self.bell.ring(self)

    def _count_data(self) -> None:
        self.data_received += 1
        if self.data_received == self.goal:
            self._reach_goal()

    def _reach_goal(self) -> None:
        self.goal = _NEVER
        self.on_goal()

    def unwatch(self) -> None:
        """Forgets the goal that a bulk keyword has set."""
        self.goal = _NEVER

    def _uncommon_frame(self, frame: WSFrame) -> None:
        opcode = frame.msg_type.value
        body = frame.get_payload_as_bytes()
        if opcode == Opcode.CONTINUATION or (opcode < Opcode.CLOSE and not frame.fin):
            self._fragment(opcode, body, frame.fin)
        elif opcode in DATA_OPCODES:
            self._data(opcode, body)
        else:
            self._record(opcode, body)
            if opcode == Opcode.PING and self._auto_pong and self.is_open:
                self.send(Opcode.PONG, body)
            elif opcode == Opcode.CLOSE:
                self._peer_closes(body)

    def _fragment(self, opcode: int, body: bytes, last: bool) -> None:
        if opcode != Opcode.CONTINUATION:
            self._parts_opcode = opcode
        self._parts.append(body)
        if last:
            parts, self._parts = self._parts, []
            self._data(self._parts_opcode, b"".join(parts), fragments=len(parts))

    def _data(self, opcode: int, body: bytes, fragments: int = 1) -> None:
        """A whole message; a heartbeat is answered, and is none."""
        answer = None if self.heartbeats is None else self.heartbeats.answer(opcode, body)
        if answer is None:
            self._record(opcode, body, fragments=fragments)
            self._count_data()
            return
        self.journal.record(opcode, body, sent=False, fragments=fragments, heartbeat=True)
        if self.sendable is not None:
            self.sendable.send(_TEXT, answer)
            self.journal.record(Opcode.TEXT, answer, sent=True, heartbeat=True)

    def _peer_closes(self, body: bytes) -> None:
        reason = body[2:].decode("utf-8", "replace")
        code = frames.close_code(body)
        self.sendable = None
        self.closing = Closing(code, reason, monotonic(), by_peer=not self._close_sent)
        if not self._close_sent:
            self.send_close(None if code == frames.CLOSE_NO_STATUS else code)
        asyncio.get_running_loop().call_later(PATIENCE_AFTER_CLOSE, self.cut)

    def _record(
        self, opcode: int, body: bytes, *, sent: bool = False, fragments: int = 1, complete: bool = True
    ) -> None:
        self.journal.record(opcode, body, sent=sent, fragments=fragments, complete=complete)

    # --- what keywords do

    def hand_over(self, opcode: int, body: bytes) -> int:
        """From a keyword's thread: has one unfragmented data frame sent; its size on the wire in bytes.

        Nobody waits for the loop thread here, since that would double the time of a keyword that sends. A frame handed
        over while the socket ends is lost with it, as in any TCP client.
        """
        if self.sendable is None:
            raise self._not_open()
        background().post(self.send_if_open, opcode, body)
        return frames.frame_size(len(body))

    @property
    def settled_journal(self) -> Journal:
        """For a keyword's thread: the journal with everything in it that was handed over so far."""
        background().settle()
        return self.journal

    @property
    def _open_transport(self) -> WSTransport:
        if self.sendable is None:
            raise self._not_open()
        return self.sendable

    def _not_open(self) -> NotOpenError:
        return NotOpenError(f"connection '{self.alias}' is not open: {self.describe_state()}")

    def send_text(self, body: bytes) -> None:
        """The short way of a load: one unfragmented text frame."""
        transport = self.sendable or self._open_transport
        transport.send(_TEXT, body)
        self._entries.append((monotonic(), 0x11, body))

    def send(self, opcode: int, body: bytes) -> int:
        """Sends one unfragmented frame; its size on the wire in bytes."""
        self._open_transport.send(WSMsgType(opcode), body)
        self._record(opcode, body, sent=True)
        return frames.frame_size(len(body))

    def send_if_open(self, opcode: int, body: bytes) -> None:
        """Sends one unfragmented frame, unless the socket ended since a keyword found it open."""
        if self.sendable is not None:
            self.send(opcode, body)

    def send_fragments(self, opcode: int, parts: list[bytes], *, finish: bool = True) -> None:
        """Sends one message in these pieces; without `finish` the last frame of it is missing."""
        transport = self._open_transport
        for number, part in enumerate(parts):
            last = finish and number == len(parts) - 1
            transport.send(WSMsgType(opcode if number == 0 else Opcode.CONTINUATION), part, fin=last)
        self._record(opcode, b"".join(parts), sent=True, fragments=len(parts), complete=finish)

    def send_bytes(self, data: bytes, opcode: int, body: bytes) -> None:
        """Writes bytes to the connection as they are; `opcode` and `body` are what the journal keeps of them."""
        self._open_transport.underlying_transport.write(data)
        self._record(opcode, body, sent=True)

    def send_close(self, code: int | None, reason: str = "") -> None:
        """Sends a close frame and nothing else."""
        transport = self._transport
        if transport is None or self.gone or self._close_sent:
            raise self._not_open()
        body = frames.close_body(code, reason)
        # Written by hand: picows cannot send a close frame without a code.
        transport.underlying_transport.write(frames.encode(Opcode.CLOSE, body, mask=frames.new_mask()))
        self._record(Opcode.CLOSE, body, sent=True)
        self._close_sent = True
        self.sendable = None

    def cut(self) -> None:
        """Drops TCP without a close frame, by a reset (RST)."""
        if self._transport is None or self.gone:
            return
        self._was_cut = True
        tcp = self._transport.underlying_transport.get_extra_info("socket")
        if tcp is not None:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.disconnect(graceful=False)

    def pause_reading(self) -> None:
        """Stops taking bytes from the peer, so that its buffers fill up."""
        self._open_transport.underlying_transport.pause_reading()

    def resume_reading(self) -> None:
        """Takes bytes from the peer again."""
        self._open_transport.underlying_transport.resume_reading()

    def describe_state(self) -> str:
        """`open`, or how and when it ended."""
        if self.closing is not None:
            who = "peer" if self.closing.by_peer else "this side"
            after = self.closing.at - self.journal.opened_at
            return f"closed by {who} with {self.closing} {after:.3f} s after opening"
        if self.gone:
            return "lost"
        if self._close_sent:
            return "closing: a close frame was sent, the peer has not answered"
        return "open" if self._transport is not None else "never opened"


def cut_all(connections: Iterable[Connection]) -> None:
    """Cuts every one of them, now."""
    for connection in connections:
        connection.cut()
