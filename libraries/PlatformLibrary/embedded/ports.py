"""Loopback ports below the ephemeral range, kept for their platform while nobody listens on them."""

from __future__ import annotations

import random
import socket
import sys

from .errors import PlatformError

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
            if sys.platform == "linux":
                keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            else:
                keeper.close()
            return
        raise PlatformError(f"no free port between {_RANGE.start} and {_RANGE.stop} on {LOOPBACK}")

    def listen(self) -> socket.socket:
        """A new listening socket on this port."""
        listener = socket.socket()
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((LOOPBACK, self.number))
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
        listener.setblocking(False)
        return listener

    def release(self) -> None:
        """Give the number back."""
        self._keeper.close()
