"""Which frames mean which operations: data, so that a platform with other frames needs other data and no code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from .operations import KINDS

Paths = str | Sequence[str]
FIELDS = ("key", "value", "seq", "epoch", "client_msg_id", "node", "note")
"""What a rule may find in a frame."""

_MESSAGE = {
    "key": [".conversation_id", "payload.conversation_id"],
    "epoch": [".epoch", "payload.epoch"],
    "seq": ".seq",
    "client_msg_id": ".client_msg_id",
    "value": ".body",
}
_CONVERSATION = {"key": "payload.conversation_id"}
_POSITIONS = {"each": "payload.positions", "key": "@key", "epoch": ".epoch", "seq": ".seq"}
_HOLD = {"op": "hold", "kind": "ok", "key": "socket:{client_id}", "note": "=takeover"}
_STATE = {"key": "state:{client_id}", "value": "payload.document", "seq": "payload.version"}

DEFAULT: Mapping[str, Any] = {
    "type": "type",
    "call": "id",
    "gapless": True,
    "context": {"client_id": "payload.client_id"},
    "frames": [
        {"on": "in welcome", "op": "connect", "kind": "ok", "node": "payload.served_by"},
        {"on": "in welcome", **_HOLD},
        {"on": "out subscribe", "op": "subscribe", "kind": "invoke", **_CONVERSATION},
        {"on": "in subscribed", "op": "subscribe", "kind": "ok", **_CONVERSATION}
        | {"seq": "payload.head", "epoch": "payload.epoch"},
        {"on": "out unsubscribe", "op": "unsubscribe", "kind": "invoke", **_CONVERSATION},
        {"on": "in unsubscribed", "op": "unsubscribe", "kind": "ok", **_CONVERSATION},
        {"on": "out message.send", "op": "send", "kind": "invoke", **_CONVERSATION}
        | {"client_msg_id": "payload.client_msg_id", "value": "payload.body"},
        {"on": "in ack", "op": "send", "kind": "ok", **_CONVERSATION, "joins": True}
        | {"client_msg_id": "payload.client_msg_id", "seq": "payload.seq", "epoch": "payload.epoch"},
        {"on": "in message", "op": "receive", "kind": "ok", "each": "payload", **_MESSAGE},
        {"on": "in message.batch", "op": "receive", "kind": "ok", "each": "payload.messages", **_MESSAGE},
        {"on": "out resume", "op": "resume", "kind": "invoke", **_POSITIONS},
        {"on": "in resumed", "when": {"payload.recovered": True}, "op": "resume", "kind": "ok", **_POSITIONS},
        {"on": "in resumed", "when": {"payload.recovered": False}, "op": "resume", "kind": "fail", **_POSITIONS}
        | {"note": "payload.reason"},
        {"on": "in resumed", **_HOLD},
        {"on": "out state.get", "op": "read", "kind": "invoke", "key": "state:{client_id}"},
        {"on": "in state", "op": "read", "kind": "ok", **_STATE},
        {"on": "out state.update", "op": "write", "kind": "invoke", **_STATE, "seq": "payload.base_version"},
        {"on": "in state.updated", "op": "write", "kind": "ok", **_STATE},
        {"on": "in state.conflict", "op": "write", "kind": "fail", **_STATE, "note": "=conflict"},
        # An outcome is recorded once, by the first rule that fits. A resumption that ends in an error is not
        # `recovered: false`: it excuses nothing.
        {"on": "in error", "of": "resume", "kind": "info", "note": "payload.code"},
        {"on": "in error", "when": {"payload.code": "unavailable"}, "kind": "info", "note": "payload.code"},
        {"on": "in error", "kind": "fail", "note": "payload.code"},
    ],
}
"""The reference platform's socket (docs/protocol.md §4).

