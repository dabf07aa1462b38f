"""Keywords for a session as a whole: one and the same wherever it is seen."""

from __future__ import annotations

from lockstep.dialect import Session
from lockstep.masking import mask

from .base import Base
from .described import word
from .profiles import unlike
from .recognising import Recognising
from .storing import Storing


class Sessions(Base):
    """Every Endpoint Should Know Session."""

    @word("session", "assertion")
    def every_endpoint_should_know_session(self, session: Session) -> None:
        """Passes when each endpoint, a new socket at each and each described store shows this session and its user.

        Compared is what the dialect reads there: ``user``, ``session``, ``name``, ``device`` and the like.
        """
        assert isinstance(self, Recognising)
        assert isinstance(self, Storing)
        self.every_endpoint_should_recognise_user(session)
        for endpoint in self.stage.endpoints:
            outcome = self.stage.who(endpoint, session)
            if wrong := unlike(outcome.read, session) if outcome.ok else outcome.why:
                raise AssertionError(f"{endpoint} shows {session!r} otherwise: {mask(wrong)}")
        for endpoint in self.stage.socket_endpoints if self.stage.dialect.socket else ():
            self._socket_is_of(endpoint, session)
        self.described_stores_should_hold_session(session)

    def _socket_is_of(self, endpoint: str, session: Session) -> None:
        socket = self.stage.open(endpoint, session)
        try:
            opened = socket.opened
            if opened.ok and "who_am_i" in socket.line.facts.out:
                opened = socket.play(socket.line.asking("who_am_i"))
            # A socket whose address names a room is one of a room of its own.
            seen = {name: value for name, value in opened.read.items() if name != "room"}
            if wrong := unlike(seen, session) if opened.ok else opened.why:
                raise AssertionError(f"a socket at {endpoint} shows {session!r} otherwise: {mask(wrong)}")
        finally:
            socket.drop()
