"""Tells the launcher of each secret that is registered, so that it can search the results of the run for them.

They go over a socket that the launcher has opened, never into a file. Without a launcher nothing is told.
"""

from __future__ import annotations

import os
import socket

ADDRESS = "LOCKSTEP_SECRETS"
"""The variable with the name of the launcher's datagram socket, in Linux' abstract namespace."""

LONGEST = 1 << 16
FEWEST_SIGNS = 6


def report(secret: str) -> None:
    """Tell the launcher of ``secret``, unless it is too long for a datagram or of too few signs to be told apart.

    A guess such as ``AAAAAAAA`` stands in pictures and fonts as well.
    """
    address = os.environ.get(ADDRESS)
    data = secret.encode(errors="replace")
    if not address or len(data) > LONGEST or len(set(secret)) < FEWEST_SIGNS:
        return
    # A socket for each: threads and forks then share nothing.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        try:
            line.sendto(data, f"\0{address}")
        except OSError:
            return  # the launcher has gone, and nobody will search
