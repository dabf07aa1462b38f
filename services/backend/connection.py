"""One open socket: what it may still get, how far its queue may grow, and how it ends."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import Send

from services.backend import frames, metrics
from services.backend.channel import Subscription
from services.backend.identity import Caller
from services.backend.turns import Turn

MAX_QUEUED_BYTES = 32 << 20
# After these nothing that was queued may or can go out any more.
AT_ONCE = frozenset({frames.SESSION_REVOKED, frames.SLOW_CONSUMER})


@dataclass(slots=True)
class SentEvent:
    """A session event that the client has not acknowledged."""

    text: str
    resend_at: float


@dataclass(slots=True)
class Allowance:
    """What a socket has sent in the window that ends at ``ends`` (monotonic seconds)."""

    ends: float = 0.0
    used: int = 0
    refused: int = 0

    def start(self, ends: float) -> None:
        """A new window."""
        self.ends, self.used, self.refused = ends, 0, 0


class Connection:
    """``send`` and ``close`` never wait; ``pump`` does the writing, in order."""

    def __init__(self, caller: Caller, client_id: str, limit: int, close_grace: float) -> None:
        self.caller = caller
        self.user_id = caller.user.id
        self.session_id = caller.token.session_id
        self.session_check = caller.session_check
        self.expires_at = caller.token.expires_at
        self.take_expiry(self.expires_at)
        self.client_id = client_id
        self.generation = 0
        self.known = False
        self.away = 0.0
        self.subscriptions: dict[str, Subscription] = {}
        self.unacked: dict[str, SentEvent] = {}
        self.events_open = False
        self.events_wanted = False
        self.events_task: asyncio.Task[None] | None = None
        self.invalid_frames = 0
        self.allowance = Allowance()
        self.in_flight = 0
        self.room = asyncio.Event()
        self.room.set()
        self.closing: tuple[int, str] | None = None
        self._limit = limit
        self._close_grace = close_grace
        self._queue: deque[str] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._flushed = asyncio.Event()
        self._flushed.set()
        self._abort: Callable[[], object] | None = None

    def take_expiry(self, expires_at: float) -> None:
        """The token that counts now expires then: by the wall clock, and after as long by the monotonic one."""
        self.expires_at = expires_at
        self.lives_until = time.monotonic() + expires_at - time.time()

    def send(self, frame: str) -> None:
        """Queue ``frame``; a consumer too slow for its queue is closed with 4008."""
        if self.closing:
            return
        if len(self._queue) >= self._limit or self._queued_bytes > MAX_QUEUED_BYTES:
            self.close(frames.SLOW_CONSUMER, "the queue is full: resume")
            return
        self._queue.append(frame)
        self._queued_bytes += len(frame)
        self._flushed.clear()
        self._wake.set()

    def close(self, code: int, reason: str) -> None:
        """Close with ``code`` once what was queued has gone out, or instead of it; the first code counts."""
        if self.closing:
            return
        self.closing = (code, reason)
        # Now, since a peer that reads nothing never takes the close frame.
        metrics.SOCKET_CLOSES.labels(code).inc()
        if code in AT_ONCE:
            self._queue.clear()
        self._wake.set()
        asyncio.get_running_loop().call_later(self._close_grace, self._give_up)

    def end(self, code: int) -> None:
        """The socket is gone, with ``code`` where this side did not close it: nothing is queued or read for it now."""
        self.closing = self.closing or (code, "the peer has gone")
        if self.events_task is not None:
            self.events_task.cancel()

    def on_abort(self, abort: Callable[[], object] | None) -> None:
        """What ends a socket whose peer does not even take the close frame."""
        self._abort = abort

    def _give_up(self) -> None:
        if self._abort:
            self._abort()

    async def flushed(self) -> None:
        """Wait until the queue is empty or the socket closes."""
        await self._flushed.wait()

    async def pump(self, send: Send) -> None:
        """Write what is queued until the socket is closed."""
        turn = Turn()
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                turn.start()
                sent = 0
                while self._queue:
                    frame = self._queue.popleft()
                    self._queued_bytes -= len(frame)
                    await send({"type": "websocket.send", "text": frame})
                    sent += 1
                    await turn.share()
                metrics.FRAMES_OUT.inc(sent)
                self._flushed.set()
                if self.closing:
                    code, reason = self.closing
                    await send({"type": "websocket.close", "code": code, "reason": reason})
                    return
        except (OSError, RuntimeError):
            # The peer has gone: the receiving side hears of it and cleans up.
            return
        finally:
            self._flushed.set()

    def took_off(self, most: int) -> None:
        """A draft is with the writer."""
        self.in_flight += 1
        if self.in_flight >= most:
            self.room.clear()

    def landed(self) -> None:
        """The writer has answered for a draft."""
        self.in_flight -= 1
        self.room.set()
