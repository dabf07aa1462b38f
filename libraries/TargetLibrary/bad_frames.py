"""Keywords that send frames which a target has to refuse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from lockstep import verdicts
from lockstep.dialect import Session
from lockstep.masking import mask
from lockstep.unknown import within
from robot.api import logger
from robot.libraries.BuiltIn import BuiltIn

from .base import Base
from .described import word
from .socket import Socket
from .sockets import NOWHERE, Sockets

_CLOSES_WITHIN = timedelta(seconds=5)
_BAD_UTF8 = bytes([0x22, 0xC3, 0x28, 0x22])


class BadFrames(Base):
    """Frames that break a rule, and what becomes of their socket."""

    @word("socket", "assertion")
    def invalid_frames_should_be_refused(self, socket: str) -> None:
        """Sends frames that break the target's form: passes when each is refused, and the socket ends as declared.

        The frame is ``socket.out.invalid``. That one of ``limits.invalid_frames`` closes the socket, with a code of
        ``socket.closes.policy``, and those before do not, however many frames of an unknown kind
        (``socket.out.unknown``) come between them. NA without that limit.
        """
        found = self.socket(socket)
        facts = found.line.facts
        found.line.frame("invalid")
        most = int(self.stage.dialect.limit("invalid_frames"))
        for number in range(1, most):
            self._is_answered(found, "invalid", f"invalid frame {number} of {most}")
            if "unknown" in facts.out:
                self._is_answered(found, "unknown", "a frame of an unknown kind")
            self._must_be_served(found, f"{number} of {most} invalid frames")
        self._is_answered(found, "invalid", f"invalid frame {most} of {most}")
        self._is_closed(found, "policy", f"{most} invalid frames")

    @word("socket", "assertion")
    def unknown_frame_should_leave_socket_open(self, socket: str) -> None:
        """Sends a frame of a kind that there is not (``socket.out.unknown``): it is answered as described, no more."""
        found = self.socket(socket)
        self._is_answered(found, "unknown", "a frame of an unknown kind")
        self._must_be_served(found, "a frame of an unknown kind")

    def _is_answered(self, found: Socket, name: str, what: str) -> None:
        """A bad frame is answered as described."""
        opened = found.play(found.line.asking(name, room=found.line.read.get("room", NOWHERE), text="", key=""))
        if not opened.ok:
            raise AssertionError(f"{found.alias}: {what} was not answered as described: {mask(opened.why)}")

    def _must_be_served(self, found: Socket, after: str) -> None:
        assert isinstance(self, Sockets)
        try:
            self.socket_should_be_open(found.alias)
        except AssertionError as error:
            raise within(f"after {after}", error) from error

    def _is_closed(self, found: Socket, reason: str, after: str) -> None:
        codes = found.line.facts.closes.get(reason, ())
        library: Any = BuiltIn().get_library_instance("WebSocketLibrary")
        try:
            library.connection_should_be_closed(found.alias, code=list(codes) or None, within=_CLOSES_WITHIN)
        except AssertionError as error:
            raise within(f"after {after}", error) from error

    @word("socket", "assertion")
    def bad_frames_should_close_their_socket(self, session: Session) -> None:
        """Passes when a socket at each endpoint is closed by a frame of a wrong kind, with the code declared for it.

        Text that is no UTF-8 always does (RFC 6455 §8.1), a binary frame where ``socket.closes.binary`` is declared,
        one of more than ``limits.frame_size`` bytes where ``socket.closes.too_big`` is.
        """
        assert isinstance(self, Sockets)
        facts = self.stage.dialect.needed_socket()
        size = self.stage.dialect.limits.get("frame_size")
        library: Any = BuiltIn().get_library_instance("WebSocketLibrary")
        kinds: dict[str, Callable[[str], Any]] = {
            "not_utf8": lambda alias: library.send_raw_frame(_BAD_UTF8, opcode="text", connection=alias)
        }
        if "binary" in facts.closes:
            kinds["binary"] = lambda alias: library.send_binary("text is wanted", alias)
        if "too_big" in facts.closes and size is not None:
            kinds["too_big"] = lambda alias: library.send_text("x" * (int(size) + 1), alias)
        logger.info(f"tried are {', '.join(kinds)}")
        for endpoint in self.stage.socket_endpoints:
            for kind, send in kinds.items():
                alias = self.open_socket(session, endpoint)
                send(alias)
                self._is_closed(self.socket(alias), kind, f"a frame that is {kind} at {endpoint}")

    @word("socket", "assertion")
    def reauthentication_should_be_refused(self, socket: str, session: Session, whose: str) -> None:
        """Gives an open socket the token of ``session``: passes when it is refused, as is promised of ``whose`` it is.

        ``whose`` is ``other user``, ``other session`` (of the same user) or ``nobody`` (a forged one). See
        ``promises.reauthentication.token``.
        """
        found = self.socket(socket)
        promise = self.stage.dialect.promises.choice("reauthentication.token")
        taken = {"other user": ("any",), "other session": ("any", "own_user"), "nobody": ()}[whose]
        opened = found.play(found.line.asking("reauthenticate", access=session.values.get("access")))
        if opened.ok and promise.value in taken:
            if promise.unbounded:
                return verdicts.unbounded(f"a socket goes on with the token of {whose}")
            return verdicts.weaker(f"a socket goes on with the token of {whose}, as declared", promise.reference)
        if opened.ok:
            raise AssertionError(f"{socket} was given the token of {whose} to go on with, and has taken it")
        if not opened.refused:
            raise AssertionError(f"{socket} did not refuse the token of {whose}, but: {mask(opened.why)}")
        self.frame_should_say(opened, "invalid", f"{socket} should refuse the token of {whose}")
        return None
