"""Where TCP goes in place of the address of a URL: to a proxy of the run's own that stands in front of a server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from picows.url import WSParsedURL

Address = tuple[str, int]
Route = Callable[[Address], Address | None]
"""Names the proxy in front of an address; None where there is none."""

_route: Route | None = None


def take(route: Route | None) -> None:
    """From now on new sockets of this process go by ``route``; None ends that."""
    global _route
    _route = route


async def open_tcp(url: WSParsedURL) -> socket.socket | None:
    """The TCP connection for a socket by way of a proxy; None where it goes straight."""
    proxy = _route((str(url.host), int(url.port))) if _route else None
    if proxy is None:
        return None
    made = socket.socket()
    made.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(made, proxy)
    except BaseException:
        made.close()
        raise
    return made
