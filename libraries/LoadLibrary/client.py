"""A chat client under load: what it does is timed, it renews tokens that have expired, and it can be a bad one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from ChatLibrary.client import ChatClient
from ChatLibrary.state import ChatState, Content
from lockstep.dialect import Event
from WebSocketLibrary.connection import Closing

_NOT_LET_IN = (401, 403)
Measure = Callable[[str, float, str], None]
"""Takes what was done, how many seconds it took, and why it failed ("" where it did not)."""


def _not_measured(what: str, took: float, why: str) -> None:
    pass


@dataclass
class LoadState(ChatState):
    """A chat that knows how long each message took from its sending to its acknowledgement."""

    measure: Measure = _not_measured
    said_at: dict[str, float] = field(default_factory=dict)

    def say(self, body: str) -> list[Content]:
        """As `ChatState.say`; the clock of the message begins."""
        self.said_at[self.next_key] = monotonic()
        return super().say(body)

    def _acknowledge(self, key: str | None, position: Any) -> None:
        super()._acknowledge(key, position)
        if key is not None and (began := self.said_at.pop(key, None)) is not None:
            self.measure("message", monotonic() - began, "")

    def _note_error(self, event: Event) -> None:
        super()._note_error(event)
        self.measure("message", 0.0, self.errors[-1])


class LoadClient(ChatClient):
    """Of the loop thread, as `ChatClient`.

    A socket that was refused, or closed, because the token has expired is opened again with the next token, which
    ``renew`` brings; ``renewals`` says when. It sends something ``every`` so many seconds once it is ready.
    """

    state: LoadState

    def __init__(self, *arguments: Any, renew: Callable[[], str] | None, every: float) -> None:
        super().__init__(*arguments)
        self._every = every
        self.renewals: list[float] = []
        self._renew = renew
        self._has_to_renew = False
        self._may_connect = asyncio.Event()
        self._may_connect.set()
        self._began = 0.0
        self._reads = True

    async def _one_connection(self) -> bool:
        await self._may_connect.wait()
        if self._has_to_renew and not await self._renewed():
            return False
        self._began = monotonic()
        refusals = len(self.incidents.refusals)
        was_ready = await super()._one_connection()
        if len(self.incidents.refusals) > refusals:
            refused = self.rejected_with in _NOT_LET_IN or bool(self.state.turned_away)
            self._has_to_renew = refused and self._renew is not None
            if not self._has_to_renew:
                self.state.measure("connect", monotonic() - self._began, self.incidents.refusals[-1])
        return was_ready

    async def _renewed(self) -> bool:
        """Buys the next token, in a thread, since requests block; a client that cannot is signed out."""
        assert self._renew is not None
        began = monotonic()
        why = await asyncio.get_running_loop().run_in_executor(None, self._renew)
        self.state.measure("refresh", monotonic() - began, why)
        self.renewals.append(began)
        if why:
            self.trouble = f"signed out: {why}"
            return False
        self._has_to_renew = False
        return True

    def _back(self, now: float) -> None:
        super()._back(now)
        self.state.measure("connect", monotonic() - self._began, "")
        if self._talk is None and self._every:
            self.talk(self._every)
        if not self._reads and self._connection is not None:
            self._connection.pause_reading()

    def _gone(self, closing: Closing) -> None:
        expired = closing.by_peer and closing.code in self.facts.closes.get("expired", ())
        if not expired or self._renew is None:
            super()._gone(closing)
            return
        self._left = self._left or asyncio.get_running_loop().time()
        self.incidents.closes.append(closing.code)
        self._has_to_renew = True

    async def hush(self) -> None:
        """Sends nothing new, nor after it has come back."""
        self._every = 0.0
        await super().hush()

    @property
    def port(self) -> int | None:
        """The TCP port on this side of its socket; None where it has none."""
        open_one = self._connection.sendable if self._connection is not None else None
        return None if open_one is None else int(open_one.underlying_transport.get_extra_info("sockname")[1])

    def cut(self, away: float) -> None:
        """Drops TCP, and stays away for so many seconds."""
        if away:
            self._may_connect.clear()
            asyncio.get_running_loop().call_later(away, self._may_connect.set)
        if self._connection is not None:
            self._connection.cut()

    def read_no_more(self) -> None:
        """From now on takes nothing from its sockets, so that the target's buffers fill."""
        self._reads = False
        if self._connection is not None and self._connection.is_open:
            self._connection.pause_reading()
