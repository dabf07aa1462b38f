"""Keywords for what belongs to one user: rooms that others neither see nor change, and that all devices list."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from lockstep.dialect import Outcome, Session
from lockstep.dialect.line import Opened
from lockstep.masking import mask
from lockstep.waiting import listed
from robot.api import logger
from WebSocketLibrary.keywords.opening import HandshakeFailedError

from .base import Base, same
from .chatting import compare, messages
from .described import word
from .socket import Socket

_UNKNOWN_EPOCH = "of-another-log"
_REFUSED = (403, 404)


class Guarding(Base):
    """Rooms are their users' own."""

    @word("message", "assertion")
    def room_should_be_out_of_reach(self, session: Session, room: Any) -> None:
        """Passes when another user, who knows a conversation's id, can do nothing with it at any endpoint.

        Tried is each word that the dialect has: reading it (``history``), writing into it over HTTP and on a socket,
        joining it, deleting it, and finding it among one's own (``rooms``). NA where rooms are not private.
        """
        self.rooms_must_be_private()
        tried = [name for name in ("history", "send", "delete_room") if self.stage.dialect.knows(name)]
        for name in tried:
            for endpoint in self.stage.dialect.serving(name):
                text = {"text": "let me in", "key": str(uuid.uuid4())} if name == "send" else {}
                self._must_be_out_of_reach(
                    self.stage.perform(name, session, endpoint, room=room, **text), name, endpoint
                )
        if self.stage.dialect.knows("rooms"):
            self.rooms_should_not_be_listed(session, [room])
            tried.append("rooms")
        if self.stage.dialect.socket is not None:
            for endpoint in self.stage.socket_endpoints:
                tried += self._socket_must_be_refused(session, room, endpoint)
        if not tried:
            raise self.stage.dialect.missing("operations.history")
        logger.info(f"tried in vain: {', '.join(tried)}")

    def _must_be_out_of_reach(self, outcome: Outcome, name: str, endpoint: str) -> None:
        steps = self.stage.dialect.operations.get(name, ())
        frame = self.stage.dialect.frame(steps[-1]) if steps else None
        described = bool(steps and (frame.refused if frame else steps[-1].refused))
        if outcome.ok and (described or name != "history" or outcome.items):
            raise AssertionError(f"{endpoint} should refuse {name} to another user, and does it")
        status = outcome.answer.status if outcome.answer else None
        if not outcome.ok and not outcome.refused and (described or status not in _REFUSED):
            raise AssertionError(f"{endpoint} should refuse {name} to another user, but: {mask(outcome.why)}")

    def _socket_must_be_refused(self, session: Session, room: Any, endpoint: str) -> list[str]:
        """Joining and sending on a socket of ``session``; returns what was tried."""
        out = self.stage.dialect.needed_socket().out
        try:
            socket = self.stage.open(endpoint, session, room=room)
        except HandshakeFailedError as error:
            if error.answer is None or not 400 <= error.answer.status < 500:
                raise
            return [f"a socket at {endpoint}"]
        tried = []
        try:
            for name in [name for name in ("subscribe", "send") if name in out]:
                text = {"text": "let me in", "key": str(uuid.uuid4())} if name == "send" else {}
                opened = socket.opened if not socket.opened.ok else socket.play(
                    socket.line.asking(name, room=room, **text)
                )  # fmt: skip
                if opened.ok and name == "subscribe" and socket.line.facts.filters:
                    library: Any = self
                    library.nothing_should_come(socket, room)
                else:
                    _must_be_no(opened, f"{name} at {endpoint}")
                tried.append(f"{name} at {endpoint}")
            if seen := messages(socket, room):
                raise AssertionError(f"{endpoint} gives another user messages of the conversation: {_texts(seen)}")
        finally:
            socket.drop()
        return tried

    @word("message", "assertion")
    def resume_should_be_refused(self, socket: str, room: Any, like: str) -> None:
        """Passes when a socket cannot take up a conversation that is not its user's, and is given nothing of it.

        It is tried as devices come back on the target (``socket.resume``): by frame from the beginning, from where the
        socket ``like`` of the owner is, and from a position of no log; by address, or by subscription. NA where rooms
        are not private.
        """
        self.rooms_must_be_private()
        found, owner = self.socket(socket), self.socket(like)
        how = found.line.facts.resume
        if how == "none":
            raise self.stage.dialect.missing("socket.resume")
        if how == "frame":
            for place in _places(owner, room):
                opened = found.play(found.line.asking("resume", room=room, client=found.line.read["client"], **place))
                _must_be_no(opened, f"resume from {place}")
        elif how == "subscription":
            library: Any = self
            library.join_should_be_refused(socket, room)
        else:
            self._socket_must_be_refused(found.line.session, room, found.line.endpoint.name)
        found.update()
        if seen := messages(found, room):
            raise AssertionError(f"{socket} was given messages of another user's conversation: {_texts(seen)}")

    @word("message", "assertion")
    def room_should_hold_only(self, session: Session, room: Any, texts: Sequence[str]) -> None:
        """Passes when a conversation holds these messages and no others, at each endpoint and in each store.

        By the words that the dialect has for that (``operations.history``, ``stores.<name>.messages``); NA without.
        """
        in_order = self.stage.messages_are_ordered()
        looked = []
        if self.stage.dialect.knows("history"):
            for endpoint in self.stage.dialect.serving("history"):
                items = self.stage.needed("history", session, endpoint, room=room).items
                compare(
                    [str(item.get("text")) for item in items], list(texts), f"in the history at {endpoint}", in_order
                )
                looked.append(endpoint)
        library: Any = self
        if any("messages" in store.find for store in self.stage.dialect.stores.values()):
            library.stored_messages_should_be(room, texts)
            looked.append("stores")
        if not looked:
            raise self.stage.dialect.missing("operations.history")

    @word("message", "assertion")
    def rooms_should_be_listed(self, session: Session, rooms: Sequence[Any]) -> None:
        """Passes when each endpoint that lists a user's conversations lists these."""
        for endpoint, found in self._listed(session).items():
            if missing := [str(room) for room in rooms if str(room) not in found]:
                raise AssertionError(
                    f"{endpoint} should list the rooms {listed(missing)}; it lists {listed(found) or 'none'}"
                )

    @word("message", "assertion")
    def rooms_should_not_be_listed(self, session: Session, rooms: Sequence[Any]) -> None:
        """Passes when no endpoint lists these conversations among those of a user; NA where rooms are not private."""
        self.rooms_must_be_private()
        for endpoint, found in self._listed(session).items():
            if wrong := [str(room) for room in rooms if str(room) in found]:
                raise AssertionError(f"{endpoint} lists rooms of another user: {listed(wrong)}")

    def _listed(self, session: Session) -> dict[str, list[str]]:
        return {
            endpoint: [str(item.get("room")) for item in self.stage.needed("rooms", session, endpoint).items]
            for endpoint in self.stage.dialect.serving("rooms")
        }

    @word("session", "assertion")
    def sessions_should_be_separate(self, first: Session, second: Session) -> None:
        """Passes when two sign-ins of one user are two sessions, by what the dialect reads of them."""
        if not same(first.user, second.user):
            raise AssertionError(f"these are two users, {first.user} and {second.user}")
        known = [name for name in ("session", "access") if name in first.values and name in second.values]
        if not known:
            raise self.stage.dialect.missing("operations.sign_in.read.session")
        for name in known:
            if same(first.values[name], second.values[name]):
                raise AssertionError(f"both sign-ins have one {name}")


def _must_be_no(opened: Opened, what: str) -> None:
    if opened.ok:
        raise AssertionError(f"{what} of another user's conversation should be refused, and is done")
    if not opened.refused:
        raise AssertionError(f"{what} of another user's conversation was not refused, but: {mask(opened.why)}")


def _places(owner: Socket, room: Any) -> list[dict[str, Any]]:
    """From where a stranger may try: the beginning, the owner's position, a position of no log."""
    owner.update()
    positions = [event.position for event in messages(owner, room) if event.position is not None]
    notes = owner.notes(room)
    epoch = {"epoch": notes["epoch"]} if "epoch" in notes else {}
    own = [{"position": positions[-1], **epoch}] if positions else []
    other = [{"position": 0, "epoch": _UNKNOWN_EPOCH}] if epoch else []
    return [{"position": 0, **epoch}, *own, *other]


def _texts(seen: Sequence[Any]) -> str:
    return listed([repr(event.text) for event in seen])
