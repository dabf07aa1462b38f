"""Robot Framework library that compares whole database tables row by row, before and after something."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg
from lockstep import masking
from lockstep.applicability import present
from lockstep.listeners import LISTENERS
from lockstep.waiting import listed
from psycopg import sql
from robot.api import logger
from robot.api.deco import keyword, library

from SnapshotLibrary.compare import Rows, changes

__version__ = "1.0.0"


@dataclass(frozen=True)
class Snapshot:
    """Some tables of one database at one moment."""

    url: str
    tables: Mapping[str, Rows]
    digests: Mapping[str, str]
    """By table: SHA-256 of all its rows as PostgreSQL stores them, in the order of their keys."""

    def __str__(self) -> str:
        return ", ".join(f"{len(rows)} rows of {table}" for table, rows in self.tables.items())


@library(scope="GLOBAL", version=__version__, doc_format="ROBOT", auto_keywords=False, listener=LISTENERS)
class SnapshotLibrary:
    """Takes whole tables of a PostgreSQL database into memory and compares them with what is there later.

    | ${before} =    Take Snapshot    ${MAIN_DB_URL}    conversations    messages
    | Restart Service    backend-1
    | Rows Should Have Survived    ${before}    conversations.last_seq

    Rows are found again by their primary key. Every column counts, unless it is named as free to change. A snapshot has
    a digest of each table, too, for what must be the same bit for bit.
    """

    @keyword
    def take_snapshot(self, url: str, *tables: str) -> Snapshot:
        """Every row of ``tables``, read in one transaction; fails where a table has none: nothing would be proved."""
        if not tables:
            raise ValueError("no tables: nothing would be proved")
        snapshot = _read(present(url), tables)
        if empty := [table for table, rows in snapshot.tables.items() if not rows]:
            raise AssertionError(f"there is nothing to compare: no rows in {', '.join(empty)}")
        logger.info(str(snapshot))
        return snapshot

    @keyword
    def rows_should_have_survived(self, snapshot: Snapshot, *free: str) -> None:
        """Passes when each row of ``snapshot`` is there now with the same values; new rows are welcome.

        ``free`` are columns that may change, as ``table.column``. The failure names table, key, column and both values.
        """
        self._compare(snapshot, free, new_rows=False)

    @keyword
    def tables_should_be_as_before(self, snapshot: Snapshot, *free: str) -> None:
        """As `Rows Should Have Survived`, and no row has come."""
        self._compare(snapshot, free, new_rows=True)

    @keyword
    def tables_should_be_bit_for_bit_as_before(self, snapshot: Snapshot) -> None:
        """Passes when each table has the digest that it had: the same rows, and the same bytes in every column.

        The digest is the SHA-256 of the table's rows in PostgreSQL's binary form, in the order of their keys. The
        failure names the tables, and what has changed as far as it can be read.
        """
        now = _read(snapshot.url, list(snapshot.tables))
        other = [table for table, digest in snapshot.digests.items() if now.digests[table] != digest]
        if other:
            what = _shown(_changes(snapshot, now, (), new_rows=True)) or "every value reads as it did"
            raise AssertionError(masking.mask(f"the digest is another for {', '.join(other)}: {what}"))
        logger.info(f"bit for bit as before: {snapshot}")

    @staticmethod
    def _compare(snapshot: Snapshot, free: Sequence[str], *, new_rows: bool) -> None:
        now = _read(snapshot.url, list(snapshot.tables))
        if found := _shown(_changes(snapshot, now, free, new_rows=new_rows)):
            raise AssertionError(masking.mask(found))
        logger.info(f"unchanged: {snapshot}")


def _changes(before: Snapshot, now: Snapshot, free: Sequence[str], *, new_rows: bool) -> list[str]:
    return [
        line
        for table, rows in before.tables.items()
        for line in changes(table, rows, now.tables[table], set(free), new_rows=new_rows)
    ]


def _shown(found: Sequence[str]) -> str:
    return f"{len(found)} changes: {listed(found)}" if found else ""


def _read(url: str, tables: Sequence[str]) -> Snapshot:
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        keys = {table: _key(connection, table) for table in tables}
        rows = {table: _rows(connection, table, key) for table, key in keys.items()}
        return Snapshot(url, rows, {table: _digest(connection, table, key) for table, key in keys.items()})


def _key(connection: psycopg.Connection[tuple[object, ...]], table: str) -> list[str]:
    keys = [
        str(row[0])
        for row in connection.execute(
            "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid"
            " AND a.attnum = ANY(i.indkey) WHERE i.indrelid = %s::regclass AND i.indisprimary ORDER BY a.attnum",
            [table],
        )
    ]
    if not keys:
        raise AssertionError(f"table {table} has no primary key to compare by")
    return keys


def _digest(connection: psycopg.Connection[tuple[object, ...]], table: str, key: Sequence[str]) -> str:
    order = sql.SQL(", ").join(map(sql.Identifier, key))
    rows = sql.SQL("COPY (SELECT * FROM {} ORDER BY {}) TO STDOUT (FORMAT binary)").format(sql.Identifier(table), order)
    digest = hashlib.sha256()
    with connection.cursor().copy(rows) as copy:
        for piece in copy:
            digest.update(piece)
    return digest.hexdigest()


def _rows(connection: psycopg.Connection[tuple[object, ...]], table: str, key: Sequence[str]) -> Rows:
    cursor = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
    names = [column.name for column in cursor.description or ()]
    found = (dict(zip(names, map(_text, row), strict=True)) for row in cursor)
    return {tuple(str(row[name]) for name in key): row for row in found}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
