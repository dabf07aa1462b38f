"""What a chat client knows and what it sends next, in the words of a dialect and without a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Protocol

from lockstep import reasons
from lockstep.dialect import Event, Line
from lockstep.dialect.line import Await, Exchange, Opened, Outgoing, until_awaited

ANSWER = "answer:"
"""How the key of an assistant's answer begins; the position of the answered message follows."""
Content = str | bytes


class Story(Protocol):
    """What is told of everything that happens on one socket: `HistoryLibrary.spoken.SpokenSocket`, or nobody."""

    def asked(self, word: str, room: Any, values: Mapping[str, Any]) -> None:
        """A frame of ``socket.out`` is sent."""

    def answered(self, word: str, room: Any, opened: Opened, values: Mapping[str, Any]) -> None:
        """It was answered."""

    def received(self, events: Sequence[Event], room: Any) -> None:
        """A frame with these messages has come; ``room`` is whose they are where they do not say it."""

    def came_back(self, room: Any, values: Mapping[str, Any]) -> None:
        """A client that needs no frame for it has come back to its room."""

    def ended(self, code: int | str) -> None:
        """The socket is gone."""


class Nobody:
    """Tells nothing."""

    def asked(self, word: str, room: Any, values: Mapping[str, Any]) -> None: ...

    def answered(self, word: str, room: Any, opened: Opened, values: Mapping[str, Any]) -> None: ...

    def received(self, events: Sequence[Event], room: Any) -> None: ...

    def came_back(self, room: Any, values: Mapping[str, Any]) -> None: ...

    def ended(self, code: int | str) -> None: ...


