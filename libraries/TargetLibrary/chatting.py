"""Keywords for messages: send, receive, in order, and in the history."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

from lockstep.dialect import Event, Session
from lockstep.masking import mask
from lockstep.unknown import Unknown
from lockstep.waiting import listed, seconds
from robot.api import logger

from .base import NO_SOCKET, Base, same
from .described import word
from .socket import Socket

_WITHIN = timedelta(seconds=10)
_LATE = 1.0
_FILTERED = 1.0
"""So long nothing comes on a socket that may not see it."""


class Chatting(Base):
    """Rooms, messages and what devices receive of them."""

    @word("message")
    def create_room(self, session: Session) -> Any:
        """A new conversation of the user; returns its id."""
        outcome = self.stage.needed("room", session)
        if "room" not in outcome.read:
            raise self.stage.dialect.missing("operations.room.read.room")
        self.owners[str(outcome.read["room"])] = session
        return outcome.read["room"]

    @word("message")
    def join_room(self, socket: str, room: Any) -> None:
        """Subscribes a socket to a conversation, where the target has a frame for that."""
        if self.goes_without_socket():
            return
        found = self.socket(socket)
        found.line.read["room"] = room
        if "subscribe" not in found.line.facts.out:
            return
        opened = found.play(found.line.asking("subscribe", room=room))
        if not opened.ok:
            raise AssertionError(f"{socket} cannot join the conversation: {mask(opened.why)}")
        found.note(room, opened.read)

    @word("message")
    def leave_room(self, socket: str, room: Any) -> None:
        """Unsubscribes a socket from a conversation; the frame may name what the answer to ``subscribe`` has said."""
        found = self.socket(socket)
        opened = found.play(found.line.asking("unsubscribe", **{**found.notes(room), "room": room}))
        if not opened.ok:
            raise AssertionError(f"{socket} cannot leave the conversation: {mask(opened.why)}")

    @word("message", "assertion")
    def join_should_be_refused(self, socket: str, room: Any) -> None:
        """Passes when a socket may not subscribe to a conversation, and is told so; NA where rooms are not private.

        Where subscriptions are filters (``socket.filters``), it may, and passes when it receives nothing that the owner
        sends there.
        """
        self.rooms_must_be_private()
        found = self.socket(socket)
        opened = found.play(found.line.asking("subscribe", room=room))
        if opened.ok and found.line.facts.filters:
            return self.nothing_should_come(found, room)
        if opened.ok:
            raise AssertionError(f"{socket} should not be able to join the conversation, and has joined it")
        if not opened.refused:
            raise AssertionError(f"{socket} was not refused, but: {mask(opened.why)}")
        return self.frame_should_say(opened, "not_found", f"{socket} should not be able to join the conversation")

    def nothing_should_come(self, socket: Socket, room: Any) -> None:
        """What the owner of a conversation sends does not arrive on a socket whose filter is that conversation."""
        owner, text = self.owners.get(str(room)), f"for members only {uuid.uuid4()}"
        if owner is None:
            raise self.stage.dialect.missing("operations.room", "nobody knows whose conversation it is")
        if self.stage.dialect.knows("send"):
            self.stage.needed("send", owner, socket.line.endpoint.name, room=room, text=text, key=str(uuid.uuid4()))
        else:
            other = self.stage.open(socket.line.endpoint.name, owner, room=room)
            sent = other.play(other.line.asking("send", room=room, text=text, key=str(uuid.uuid4())))
            other.drop()
            if not sent.ok:
                raise AssertionError(f"the owner cannot send a message: {mask(sent.why)}")
        came = socket.wait_for(lambda: next((e for e in messages(socket) if same(e.text, text)), None), _FILTERED)
        if came is not None:
            raise AssertionError(f"a filter shows another user's conversation: {text!r} has arrived")

    @word("message")
    def send_message(self, socket: str, room: Any, text: str) -> str:
        """Sends a message from a socket, or over HTTP where the target takes none there, and waits until it is taken.

        Returns the sender's own id of it.
        """
        if self.goes_without_socket():
            return self.send_message_by_request(self._unopened(socket), room, text)
        found = self.socket(socket)
        key = str(uuid.uuid4())
        if "send" not in found.line.facts.out:
            # At the socket's own endpoint, where that takes messages: another one may be away.
            self.stage.needed("send", found.line.session, found.line.endpoint.name, room=room, text=text, key=key)
            return key
        opened = found.play(found.line.asking("send", room=room, text=text, key=key))
        if not opened.ok:
            raise AssertionError(f"{socket} cannot send a message: {mask(opened.why)}")
        # What is acknowledged need not have arrived, nor what came before it.
        found.note(room, {name: value for name, value in opened.read.items() if name != "position"})
        found.acknowledged[text] = opened.read
        return key

    def _unopened(self, socket: str) -> Session:
        return self.unopened[int(socket.removeprefix(NO_SOCKET))]

    @word("message")
    def send_message_by_request(self, session: Session, room: Any, text: str) -> str:
        """Sends a message over HTTP; returns the sender's own id of it."""
        key = str(uuid.uuid4())
        self.stage.needed("send", session, room=room, text=text, key=key)
        return key

    @word("message")
    def send_messages(self, socket: str, room: Any, count: int, prefix: str = "message") -> list[str]:
        """Sends so many messages without waiting in between, then waits until each is taken; returns the texts."""
        texts = [f"{prefix} {number}" for number in range(1, count + 1)]
        if self.goes_without_socket():
            for text in texts:
                self.send_message_by_request(self._unopened(socket), room, text)
            return texts
        found = self.socket(socket)
        if "send" not in found.line.facts.out:
            session, endpoint = found.line.session, found.line.endpoint.name
            for text in texts:
                self.stage.needed("send", session, endpoint, room=room, text=text, key=str(uuid.uuid4()))
            return texts
        outgoing = [found.line.outgoing("send", room=room, text=text, key=str(uuid.uuid4())) for text in texts]
        began = time.monotonic()
        for frame in outgoing:
            found.send(frame.content)
        for opened in found.answers_to(outgoing, "send"):
            if not opened.ok:
                raise AssertionError(f"{socket} cannot send a message: {mask(opened.why)}")
        logger.info(f"{count} messages were sent and taken in {time.monotonic() - began:.3f} s")
        return texts

    @word("message", "assertion")
    def message_should_arrive(
        self, socket: str, text: str, room: Any = None, sender: Session | None = None, within: timedelta = _WITHIN
    ) -> Event:
        """Passes when a message with this text is received; from ``sender`` and of ``room`` where they are given.

        Returns the event: ``text``, ``room``, ``id``, ``position``, ``sender``, as far as the target says it.
        """
        found = self.socket(socket)

        def look() -> Event | None:
            return next((event for event in messages(found, room) if same(event.text, text)), None)

        event: Event | None = found.wait_for(look, within.total_seconds())
        if event is None:
            came = listed([repr(known.text) for known in messages(found, room)]) or "none"
            raise AssertionError(
                f"the message {text!r} did not arrive on {socket} within {seconds(within)}; came: {came}; "
                f"the socket is {found.state}"
            )
        if sender is not None and event.sender is not None and not same(event.sender, sender.user):
            raise AssertionError(f"the message {text!r} comes from {event.sender}, not from {sender.user}")
        for name, value in found.acknowledged.get(text, {}).items():
            if name in ("id", "position") and (came := getattr(event, name)) is not None and not same(came, value):
                raise AssertionError(f"the message {text!r} came with {name} {came}, acknowledged was {value}")
        return event

    @word("message", "assertion")
    def messages_should_arrive_in_order(
        self, socket: str, texts: Sequence[str], room: Any = None, within: timedelta = timedelta(seconds=15)
    ) -> None:
        """Passes when a socket receives these messages of a conversation and no others, in this order, as is promised.

        ``promises.delivery``: without an order they may be mixed, and repeats count as ``repeats`` has it. Where the
        target numbers them without gaps (``socket.gapless``), their positions follow one another.
        """
        found = self.socket(socket)
        self.wait_for_messages(found, texts, room, within)
        self.judge_messages(messages(found, room), texts, f"on {socket}", gapless=found.line.facts.gapless)

    def wait_for_messages(self, found: Socket, texts: Sequence[str], room: Any, within: timedelta) -> None:
        """Waits until a device has all of them, or the last one, and then a little for those that are late."""
        missing = set(texts)
        for earlier in found.sockets[:-1]:
            missing -= {str(event.text) for event in messages(earlier, room)}
        looked = 0

        def came() -> set[str]:
            nonlocal looked
            for event in found.events[looked:]:
                if is_message(event, room):
                    missing.discard(str(event.text))
            looked = len(found.events)
            return missing

        if texts and found.wait_for(lambda: texts[-1] not in came() or None, within.total_seconds()):
            self._wait_for_late_ones(found, lambda: not came() or None)

    def judge_messages(self, received: Sequence[Event], texts: Sequence[str], where: str, *, gapless: bool) -> None:
        """Compares what has come with what was sent, by the promises of order and repeats."""
        known = self._without_repeats(received)
        compare([str(event.text) for event in known], list(texts), where, self.stage.messages_are_ordered())
        positions = [event.position for event in known if isinstance(event.position, int)]
        if gapless and len(positions) == len(known):
            gaps = [(a, b) for a, b in pairwise(positions) if b != a + 1]
            if gaps:
                raise AssertionError(f"positions {where} are not gapless: {gaps[0][1]} follows {gaps[0][0]}")

    def _wait_for_late_ones(self, found: Socket, all_came: Callable[[], Any]) -> None:
        """Once the last message is there, what is missing is lost or late; both are wrong where an order is promised.

        So the time only decides what the failure says, and no machine is too busy for that.
        """
        try:
            found.wait_for(all_came, _LATE)
        except Unknown:
            if self.stage.dialect.promises.choice("delivery.order").unbounded:
                raise

    def _without_repeats(self, events: Sequence[Event]) -> list[Event]:
        promise = self.stage.dialect.promises.choice("delivery.repeats")
        if promise.value == "none":
            return list(events)
        name = "id" if promise.value == "by_id" else "text"
        first: dict[Any, Event] = {}
        for number, event in enumerate(events):
            known = getattr(event, name)
            first.setdefault(("unnamed", number) if known is None else str(known), event)
        return list(first.values())

    @word("message", "assertion")
    def message_should_not_arrive(self, socket: str, text: str, after: str) -> None:
        """Passes when a message with this text has not come by the time that the message ``after`` has.

        NA where every socket receives the messages of every room.
        """
        self.messages_must_have_a_room()
        self.message_should_arrive(socket, after)
        if any(same(event.text, text) for event in messages(self.socket(socket))):
            raise AssertionError(f"the message {text!r} should not arrive on {socket}, and has arrived")

    @word("message")
    def get_history(self, session: Session, room: Any, endpoint: str = "") -> list[Mapping[str, Any]]:
        """The stored messages of a conversation in the target's order, each with what the dialect reads of it."""
        return list(self.stage.needed("history", session, endpoint, room=room).items)

    @word("message", "assertion")
    def history_should_be(self, session: Session, room: Any, texts: Sequence[str]) -> None:
        """Passes when the stored messages of a conversation have these texts, in this order."""
        stored = [str(item.get("text")) for item in self.get_history(session, room)]
        compare(stored, list(texts), "in the history", self.stage.messages_are_ordered())

    @word("message", "assertion")
    def history_should_be_refused(self, session: Session, room: Any) -> None:
        """Passes when a user may not read a conversation: each endpoint refuses, or says that there is none.

        NA where rooms are not private.
        """
        self.rooms_must_be_private()
        for endpoint in self.stage.dialect.serving("history"):
            outcome = self.stage.perform("history", session, endpoint, room=room)
            if outcome.ok and outcome.items:
                raise AssertionError(
                    f"{session!r} should not read the conversation, and reads {len(outcome.items)} of it at {endpoint}"
                )
            status = outcome.answer.status if outcome.answer else None
            if not outcome.ok and not outcome.refused and status != 404:
                raise AssertionError(f"the history was not refused at {endpoint}, but: {mask(outcome.why)}")


def messages(socket: Socket, room: Any = None) -> list[Event]:
    """The messages that a socket has received, of one room where it is given and the target names rooms."""
    return [event for event in socket.events if is_message(event, room)]


def is_message(event: Event, room: Any = None) -> bool:
    """Whether an event is a message, of that room where it is given and the target names rooms."""
    return event.kind in ("message", "snapshot") and (room is None or event.room is None or same(event.room, room))


def compare(actual: list[str], wanted: list[str], where: str, in_order: bool) -> None:
    if (actual if in_order else sorted(actual)) == (wanted if in_order else sorted(wanted)):
        return
    missing = [text for text in wanted if text not in actual]
    repeated = sorted({text for text in actual if actual.count(text) > wanted.count(text) > 0})
    other = [text for text in actual if text not in wanted]
    for what, found in (("missing", missing), ("repeated", repeated), ("never sent", other)):
        if found:
            raise AssertionError(f"messages {where} are {what}: {listed([repr(text) for text in found])}")
    place = next(number for number, (a, b) in enumerate(zip(actual, wanted, strict=True)) if a != b)
    raise AssertionError(
        f"messages {where} are out of order: {actual[place]!r} stands where {wanted[place]!r} was sent"
    )
