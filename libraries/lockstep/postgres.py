"""A PostgreSQL connection that is renewed where a statement on it was interrupted, such as by a time-out of Robot.

DatabaseLibrary takes it in the place of psycopg:

| Connect To Database Using Custom Connection String    lockstep.postgres    ${URL}    alias=main
"""

from __future__ import annotations

import contextlib
import threading
from typing import Any, NoReturn

import psycopg
from psycopg.pq import TransactionStatus

from lockstep.applicability import Absent, present

GIVE_UP = 5.0
"""Seconds for which the server is asked to cancel what was interrupted."""


def connect(url: str, **options: Any) -> Connection:
    """Connects at once, so that a server that is away is noticed here; ``options`` are psycopg's.

    Where the target in use lacks the database, each statement ends as NA.
    """
    return AbsentConnection(url) if isinstance(url, Absent) else Connection(url, options)


_END_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> ALL(%s) AND backend_type = 'client backend'
"""
_COUNT_OTHERS = """
    SELECT count(*) FROM pg_stat_activity WHERE pid <> ALL(%s) AND backend_type = 'client backend'
"""


def hold_every_connection(url: str) -> contextlib.ExitStack:
    """Ends all other connections to the server and takes every one that it gives, until what is returned is closed.

    For a server that the caller has to itself.
    """
    held = contextlib.ExitStack()
    first = held.enter_context(psycopg.connect(url, autocommit=True))
    mine = [first.info.backend_pid]
    while True:
        first.execute(_END_OTHERS, (mine,))
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                taken = held.enter_context(psycopg.connect(url, autocommit=True))
                mine.append(taken.info.backend_pid)
        others = first.execute(_COUNT_OTHERS, (mine,)).fetchone()
        if others is not None and others[0] == 0:
            return held


_MOST_ROWS = 40_000
"""Eight KB each: a disk with more room is not one to be filled."""


def fill_disk(url: str) -> contextlib.ExitStack:
    """Has the server write into a table of its own until its disk is full; closed, what is returned drops the table.

    For a server whose disk is small, and nobody else's.
    """
    filling = contextlib.ExitStack()
    connection = filling.enter_context(psycopg.connect(url, autocommit=True))
    connection.execute("CREATE TABLE filler (body text STORAGE PLAIN)")
    filling.callback(connection.execute, "DROP TABLE filler")
    written = 0
    for rows in (100, 1):
        with contextlib.suppress(psycopg.errors.DiskFull):
            while True:
                if written > _MOST_ROWS:
                    filling.close()
                    raise AssertionError(f"the disk of {url} is not full after {written} rows of 8 KB")
                connection.execute("INSERT INTO filler SELECT repeat('x', 8000) FROM generate_series(1, %s)", (rows,))
                written += rows
    return filling


class _Interruptible(psycopg.Connection[Any]):
    """Has the server cancel what was interrupted, so that no lock outlives it, and hangs up."""

    given_up = False

    def wait(self, *arguments: Any, **options: Any) -> Any:
        """Waits for the server, as psycopg does."""
        try:
            return super().wait(*arguments, **options)
        except psycopg.Error:
            raise
        except BaseException:
            self.give_up_if_stuck()
            raise

    def give_up_if_stuck(self) -> None:
        """Cancels beside what goes on: it may be the server that does not answer."""
        if not self.given_up and self.pgconn.transaction_status == TransactionStatus.ACTIVE:
            self.given_up = True
            threading.Thread(target=self._cancel_and_close, daemon=True).start()

    def _cancel_and_close(self) -> None:
        with contextlib.suppress(psycopg.Error):
            self.cancel_safe(timeout=GIVE_UP)
        self.close()


class Connection:
    """What DatabaseLibrary, and who asks row by row, need of a connection (DB API 2.0).

    A statement that was interrupted is still under way for psycopg, which refuses every later one. It is cancelled, its
    transaction is over, and the next statement runs on a new connection; so it does when the server has hung up.
    """

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        self._url = url
        self._options = dict(options)
        self._connection = self._new()

    @property
    def autocommit(self) -> bool:
        """Whether each statement is a transaction of its own."""
        return bool(self._options.get("autocommit", False))

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        self._usable().autocommit = value
        self._options["autocommit"] = value

    @property
    def broken(self) -> bool:
        """Whether the server has hung up."""
        return self._connection.broken

    def cursor(self, *arguments: Any, **options: Any) -> Any:
        """A cursor of psycopg."""
        return self._usable().cursor(*arguments, **options)

    def execute(self, statement: Any, parameters: Any = None) -> Any:
        """A new cursor that has executed the statement."""
        return self._usable().execute(statement, parameters)

    def commit(self) -> None:
        """Ends the transaction."""
        self._usable().commit()

    def rollback(self) -> None:
        """Undoes the transaction; where it was interrupted the server does that, and nobody waits for it."""
        self._connection.give_up_if_stuck()
        if not self._connection.given_up and not self.broken:
            self._connection.rollback()

    def close(self) -> None:
        """Hangs up."""
        self._connection.give_up_if_stuck()
        if not self._connection.given_up:
            self._connection.close()

    def _new(self) -> _Interruptible:
        return _Interruptible.connect(self._url, **self._options)

    def _usable(self) -> _Interruptible:
        self._connection.give_up_if_stuck()
        if self._connection.given_up or self.broken:
            self._connection = self._new()
        return self._connection


class AbsentConnection(Connection):
    """Stands for a connection to a database that the target in use lacks."""

    autocommit = False
    broken = False

    def __init__(self, absent: Absent) -> None:
        self._absent = absent

    def rollback(self) -> None:
        """Nothing was begun."""

    commit = close = rollback

    def _usable(self) -> NoReturn:
        present(self._absent)
        raise RuntimeError(f"{self._absent} stands for nothing")
