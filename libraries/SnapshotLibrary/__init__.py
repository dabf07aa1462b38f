"""Robot Framework library that compares whole database tables row by row, before and after something."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
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
    digests: Mapping[str, Mapping[str, str]]
    """By table and column: SHA-256 of all its values as PostgreSQL stores them, in the order of the rows' keys."""

    def __str__(self) -> str:
        return ", ".join(f"{len(rows)} rows of {table}" for table, rows in self.tables.items())


@library(scope="GLOBAL", version=__version__, doc_format="ROBOT", auto_keywords=False, listener=LISTENERS)
class SnapshotLibrary:
    """Takes whole tables of a PostgreSQL database into memory and compares them with what is there later.

    | ${before} =    Take Snapshot    ${MAIN_DB_URL}    conversations    messages
    | Restart Service    backend-1
    | Rows Should Have Survived    ${before}    conversations.last_seq

    Rows are found again by their primary key. Every column counts, unless it is named as free to change. A snapshot has
    a digest of each column, too, for what must be the same bit for bit.
    """

    @keyword
    def take_snapshot_of_every_table(
        self,
        url: str,
        left_out: Mapping[str, str] | None = None,
        may_be_empty: Mapping[str, str] | None = None,
    ) -> Snapshot:
        """Every row of every table of the database's schema ``public``, read in one transaction.

        ``left_out`` and ``may_be_empty`` say why, by table; each must name a table that is there, so that a list does
        not outlive what it speaks of. Fails where any other table has no row: nothing would be proved of it.
        """
        left_out, may_be_empty = left_out or {}, may_be_empty or {}
        reasoned = {**left_out, **may_be_empty}
        if silent := [table for table, reason in reasoned.items() if not reason.strip()]:
            raise ValueError(f"no reason is given for {', '.join(silent)}")
        tables = _catalogue(present(url))
        if unknown := sorted(reasoned.keys() - set(tables)):
            raise ValueError(f"the database has no table {', '.join(unknown)}, but {', '.join(tables)}")
        snapshot = _read(url, [table for table in tables if table not in left_out])
        _require_rows(snapshot, may_be_empty)
        logger.info(f"{snapshot}; left out: {dict(left_out)}")
        return snapshot

    @keyword
    def take_snapshot(self, url: str, *tables: str) -> Snapshot:
        """Every row of ``tables``, read in one transaction; fails where a table has none: nothing would be proved."""
        if not tables:
            raise ValueError("no tables: nothing would be proved")
        snapshot = _read(present(url), tables)
        _require_rows(snapshot)
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
    def tables_should_be_bit_for_bit_as_before(self, snapshot: Snapshot, *free: str) -> None:
        """Passes when each column has the digest that it had: the same rows, and the same bytes in every one of them.

        ``free`` are columns that may change, as ``table.column``. A digest is the SHA-256 of the column's values in
        PostgreSQL's binary form, in the order of the rows' keys. The failure names tables and columns, and what has
        changed as far as it can be read.
        """
        now = _read(snapshot.url, list(snapshot.tables))
        if other := _other_digests(snapshot, now, free):
            what = _shown(_changes(snapshot, now, free, new_rows=True)) or "every value reads as it did"
            raise AssertionError(masking.mask(f"the digest is another for {', '.join(other)}: {what}"))
        logger.info(f"bit for bit as before: {snapshot}")

    @keyword
    def get_columns_holding(self, url: str, *texts: str) -> list[str]:
        """Columns of the database, as ``table.column`` in order, of which a value holds any of ``texts``, in any case.

        Every column of every table of the schema ``public`` is read as text; bytes are read as hexadecimal digits.
        """
        wanted = [text.lower() for text in texts]
        if not wanted or not all(wanted):
            raise ValueError("nothing to look for")
        snapshot = _read(present(url), _catalogue(url))
        found = {
            f"{table}.{column}"
            for table, rows in snapshot.tables.items()
            for row in rows.values()
            for column, value in row.items()
            if value is not None and any(text in value.lower() for text in wanted)
        }
        return sorted(found)

    @staticmethod
    def _compare(snapshot: Snapshot, free: Collection[str], *, new_rows: bool) -> None:
        now = _read(snapshot.url, list(snapshot.tables))
        if found := _shown(_changes(snapshot, now, free, new_rows=new_rows)):
            raise AssertionError(masking.mask(found))
        logger.info(f"unchanged: {snapshot}")


def _require_rows(snapshot: Snapshot, may_be_empty: Collection[str] = ()) -> None:
    empty = [table for table, rows in snapshot.tables.items() if not rows and table not in may_be_empty]
    if empty:
        raise AssertionError(f"there is nothing to compare: no rows in {', '.join(empty)}")


def _other_digests(before: Snapshot, now: Snapshot, free: Collection[str]) -> list[str]:
    """Each table with the columns whose digest is another, as ``users (email, name)``."""
    found = {
        table: [name for name, digest in columns.items() if digest != now.digests[table].get(name)]
        for table, columns in before.digests.items()
    }
    wrong = {table: [name for name in names if f"{table}.{name}" not in free] for table, names in found.items()}
    return [f"{table} ({', '.join(names)})" for table, names in wrong.items() if names]


def _changes(before: Snapshot, now: Snapshot, free: Collection[str], *, new_rows: bool) -> list[str]:
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
        return Snapshot(url, rows, {table: _digests(connection, table, key) for table, key in keys.items()})


def _catalogue(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        return [str(row[0]) for row in rows]


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


def _digests(connection: psycopg.Connection[tuple[object, ...]], table: str, key: Sequence[str]) -> Mapping[str, str]:
    columns = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " ORDER BY attnum",
        [table],
    )
    return {str(row[0]): _digest(connection, table, str(row[0]), key) for row in columns.fetchall()}


def _digest(connection: psycopg.Connection[tuple[object, ...]], table: str, column: str, key: Sequence[str]) -> str:
    order = sql.SQL(", ").join(map(sql.Identifier, key))
    values = sql.SQL("COPY (SELECT {} FROM {} ORDER BY {}) TO STDOUT (FORMAT binary)").format(
        sql.Identifier(column), sql.Identifier(table), order
    )
    digest = hashlib.sha256()
    with connection.cursor().copy(values) as copy:
        for piece in copy:
            digest.update(piece)
    return digest.hexdigest()


def _rows(connection: psycopg.Connection[tuple[object, ...]], table: str, key: Sequence[str]) -> Rows:
    cursor = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
    names = [column.name for column in cursor.description or ()]
    found = (dict(zip(names, map(_text, row), strict=True)) for row in cursor)
    return {tuple(str(row[name]) for name in key): row for row in found}


def _text(value: object) -> str | None:
    return value.hex() if isinstance(value, bytes) else None if value is None else str(value)
