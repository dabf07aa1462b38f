"""A target's socket: how it opens, knows who is there, says no, comes back and closes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lockstep.dialect.entries import Entries, Place, flag, known, listed, mapped, one_of, seconds, shown, text
from lockstep.dialect.errors import nearest
from lockstep.dialect.frames import EVENTS, USUAL_WAIT, EventRule, FrameOut, Heartbeat
from lockstep.dialect.framings import FRAMINGS, OWN
from lockstep.dialect.paths import Conditions, json_path
from lockstep.dialect.refusals import CLASSES, Alternatives, Refusal
from lockstep.dialect.templates import fields

AUTHENTICATIONS = ("header", "cookie", "query", "subprotocol", "frame", "subscription", "none")
OUT = (
    "authenticate", "subscribe", "unsubscribe", "send", "ping", "who_am_i", "resume", "reauthenticate", "send_as",
    "unknown", "invalid", "keep",
)  # fmt: skip
PROBES = ("who_am_i", "ping", "send")
"""Frames of ``out`` by which it is seen whether an open socket is served still."""
RESUMES = ("url", "connect", "frame", "subscription", "none")
REFUSALS = ("handshake", "close", "authentication", "subscription", "silence")
CLOSES = (
    "expired", "revoked", "restart", "replaced", "resume", "throttled", "slow", "policy", "binary", "not_utf8",
    "too_big",
)  # fmt: skip
"""Why a peer closes: the token expired; the session was ended; a restart; a newer socket of the same client; the client
has to resume; too many frames; too slow; a broken rule; a binary frame; a text that is no UTF-8; a frame too large."""


@dataclass(frozen=True)
class Greeting:
    """The first frame of the peer, which is waited for."""

    when: Conditions
    read: Mapping[str, str]
    within: float

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> Greeting:
        """From a mapping with ``when``, ``read`` and ``within``."""
        entries = Entries(value, place, "a mapping with when, read and within")
        found = cls(
            entries.take("when", Conditions.read),
            entries.take("read", mapped(json_path), {}),
            entries.take("within", seconds, USUAL_WAIT),
        )
        entries.end()
        return found


@dataclass(frozen=True)
class Call:
    """The id by which an answer is known: where it stands in a frame that is received, and what kind it is.

    ``{call}`` in a frame that is sent stands for it: a UUID (``text``), or 1, 2, … of a socket (``integer``).
    """

    answer: str
    kind: str = "text"

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> Call:
        """From a mapping with ``in`` and ``kind``."""
        entries = Entries(value, place, "a mapping with in and kind")
        found = cls(entries.take("in", json_path), entries.take("kind", one_of("text", "integer"), "text"))
        entries.end()
        return found


@dataclass(frozen=True)
class SocketRefusal:
    """How a bad credential is refused: ``by`` the handshake, a close, a frame, or by silence ``within`` so long."""

    by: str
    within: float
    answer: Refusal | None = None
    codes: tuple[int, ...] = ()
    when: Conditions | None = None

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> SocketRefusal:
        """From a mapping with ``by`` and, as that has it, ``answer``, ``codes`` or ``when``."""
        entries = Entries(value, place, "a mapping with by")
        by = entries.take("by", one_of(*REFUSALS))
        found = cls(
            by,
            entries.take("within", seconds, USUAL_WAIT),
            entries.take("answer", Refusal.read, None) if by == "handshake" else None,
            entries.take("codes", close_codes, ()) if by == "close" else (),
            entries.take("when", Conditions.read, None) if by in ("authentication", "subscription") else None,
        )
        entries.end()
        return found


@dataclass(frozen=True)
class Socket:
    """All of it; see docs/dialect.md for each entry."""

    place: Place
    framing: str = "json"
    subprotocols: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    authentication: str = "header"
    credential: str = ""
    greeting: Greeting | None = None
    call: Call | None = None
    out: Mapping[str, FrameOut] = field(default_factory=dict)
    events: Mapping[str, tuple[EventRule, ...]] = field(default_factory=dict)
    heartbeat: tuple[Heartbeat, ...] = ()
    gapless: bool = False
    filters: bool = False
    ended: tuple[Conditions, ...] = ()
    refused: Mapping[str, SocketRefusal] = field(default_factory=dict)
    resume: str = "none"
    closes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    origin: str | None = None

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> Socket:
        """From the part ``socket`` of a dialect."""
        entries = Entries(value, place)
        authentication, credential = entries.take("authentication", _authentication, ("header", ""))
        found = cls(
            place,
            entries.take("framing", one_of(*FRAMINGS, OWN), "json"),
            entries.take("subprotocols", listed(text), ()),
            entries.take("headers", mapped(text), {}),
            authentication,
            credential,
            entries.take("greeting", Greeting.from_yaml, None),
            entries.take("call", Call.from_yaml, None),
            entries.take("out", known(OUT, FrameOut.from_yaml), {}),
            entries.take("in", known(EVENTS, listed(EventRule.from_yaml)), {}),
            entries.take("heartbeat", listed(Heartbeat.from_yaml), ()),
            entries.take("gapless", flag, False),
            entries.take("filters", flag, False),
            entries.take("ended", listed(Conditions.read), ()),
            entries.take("refused", _refused, {}),
            entries.take("resume", one_of(*RESUMES), "none"),
            entries.take("closes", _closes, {}),
            entries.take("origin", text, None),
        )
        entries.end()
        _check(found)
        return found

    @property
    def can_repeat_sending(self) -> bool:
        """Whether a message can be sent again as the same one: its frame carries the sender's own id of it."""
        return "send" in self.out and "key" in fields(self.out["send"].send)

    @property
    def numbers_messages(self) -> bool:
        """Whether messages that come say their position."""
        return any("position" in rule.read for rule in self.events.get("message", ()))


