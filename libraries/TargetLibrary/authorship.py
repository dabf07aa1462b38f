"""Keywords for whose a message is: who sent it, who may write, and what is stored of it."""

from __future__ import annotations

import uuid
from typing import Any

from lockstep.dialect import Event, Session
from lockstep.dialect.line import Opened
from lockstep.masking import mask
from robot.api import logger

from .base import Base, same
from .chatting import Chatting, messages
from .described import word
from .sockets import Sockets

_SAME_IN_BOTH = ("id", "position", "sender")


class Authorship(Base):
    """A message belongs to the user whose socket sent it."""

    @word("message", "assertion")
    def message_should_be_stored(self, session: Session, room: Any, message: Event) -> None:
        """Passes when the history has a received ``message`` once, from the user of ``session``, as it was received.

        ``message`` is what `Message Should Arrive` has returned.
        """
        assert isinstance(self, Chatting)
        stored = [item for item in self.get_history(session, room) if same(item.get("text"), message.text)]
        if len(stored) != 1:
            raise AssertionError(f"the message {message.text!r} is stored {len(stored)} times, not once")
        item = stored[0]
        for name in _SAME_IN_BOTH:
            received = getattr(message, name)
            if received is not None and name in item and not same(item[name], received):
                raise AssertionError(f"the message {message.text!r} is stored with {name} {item[name]}, not {received}")
        if "sender" in item and not same(item["sender"], session.user):
            raise AssertionError(f"the message {message.text!r} is stored from {item['sender']}, not {session.user}")

    @word("message")
    def send_message_as(self, socket: str, room: Any, text: str, other: Session) -> None:
        """Sends a message that claims to be from the user of ``other``; whether it is taken is the target's choice.

        The frame is ``socket.out.send_as``, where ``{sender}`` is that user.
        """
        found = self.socket(socket)
        asking = found.line.asking("send_as", room=room, text=text, key=str(uuid.uuid4()), sender=other.user)
        opened = found.play(asking)
        if not opened.ok and not opened.refused:
            raise AssertionError(f"{socket} had no answer to a message in another's name: {mask(opened.why)}")
        logger.info(f"a message in another's name was {'taken' if opened.ok else 'refused'}")

    @word("message", "assertion")
    def message_should_not_be_from(self, socket: str, text: str, other: Session, owner: Session, room: Any) -> None:
        """Passes when a message that `Send Message As` has sent came from its real sender, or was refused.

        ``owner`` is that sender, whose socket this is; a later message shows that nothing more comes.
        """
        assert isinstance(self, Chatting)
        self.send_message(socket, room, f"after {text}")
        self.message_should_arrive(socket, f"after {text}", room)
        found = [event for event in messages(self.socket(socket), room) if same(event.text, text)]
        for event in found:
            if event.sender is not None and not same(event.sender, owner.user):
                whose = "whom the frame claims" if same(event.sender, other.user) else f"{event.sender}"
                raise AssertionError(f"the sender of {text!r} is {whose}, not the user of the socket")
            if self.stage.dialect.knows("history"):
                self.message_should_be_stored(owner, room, event)
            elif event.sender is None:
                raise self.stage.dialect.missing("socket.in.message.read.sender")
        logger.info(f"{text!r} arrived {len(found)} times")

    @word("message", "assertion")
    def send_should_be_refused(self, socket: str, room: Any, text: str) -> None:
        """Passes when a socket may not write into a conversation, is told so, and is served nevertheless.

        Where ``refusals.not_found`` is described, that is how. NA where rooms are not private.
        """
        self.rooms_must_be_private()
        found = self.socket(socket)
        if "send" in found.line.facts.out:
            opened = found.play(found.line.asking("send", room=room, text=text, key=str(uuid.uuid4())))
            self._send_is_refused(f"{socket} should not be able to write into the conversation", opened)
            assert isinstance(self, Sockets)
            self.socket_should_be_open(socket)
            return
        outcome = self.stage.perform("send", found.line.session, room=room, text=text, key=str(uuid.uuid4()))
        if outcome.ok or not outcome.refused:
            raise AssertionError(f"{socket} should not be able to write into the conversation: {mask(outcome.why)}")

    def _send_is_refused(self, what: str, opened: Opened) -> None:
        if opened.ok:
            raise AssertionError(f"{what}, and it was done")
        if not opened.refused:
            raise AssertionError(f"{what}, but it was not refused: {mask(opened.why)}")
        self.frame_should_say(opened, "not_found", what)
