"""Bytes of client frames (RFC 6455 §5.2), wrong ones included: the tests of a server need what no client would send."""

from __future__ import annotations

import struct
from random import Random

from .journal import Opcode

CLOSE_NO_STATUS = 1005
CLOSE_ABNORMAL = 1006


def encode(
    opcode: int,
    body: bytes,
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = b"\x00\x00\x00\x00",
    length: int | None = None,
) -> bytes:
    """One frame. `rsv` holds the three reserved bits (0–7), `mask` is None for an unmasked frame (forbidden to
    clients), `length` is what the header claims when that differs from the body.
    """
    if not 0 <= opcode <= 0xF:
        raise ValueError(f"an opcode has four bits, {opcode} does not fit")
    if not 0 <= rsv <= 7:
        raise ValueError(f"there are three reserved bits, {rsv} does not fit")
    claimed = len(body) if length is None else length
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    mask_bit = 0 if mask is None else 0x80
    if claimed < 126:
        header = struct.pack("!BB", first, mask_bit | claimed)
    elif claimed < 1 << 16:
        header = struct.pack("!BBH", first, mask_bit | 126, claimed)
    else:
        header = struct.pack("!BBQ", first, mask_bit | 127, claimed)
    if mask is None:
        return header + body
    return header + mask + bytes(octet ^ mask[position % 4] for position, octet in enumerate(body))


def new_mask() -> bytes:
    """A masking key."""
    return Random().randbytes(4)  # noqa: S311  no secret: the key is sent in clear beside the body


def close_body(code: int | None, reason: str = "") -> bytes:
    """The body of a close frame (RFC 6455 §5.5.1): code and reason, or nothing without a code."""
    if code is None:
        if reason:
            raise ValueError("a close reason needs a close code")
        return b""
    body = struct.pack("!H", code) + reason.encode()
    if len(body) > 125:
        raise ValueError(f"a close reason has at most 123 bytes, this one has {len(body) - 2}")
    return body


def close_code(body: bytes) -> int:
    """The code in the body of a close frame; 1005 where the frame has none (RFC 6455 §7.1.5)."""
    return int.from_bytes(body[:2], "big") if len(body) >= 2 else CLOSE_NO_STATUS


def split(body: bytes, parts: int) -> list[bytes]:
    """The body in `parts` pieces of nearly equal size, in order; the last ones may be empty."""
    if parts < 1:
        raise ValueError(f"a message has at least one fragment, not {parts}")
    size = max(1, -(-len(body) // parts))
    return [body[size * n : size * (n + 1)] for n in range(parts)]


def frame_size(body_size: int) -> int:
    """Bytes on the wire of a masked frame with a body of that size."""
    return body_size + 6 + (0 if body_size < 126 else 2 if body_size < 1 << 16 else 8)


def opcode_of(name: str | int) -> int:
    """The number of an opcode given by name (`text`, `ping`, …) or number, also in hexadecimal."""
    if isinstance(name, int):
        return name
    try:
        return Opcode[name.upper()]
    except KeyError:
        return int(name, 0)