@dataclass
class ChatState:
    """One client (``client_id``: a tab or a device) in one conversation.

    A message is *unacked* until the target has taken it, and is sent again, under its old key, after each reconnection,
    where the dialect's frame carries a key; ``hopeless`` says why one of them, or the subscription, was refused for
    good. ``held`` is the position up to which the client has every message of the conversation, where the target has
    positions. It is ``joined`` once its socket is open and authenticated, unless its resumption is answered with an
    error, and ``ready`` once it is back in its conversation.
    """

    name: str
    client_id: str
    conversation: Any
    answered: bool = False
    epoch: Any = None
    held: int = 0
    joined: bool = False
    ready: bool = False
    sent: int = 0
    resent: int = 0
    unrecovered: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    hopeless: str = ""
    turned_away: str = ""
    unacked: dict[str, str] = field(default_factory=dict)
    acked: dict[str, int | None] = field(default_factory=dict)
    acked_at: dict[str, float] = field(default_factory=dict)
    received: set[str] = field(default_factory=set)
    excused: set[str] = field(default_factory=set)
    answers: set[int] = field(default_factory=set)
    story: Story = field(default_factory=Nobody)
    _line: Line | None = None
    _been_here: bool = False
    _exchange: Exchange | None = None
    _awaited: Await | None = None
    _then: Callable[[Opened], list[Content]] | None = None
    _asked: dict[Any, tuple[str, Outgoing]] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)
    _ids: dict[str, str] = field(default_factory=dict)
    _reason: str = ""
    _by_call: bool = False

    # --- a connection

    def begin(self, line: Line, story: Story | None = None) -> list[Content]:
        """The handshake of a new connection went well; the frames to send now."""
        self._line, self.story = line, story or Nobody()
        self.turned_away = ""
        self._asked.clear()
        return self._play(line.opening(), self._opened)

    def hear(self, frame: Any) -> list[Content]:
        """Takes a decoded frame that came; the frames to send now."""
        line = self._open_line
        if (answer := line.heartbeat(frame)) is not None:
            return [answer]
        events = line.events(frame)
        if messages := [event for event in events if event.kind in ("message", "snapshot")]:
            self.story.received(messages, self.conversation)
        for event in events:
            if event.kind in ("message", "snapshot"):
                self._take(event)
            elif event.kind == "acknowledged":
                self._acknowledge(self._key_of(event), event.position)
            elif event.kind == "resumed":
                self._reason = reasons.given(event.reason)
        if self._exchange is not None and self._awaited is not None and self._awaited.wanted(frame):
            return self._advance(frame)
        if self._answers_sending(frame):
            return []
        for event in events:
            if event.kind == "error":
                self._note_error(event)
        return []

    def lose(self) -> None:
        """The connection is gone."""
        self.ready = self.joined = False
        self._exchange = self._awaited = None
        if self._line is None:
            return
        if not self._line.facts.can_repeat_sending:
            # Nobody knows what became of them, and to send them again would double them.
            self.unacked.clear()
        promised = self._line.speaker.dialect.promises.choice("delivery.loss").value
        if promised == "while_away" or self._line.facts.resume == "none":
            self._excuse()

    def ask(self, word: str, then: Callable[[Opened], None]) -> list[Content]:
        """Asks what has an answer, such as ``ping``, of a client that is ready; the frames to send now."""

        def answered(opened: Opened) -> list[Content]:
            then(opened)
            return []

        return self._play(self._open_line.asking(word), answered)

    # --- messages

    @property
    def next_key(self) -> str:
        """Under which id the next message will be sent."""
        return f"{self.name}-{self.sent}"

    def say(self, body: str) -> list[Content]:
        """A new message; the frames to send now, none while the client is not ready."""
        key = self.next_key
        self.sent += 1
        self.unacked[key] = body
        self._texts[body] = key
        return [self._sending(key, body)] if self.ready else []

    def _sending(self, key: str, text: str) -> Content:
        values = {"room": self.conversation, "text": text, "key": key}
        outgoing = self._open_line.outgoing("send", **values)
        self._by_call = outgoing.call is not None
        self._asked[key if outgoing.call is None else outgoing.call] = (key, outgoing)
        self.story.asked("send", self.conversation, values)
        return outgoing.content

    def _answers_sending(self, frame: Any) -> bool:
        """Whether a frame answers one of the messages that were sent on this connection."""
        line = self._open_line
        if self._by_call:
            asked = line.call_of(frame)
            known = [asked] if asked in self._asked else []
        else:
            known = list(self._asked)
        for call in known:
            key, outgoing = self._asked[call]
            if not outgoing.out.answer or not line.judged(outgoing, frame):
                continue
            del self._asked[call]
            opened = line.came_of(outgoing, frame, "send")
            self.story.answered("send", self.conversation, opened, {"key": key})
            if opened.ok:
                if (known_as := opened.read.get("id")) is not None:
                    self._ids[str(known_as)] = key
                self._acknowledge(key, opened.read.get("position"))
            else:
                self._refused(opened, for_good=key in self.unacked)
            return True
        return False

    def _acknowledge(self, key: str | None, position: Any) -> None:
        if key is not None and (self.unacked.pop(key, None) is not None or key not in self.acked):
            self.acked[key] = position if isinstance(position, int) else None
            self.acked_at[key] = monotonic()

    def _take(self, event: Event) -> None:
        if event.room is not None and str(event.room) != str(self.conversation):
            return
        key = self._key_of(event)
        if key is not None:
            self.received.add(key)
            if key in self.unacked and not self._open_line.frame("send").answer:
                self._acknowledge(key, event.position)
            if key.startswith(ANSWER):
                self.answers.add(int(key.removeprefix(ANSWER)))
        if isinstance(event.position, int):
            is_next = event.position == self.held + 1 if self._open_line.facts.gapless else event.position > self.held
            self.held = event.position if is_next else self.held

    def _key_of(self, event: Event) -> str | None:
        """The sender's own name of a message: as the event has it, by the target's id of it, or by its text."""
        if event.key is not None:
            return str(event.key)
        if event.id is not None and str(event.id) in self._ids:
            return self._ids[str(event.id)]
        return self._texts.get(str(event.text)) if event.text is not None else None

    # --- joining

    def _play(self, exchange: Exchange, then: Callable[[Opened], list[Content]]) -> list[Content]:
        self._exchange, self._then = exchange, then
        return self._advance(None)

    def _advance(self, came: Any) -> list[Content]:
        """Goes on with what follows the handshake; the frames to send until the next one has to come."""
        assert self._exchange is not None
        assert self._then is not None
        contents, then = until_awaited(self._exchange, came)
        if isinstance(then, Await):
            self._awaited = then
            return contents
        self._exchange = self._awaited = None
        return contents + self._then(then)

    def _opened(self, opened: Opened) -> list[Content]:
        if not opened.ok:
            self.turned_away = opened.why
            return []
        self.joined = True
        line = self._open_line
        if self._been_here and line.facts.resume in ("url", "connect"):
            self.story.came_back(self.conversation, self._position)
            return self._go_on()
        if self._been_here and line.facts.resume == "frame" and self._position:
            self.story.asked("resume", self.conversation, self._position)
            asking = line.asking("resume", room=self.conversation, **self._position)
            return self._play(asking, self._resumed)
        return self._join()

    @property
    def _position(self) -> dict[str, Any]:
        """What a resumption names; empty where the client has been given no position yet."""
        known = {"epoch": self.epoch} if self.epoch is not None else {}
        return {**known, "position": self.held} if known or self.held else {}

    def _join(self) -> list[Content]:
        line = self._open_line
        if "subscribe" not in line.facts.out:
            self.story.asked("subscribe", self.conversation, {})
            self.story.answered("subscribe", self.conversation, Opened(True, {}), {})
            return self._go_on()
        self.story.asked("subscribe", self.conversation, {})
        return self._play(line.asking("subscribe", room=self.conversation), self._subscribed)

    def _subscribed(self, opened: Opened) -> list[Content]:
        self.story.answered("subscribe", self.conversation, opened, {})
        if not opened.ok:
            return self._turned_back(opened)
        self.epoch = opened.read.get("epoch", self.epoch)
        if isinstance(position := opened.read.get("position"), int):
            self.held = position
        return self._go_on()

    def _resumed(self, opened: Opened) -> list[Content]:
        line = self._open_line
        failed = not opened.ok and any(event.kind == "error" for event in line.events(opened.frame))
        self.story.answered("resume", self.conversation, opened, {"failed": failed, "reason": self._reason})
        if opened.ok:
            return self._go_on()
        if failed or not opened.refused:
            return self._turned_back(opened)
        self.unrecovered.append(self._reason or reasons.given(opened.why))
        self._excuse()
        return self._join()

    def _turned_back(self, opened: Opened) -> list[Content]:
        self._refused(opened, for_good=True)
        self.joined = False
        return []

    def _go_on(self) -> list[Content]:
        self.ready = self._been_here = True
        self.resent += len(self.unacked)
        return [self._sending(key, text) for key, text in self.unacked.items()]

    # --- what was refused

    def _refused(self, opened: Opened, *, for_good: bool) -> None:
        errors = [event for event in self._open_line.events(opened.frame) if event.kind == "error"]
        if not errors:
            self.errors.append(reasons.given(opened.why))
        for event in errors:
            self._note_error(event)
        if for_good and not any(event.retryable for event in errors):
            self.hopeless = self.errors[-1]

    def _note_error(self, event: Event) -> None:
        self.errors.append(reasons.given(event.code, event.reason))

    # --- how it stands

    @property
    def settled(self) -> bool:
        """Whether all that it sent was taken, was given back and, where that is wanted, answered."""
        complete = not self.unacked and not self._missing and self.held >= self._head
        return complete and (not self.answered or self.answers >= set(self.acked.values()))

    @property
    def waits_for(self) -> str:
        """What has to come before the client is ready; "" where it waits for nothing."""
        return "" if self._awaited is None else self._awaited.what

    def _excuse(self) -> None:
        """What was sent until now need not be given back: it may have passed while the client was away."""
        self.excused |= {*self.acked, *self.unacked}

    @property
    def _missing(self) -> set[str]:
        """Messages that were acknowledged, and have not been given back."""
        return set(self.acked) - self.received - self.excused

    @property
    def _head(self) -> int:
        """The last position that the client was told of its own messages, where those that come have one, too."""
        if self._line is None or not self._line.facts.numbers_messages:
            return 0
        return max((position for position in self.acked.values() if position is not None), default=0)

    @property
    def _open_line(self) -> Line:
        assert self._line is not None
        return self._line

    def __str__(self) -> str:
        unanswered = len(set(self.acked.values()) - self.answers) if self.answered else 0
        return (
            f"{self.sent} sent, {len(self.unacked)} not acknowledged, holds {self.held} of at least {self._head}, "
            f"{len(self._missing)} not given back, {unanswered} not answered{self._standing}"
        )

    @property
    def _standing(self) -> str:
        if self.ready:
            return ""
        waiting = f": waits for {self.waits_for}" if self.waits_for else ""
        return f", joining{waiting}" if self.joined else f", not connected{waiting}"
