"""One socket in the words of a dialect, without a network: what opens it, what is sent, and what a frame means."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from lockstep.dialect import cookies
from lockstep.dialect.frames import Event, FrameOut
from lockstep.dialect.framings import FRAMINGS, OWN, Framing
from lockstep.dialect.messages import Session
from lockstep.dialect.paths import Conditions, is_optional, look_up
from lockstep.dialect.performing import Speaker, read_frame, where_is_known
from lockstep.dialect.templates import MISSING, fields, fill, fill_url


@dataclass(frozen=True)
class Handshake:
    """What opens a socket: address, headers beside those of RFC 6455, and the subprotocols that are offered."""

    url: str
    headers: Mapping[str, str]
    subprotocols: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outgoing:
    """A frame that is sent, encoded and as data, with the id by which its answer is known; None where it has none."""

    out: FrameOut
    content: str | bytes
    frame: Any
    call: str | int | None
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Send:
    """A frame is to be sent; nothing comes back."""

    content: str | bytes


@dataclass(frozen=True)
class Await:
    """A frame is to be waited for, at most so many seconds; it comes back decoded, or a `Gone`."""

    wanted: Callable[[Any], bool]
    within: float
    what: str


@dataclass(frozen=True)
class Gone:
    """The awaited frame did not come: the socket was closed with ``code``, or there was silence (None)."""

    code: int | None = None

    def __str__(self) -> str:
        return "nothing came" if self.code is None else f"the socket was closed with {self.code}"


@dataclass(frozen=True)
class Opened:
    """How the opening of a socket, or a frame that was sent on it, came out.

    ``refused`` where the peer said no in the dialect's words; ``read`` is what was read, ``why`` says what was wrong.
    """

    ok: bool
    read: Mapping[str, Any]
    frame: Any = None
    refused: bool = False
    why: str = ""


Exchange = Generator[Send | Await, Any, Opened]


def until_awaited(exchange: Exchange, came: Any = None) -> tuple[list[str | bytes], Await | Opened]:
    """Goes on with an exchange: the frames to send, and what it waits for then, or how it came out.

    ``came`` is what it has waited for; None begins it. For clients that are given each frame that comes.
    """
    contents: list[str | bytes] = []
    while True:
        try:
            action = exchange.send(came)
        except StopIteration as end:
            opened: Opened = end.value
            return contents, opened
        if isinstance(action, Await):
            return contents, action
        contents.append(action.content)
        came = None


class Line:
    """One socket of ``session`` (None: of nobody) at an endpoint. ``client`` is the device's own id, made where none is
    given; ``room`` is a conversation that an address may need, ``query`` has further parameters of the address.

    Not for two threads at once. Raises ``NotDescribed`` where the target has no socket there.
    """

    def __init__(
        self,
        speaker: Speaker,
        endpoint: str = "",
        session: Session | None = None,
        *,
        client: str = "",
        room: Any = None,
        query: Mapping[str, str] | None = None,
    ) -> None:
        self.speaker = speaker
        self.facts = speaker.dialect.needed_socket()
        self.endpoint = _with_socket(speaker, endpoint)
        self.session = session or Session()
        self.is_user = session is not None
        self.read: dict[str, Any] = {"client": client or str(uuid.uuid4())}
        if room is not None:
            self.read["room"] = room
        self._query = query or {}
        self._calls = 0
        self.framing: Framing | None = None if self.facts.framing == OWN else FRAMINGS[self.facts.framing]

    @property
    def values(self) -> dict[str, Any]:
        """What the fields of a template stand for on this socket."""
        return self.speaker.values(self.session, self.read)

    # --- opening

    def handshake(self) -> Handshake:
        """The handshake, with the credential where the dialect puts it."""
        facts, values = self.facts, self.values
        base = self.speaker.base(self.endpoint, values)
        place = self.endpoint.place.at("socket")
        url = fill_url(self.endpoint.socket or "", {**values, "base": f"ws{base.removeprefix('http')}"}, place)
        if self._query:
            url += ("&" if "?" in url else "?") + urlencode(self._query)
        headers = {
            name: str(fill(text, values, facts.place.at("headers").at(name))) for name, text in facts.headers.items()
        }
        offered = (*(self.framing.subprotocols if self.framing else ()), *facts.subprotocols)
        if not self.is_user:
            return Handshake(url, headers, offered)
        where, template = facts.authentication, facts.credential or self._usual()
        if where == "header" and template:
            name, _, text = template.partition(":")
            if where_is_known(text, values):
                headers[name] = str(fill(text.strip(), values, facts.place))
        elif where == "cookie":
            headers |= self._cookie(template, url)
        elif where == "query":
            name, equals, text = template.partition("=")
            text = text if equals else "{access}"
            if where_is_known(text, values):
                url += ("&" if "?" in url else "?") + urlencode({name: str(fill(text, values, facts.place))})
        elif where == "subprotocol" and where_is_known(template, values):
            offered = (*offered, str(fill(template, values, facts.place)))
        return Handshake(url, headers, offered)

    def _usual(self) -> str:
        """The credential's template as it travels over HTTP."""
        credentials = self.speaker.dialect.credentials
        found = credentials.places.get(self.facts.authentication) if credentials else None
        if found is None:
            return ""
        return f"{found[0]}: {found[1]}" if self.facts.authentication == "header" else f"{found[0]}={found[1]}"

    def _cookie(self, template: str, url: str) -> dict[str, str]:
        parts = []
        kept = self.session.cookies
        name, equals, text = template.partition("=")
        text = text if equals else "{access}"
        if template and where_is_known(text, self.values):
            parts.append(f"{name}={fill(text, self.values, self.facts.place)}")
            # A name that is sent twice could be read either way.
            kept = tuple(cookie for cookie in kept if cookie.name != name)
        if jar := cookies.header(kept, f"http{url.removeprefix('ws')}"):
            parts.append(jar)
        return {"Cookie": "; ".join(parts)} if parts else {}

    def opening(self) -> Exchange:
        """What follows the handshake until the socket may be used: greeting, first frame."""
        greeting = self.facts.greeting
        if greeting is not None:
            frame = yield Await(
                lambda found: greeting.when.hold(found, self.values), greeting.within, f"greeting ({greeting.when})"
            )
            if isinstance(frame, Gone):
                return Opened(False, {}, why=f"no greeting ({greeting.when}) within {greeting.within:g} s: {frame}")
            for name, path in greeting.read.items():
                value = look_up(frame, path)
                if value is MISSING and not is_optional(path):
                    return Opened(False, {}, frame, why=f"the greeting has no {name} ({path}): {frame}")
                if value is not MISSING:
                    self.read[name] = value
        if self.facts.authentication == "frame" and self.is_user:
            return (yield from self.asking("authenticate"))
        if self.framing and self.framing.connect is not None:
            came = yield from self.asking(self._connect(self.framing))
            if not came.ok:
                return came
        return Opened(True, dict(self.read))

    def _connect(self, framing: Framing) -> FrameOut:
        """The frame with which the framing opens a connection, without a credential."""
        place = self.facts.place.at("framing")
        refused = (Conditions(place, tuple(framing.refused.items())),) if framing.refused else ()
        return FrameOut(place, framing.connect, (Conditions(place, tuple(framing.connected.items())),), refused)

    # --- frames

    def asking(self, word: str | FrameOut | Outgoing, **arguments: Any) -> Exchange:
        """A frame is sent and its answer waited for, where the dialect has one for it."""
        outgoing = word if isinstance(word, Outgoing) else self.outgoing(word, **arguments)
        yield Send(outgoing.content)
        if not outgoing.out.answer:
            return Opened(True, {})
        name = word if isinstance(word, str) else "a frame"
        frame = yield Await(
            lambda found: bool(self.judged(outgoing, found)), outgoing.out.within, f"answer to {name}"
        )  # fmt: skip
        return self.came_of(outgoing, frame, name)

    def probing(self, word: str, **arguments: Any) -> Exchange:
        """As `asking`; refused is only what ``socket.ended`` has, by which a target refuses what has ended."""
        outgoing = self.outgoing(word, **arguments)

        def has_ended(frame: Any) -> bool:
            named = self.call_of(frame)
            ours = outgoing.call is None or named is None or named == outgoing.call
            return ours and any(known.hold(frame, outgoing.values) for known in self.facts.ended)

        yield Send(outgoing.content)
        frame = yield Await(
            lambda found: has_ended(found) or bool(self.judged(outgoing, found)), outgoing.out.within,
            f"answer to {word}",
        )  # fmt: skip
        if not isinstance(frame, Gone) and has_ended(frame):
            return Opened(False, {}, frame, refused=True, why=f"{word} was refused: {frame}")
        return replace(self.came_of(outgoing, frame, word), refused=False)

    def came_of(self, outgoing: Outgoing, frame: Any, name: str) -> Opened:
        """How it came out, by the frame that was waited for."""
        if isinstance(frame, Gone):
            wanted = " or ".join(map(str, outgoing.out.answer))
            return Opened(False, {}, why=f"no answer ({wanted}) to {name} within {outgoing.out.within:g} s: {frame}")
        if self.judged(outgoing, frame) == "refused":
            return Opened(False, {}, frame, refused=True, why=f"{name} was refused: {frame}")
        read, missing = read_frame(outgoing.out, frame)
        if missing:
            return Opened(False, read, frame, why=f"the answer to {name} has no {missing}: {frame}")
        return Opened(True, read, frame)

    def frame(self, word: str) -> FrameOut:
        """One of the frames of ``socket.out``; raises ``NotDescribed``."""
        if word not in self.facts.out or f"socket.{word}" in self.speaker.dialect.absent:
            raise self.speaker.dialect.missing(f"socket.{word}")
        return self.facts.out[word]

    def outgoing(self, word: str | FrameOut, **arguments: Any) -> Outgoing:
        """The frame of a word, filled in and encoded. Raises ``NotDescribed``."""
        out = self.frame(word) if isinstance(word, str) else word
        values = {**self.values, **arguments}
        call: str | int | None = None
        # A frame that carries no id cannot be answered by it.
        if self.facts.call is not None and "call" in fields(out.send):
            self._calls += 1
            call = values["call"] = self._calls if self.facts.call.kind == "integer" else str(uuid.uuid4())
        frame = fill(out.send, values, out.place.at("send"))
        return Outgoing(out, self.encode(frame), frame, call, values)

    def judged(self, outgoing: Outgoing, frame: Any) -> str:
        """Whether a frame answers another one: ``answer``, ``refused``, or "" where it does not."""
        if outgoing.call is not None and self.facts.call is not None:
            named = look_up(frame, self.facts.call.answer)
            if named is not MISSING and named is not None and named != outgoing.call:
                return ""
            ours = named == outgoing.call
        else:
            ours = True
        values = outgoing.values
        if ours and any(known.hold(frame, values) for known in outgoing.out.answer):
            return "answer"
        if any(known.hold(frame, values) for known in outgoing.out.refused):
            return "refused"
        if outgoing.call is not None and ours and any(event.kind == "error" for event in self.events(frame)):
            return "refused"
        return ""

    def call_of(self, frame: Any) -> Any:
        """The id of the call that a frame answers; None where it says none."""
        found = MISSING if self.facts.call is None else look_up(frame, self.facts.call.answer)
        return None if found is MISSING or isinstance(found, dict | list) else found

    def events(self, frame: Any) -> list[Event]:
        """The events that a decoded frame holds."""
        return [
            event for kind, rules in self.facts.events.items() for rule in rules for event in rule.events(kind, frame)
        ]

    def heartbeat(self, frame: Any) -> str | bytes | None:
        """What answers a heartbeat, the dialect's or the framing's; None where a frame is none."""
        for known in self.facts.heartbeat:
            if known.when.hold(frame, self.values):
                return self.encode(fill(known.send, {**self.values, "frame": frame}, known.place.at("send")))
        answer = self.framing.answer(frame) if self.framing else None
        return None if answer is None else self.encode(answer)

    @property
    def has_heartbeat(self) -> bool:
        """Whether frames may come that are answered by themselves."""
        return bool(self.facts.heartbeat) or self.facts.framing not in ("json", OWN)

    def encode(self, frame: Any) -> str | bytes:
        """A frame as it travels."""
        if self.framing is None:
            encoded: str | bytes = self.speaker.dialect.methods["encode"](frame)
            return encoded
        return self.framing.encode(frame)

    def decode(self, content: str | bytes) -> list[Any]:
        """The frames that came as one; none where it is no frame of this framing."""
        if self.framing is None:
            return list(self.speaker.dialect.methods["decode"](content))
        return self.framing.decode(content)


def _with_socket(speaker: Speaker, name: str) -> Any:
    """The endpoint of this name, or the first one, that has a socket."""
    dialect = speaker.dialect
    if name:
        endpoint = dialect.endpoint(name)
        if endpoint.socket is None:
            raise dialect.missing(f"endpoints.{name}.socket")
        return endpoint
    found = next((endpoint for endpoint in dialect.endpoints.values() if endpoint.socket), None)
    if found is None:
        raise dialect.missing("socket")
    return found
