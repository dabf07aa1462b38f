"""The frames of a WebSocket in a stream of bytes (RFC 6455, section 5.2), wherever the segments of TCP cut it."""

from __future__ import annotations

from collections.abc import Callable

_END_OF_HEAD = b"\r\n\r\n"
_LONGEST_HEAD = 1 << 16
_MASKED = 0x80
_LENGTH = 0x7F


class FrameStream:
    """One direction of a connection that may become a WebSocket: its first HTTP head, then frames.

    A connection that does not begin with the handshake is none and passes as it is.
    """

    def __init__(self, stream: str) -> None:
        self._opens = _asks_for_websocket if stream == "upstream" else _agrees_to_websocket
        self._head: bytearray | None = bytearray()
        self._framed = False
        self._header = bytearray()
        self._left = 0
        self._dropping = False

    def feed(self, data: bytes, drops: Callable[[int], bool]) -> bytes:
        """What of ``data`` passes; ``drops`` is asked once, with the opcode, for each frame that begins.

        A header that is not complete is kept until it is, since nobody can use it before.
        """
        passed = bytearray()
        at = 0
        if self._head is not None:
            at = self._read_head(self._head, data)
            passed += data[:at]
        if not self._framed:
            return bytes(passed + data[at:])
        while at < len(data):
            if self._left:
                end = min(len(data), at + self._left)
                self._left -= end - at
                if not self._dropping:
                    passed += data[at:end]
                at = end
                continue
            missing = _header_length(self._header) - len(self._header)
            self._header += data[at : at + missing]
            at += missing
            if len(self._header) >= _header_length(self._header):
                self._begin_frame(passed, drops)
        return bytes(passed)

    def rest(self) -> bytes:
        """What is still kept when the stream ends: a part of a header."""
        return bytes(self._header)

    def _begin_frame(self, passed: bytearray, drops: Callable[[int], bool]) -> None:
        self._dropping = drops(self._header[0] & 0x0F)
        self._left = _payload_length(self._header)
        if not self._dropping:
            passed += self._header
        self._header.clear()

    def _read_head(self, head: bytearray, data: bytes) -> int:
        """How many bytes of ``data`` belong to the head."""
        before = len(head)
        head += data
        end = head.find(_END_OF_HEAD, max(0, before - len(_END_OF_HEAD) + 1))
        if end < 0:
            if len(head) > _LONGEST_HEAD:
                self._head = None
            return len(data)
        self._head = None
        self._framed = self._opens(bytes(head[:end]))
        return end + len(_END_OF_HEAD) - before


def _header_length(header: bytearray) -> int:
    """Of the header that begins so: two bytes, an extended length, a masking key."""
    if len(header) < 2:
        return 2
    extended = {126: 2, 127: 8}.get(header[1] & _LENGTH, 0)
    return 2 + extended + (4 if header[1] & _MASKED else 0)


def _payload_length(header: bytearray) -> int:
    short = header[1] & _LENGTH
    extended = {126: 2, 127: 8}.get(short, 0)
    return int.from_bytes(header[2 : 2 + extended], "big") if extended else short


def _asks_for_websocket(head: bytes) -> bool:
    return head.startswith(b"GET ") and b"\r\nupgrade: websocket" in head.lower()


def _agrees_to_websocket(head: bytes) -> bool:
    return head.startswith(b"HTTP/1.1 101")
