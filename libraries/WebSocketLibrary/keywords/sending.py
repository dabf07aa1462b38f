"""Keywords that send."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Literal

from lockstep.masking import register, reveal
from robot.api.deco import keyword
from robot.api.types import Secret

from ..background import background
from ..connection import Connection
from ..frames import encode, new_mask, opcode_of, split
from ..journal import Frame, Opcode
from ..matching import matcher
from ..waiting import find
from .base import DEFAULT_WAIT, Base


def as_json(message: Any) -> str:
    """JSON text of Robot data, or the text itself where it is JSON already."""
    if isinstance(message, str):
        try:
            json.loads(message)
        except ValueError as error:
            raise ValueError(f"not JSON: {error}; what is malformed on purpose is sent by Send Text") from error
        return message
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        register(value)
        return reveal(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


class Sending(Base):
    """Send … and what breaks the rules on purpose."""

    def _send(self, connection: str | None, opcode: int, body: bytes) -> int:
        return self.connections.get(connection).hand_over(opcode, body)

    @keyword(tags=["sending"])
    def send_text(self, message: str, connection: str | None = None) -> int:
        """Sends a text frame as it is; returns its size on the wire in bytes."""
        return self._send(connection, Opcode.TEXT, message.encode())

    @keyword(tags=["sending"])
    def send_json(self, message: Any, connection: str | None = None) -> int:
        """Sends a dictionary, list or JSON text as a text frame; a ``Secret`` inside goes out as its value. Returns
        the size in bytes.
        """
        return self._send(connection, Opcode.TEXT, as_json(message).encode())

    @keyword(tags=["sending", "classic"])
    def send_binary(self, payload: bytes | str, connection: str | None = None) -> int:
        """Sends a binary frame; text goes as UTF-8. Returns the size in bytes."""
        return self._send(connection, Opcode.BINARY, payload.encode() if isinstance(payload, str) else payload)

    @keyword(tags=["sending"])
    def send_fragmented(
        self,
        message: str | bytes,
        fragments: int = 3,
        *,
        opcode: Literal["text", "binary"] = "text",
        finish: bool = True,
        connection: str | None = None,
    ) -> None:
        """Sends one message in that many frames (RFC 6455 §5.4); with ``finish=False`` the last frame of it is held
        back for ever.
        """
        body = message.encode() if isinstance(message, str) else message
        target = self.connections.get(connection)
        background().call(
            lambda: target.send_fragments(opcode_of(opcode), split(body, fragments), finish=finish),
        )

    @keyword(tags=["sending", "hostile"])
    def send_raw_frame(
        self,
        payload: bytes | str = b"",
        *,
        opcode: int | str = "text",
        fin: bool = True,
        rsv: int = 0,
        masked: bool = True,
        length: int | None = None,
        connection: str | None = None,
    ) -> int:
        """Sends a frame that may break RFC 6455 §5.2: any opcode (name or number), reserved bits, no mask, a wrong
        length.

        ``length`` is what the header claims. Text goes as UTF-8; for other bytes: ``${{b"\\xff"}}``. Returns the
        size in bytes.
        """
        body = payload.encode() if isinstance(payload, str) else payload
        number = opcode_of(opcode)
        data = encode(number, body, fin=fin, rsv=rsv, mask=new_mask() if masked else None, length=length)
        target = self.connections.get(connection)
        background().call(target.send_bytes, data, number, body)
        return len(data)

    @keyword(tags=["sending", "hostile"])
    def send_raw_bytes(self, data: bytes | str, connection: str | None = None) -> int:
        """Writes bytes into the connection without any frame round them; returns how many."""
        body = data.encode() if isinstance(data, str) else data
        background().call(self.connections.get(connection).send_bytes, body, Opcode.CONTINUATION, body)
        return len(body)

    @keyword(tags=["sending", "receiving"])
    def send_and_wait(
        self,
        message: Any,
        *,
        where: str | dict[str, Any] | None = None,
        within: timedelta = DEFAULT_WAIT,
        connection: str | None = None,
        **fields: Any,
    ) -> Frame:
        """Sends a text (as it is) or a dictionary or list (as JSON) and returns the first wanted frame that comes
        after it.

        The wanted frame is described as in `Wait For Frame`; frames from before the sending never count.

        | ${ack} =    Send And Wait    ${frame}    type=ack    payload.client_msg_id=${id}
        | Should Be Equal    ${ack.json}[payload][seq]    ${1}
        """
        target = self.connections.get(connection)
        wanted = matcher(where, fields)
        body = message if isinstance(message, str) else as_json(message)
        position = background().call(_send_from, target, body.encode())
        return find(target, wanted, within, since=position)

    @keyword(tags=["sending"])
    def pause_reading(self, connection: str | None = None) -> None:
        """Takes no more bytes from the peer, as a stalled client does, until `Resume Reading`; a close is not seen
        either meanwhile.
        """
        background().call(self.connections.get(connection).pause_reading)

    @keyword(tags=["sending"])
    def resume_reading(self, connection: str | None = None) -> None:
        """Takes bytes from the peer again."""
        background().call(self.connections.get(connection).resume_reading)


def _send_from(target: Connection, body: bytes) -> int:
    position = len(target.journal)
    target.send(Opcode.TEXT, body)
    return position
