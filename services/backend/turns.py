"""Fairness between sockets: who has much to do lets the others in between."""

from __future__ import annotations

import asyncio
from time import perf_counter

SLICE = 0.0005


class Turn:
    """The time for which a task may go on without waiting for anything (seconds).

    A transaction takes several rounds of the event loop, and each round is as long as all tasks' turns together: hence
    turns much shorter than the wait that a neighbour would notice.
    """

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        self._ends = perf_counter() + SLICE

    def start(self) -> None:
        """The task has just waited for something."""
        self._ends = perf_counter() + SLICE

    async def share(self) -> None:
        """Let the others go on, where the turn is over."""
        if perf_counter() >= self._ends:
            await asyncio.sleep(0)
            self._ends = perf_counter() + SLICE
