"""Loopback ports below the ephemeral range, kept for their platform while nobody listens on them."""

from __future__ import annotations

import random
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lockstep import reasons

from .errors import PlatformError, TransientError

LOOPBACK = "127.0.0.1"
# Below 32768 no outgoing connection is given the number, and polling a closed port cannot connect to itself.
_RANGE = range(18000, 32000)
_ATTEMPTS = 500
BACKLOG = 1024


class Port:
    """One TCP port of a platform.

    On Linux a bound socket that does not listen keeps the number: connections are refused, nobody else is given the
    port, and the owner can listen on it again and again.
    """

    def __init__(self) -> None:
        for number in random.sample(_RANGE, _ATTEMPTS):
            keeper = socket.socket()
            try:
                keeper.bind((LOOPBACK, number))
            except OSError:
                keeper.close()
                continue
            self.number = number
            self._keeper = keeper
            if sys.platform != "linux":
                keeper.close()
            return
        raise PlatformError(f"no free port between {_RANGE.start} and {_RANGE.stop} on {LOOPBACK}")

    @contextmanager
    def open_to_server(self) -> Iterator[None]:
        """Let a server listen on the port beside the keeper: only while one starts, since anybody could."""
        if self._keeper.fileno() < 0:
            yield
            return
        self._keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            yield
        finally:
            if self._keeper.fileno() >= 0:
                self._keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)

    def listen(self) -> socket.socket:
        """A new listening socket on this port; a TransientError where somebody else has come to listen there."""
        listener = socket.socket()
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with self.open_to_server():
                listener.bind((LOOPBACK, self.number))
                listener.listen(BACKLOG)
        except OSError as error:
            listener.close()
            raise TransientError(f"cannot listen on {LOOPBACK}:{self.number}: {reasons.text(error)}") from error
        listener.setblocking(False)
        return listener

    def release(self) -> None:
        """Give the number back."""
        self._keeper.close()
