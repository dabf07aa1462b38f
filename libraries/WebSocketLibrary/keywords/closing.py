"""Keywords that end sockets and judge how they ended."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from assertionengine import AssertionOperator
from lockstep.asserting import checked
from lockstep.waiting import seconds
from robot.api import logger
from robot.api.deco import keyword

from ..background import background
from ..connection import Connection, cut_all
from ..report import log_journal
from ..waiting import fail, wait_until
from .base import DEFAULT_WAIT, Base


def _ended(connections: list[Connection], within: timedelta) -> list[Connection]:
    """Those that are not gone in time."""
    wait_until(
        connections,
        lambda: True if all(c.gone and c.closing for c in connections) else None,
        within.total_seconds(),
    )
    return [c for c in connections if not c.gone]


def _close(connection: Connection, code: int | None, reason: str) -> None:
    if connection.is_open:
        connection.send_close(code, reason)


def _close_all(connections: list[Connection]) -> None:
    for connection in connections:
        _close(connection, 1000, "")


class Closing(Base):
    """Close Connection, Drop Connection and what to say about the end."""

    @keyword(tags=["closing"])
    def close_connection(
        self,
        connection: str | None = None,
        *,
        code: int | None = 1000,
        reason: str = "",
        within: timedelta = DEFAULT_WAIT,
    ) -> None:
        """Closes a socket with the closing handshake (RFC 6455 §7) and waits for its end. A socket that is closed
        already stays so.

        Fails when the peer does not answer ``within`` that time; the socket is dropped then.
        """
        target = self.connections.get(connection)
        background().call(_close, target, code, reason)
        if _ended([target], within):
            background().call(target.cut)
            fail(target, f"The peer of '{target.alias}' did not answer the close frame within {seconds(within)}.")

    @keyword(tags=["closing"])
    def drop_connection(self, connection: str | None = None) -> None:
        """Cuts TCP with a reset and without a close frame, as a crash or a lost network does; the peer sees 1006."""
        target = self.connections.get(connection)
        background().call(target.cut)
        if _ended([target], DEFAULT_WAIT):
            raise RuntimeError(f"connection '{target.alias}' could not be dropped: {target.describe_state()}")

    @keyword(tags=["closing"])
    def close_all_connections(self, *, within: timedelta = DEFAULT_WAIT) -> int:
        """Closes every open socket and forgets all of them, journals included; returns how many were open. Meant for
        teardowns.

        A peer that does not answer ``within`` that time is dropped with a warning.
        """
        still_open = [c for c in self.connections if not c.gone]
        background().call(_close_all, still_open)
        stuck = _ended(still_open, within)
        background().call(cut_all, stuck)
        if stuck:
            names = ", ".join(c.alias for c in stuck[:10])
            logger.warn(f"{len(stuck)} socket(s) dropped, the peer did not answer the close frame: {names}")
        self.connections.forget()
        return len(still_open)

    @keyword(tags=["closing"])
    def drop_connections(self, connections: list[str] | None = None) -> int:
        """Cuts several sockets at once, all open ones when none is named, as `Drop Connection` does; returns how
        many.
        """
        targets = self.connections.several(connections)
        background().call(cut_all, targets)
        if stuck := _ended(targets, DEFAULT_WAIT):
            raise RuntimeError(f"{len(stuck)} of {len(targets)} connections could not be dropped")
        return len(targets)

    @keyword(tags=["closing", "assertion"])
    def connection_should_be_open(self, connection: str | None = None, *, hold: timedelta | None = None) -> None:
        """Passes while the socket is open; with ``hold`` it must stay open for that time, and a close in between
        fails at once.
        """
        target = self.connections.get(connection)
        if hold is not None:
            wait_until([target], lambda: None if target.is_open else True, hold.total_seconds())
        if not target.is_open:
            fail(target, f"Connection '{target.alias}' should be open, but it is {target.describe_state()}.")

    @keyword(tags=["closing", "assertion"])
    def connection_should_be_closed(
        self,
        connection: str | None = None,
        *,
        code: int | list[int] | None = None,
        reason: str | None = None,
        within: timedelta = timedelta(seconds=2),
    ) -> int:
        """Passes once the *peer* has closed the socket, with ``code`` (or one of several) and ``reason`` where
        given; returns the code.

        Codes as RFC 6455 §7.4.1: 1005 is a close frame without a code, 1006 the loss of TCP without a close frame.
        Fails with the code that came instead, or with the last frames where the socket is still open. A socket
        closed from this side fails too: that proves nothing about the peer.
        """
        target = self.connections.get(connection)
        started = time.monotonic()
        wanted = "" if code is None else f" with {code}"
        wait_until([target], lambda: target.closing, within.total_seconds())
        closing = target.closing
        should = f"Connection '{target.alias}' should be closed by the peer{wanted}"
        if closing is None:
            waited = f"within {seconds(within)}, but after {time.monotonic() - started:.3f} s"
            fail(target, f"{should} {waited} it is {target.describe_state()}.")
        codes = code if isinstance(code, list) else [code]
        if not closing.by_peer or (code is not None and closing.code not in codes):
            fail(target, f"{should}, but was {target.describe_state()}.")
        if reason is not None and closing.reason != reason:
            fail(target, f"{should} for reason '{reason}', but was {target.describe_state()}.")
        return closing.code

    @keyword(tags=["closing", "getter"])
    def get_close_code(
        self,
        assertion_operator: AssertionOperator | None = None,
        assertion_expected: Any = None,
        message: str | None = None,
        *,
        connection: str | None = None,
        within: timedelta | None = None,
    ) -> Any:
        """The close code of a socket, None while it is open; see `Assertions`."""
        target = self.connections.get(connection)
        return checked(
            f"Close code of '{target.alias}'",
            lambda: target.closing.code if target.closing else None,
            assertion_operator,
            assertion_expected,
            within,
            message,
        )

    @keyword(tags=["closing", "getter"])
    def get_close_reason(
        self,
        assertion_operator: AssertionOperator | None = None,
        assertion_expected: Any = None,
        message: str | None = None,
        *,
        connection: str | None = None,
        within: timedelta | None = None,
    ) -> Any:
        """The close reason of a socket, None while it is open; see `Assertions`."""
        target = self.connections.get(connection)
        return checked(
            f"Close reason of '{target.alias}'",
            lambda: target.closing.reason if target.closing else None,
            assertion_operator,
            assertion_expected,
            within,
            message,
        )

    @keyword(tags=["closing", "getter"])
    def get_close_time(self, connection: str | None = None) -> float:
        """When a socket ended, in seconds since the epoch; fails while it is open."""
        target = self.connections.get(connection)
        if target.closing is None:
            fail(target, f"Connection '{target.alias}' should have ended, but it is {target.describe_state()}.")
        return time.time() - (time.monotonic() - target.closing.at)

    @keyword(tags=["evidence"])
    def log_journal(self, connection: str | None = None, *, limit: int = 200) -> None:
        """Writes the last ``limit`` entries of a journal as a table to log.html; secrets are masked."""
        log_journal(self.connections.get(connection), limit)
