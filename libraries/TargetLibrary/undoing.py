"""What tests make at a target that somebody else runs is undone by the words that undo it, beside the tests to come."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from lockstep import target
from lockstep.dialect import Driver, Speaker
from lockstep.dialect.driving import send
from lockstep.dialect.ledger import Ledger, Made, by_owner
from lockstep.dialect.undoing import undo

_AT_ONCE = 4
_LONGEST = 60.0
"""Seconds in which what a suite has made is undone; what is left then the end of the run undoes."""


class Undoing:
    """Of one suite at a time. What cannot be undone here stays in the run's ledger."""

    def __init__(self) -> None:
        self._ledger: Ledger | None = None
        self._driver: Driver | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._under_way: dict[str, Future[None]] = {}
        self._before: frozenset[str] = frozenset()

    def use(self, speaker: Speaker, ledger: Ledger | None) -> None:
        """From here on what is made at that target is noted in ``ledger``; None where nothing is to be undone."""
        self._ledger = ledger
        if ledger is not None:
            ca_file = target.current().ca_file
            self._driver = Driver(speaker, lambda request: send(request, ca_file), ledger=ledger)

    def test_begins(self) -> None:
        """What is there now belongs to the suite."""
        self._before = frozenset(made.key for made in self._made())

    def test_ends(self) -> None:
        """What has been made since is undone."""
        self._begin(lambda made: made.key not in self._before)

    def leave(self) -> None:
        """What is still there is undone, and all of it has ended."""
        self._begin(lambda made: True)
        if self._pool is not None:
            wait(self._under_way.values(), _LONGEST)
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool, self._under_way = None, {}

    def _made(self) -> list[Made]:
        return self._ledger.made() if self._ledger is not None else []

    def _begin(self, chosen: Callable[[Made], bool]) -> None:
        new = [made for made in self._made() if chosen(made) and made.key not in self._under_way]
        if new and self._pool is None:
            self._pool = ThreadPoolExecutor(_AT_ONCE, "undoing")
        for of_one in by_owner(new):
            assert self._pool is not None
            under_way = self._pool.submit(self._undo, of_one)
            self._under_way.update((made.key, under_way) for made in of_one)

    def _undo(self, of_one: list[Made]) -> None:
        assert self._driver is not None
        assert self._ledger is not None
        # What goes wrong here is tried again at the end of the run, which says what is left.
        for made in of_one:
            with contextlib.suppress(Exception):
                if undo(self._driver, made) is None:
                    self._ledger.gone(made.key)
