"""What a history is made of: one operation is one event that a client saw or caused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, SupportsInt, get_args

from lockstep.waiting import listed

Kind = Literal["invoke", "ok", "fail", "info"]
Epoch = int | str
Row = tuple[
    int, int, float, str, Kind, str, str | None, Any, int | None, Epoch | None, str | None, str | None, str | None
]

KINDS: tuple[Kind, ...] = get_args(Kind)

OPS: Mapping[str, str] = {
    "connect": "a socket opened (ok) or was refused (fail)",
    "disconnect": "a socket is gone; note says with which close code",
    "grant": "process may see key: what it receives of other keys is foreign",
    "subscribe": "ok: process gets every message of key after seq (the head at that moment)",
    "unsubscribe": "ok: process gets no more messages of key",
    "resume": "invoke: process holds key up to seq; ok: nothing is missing; fail: the platform said `recovered: false`;"
    " info: it said anything else",
    "send": "a message for key; ok is the acknowledgement and brings seq and epoch",
    "receive": "ok: process was given message seq of key",
    "snapshot": "ok: process was given all that key holds, up to seq, in place of what it held; its messages are"
    " `stored` rows, in a `scan` from the moment at which it asked",
    "drain": "ok: process waited until nothing more came for key (without a key: for any)",
    "scan": "process (a database, or a client over REST) reads the whole log of key after seq; ok: all rows are in",
    "stored": "ok: one row of that scan",
    "write": "register key: invoke has the base version in seq, ok the new one; fail: the loser was notified",
    "read": "register key: ok brings value and its version in seq",
    "hold": "process wants key for itself; ok: it has it (a number as value: for so many seconds at most);"
    " note `takeover`: the holder before is notified and leaves",
    "release": "process gives key up (invoke) or was notified that it lost it (ok)",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of a history.

    ``time`` is monotonic, in nanoseconds; ``wall`` in seconds since the epoch. ``key`` names the conversation, register
    or lock; ``seq`` its position or version. While it is being recorded it is a bare tuple in the order of these fields
    (``Row``), because that happens on a socket's thread.
    """

    index: int
    time: int
    wall: float
    process: str
    kind: Kind
    op: str
    key: str | None = None
    value: Any = None
    seq: int | None = None
    epoch: Epoch | None = None
    client_msg_id: str | None = None
    node: str | None = None
    note: str | None = None

    @property
    def moment(self) -> tuple[int, int]:
        """By what operations are put in order: time, and where that is equal the order of recording."""
        return self.time, self.index


FIELDS = tuple(Operation.__dataclass_fields__)


def position(value: object) -> int | None:
    """``value`` as a seq or version; raises ``ValueError`` where it is not a whole number."""
    if type(value) is int or value is None:
        return value
    if value == "":
        return None
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError(f"a seq is a whole number, not {value!r}")
    if not isinstance(value, str | SupportsInt):
        raise ValueError(f"a seq is a whole number, not {value!r}")  # noqa: TRY004 - one kind of error for bad data
    return int(value)


def epoch_of(value: object) -> Epoch | None:
    """``value`` as an epoch: digits count as a number, so that ``1`` from JSON and ``1`` from a table are one."""
    if value is None or value == "":
        return None
    if isinstance(value, int):
        return int(value)
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else text


def must_be_op(op: str) -> None:
    """Raises ``ValueError`` for an op that there is not."""
    if op not in OPS and not op.startswith("x-"):
        raise ValueError(f"there is no op '{op}': it is one of {', '.join(OPS)}, or begins with x-")


def selected(
    operations: Sequence[Operation], process: str | None, op: str | None, kind: str | None, key: str | None
) -> list[Operation]:
    """Those with this process, op, kind and key.

    Raises ``ValueError`` for an op or a kind that there is not, and ``AssertionError`` for a process that did nothing:
    that it did not do one thing would prove nothing.
    """
    if op is not None:
        must_be_op(op)
    if kind is not None and kind not in KINDS:
        raise ValueError(f"there is no kind '{kind}': it is one of {', '.join(KINDS)}")
    known = dict.fromkeys(operation.process for operation in operations)
    if process is not None and process not in known:
        raise AssertionError(f"nothing was recorded of '{process}'; there are {listed(list(known)) or 'none'}")
    wanted = {"process": process, "op": op, "kind": kind, "key": key}
    return [
        operation
        for operation in operations
        if all(value is None or getattr(operation, name) == value for name, value in wanted.items())
    ]
