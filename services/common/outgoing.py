"""HTTP calls from one service to another."""

from __future__ import annotations

import httpx

# What anyio raises where the peer resets a new connection at once: it asks the socket for its peer, and finds none.
_RESET = (OSError, RuntimeError, AttributeError)
# Read once: the system's certificates cost each client 25 ms of CPU, and each forked service again.
_TRUST = httpx.create_ssl_context()
_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20)


class Transport(httpx.AsyncHTTPTransport):
    """A transport whose every failure is an ``httpx.TransportError``; it heeds no proxy of the environment."""

    def __init__(self, limits: httpx.Limits = _LIMITS) -> None:
        super().__init__(verify=_TRUST, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer to ``request``."""
        try:
            return await super().handle_async_request(request)
        except _RESET as error:
            raise httpx.ConnectError(f"{type(error).__name__}: {error}", request=request) from None
