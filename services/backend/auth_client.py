"""Calls to auth, each bounded in time, those that a request waits for behind a circuit breaker."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any

import httpx
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import Context, OpenedState

from services.backend import metrics
from services.common import logs, outgoing

_STATES = {"closed": "closed", "opened": "open", "half-opened": "half-open"}
_CHANGES = (("closed", "open"), ("open", "half-open"), ("half-open", "open"), ("half-open", "closed"))
BREAKER = "auth"


class AuthAway(Exception):  # noqa: N818 - a state, not a defect
    """Auth did not answer, answered with a failure of its own, or the breaker is open."""


class AuthClient:
    """Auth as seen from this replica."""

    def __init__(self, url: str, service_token: str, *, timeout: float, threshold: int, open_for: float) -> None:
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"),
            timeout=timeout,
            transport=outgoing.Transport(limits=httpx.Limits(max_connections=20, max_keepalive_connections=5)),
        )
        self._credential = {"Authorization": f"Bearer {service_token}"}
        self._factory = AsyncCircuitBreakerFactory(default_threshold=threshold, default_ttl=open_for)
        self._context: Context | None = None
        self._trial = asyncio.Lock()
        self._shown = "closed"
        for before, now in _CHANGES:
            metrics.BREAKER_CHANGES.labels(BREAKER, before, now)
        self._show_state("closed")

    async def close(self) -> None:
        """End the connections."""
        await self._http.aclose()

    async def jwks(self) -> dict[str, Any]:
        """The published keys. Not behind the breaker: the refresher that asks paces itself."""
        try:
            answer = await self._http.get("/.well-known/jwks.json", headers=logs.onward_headers())
            answer.raise_for_status()
            document = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise AuthAway(logs.reason(error)) from None
        if not isinstance(document, dict):
            raise AuthAway("the key set is not an object")
        return document

    async def guarded_jwks(self) -> dict[str, Any]:
        """The published keys, for a request that waits for them."""
        return await self._guarded("GET", "/.well-known/jwks.json") or {}

    async def introspect(self, token: str) -> dict[str, Any]:
        """The answer of RFC 7662 §2.2 for ``token``."""
        return await self._guarded("POST", "/auth/introspect", data={"token": token}) or {}

    async def user(self, user_id: str) -> dict[str, Any] | None:
        """The user's record, or None where auth knows no such user."""
        return await self._guarded("GET", f"/admin/users/{user_id}")

    @property
    def breaker_state(self) -> str:
        """``closed``, ``open`` or ``half-open``."""
        return _STATES[self._context.state] if self._context else "closed"

    async def _guarded(self, method: str, path: str, **arguments: Any) -> dict[str, Any] | None:
        breaker = await self._factory.get_breaker(BREAKER)
        self._context = breaker.context
        if breaker.context.state != "closed" and self._trial.locked():
            raise AuthAway("the circuit breaker waits for its trial call")
        try:
            async with self._trial if breaker.context.state != "closed" else nullcontext(), breaker:
                self._show_state(self.breaker_state)
                return await self._ask(method, path, **arguments)
        except OpenedState as error:
            # The breaker raises one object again and again: without this its traceback grows for ever.
            error.__traceback__ = None
            raise AuthAway("the circuit breaker is open") from None
        except (httpx.HTTPError, ValueError) as error:
            raise AuthAway(logs.reason(error)) from None
        finally:
            self._show_state(self.breaker_state)

    async def _ask(self, method: str, path: str, **arguments: Any) -> dict[str, Any] | None:
        headers = {**self._credential, **logs.onward_headers()}
        answer = await self._http.request(method, path, headers=headers, **arguments)
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        document = answer.json()
        if isinstance(document, dict):
            return document
        raise ValueError("the answer is not an object")

    def _show_state(self, state: str) -> None:
        if state != self._shown:
            # A state that lasts for one call is seldom caught by who samples the gauge.
            metrics.BREAKER_CHANGES.labels(BREAKER, self._shown, state).inc()
            logs.logger().warning("circuit_breaker", name=BREAKER, before=self._shown, now=state)
            self._shown = state
        for name in _STATES.values():
            metrics.BREAKER_STATE.labels(BREAKER, name).set(name == state)
