"""What every group of keywords has at hand."""

from __future__ import annotations

from typing import Any

from lockstep.dialect import Session
from lockstep.dialect.line import Opened
from lockstep.dialect.templates import fields
from lockstep.masking import mask
from robot.api import logger
from robot.libraries.BuiltIn import BuiltIn

from .socket import Socket
from .stage import Stage

NO_SOCKET = "no socket "


class Base:
    """State of one library instance."""

    stage: Stage
    open_sockets: dict[str, Socket]
    owners: dict[str, Session]
    """Who has made a conversation, by its id."""
    unopened: list[Session]
    """The sessions for which a target without sockets should open one; `NO_SOCKET` with the number is its alias."""

    def goes_without_socket(self) -> bool:
        """Whether a step is left out, since the target has no sockets; NA where the test's name is about them.

        So a test of HTTP in which a socket is opened on the side is judged by the rest.
        """
        if self.stage.has_sockets:
            return False
        if "Socket" in str(BuiltIn().get_variable_value("${TEST NAME}", "")):
            self.stage.dialect.needed_socket()
            raise self.stage.dialect.missing("socket", "no endpoint has one")
        logger.info("the target has no sockets: this step is left out")
        return True

    def socket(self, alias: str) -> Socket:
        """The socket of this alias, which this test has opened; NA where the target has none."""
        if not self.stage.has_sockets:
            self.stage.dialect.needed_socket()
        if alias not in self.open_sockets:
            known = ", ".join(self.open_sockets) or "none"
            raise ValueError(f"this test has opened no socket {alias!r}; it has {known}")
        return self.open_sockets[alias]

    def rooms_must_be_private(self) -> None:
        """NA where the target declares that rooms are open to every user."""
        if "private_rooms" in self.stage.dialect.absent:
            raise self.stage.dialect.missing("private_rooms")

    def messages_must_have_a_room(self) -> None:
        """NA where every user reads every room, and no socket says of which it wants the messages."""
        dialect = self.stage.dialect
        subscribe = dialect.socket.out.get("subscribe") if dialect.socket else None
        if "private_rooms" in dialect.absent and (subscribe is None or "room" not in fields(subscribe.send)):
            raise dialect.missing("private_rooms", "every socket receives the messages of every room")

    def must_be_ours(self, session: Session, how: str) -> None:
        """NA where the account is given, which a word would spoil."""
        if session.values.get("given"):
            raise self.stage.dialect.missing(f"operations.{how}", "the account is given, and this would spoil it")

    def frame_should_say(self, opened: Opened, reason: str, what: str) -> None:
        """A frame that refuses has a code of this class of refusals, where the dialect has codes of frames for it."""
        wanted = [known for known in self.stage.dialect.refusals.get(reason, ()) if known.code_at and not known.status]
        if wanted and not any(known.fits_frame(opened.frame) for known in wanted):
            raise AssertionError(f"{what} ({' or '.join(map(str, wanted))}), but: {mask(opened.why)}")

    def password_of(self, account: Session) -> str:
        """The password of an account; NA where it has none."""
        if "password" not in account.values:
            raise self.stage.dialect.missing("accounts.password", "accounts have no password here")
        return str(account.password)

    def endpoints_of(self, endpoint: str) -> list[str]:
        """The endpoint of this name, or all that know who somebody is."""
        return [endpoint] if endpoint else self.stage.endpoints


def same(first: Any, second: Any) -> bool:
    """Whether two ids are one; some targets write numbers as texts."""
    return str(first) == str(second)