def _check(found: Socket) -> None:
    """What goes together: an entry that another one needs."""
    if found.authentication == "frame" and "authenticate" not in found.out:
        raise found.place.wrong("authentication is frame, and out.authenticate is missing, which says which one")
    if found.authentication == "subscription" and "subscribe" not in found.out:
        raise found.place.wrong("authentication is subscription, and out.subscribe is missing")
    if found.resume == "frame" and "resume" not in found.out:
        raise found.place.wrong("resume is frame, and out.resume is missing, which says which one")
    for out in found.out.values() if found.framing != OWN else ():
        try:
            FRAMINGS[found.framing].encode(out.send)
        except ValueError as error:
            raise out.place.at("send").wrong(str(error)) from error
    if found.ended and not any(found.out[name].answer for name in PROBES if name in found.out):
        raise found.place.at("ended").wrong(f"nothing shows it: out has none of {', '.join(PROBES)} with an answer")
    if found.gapless and not any("position" in rule.read for rules in found.events.values() for rule in rules):
        raise found.place.at("gapless").wrong("no event says a position: in.message.read.position is missing")


def _authentication(value: Any, place: Place) -> tuple[str, str]:
    """A word, or a mapping of one word to the template that it needs."""
    if isinstance(value, dict):
        entries = Entries(value, place)
        word = entries.one_of("header", "cookie", "query", "subprotocol")
        if word is None:
            raise place.wrong(f"a word, or one of header, cookie, query or subprotocol with its template, not {value}")
        template = entries.take(word, text)
        entries.end()
        return word, template
    word = one_of(*AUTHENTICATIONS)(value, place)
    if word in ("query", "subprotocol"):
        raise place.wrong(f"{word} needs what stands there: `{{{word}: …}}`")
    return word, ""


def _refused(value: Any, place: Place) -> dict[str, SocketRefusal]:
    """By class of refusal; with ``by`` for all of them alike."""
    if isinstance(value, dict) and "by" in value:
        every = SocketRefusal.from_yaml(value, place)
        return dict.fromkeys(CLASSES, every)
    found = mapped(SocketRefusal.from_yaml)(value, place)
    for name in found:
        if name not in CLASSES:
            raise place.at(name).wrong(f"unknown entry{nearest(name, (*CLASSES, 'by'))}")
    return found


def close_codes(value: Any, place: Place) -> tuple[int, ...]:
    """Close codes (RFC 6455 §7.4): 1000 to 4999; 1005 is a close without a code, 1006 the loss of the connection."""

    def code(value: Any, place: Place) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 1000 <= value <= 4999:
            raise place.wrong(f"a close code from 1000 to 4999 is needed, not {shown(value)}")
        return value

    return listed(code)(value, place)


def _closes(value: Any, place: Place) -> dict[str, tuple[int, ...]]:
    entries = Entries(value, place)
    found = entries.known(CLOSES, close_codes)
    entries.end()
    return found


def handshake_refusals(socket: Socket, general: Mapping[str, Alternatives], name: str) -> Alternatives:
    """What a handshake that is refused for reason ``name`` has to answer: the socket's own words, else the general."""
    own = socket.refused.get(name)
    return (own.answer,) if own and own.answer else general.get(name, ())
