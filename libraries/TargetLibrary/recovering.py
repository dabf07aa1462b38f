"""Keywords for devices that were away: they come back, take up where they were, and miss nothing that is promised."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from lockstep import machine, verdicts
from lockstep.dialect import Event, Session
from lockstep.dialect.line import Opened, Outgoing
from lockstep.dialect.templates import fields
from lockstep.masking import mask
from lockstep.waiting import wait_until
from robot.api import logger

from .base import Base
from .chatting import Chatting, messages
from .described import word
from .socket import Socket
from .sockets import Sockets

_WITHIN = timedelta(seconds=15)


@dataclass(frozen=True)
class Sent:
    """A message that was sent: its text, the sender's own id of it, and the frame on which it went."""

    text: str
    key: str
    outgoing: Outgoing | None = None


class Recovering(Base):
    """Reconnect Socket, and what a device has received over all of its sockets."""

    @word("recovery")
    def reset_socket(self, socket: str) -> None:
        """Cuts a socket with a TCP reset and without a close frame, as a crash of the device does."""
        self.socket(socket).reset()

    @word("recovery")
    def reconnect_socket(self, socket: str, room: Any, endpoint: str = "", session: Session | None = None) -> str:
        """Opens a socket in the place of one that is gone, as the same device, and takes up where it was.

        That is by address, handshake, frame or subscription, as the dialect has it; NA where a target has none of them.
        ``room`` is a conversation or a list of them. Returns the alias of the new one; what the device has received
        before counts as received (`Device Should Have Received`). ``session`` is another one of the same user.
        """
        if session is not None:
            self.socket(socket).line.session = session
        return self._reconnected(socket, room if isinstance(room, list) else [room], endpoint, _nothing)

    def _reconnected(self, socket: str, rooms: Sequence[Any], endpoint: str, then: Callable[[], None]) -> str:
        before = self.socket(socket)
        how = before.line.facts.resume
        if how == "none":
            raise self.stage.dialect.missing("socket.resume")
        before.update()
        self._may_still_come_back(before)
        assert isinstance(self, Sockets)
        known = before.line.read
        alias = self.open_socket(
            before.line.session, endpoint or before.line.endpoint.name, client=known["client"], room=known.get("room")
        )
        again = self.socket(alias)
        again.before = before
        for room in rooms:
            self._take_up(again, room, how, then)
        return alias

    def _may_still_come_back(self, before: Socket) -> None:
        """No verdict where the device was away for longer than the target promises to wait for it."""
        closing = before.connection.closing
        longest = float(self.stage.dialect.promises.choice("recovery.within").value)
        if closing is not None and time.monotonic() - closing.at > longest:
            machine.missed(f"UNKNOWN: the device was away for longer than the {longest:g} s that are promised")

    @word("recovery")
    def send_messages_while_reconnecting(
        self, sender: str, socket: str, room: Any, count: int, prefix: str = "message"
    ) -> tuple[list[Sent], str]:
        """As `Reconnect Socket`; another device sends so many messages just when ``socket`` asks for what it missed.

        Returns what was sent, whose answers nobody has waited for, and the alias of the new socket.
        """
        found, sent = self.socket(sender), self._drawn(sender, room, count, prefix)
        alias = self._reconnected(socket, [room], "", lambda: _send_all(found, sent))
        return sent, alias

    def _take_up(self, again: Socket, room: Any, how: str, then: Callable[[], None]) -> None:
        """Asks for what the device has missed, as its target has it, and does something before it is answered."""
        frame = {"frame": "resume", "subscription": "subscribe"}.get(how, "")
        if not frame or (frame == "subscribe" and frame not in again.line.facts.out):
            then()
            return
        known = {**again.notes(room), **_held(again, room)} if frame == "resume" else {"room": room}
        asked = again.line.outgoing(frame, **known)
        again.send(asked.content)
        then()
        opened = again.answer_to(asked, frame)
        if not opened.ok:
            raise AssertionError(f"{again.alias} cannot take up where it was: {mask(opened.why)}")
        again.note(room, opened.read)

    @word("recovery", "assertion")
    def device_should_have_received(
        self,
        socket: str,
        texts: Sequence[str],
        room: Any = None,
        away: Sequence[str] = (),
        within: timedelta = _WITHIN,
    ) -> None:
        """Passes when a device has received these messages and no others, over all of its sockets, as is promised.

        In order and each once, by ``promises.delivery``; a snapshot (``promises.recovery``) may repeat what came
        before. Those of ``away``, which were sent while it was not connected, may be missing where they are declared
        to be lost: then the test is UNBOUNDED.
        """
        found = self.socket(socket)
        self._chatting.wait_for_messages(found, texts, room, within)
        received = self.received(found, room)
        expected = self._less_what_may_be_lost(texts, away, received)
        where = f"on {socket} and its {len(found.sockets) - 1} sockets before" if found.before else f"on {socket}"
        gapless = found.line.facts.gapless and len(expected) == len(texts)
        self._chatting.judge_messages(received, expected, where, gapless=gapless)

    def received(self, socket: Socket, room: Any = None) -> list[Event]:
        """What a device has received over all of its sockets; a snapshot tells only what it had not."""
        found: list[Event] = []
        known: set[str] = set()
        for each in socket.sockets:
            for event in messages(each, room):
                name = str(event.id if event.id is not None else event.text)
                if event.kind == "snapshot" and name in known:
                    continue
                known.add(name)
                found.append(event)
        return found

    def _less_what_may_be_lost(
        self, texts: Sequence[str], away: Sequence[str], received: Sequence[Event]
    ) -> Sequence[str]:
        promises = self.stage.dialect.promises
        may_be_lost = promises.choice("recovery.by").unbounded or promises.choice("delivery.loss").value == "while_away"
        if not away or not may_be_lost:
            return texts
        came = {str(event.text) for event in received}
        lost = [text for text in away if text not in came]
        verdicts.unbounded(f"of {len(away)} messages that were sent while the device was away {len(lost)} were lost")
        return [text for text in texts if text not in lost]

    @property
    def _chatting(self) -> Chatting:
        assert isinstance(self, Chatting)
        return self

    @word("recovery", "assertion")
    def kept_history_should_be(self, session: Session, room: Any, texts: Sequence[str], endpoint: str = "") -> None:
        """As `History Should Be`, with repeats as promised; passes where the target keeps no history.

        It is read at ``endpoint`` where several have it.
        """
        if not self.stage.dialect.knows("history"):
            logger.info("the target has no history to compare with")
            return
        items = self._chatting.get_history(session, room, endpoint)
        stored = [Event("message", item, item) for item in items]
        self._chatting.judge_messages(stored, texts, "in the history", gapless=False)

    # --- messages whose answers are lost

    @word("recovery")
    def send_messages_without_waiting(self, socket: str, room: Any, count: int, prefix: str = "message") -> list[Sent]:
        """Sends so many messages and waits for nothing; returns what was sent, with the sender's own ids."""
        sent = self._drawn(socket, room, count, prefix)
        _send_all(self.socket(socket), sent)
        return sent

    def _drawn(self, socket: str, room: Any, count: int, prefix: str) -> list[Sent]:
        line = self.socket(socket).line
        made = [(f"{prefix} {number}", str(uuid.uuid4())) for number in range(1, count + 1)]
        return [Sent(text, key, line.outgoing("send", room=room, text=text, key=key)) for text, key in made]

    @word("recovery", "assertion")
    def messages_should_be_taken(self, socket: str, sent: Sequence[Sent]) -> list[str]:
        """Passes when the target has taken each of them, by its answers on this socket; returns their texts."""
        found = self.socket(socket)
        outgoing = [message.outgoing for message in sent if message.outgoing is not None]
        for message, opened in zip(sent, found.answers_to(outgoing, "send"), strict=True):
            if not opened.ok:
                raise AssertionError(f"{message.text!r} was not taken: {mask(opened.why)}")
        return [message.text for message in sent]

    @word("recovery")
    def send_messages_again(self, socket: str, room: Any, sent: Sequence[Sent], stored: bool = True) -> None:
        """Sends messages once more under their old ids and waits until each is taken, or refused as there already.

        ``stored`` says that the target has all of them. Where its answer has ``repeated`` or ``position``
        (``socket.out.send.read``), it has to name each as one that was there, at the position of the first, unless
        messages may come more than once (``promises.delivery.repeats``).
        """
        found = self.socket(socket)
        if "key" not in fields(found.line.frame("send").send):
            raise self.stage.dialect.missing("socket.send", "its frame has no id of the sender's own ({key})")
        made = [found.line.outgoing("send", room=room, text=each.text, key=each.key) for each in sent]
        for outgoing in made:
            found.send(outgoing.content)
        answers = found.answers_to(made, "send")
        first = self._positions(found, room) if stored else {}
        promise = self.stage.dialect.promises.choice("delivery.repeats")
        for message, opened in zip(sent, answers, strict=True):
            if not opened.ok and not opened.refused:
                raise AssertionError(f"{message.text!r} was not answered when it was sent again: {mask(opened.why)}")
            if not promise.unbounded:
                _is_repeated(message, opened, stored, first)
        if promise.unbounded:
            verdicts.weaker("messages may come more than once, as declared", promise.reference)

    def _positions(self, found: Socket, room: Any) -> dict[str, Any]:
        """Where each message of a conversation was first stored, by the sender's own id, as far as it is known."""
        events = self.received(found, room)
        return {str(event.key): event.position for event in reversed(events) if event.key is not None}

    @word("recovery")
    def send_unfinished_message(self, socket: str, room: Any, text: str) -> Sent:
        """Sends a message in fragments (RFC 6455 §5.4) but for the last one, so that it is none yet; returns it."""
        found = self.socket(socket)
        key = str(uuid.uuid4())
        found.send_in_fragments(found.line.outgoing("send", room=room, text=text, key=key).content, finish=False)
        return Sent(text, key)

    @word("recovery")
    def send_message_in_fragments(self, socket: str, room: Any, sent: Sent) -> None:
        """Sends a message, which nobody has yet, in fragments, the last one too, and waits until it is taken."""
        found = self.socket(socket)
        outgoing = found.line.outgoing("send", room=room, text=sent.text, key=sent.key)
        found.send_in_fragments(outgoing.content, finish=True)
        opened = found.answer_to(outgoing, "send")
        if not opened.ok:
            raise AssertionError(f"{socket} cannot send a message in fragments: {mask(opened.why)}")
        if opened.read.get("repeated"):
            raise AssertionError(f"{sent.text!r} was stored before its last fragment came")

    @word("recovery", "assertion")
    def history_should_become(
        self, session: Session, room: Any, texts: Sequence[str], within: timedelta = timedelta(seconds=10)
    ) -> None:
        """Passes when the stored messages of a conversation are these in the end."""
        wanted = sorted(texts)

        def stored() -> list[str]:
            return [str(item.get("text")) for item in self._chatting.get_history(session, room)]

        wait_until("the history", f"{len(wanted)} messages", stored, lambda found: sorted(found) == wanted, within)


def _nothing() -> None:
    """What is done meanwhile where nothing is to be done."""


def _send_all(socket: Socket, sent: Sequence[Sent]) -> None:
    for message in sent:
        assert message.outgoing is not None
        socket.send(message.outgoing.content)


def _is_repeated(message: Sent, opened: Opened, stored: bool, first: dict[str, Any]) -> None:
    """What the answer to a message that was sent again says of it; nothing is known where the target says nothing."""
    if not stored or not opened.ok:
        return
    if opened.read.get("repeated") is False:
        raise AssertionError(f"{message.text!r} was sent again, and taken as a new message")
    position = opened.read.get("position")
    if position is not None and first.get(message.key) not in (None, position):
        raise AssertionError(
            f"{message.text!r} was sent again, and is at {position} now, not at {first[message.key]} as before"
        )


def _held(socket: Socket, room: Any) -> dict[str, Any]:
    """Up to where a device has a conversation, by what it has received over all of its sockets."""
    known = [event.position for each in socket.sockets for event in messages(each, room) if event.position is not None]
    last = {"position": known[-1]} if known else {}
    return {"room": room, "client": socket.line.read["client"], **last}
