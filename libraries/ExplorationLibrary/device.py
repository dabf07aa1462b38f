"""One device of the user in the words of a dialect, without a network.

It does only what a schedule says: unlike ChatLibrary's clients it sends nothing again by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ChatLibrary.state import Nobody, Story
from lockstep import reasons
from lockstep.dialect import Event, Line
from lockstep.dialect.line import Await, Exchange, Opened, Outgoing, until_awaited
from lockstep.dialect.performing import read_frame

BURST = 5
Content = str | bytes
_JOINING = ("subscribe", "resume")


@dataclass(frozen=True)
class _Asked:
    """A frame that waits for its answer: its word, the conversation (its id), and the sender's id of a message."""

    word: str
    room: Any
    outgoing: Outgoing
    key: str | None = None


@dataclass
class Device:
    """``conversations`` is name → id; ``held`` conversation → what it knows of it: ``position``, ``epoch``."""

    name: str
    client_id: str
    conversations: Mapping[str, Any]
    held: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    must_return: bool = False
    version: int = 0
    story: Story = field(default_factory=Nobody)
    kept: Callable[..., None] = field(default=lambda kind, **fields: None)
    """Told of each state that is kept: a write of the history."""
    _line: Line | None = None
    _opening: Exchange | None = None
    _awaited: Await | None = None
    _asked: dict[Any, _Asked] = field(default_factory=dict)
    _said: list[tuple[Any, str, str]] = field(default_factory=list)
    _rooms: list[Any] = field(default_factory=list)
    _sent: int = 0
    _been_here: bool = False
    _reason: str = ""

    # --- a socket

    def begin(self, line: Line, story: Story | None = None) -> list[Content]:
        """A new socket is open; the frames that it begins with: take up what is held, join the other conversations."""
        self._line, self.story = line, story or Nobody()
        self._asked.clear()
        self._rooms.clear()
        self.must_return = False
        self._opening = line.opening()
        return self._open(None)

    def _open(self, came: Any) -> list[Content]:
        assert self._opening is not None
        contents, then = until_awaited(self._opening, came)
        if isinstance(then, Await):
            self._awaited = then
            return contents
        self._opening = self._awaited = None
        return contents + self._opened(then)

    def _opened(self, opened: Opened) -> list[Content]:
        if not opened.ok:
            self.errors.append(reasons.given(opened.why))
            self.must_return = True
            return []
        contents: list[Content] = []
        self._rooms = list(self.conversations.values())
        # A snapshot is the answer to the one subscription that waits for it.
        while self._rooms and not (contents and self._on_line.facts.resume == "subscription"):
            contents += self._take_up(self._rooms.pop(0))
        self._been_here = True
        return contents

    def _take_up(self, room: Any) -> list[Content]:
        facts, known = self._on_line.facts, self.held.get(str(room), {})
        if self._been_here and facts.resume in ("url", "connect"):
            self.story.came_back(room, known)
            return []
        return [self._ask("resume", room, **known)] if facts.resume == "frame" and known else self._join(room)

    def _join(self, room: Any) -> list[Content]:
        if "subscribe" in self._on_line.facts.out:
            return [self._ask("subscribe", room)]
        self.story.asked("subscribe", room, {})
        self.story.answered("subscribe", room, Opened(True, {}), {})
        return []

    @property
    def joined(self) -> bool:
        """Whether the beginning of the socket was answered, so that it may be used."""
        return (
            self._opening is None
            and not self._rooms
            and not any(asked.word in _JOINING for asked in self._asked.values())
        )

    @property
    def waits(self) -> bool:
        """Whether an answer is still to come."""
        return self._opening is not None or bool(self._asked)

    @property
    def _on_line(self) -> Line:
        assert self._line is not None
        return self._line

    # --- what it sends

    def say(self, conversation: str) -> list[Content]:
        """The frame of a new message."""
        self._sent += 1
        key = f"{self.name}-{self._sent}"
        message = (self.conversations[conversation], key, f"{key} says something in the {conversation} conversation")
        self._said.append(message)
        return [self._send(*message)]

    def say_again(self, which: str) -> list[Content]:
        """The frame of the first or the last message once more, under its old id."""
        return [self._send(*self._said[0 if which == "first" else -1])] if self._said else []

    @property
    def is_keeping(self) -> bool:
        """Whether a state is on its way."""
        return any(asked.word == "keep" for asked in self._asked.values())

    def keep(self) -> list[Content]:
        """The frame that stores a state over the version that this device knows."""
        self._sent += 1
        document = {"step": self._sent}
        self.kept("invoke", value=document, seq=self.version)
        return [self._ask("keep", None, version=self.version, document=document)]

    def _send(self, room: Any, key: str, text: str) -> Content:
        return self._ask("send", room, key=key, text=text)

    def _ask(self, word: str, room: Any, **values: Any) -> Content:
        outgoing = self._on_line.outgoing(word, room=room, **values)
        if outgoing.out.answer:
            self._sent += outgoing.call is None
            call = outgoing.call if outgoing.call is not None else ("frame", self._sent)
            self._asked[call] = _Asked(word, room, outgoing, values.get("key"))
        if word != "keep":
            self.story.asked(word, room, {"room": room, **values})
        return outgoing.content

    # --- what it receives

    def hear(self, frame: Any) -> list[Content]:
        """Takes a frame that came; the frames to send now."""
        line = self._on_line
        if (answer := line.heartbeat(frame)) is not None:
            return [answer]
        events = line.events(frame)
        if messages := [event for event in events if event.kind in ("message", "snapshot")]:
            self.story.received(messages, next(iter(self.conversations.values())))
        for event in events:
            if event.kind in ("message", "snapshot"):
                self._hold(event.room, event.fields)
            elif event.kind == "resumed":
                self._reason = reasons.given(event.reason)
        if self._awaited is not None and self._awaited.wanted(frame):
            return self._open(frame)
        answered = self._answered_by(frame, events)
        if answered is None:
            self._note_errors(events)
            return []
        asked, opened = answered
        failed = not opened.ok and any(event.kind == "error" for event in events)
        if asked.word == "keep":
            return self._has_kept(asked, opened, events, failed)
        self.story.answered(
            asked.word, asked.room, opened, {"key": asked.key, "failed": failed, "reason": self._reason}
        )
        return self._came(asked, opened, events, failed)

    def _answered_by(self, frame: Any, events: list[Event]) -> tuple[_Asked, Opened] | None:
        line = self._on_line
        call = line.call_of(frame)
        candidates = [call] if call in self._asked else list(self._asked) if call is None else []
        for known in candidates:
            asked = self._asked[known]
            if line.judged(asked.outgoing, frame):
                del self._asked[known]
                return asked, line.came_of(asked.outgoing, frame, asked.word)
        if call is None and len(self._asked) == 1 and any(event.kind == "error" for event in events):
            # It names no request, but there is only one that it can be about.
            asked = self._asked.popitem()[1]
            return asked, Opened(False, {}, frame, refused=True, why=f"{asked.word} was refused: {frame}")
        return None

    def _came(self, asked: _Asked, opened: Opened, events: list[Event], failed: bool) -> list[Content]:
        if opened.ok:
            if asked.word == "subscribe":
                self._hold(asked.room, opened.read)
            return self._take_up(self._rooms.pop(0)) if asked.word in _JOINING and self._rooms else []
        if asked.word == "resume" and not failed:
            self.refused.append(self._reason or reasons.given(opened.why))
            self.held.pop(str(asked.room), None)
            return self._join(asked.room)
        self._note_errors(events, opened.why)
        self.must_return = self.must_return or asked.word in _JOINING
        return []

    def _has_kept(self, asked: _Asked, opened: Opened, events: list[Event], failed: bool) -> list[Content]:
        self.version = read_frame(asked.outgoing.out, opened.frame)[0].get("version", self.version)
        if opened.ok:
            self.kept("ok", value=asked.outgoing.values["document"], seq=self.version)
        else:
            self.kept("info" if failed else "fail", note="error" if failed else "conflict")
            self._note_errors(events)
        return []

    def lose(self) -> None:
        """The socket is gone, and nobody knows what became of a state that was on its way."""
        if self.is_keeping:
            self.kept("info", note="the socket is gone")
        self._asked.clear()
        self._opening = self._awaited = None

    def _note_errors(self, events: list[Event], why: str = "") -> None:
        errors = [reasons.given(event.code, event.reason) for event in events if event.kind == "error"]
        self.errors += errors or ([reasons.given(why)] if why else [])

    def _hold(self, room: Any, read: Mapping[str, Any]) -> None:
        if room is None and len(self.conversations) == 1:
            room = next(iter(self.conversations.values()))
        known = self.held.setdefault(str(room), {})
        epoch, position = read.get("epoch"), read.get("position")
        if epoch is not None:
            known["epoch"] = epoch
        if position is not None and not (isinstance(position, int) and position < known.get("position", position)):
            known["position"] = position
