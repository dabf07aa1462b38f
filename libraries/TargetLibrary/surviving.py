"""Keywords for what users find after an instance was away: their sessions and their data."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, Literal

from lockstep import machine, verdicts
from lockstep.dialect import Session
from lockstep.waiting import show
from robot.api import logger

from .base import Base, same
from .described import word
from .watching import figure, in_time

_LOST = timedelta(seconds=15)


class Surviving(Base):
    """Socket Should Be Lost, User Data Should Be Unchanged."""

    @word("control", "assertion")
    def socket_should_be_lost(self, socket: str, within: timedelta = _LOST) -> None:
        """Passes when a socket has ended, whichever way, with the instance that served it."""
        found = self.socket(socket)
        found.wait_for(lambda: None, within.total_seconds())
        closing = found.connection.closing
        if closing is None or not closing.by_peer:
            raise AssertionError(f"{socket} should have ended with its instance, but it is {found.state}")

    @word("control", "assertion")
    def session_should_recover_in_time(
        self, how: Literal["stop", "kill", "restart", "replace"], endpoint: str, socket: str, room: Any
    ) -> str:
        """Restarts the instance of an endpoint: passes when a session, with its device and room, is back in time.

        The restart may take ``promises.restart.takes``; all of it, until the device has come back, every endpoint
        recognises the user and the room holds what it held, ``promises.restart.recovery``. Returns the new socket.
        """
        library: Any = self
        session = self.socket(socket).line.session
        before = self.read_user_data(session, room)
        began = machine.Mark.now()
        library.restarts_should_be_quick(library.restart_each_instance(how, [endpoint]))
        again: str = library.reconnect_socket(socket, room, endpoint)
        self.user_data_should_be_unchanged(session, before, room)
        promise = self.stage.dialect.promises.choice("restart.recovery")
        waiting = began.waiting()
        figure("longest session recovery", waiting.elapsed, "s")
        in_time(f"the recovery of a session after {how}", waiting.elapsed, promise.value, waiting)
        if promise.weaker:
            verdicts.weaker(f"a session was back after {waiting.elapsed:.1f} s, as declared", promise.reference)
        return again

    @word("control", "assertion")
    def socket_should_reconnect_in_time(self, how: Literal["stop", "kill"], socket: str, room: Any) -> str:
        """Stops or kills the instance of a socket and starts it: passes when another socket has its place in time.

        That is ``promises.restart.reconnect`` after the loss of the socket, the start of the instance included. Where
        it was stopped the socket has to be closed as declared. Returns the new socket.
        """
        library: Any = self
        lost = self.socket(socket)
        endpoint = lost.line.endpoint.name
        getattr(library, f"{how}_instance")(endpoint)
        if how == "stop":
            library.socket_should_close_for_restart(socket)
        else:
            self.socket_should_be_lost(socket)
        library.start_instance(endpoint)
        again: str = library.reconnect_socket(socket, room, endpoint)
        taken = time.monotonic() - lost.connection.closing.at
        promise = self.stage.dialect.promises.choice("restart.reconnect")
        logger.info(f"{socket} was replaced {taken:.3f} s after its loss")
        in_time(f"the way back of a socket after {how}", taken, promise.value)
        if promise.weaker:
            verdicts.weaker(f"a socket was back after {taken:.1f} s, as declared", promise.reference)
        return again

    @word("endpoint", "assertion")
    def remaining_endpoints_should_recognise_user(self, session: Session) -> None:
        """Passes when each endpoint that serves while something is away recognises the user."""
        gone = {known.instance for known in self.stage.breaking.away if known.ended is None}
        remaining = [name for name in self.stage.endpoints if self.stage.dialect.endpoint(name).instance not in gone]
        if not remaining:
            raise self.stage.dialect.missing("second_replica", "no endpoint remains")
        library: Any = self
        for endpoint in remaining:
            library.endpoint_should_recognise_user(endpoint, session)

    @word("session")
    def read_user_data(self, session: Session, room: Any = None) -> dict[str, Any]:
        """What the target shows a user: who they are at each endpoint, their sessions, the messages of a room.

        What the dialect does not describe is left out.
        """
        dialect = self.stage.dialect
        shown: dict[str, Any] = {}
        for endpoint in self.stage.endpoints:
            outcome = self.stage.who(endpoint, session)
            if not outcome.ok:
                raise AssertionError(f"{endpoint} does not recognise {session!r}: {outcome.why}")
            shown[f"user at {endpoint}"] = str(outcome.read.get("user"))
        if dialect.knows("sessions"):
            found = self.stage.needed("sessions", session).items
            shown["sessions"] = sorted((dict(item) for item in found), key=lambda item: str(item.get("session")))
        if room is not None and dialect.knows("history"):
            shown["messages"] = [dict(item) for item in self.stage.needed("history", session, room=room).items]
        return shown

    @word("session", "assertion")
    def user_data_should_be_unchanged(self, session: Session, before: dict[str, Any], room: Any = None) -> None:
        """Passes when the target shows a user what it has shown ``before``, thing by thing."""
        promise = self.stage.dialect.promises.choice("restart.sessions")
        if promise.value != "survive":
            session = self._signed_in_again(session)
            before = {name: value for name, value in before.items() if name != "sessions"}
            verdicts.weaker("sessions end with a restart, as declared", promise.reference)
        now = self.read_user_data(session, room)
        for name, was in before.items():
            if now.get(name) != was:
                raise AssertionError(f"the {name} of {session!r} changed: were {show(was)}, are {show(now.get(name))}")

    @word("session")
    def use_surviving_sessions(self) -> None:
        """NA where ``promises.restart.sessions`` is ``end``: for tests of what goes on in a session over a restart."""
        if self.stage.dialect.promises.choice("restart.sessions").value != "survive":
            raise self.stage.dialect.missing("promises.restart.sessions", "sessions end with a restart, as declared")

    @word("session")
    def get_session_after_restart(self, session: Session) -> Session:
        """The session itself, or a new one of the user where ``promises.restart.sessions`` is ``end``."""
        promise = self.stage.dialect.promises.choice("restart.sessions")
        if promise.value == "survive":
            return session
        verdicts.weaker("sessions end with a restart, as declared", promise.reference)
        return self._signed_in_again(session)

    def _signed_in_again(self, session: Session) -> Session:
        library: Any = self
        again: Session = library.sign_in(session)
        if not same(again.user, session.user):
            raise AssertionError(f"{session!r} signs in again as another user, {again.user}")
        return again
