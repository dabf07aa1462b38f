"""How frames travel on a socket: plain JSON, socket.io, or GraphQL over WebSocket.

Each framing encodes and decodes, answers the heartbeats of its protocol, and knows the packet that opens a connection.
Sources: Socket.IO protocol 5 over Engine.IO protocol 4; the sub-protocol ``graphql-transport-ws`` of graphql-ws.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Framing:
    """Plain JSON, one frame a message; the others add to it."""

    subprotocols: tuple[str, ...] = ()
    """Offered at the handshake before those of the dialect."""
    connect: Any = None
    """Opens a connection where no frame of the dialect authenticates; None where the protocol has no such frame."""
    connected: Mapping[str, Any] = field(default_factory=dict)
    """What the answer to ``connect`` holds."""
    refused: Mapping[str, Any] = field(default_factory=dict)
    """What the answer holds where the connection is refused."""

    def encode(self, frame: Any) -> str:
        """A frame as it travels; a text stays as it is."""
        return frame if isinstance(frame, str) else json.dumps(frame, ensure_ascii=False, separators=(",", ":"))

    def decode(self, content: str | bytes) -> list[Any]:
        """The frames of one message; none where it is not of this framing."""
        try:
            return [json.loads(content)]
        except ValueError:
            return []

    def answer(self, frame: Any) -> Any:
        """What answers a heartbeat of the protocol; None where a frame is none."""
        return None


class GraphQL(Framing):
    """``graphql-transport-ws``: JSON with ``type``, ``id`` and ``payload``; every ``ping`` has its ``pong``."""

    def answer(self, frame: Any) -> Any:
        return {"type": "pong"} if isinstance(frame, dict) and frame.get("type") == "ping" else None


ENGINE = {"0": "open", "1": "close", "2": "ping", "3": "pong", "6": "noop"}
"""Packets of Engine.IO; 4 carries one of `PACKETS`."""
PACKETS = {"0": "connect", "1": "disconnect", "2": "event", "3": "ack", "4": "connect_error"}
"""Packets of Socket.IO; 5 and 6 have binary attachments, which are not read."""
_PACKET = re.compile(r"4(?P<kind>[0-4])(?:(?P<namespace>/[^,\[{]*),)?(?P<id>\d+)?(?P<data>.*)", re.DOTALL)
_NUMBERS = {name: f"4{number}" for number, name in PACKETS.items()} | {name: number for number, name in ENGINE.items()}


class SocketIO(Framing):
    """A packet is a mapping: ``packet``, and as it has them ``namespace``, ``id``, ``event``, ``data`` and ``args``.

    ``data`` is the first argument of an event or acknowledgement, ``args`` are all of them.
    """

    def encode(self, frame: Any) -> str:
        """Raises ``ValueError`` where a frame is no packet."""
        if isinstance(frame, str):
            return frame
        kind = frame.get("packet") if isinstance(frame, dict) else None
        if kind not in _NUMBERS:
            raise ValueError(f"a packet of socket.io needs packet, one of {', '.join(_NUMBERS)}, not {frame!r}")
        number = _NUMBERS[kind]
        if not number.startswith("4"):
            return number + (super().encode(frame["data"]) if "data" in frame else "")
        namespace = frame.get("namespace", "/")
        arguments = frame.get("args", [frame["data"]] if "data" in frame else [])
        if kind == "event":
            arguments = [frame.get("event", "message"), *arguments]
        data = arguments if kind in ("event", "ack") else frame.get("data")
        return "".join(
            (
                number,
                "" if namespace == "/" else f"{namespace},",
                str(frame.get("id", "")),
                "" if data is None else json.dumps(data, ensure_ascii=False, separators=(",", ":")),
            )
        )

    def decode(self, content: str | bytes) -> list[Any]:
        text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
        if text[:1] in ENGINE:
            found: dict[str, Any] = {"packet": ENGINE[text[0]]}
            return self._with(found, "data", text[1:])
        if not (match := _PACKET.fullmatch(text)):
            return []
        kind = PACKETS[match["kind"]]
        found = {"packet": kind, "namespace": match["namespace"] or "/"}
        if match["id"]:
            found["id"] = int(match["id"])
        if kind not in ("event", "ack"):
            return self._with(found, "data", match["data"])
        frames = self._with(found, "args", match["data"])
        if not frames or not isinstance(found.get("args"), list):
            return []
        if kind == "event":
            if not found["args"]:
                return []
            found["event"] = found["args"].pop(0)
        if found["args"]:
            found["data"] = found["args"][0]
        return frames

    def _with(self, found: dict[str, Any], name: str, text: str) -> list[Any]:
        """The packet with what it carries; none where that is no JSON."""
        if not text:
            return [found]
        decoded = super().decode(text)
        if decoded:
            found[name] = decoded[0]
        return [found] if decoded else []

    def answer(self, frame: Any) -> Any:
        return {"packet": "pong"} if isinstance(frame, dict) and frame.get("packet") == "ping" else None


OWN = "own"
"""The framing that ``encode`` and ``decode`` of a ``dialect.py`` are."""
FRAMINGS: Mapping[str, Framing] = MappingProxyType(
    {
        "json": Framing(),
        "socket.io": SocketIO(
            connect={"packet": "connect"},
            connected={"packet": "connect"},
            refused={"packet": "connect_error"},
        ),
        "graphql-transport-ws": GraphQL(
            ("graphql-transport-ws",),
            connect={"type": "connection_init"},
            connected={"type": "connection_ack"},
        ),
    }
)
"""Those that are built in, by the word of a dialect."""
