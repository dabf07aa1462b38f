"""Robot Framework library that compares whole database tables row by row, before and after something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg
from lockstep import masking
from psycopg import sql
from robot.api import logger
from robot.api.deco import keyword, library

from SnapshotLibrary.compare import Rows, changes

__version__ = "1.0.0"
_SHOWN = 5


@dataclass(frozen=True)
class Snapshot:
    """Some tables of one database at one moment."""

    url: str
    tables: Mapping[str, Rows]

    def __str__(self) -> str:
        return ", ".join(f"{len(rows)} rows of {table}" for table, rows in self.tables.items())


@library(scope="GLOBAL", version=__version__, doc_format="ROBOT", auto_keywords=False, listener=masking.LISTENER)
class SnapshotLibrary:
    """Takes whole tables of a PostgreSQL database into memory and compares them with what is there later.

    | ${before} =    Take Snapshot    ${MAIN_DB_URL}    conversations    messages
    | Restart Service    backend-1
    | Rows Should Have Survived    ${before}    conversations.last_seq

    Rows are found again by their primary key. Every column counts, unless it is named as free to change.
    """

    @keyword
    def take_snapshot(self, url: str, *tables: str) -> Snapshot:
        """Every row of ``tables``, read in one transaction; fails where a table has none: nothing would be proved."""
        if not tables:
            raise ValueError("no tables: nothing would be proved")
        found = _read(url, tables)
        if empty := [table for table, rows in found.items() if not rows]:
            raise AssertionError(f"there is nothing to compare: no rows in {', '.join(empty)}")
        snapshot = Snapshot(url, found)
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

    @staticmethod
    def _compare(snapshot: Snapshot, free: Sequence[str], *, new_rows: bool) -> None:
        now = _read(snapshot.url, list(snapshot.tables))
        found = [
            line
            for table, rows in snapshot.tables.items()
            for line in changes(table, rows, now[table], set(free), new_rows=new_rows)
        ]
        if found:
            more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            raise AssertionError(masking.mask(f"{len(found)} changes: {'; '.join(found[:_SHOWN])}{more}"))
        logger.info(f"unchanged: {snapshot}")


def _read(url: str, tables: Sequence[str]) -> dict[str, Rows]:
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        return {table: _rows(connection, table) for table in tables}


def _rows(connection: psycopg.Connection[tuple[object, ...]], table: str) -> Rows:
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
    cursor = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
    names = [column.name for column in cursor.description or ()]
    found = (dict(zip(names, map(_text, row), strict=True)) for row in cursor)
    return {tuple(str(row[key]) for key in keys): row for row in found}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
