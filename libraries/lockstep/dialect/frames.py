"""Frames of a socket: what is sent and how it is answered, and which events a received one holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lockstep.dialect.entries import Entries, Place, anything, known, listed, mapped, seconds, shown
from lockstep.dialect.paths import Conditions, json_path, look_up
from lockstep.dialect.templates import MISSING

EVENTS = ("message", "acknowledged", "snapshot", "error", "resumed", "warning", "profile")
FIELDS = (
    "room", "text", "id", "position", "epoch", "sender", "key", "code", "reason", "retryable", "client", "recovered",
    "call", "name", "email", "retry_after",
)  # fmt: skip
"""What an event may say: conversation, words, id at the target, place in the order and of which order, sender's user
id, the sender's own id of it, a code and a reason of an error, whether to try again may help, the client, whether a
resume recovered everything, the call that it answers, the user's name and e-mail, seconds until
to try again."""
USUAL_WAIT = 5.0


@dataclass(frozen=True)
class FrameOut:
    """A frame that is sent, and what answers it; ``answer`` empty means that nothing does."""

    place: Place
    send: Any
    answer: tuple[Conditions, ...] = ()
    refused: tuple[Conditions, ...] = ()
    read: Mapping[str, str] | None = None
    within: float = USUAL_WAIT

    @classmethod
    def take(cls, entries: Entries, send: str) -> FrameOut:
        """From the entries ``answer``, ``refused``, ``read`` and ``within`` beside ``send``."""
        found = cls(
            entries.place,
            entries.take(send, _frame),
            entries.take("answer", listed(Conditions.read), ()),
            entries.take("refused", listed(Conditions.read), ()),
            entries.take("read", mapped(json_path), None),
            entries.take("within", seconds, USUAL_WAIT),
        )
        if found.read and not found.answer:
            raise entries.place.at("read").wrong("nothing can be read: answer is missing, which says what answers it")
        return found

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> FrameOut:
        """From a mapping with ``send``."""
        entries = Entries(value, place, "a mapping with send")
        found = cls.take(entries, "send")
        entries.end()
        return found


def _frame(value: Any, place: Place) -> Any:
    if not isinstance(value, dict | list | str) or not value:
        raise place.wrong(f"a frame is needed (a mapping, a list or a text), not {shown(value)}")
    return value


@dataclass(frozen=True)
class Event:
    """What a received frame tells: a message, an error, with those of `FIELDS` that it has; ``frame`` is all of it."""

    kind: str
    fields: Mapping[str, Any]
    frame: Any

    def __getattr__(self, name: str) -> Any:
        if name not in FIELDS:
            raise AttributeError(name)
        return self.fields.get(name)


@dataclass(frozen=True)
class EventRule:
    """Which frames hold one kind of event, and where its fields stand; ``each`` leads to a list of several."""

    place: Place
    when: Conditions
    read: Mapping[str, str]
    each: str | None = None

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> EventRule:
        """From a mapping with ``when``, ``each`` and ``read``."""
        entries = Entries(value, place, "a mapping with when, each and read")
        found = cls(
            place,
            entries.take("when", Conditions.read),
            entries.take("read", known(FIELDS, json_path), {}),
            entries.take("each", json_path, None),
        )
        entries.end()
        return found

    def events(self, kind: str, frame: Any) -> Iterator[Event]:
        """The events of a decoded frame."""
        if not self.when.hold(frame, {}):
            return
        items = frame if self.each is None else look_up(frame, self.each)
        if items is MISSING or items is None:
            return
        for item in items if isinstance(items, list) and self.each else [items]:
            found = {name: look_up(frame, path, item) for name, path in self.read.items()}
            yield Event(kind, {name: value for name, value in found.items() if value is not MISSING}, frame)


@dataclass(frozen=True)
class Heartbeat:
    """A frame of the peer that is answered by itself."""

    when: Conditions
    send: Any
    place: Place

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> Heartbeat:
        """From a mapping with ``when`` and ``send``."""
        entries = Entries(value, place, "a mapping with when and send")
        found = cls(entries.take("when", Conditions.read), entries.take("send", anything), place)
        entries.end()
        return found
