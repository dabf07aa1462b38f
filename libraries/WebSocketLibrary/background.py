"""The one event loop, in one thread, that serves every socket of this process."""

from __future__ import annotations

import _thread
import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any, TypeVar

from lockstep import machine

T = TypeVar("T")

_HANG_LIMIT = 60.0


class LoopThread:
    """Runs functions and coroutines on the event loop for callers in other threads."""

    def __init__(self) -> None:
        self.loop = _new_loop()
        self._posted = False
        thread = threading.Thread(target=self._serve, name="websocket-loop", daemon=True)
        thread.start()

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        machine.watch_this_thread()
        self.loop.run_forever()

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Runs a plain function on the loop and gives back its value, or raises what it raised.

        A bare lock instead of a `Future`: this is on the path of each keyword that sends.
        """
        values: list[T] = []
        errors: list[BaseException] = []
        done = _thread.allocate_lock()
        done.acquire()

        def perform() -> None:
            try:
                values.append(function(*args))
            except BaseException as error:
                errors.append(error)
            finally:
                done.release()

        self._posted = False
        self.loop.call_soon_threadsafe(perform)
        if not done.acquire(timeout=_HANG_LIMIT):
            raise RuntimeError(f"the socket thread did not answer within {_HANG_LIMIT:g} s")
        if errors:
            raise errors[0]
        return values[0]

    def post(self, function: Callable[..., object], *args: Any) -> None:
        """Has a plain function run on the loop, before whatever is asked of it later, and does not wait for it."""
        self._posted = True
        self.loop.call_soon_threadsafe(function, *args)

    def settle(self) -> None:
        """Waits for what was posted; not on the loop's own thread."""
        if self._posted:
            self.call(_nothing)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine on the loop to its end; an interrupted caller (Ctrl-C, test time-out) cancels it."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


def _nothing() -> None:
    pass


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


@cache
def background() -> LoopThread:
    """The loop of this process, started at first use."""
    return LoopThread()


class Bell:
    """Wakes one waiting thread when something new was journaled; a ring before the wait is not lost."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = _thread.allocate_lock()
        self._lock.acquire()

    def ring(self, source: object = None) -> None:
        """Called on the loop thread alone, so that look and release are one step."""
        if self._lock.locked():
            self._lock.release()

    def wait(self, seconds: float) -> bool:
        """Waits for the next ring; False when the time was up."""
        return self._lock.acquire(timeout=max(0.0, seconds))


class NamingBell(Bell):
    """A bell that knows who rang it since it was last asked."""

    __slots__ = ("_sources",)

    def __init__(self) -> None:
        super().__init__()
        self._sources: deque[Any] = deque()

    def ring(self, source: object = None) -> None:
        """Called on the loop thread."""
        self._sources.append(source)
        super().ring()

    def who(self) -> set[Any]:
        """Everyone who rang since the last call."""
        return {self._sources.popleft() for _ in range(len(self._sources))}
