"""The frames of the socket (docs/protocol.md §4): parsing and making them, without any I/O."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from services.common import json_bodies

PROTOCOL = 1
MAX_BODY = 16 << 10
MAX_CLIENT_MSG_ID = 64
MAX_FRAME_ID = 200
MAX_POSITIONS = 1_000
MAX_STATE = 48 << 10
MAX_SEQ = (1 << 63) - 1

NORMAL = 1000
UNSUPPORTED_DATA = 1003
POLICY = 1008
INTERNAL_ERROR = 1011
SERVICE_RESTART = 1012
TOKEN_EXPIRED = 4001
SESSION_REVOKED = 4003
SLOW_CONSUMER = 4008
REPLACED = 4009
RESUME_NEEDED = 4010
ABUSE = 4029

CLOSE_CODES = {
    "normal": NORMAL,
    "going_away": 1001,
    "unsupported_data": UNSUPPORTED_DATA,
    "invalid_text": 1007,
    "policy": POLICY,
    "too_big": 1009,
    "internal_error": INTERNAL_ERROR,
    "service_restart": SERVICE_RESTART,
    "token_expired": TOKEN_EXPIRED,
    "session_revoked": SESSION_REVOKED,
    "slow_consumer": SLOW_CONSUMER,
    "replaced": REPLACED,
    "resume_needed": RESUME_NEEDED,
    "abuse": ABUSE,
}

_CANONICAL_ID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class FrameError(Exception):
    """A frame that cannot be served: an ``error`` answer to it, by ``code``; the socket lives on."""

    def __init__(self, code: str, detail: str, *, frame_id: str | None = None, retryable: bool = False) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.frame_id = frame_id
        self.retryable = retryable

    def frame(self, frame_id: str | None = None) -> str:
        """The ``error`` frame."""
        payload = {"code": self.code, "detail": self.detail, "retryable": self.retryable}
        return make("error", payload, self.frame_id or frame_id)


class Frame(NamedTuple):
    """A well-formed frame of a client; its payload is not judged yet."""

    type: str
    id: str | None
    payload: dict[str, Any]


_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def parse(text: str) -> Frame:
    """The frame in ``text``; raises ``FrameError`` ``invalid_frame``."""
    try:
        value = json_bodies.parse(text)
    except ValueError:
        raise FrameError("invalid_frame", "the frame is not JSON") from None
    if not isinstance(value, dict):
        raise FrameError("invalid_frame", "the frame is not an object")
    frame_id = value.get("id")
    if frame_id is not None and (not isinstance(frame_id, str) or len(frame_id) > MAX_FRAME_ID):
        raise FrameError("invalid_frame", f"id is neither null nor a text of up to {MAX_FRAME_ID} characters")
    kind, payload = value.get("type"), value.get("payload", {})
    if not isinstance(kind, str) or not kind:
        raise FrameError("invalid_frame", "type is not a text", frame_id=frame_id)
    if not isinstance(payload, dict):
        raise FrameError("invalid_frame", "payload is not an object", frame_id=frame_id)
    return Frame(kind, frame_id, payload)


def make(kind: str, payload: dict[str, Any], frame_id: str | None = None) -> str:
    """The text of a frame; an answer carries the ``frame_id`` it answers."""
    return encode({"type": kind, "id": frame_id, "payload": payload})


def encode(value: Any) -> str:
    """Compact JSON."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # What a client sent and gets back may hold a number beyond 64 bits or half a surrogate pair.
        return _encode(value)


def text_of(payload: dict[str, Any], name: str, limit: int, unit: str = "bytes") -> str:
    """The text ``name`` of 1 to ``limit`` UTF-8 bytes, or characters, storable in PostgreSQL; raises ``FrameError``."""
    value = payload.get(name)
    if not isinstance(value, str):
        raise FrameError("invalid_frame", f"{name} is not a text")
    if not is_storable(value):
        raise FrameError("invalid_frame", f"{name} holds a character that cannot be stored")
    if not 1 <= len(value if unit == "characters" else value.encode()) <= limit:
        raise FrameError("invalid_frame", f"{name} has not 1 to {limit} {unit}")
    return value


def is_storable(text: str) -> bool:
    """Whether ``text`` is Unicode without NUL and lone surrogates, which UTF-8 columns refuse."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def is_storable_json(value: Any) -> bool:
    """Whether a ``jsonb`` column takes ``value``: it refuses NUL and lone surrogates."""
    text = json.dumps(value, ensure_ascii=False)
    return is_storable(text) and "\\u0000" not in text


def id_of(payload: dict[str, Any], name: str) -> str:
    """The UUID ``name`` in its lower-case form; raises ``FrameError``."""
    value = payload.get(name)
    if not isinstance(value, str):
        raise FrameError("invalid_frame", f"{name} is not a UUID")
    return checked_id(value, name)


def checked_id(value: str, name: str) -> str:
    """``value`` as a lower-case UUID; raises ``FrameError``."""
    if _CANONICAL_ID.fullmatch(value):
        return value
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise FrameError("invalid_frame", f"{name} is not a UUID") from None


def number_of(payload: dict[str, Any], name: str) -> int:
    """The whole number ``name``, from 0; raises ``FrameError``."""
    value = payload.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_SEQ:
        raise FrameError("invalid_frame", f"{name} is not a whole number from 0")
    return value


def object_of(payload: dict[str, Any], name: str) -> dict[str, Any]:
    """The object ``name``; raises ``FrameError``."""
    value = payload.get(name)
    if not isinstance(value, dict):
        raise FrameError("invalid_frame", f"{name} is not an object")
    return value


class Send(NamedTuple):
    """A ``message.send``, checked."""

    conversation_id: str
    client_msg_id: str
    body: str

    @classmethod
    def of(cls, payload: dict[str, Any]) -> Send:
        """Raises ``FrameError``."""
        return cls(
            id_of(payload, "conversation_id"),
            text_of(payload, "client_msg_id", MAX_CLIENT_MSG_ID, "characters"),
            text_of(payload, "body", MAX_BODY),
        )


@dataclass(frozen=True, slots=True)
class Position:
    """How far a client holds a conversation: everything up to ``seq`` of ``epoch``."""

    epoch: str
    seq: int

    def as_json(self) -> dict[str, Any]:
        """Its form on the wire."""
        return {"epoch": self.epoch, "seq": self.seq}


@dataclass(frozen=True, slots=True)
class Resume:
    """A ``resume``, checked."""

    client_id: str
    positions: dict[str, Position]

    @classmethod
    def of(cls, payload: dict[str, Any]) -> Resume:
        """Raises ``FrameError``."""
        given = object_of(payload, "positions")
        if len(given) > MAX_POSITIONS:
            raise FrameError("invalid_frame", f"more than {MAX_POSITIONS} positions")
        positions = {checked_id(name, "a conversation"): _position(value) for name, value in given.items()}
        return cls(id_of(payload, "client_id"), positions)


def _position(value: Any) -> Position:
    if not isinstance(value, dict) or not isinstance(value.get("epoch"), str):
        raise FrameError("invalid_frame", "a position is not {epoch, seq}")
    return Position(value["epoch"], number_of(value, "seq"))


def document_of(payload: dict[str, Any], measure: Callable[[Any], str] = encode) -> str:
    """The ``document`` of a ``state.update`` as the text to store; raises ``FrameError``."""
    text = measure(object_of(payload, "document"))
    if len(text.encode()) > MAX_STATE:
        raise FrameError("invalid_frame", f"the document has more than {MAX_STATE} bytes")
    return text
