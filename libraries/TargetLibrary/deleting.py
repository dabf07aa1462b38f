"""Keywords for messages and rooms that are deleted: from then on nobody has them."""

from __future__ import annotations

from typing import Any

from lockstep.dialect import Event, Session
from lockstep.masking import mask
from lockstep.waiting import listed
from robot.api import logger
from WebSocketLibrary.keywords.opening import HandshakeFailedError

from .base import Base
from .described import word

_NOT_FOUND = 404


class Deleting(Base):
    """Delete Message, Delete Room, and what is left of them."""

    @word("message")
    def delete_message(self, session: Session, room: Any, message: Event) -> None:
        """Deletes a message, as `Message Should Arrive` has returned it."""
        self.stage.needed("delete_message", session, room=room, id=message.id, key=message.key or message.id)

    @word("message")
    def delete_room(self, session: Session, room: Any) -> None:
        """Deletes a conversation with its messages."""
        self.stage.needed("delete_room", session, room=room)

    @word("message", "assertion")
    def room_should_be_gone(self, session: Session, room: Any) -> None:
        """Passes when its own user can neither read nor join a deleted conversation any more.

        Asked is what the dialect describes: ``history``, ``subscribe``, and sockets whose address names a room.
        """
        asked = [self._history_is_gone(session, room), self._socket_is_gone(session, room)]
        if not any(asked):
            raise self.stage.dialect.missing("operations.history", "nothing shows whether a room is there")

    def _history_is_gone(self, session: Session, room: Any) -> bool:
        if not self.stage.dialect.knows("history"):
            return False
        outcome = self.stage.perform("history", session, room=room)
        if outcome.ok and outcome.items:
            texts = listed([repr(item.get("text")) for item in outcome.items])
            raise AssertionError(f"the deleted conversation is read still: {texts}")
        status = outcome.answer.status if outcome.answer else None
        if not outcome.ok and not outcome.refused and status != _NOT_FOUND:
            raise AssertionError(f"the deleted conversation was not refused, but: {mask(outcome.why)}")
        return True

    def _socket_is_gone(self, session: Session, room: Any) -> bool:
        facts = self.stage.dialect.socket
        endpoint = next((name for name in self.stage.speaker.endpoints if self.stage.speaker.has_socket(name)), "")
        if facts is None or not endpoint:
            return False
        in_address = "{room}" in str(self.stage.dialect.endpoint(endpoint).socket)
        if not in_address and "subscribe" not in facts.out:
            return False
        try:
            socket = self.stage.open(endpoint, session, room=room)
        except HandshakeFailedError as error:
            if not in_address:
                raise
            logger.info(f"no socket opens for the conversation: {mask(str(error))}")
            return True
        try:
            opened = socket.opened
            if opened.ok and "subscribe" in facts.out:
                opened = socket.play(socket.line.asking("subscribe", room=room))
            texts = [event.text for event in socket.events if event.kind in ("message", "snapshot")]
            if opened.ok and (texts or (facts.resume != "subscription" and not facts.filters)):
                raise AssertionError(f"{endpoint} opens the deleted conversation still{f': {texts}' if texts else ''}")
        finally:
            socket.drop()
        return True