A path is dotted; one that starts with a dot begins at the item of ``each``, ``@key`` is the item's name, ``=text`` is
the text itself, ``{name}`` is filled from ``context``, and of a list of paths the first that leads anywhere counts.
``type`` and ``call`` are one path, or one for each direction: ``{"in": …, "out": …}``.
"""


class MappingError(ValueError):
    """A mapping that says nothing sensible; the message names the entry."""


@dataclass(frozen=True, slots=True)
class Directed:
    """A path for the frames that come in, and one for those that go out; None where there is none."""

    received: str | None
    sent: str | None

    @classmethod
    def read(cls, name: str, value: Any) -> Directed:
        """From a path for both directions, or a mapping with ``in`` and ``out``; raises ``MappingError``."""
        if not isinstance(value, Mapping):
            value = {"in": value, "out": value}
        if set(value) != {"in", "out"} or not all(path is None or isinstance(path, str) for path in value.values()):
            raise MappingError(f"history mapping: {name} is a path, or a mapping with a path for in and one for out")
        if name == "type" and None in value.values():
            raise MappingError("history mapping: without a path to its type no frame means anything")
        return cls(value["in"], value["out"])

    def find(self, frame: Any, *, sent: bool) -> Any:
        """What stands there in a frame, or None."""
        path = self.sent if sent else self.received
        return None if path is None else find(path, frame)


@dataclass(frozen=True, slots=True)
class Rule:
    """One frame type's meaning. ``op`` None: the outcome of the call that it answers, where that is ``of`` this op.

    ``whole``: a snapshot has everything from the beginning of the log, and not only its newest part.
    ``told`` are the fields that it finds in a frame, with their paths.
    """

    kind: str
    op: str | None = None
    key: Paths | None = None
    value: Paths | None = None
    seq: Paths | None = None
    epoch: Paths | None = None
    client_msg_id: Paths | None = None
    node: Paths | None = None
    note: Paths | None = None
    each: str | None = None
    of: str | None = None
    when: Mapping[str, Any] | None = None
    joins: bool = False
    whole: bool = False
    told: tuple[tuple[str, Paths], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        told = tuple((name, paths) for name in FIELDS if (paths := getattr(self, name)))
        object.__setattr__(self, "told", told)


@dataclass(frozen=True, slots=True)
class FrameMapping:
    """A whole mapping: where type and call id stand, what to remember of a connection, and the rules by frame.

    ``gapless``: the positions of a key leave no number out.
    """

    type: Directed
    call: Directed
    context: Mapping[str, str]
    rules: Mapping[str, Sequence[Rule]]
    gapless: bool = True


def mapping_from(data: Mapping[str, Any] | None = None) -> FrameMapping:
    """The mapping that ``data`` describes.

    Entries which ``data`` lacks are the default's; a frame in its ``frames`` replaces all default rules for that frame.
    Raises ``MappingError``.
    """
    data = data or {}
    if unknown := set(data) - set(DEFAULT):
        raise MappingError(f"history mapping: {sorted(unknown)[0]!r} is none of {', '.join(DEFAULT)}")
    rules = _rules(DEFAULT["frames"])
    rules.update(_rules(data.get("frames", ())))
    merged = {**DEFAULT, **data}
    if not isinstance(merged["gapless"], bool):
        raise MappingError(f"history mapping: gapless is true or false, not {merged['gapless']!r}")
    return FrameMapping(
        Directed.read("type", merged["type"]),
        Directed.read("call", merged["call"]),
        merged["context"] or {},
        rules,
        merged["gapless"],
    )


def _rules(entries: Sequence[Mapping[str, Any]]) -> dict[str, list[Rule]]:
    rules: dict[str, list[Rule]] = defaultdict(list)
    names = {known.name for known in fields(Rule) if known.init}
    for entry in entries:
        frame = entry.get("on", "")
        if str(frame).split(" ", 1)[0] not in ("in", "out") or " " not in str(frame):
            raise MappingError(f"history mapping: 'on' must be 'in <type>' or 'out <type>', not {frame!r}")
        if unknown := set(entry) - names - {"on"}:
            raise MappingError(
                f"history mapping, {frame}: {sorted(unknown)[0]!r} is none of {', '.join(sorted(names))}"
            )
        if entry.get("kind") not in KINDS:
            raise MappingError(f"history mapping, {frame}: kind {entry.get('kind')!r} is none of {', '.join(KINDS)}")
        if entry.get("op") == "snapshot" and not (entry.get("seq") or entry.get("whole")):
            raise MappingError(f"history mapping, {frame}: a snapshot needs seq, or whole where it has everything")
        rules[frame].append(Rule(**{name: value for name, value in entry.items() if name != "on"}))
    return rules


def find(path: str, root: Any, item: Any = None, item_key: object = None) -> Any:
    """What ``path`` leads to, or None."""
    if path.startswith("="):
        return path[1:]
    if path == "@key":
        return item_key
    here = item if path.startswith(".") else root
    for step in _steps(path):
        # The exact type first: it is nearly always that, and asking costs a tenth.
        if type(here) is not dict and not isinstance(here, Mapping):
            return None
        here = here.get(step)
    return here


@cache
def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.removeprefix(".").split("."))
