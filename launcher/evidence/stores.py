"""What the stores of a platform hold, read from the stores themselves: tables with columns, keys with their times."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import redis
from psycopg import sql

DATABASES = {"auth": "auth_db_url", "main": "main_db_url"}
_COLUMNS = """
    SELECT c.table_name, c.column_name FROM information_schema.columns c
    JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' ORDER BY c.table_name, c.ordinal_position
"""
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HASH = re.compile(r"(?<![0-9a-f])[0-9a-f]{32,}(?![0-9a-f])")
_NUMBER = re.compile(r"(?<=:)\d+(?=:|$)")


@dataclass(frozen=True)
class Table:
    """One table: its columns, and how many rows it has."""

    columns: tuple[str, ...]
    rows: int


@dataclass
class Keys:
    """The keys of one form: how many there are, and for how long the longest lives (None: for ever)."""

    count: int = 0
    longest: float | None = 0.0


@dataclass(frozen=True)
class Inventory:
    """All that a platform holds at one moment."""

    tables: Mapping[str, Table]
    """By ``database.table``."""
    keys: Mapping[str, Keys]
    """By the form of their names: ``session:{id}``."""

    def as_data(self) -> dict[str, Any]:
        """For the report."""
        tables = {name: {"columns": list(table.columns), "rows": table.rows} for name, table in self.tables.items()}
        return {"tables": tables, "keys": {form: vars(keys) for form, keys in self.keys.items()}}


@dataclass(frozen=True)
class Stores:
    """The stores of the platform that a descriptor tells of, and its logs."""

    descriptor: Mapping[str, Any]
    _texts: dict[str, str] = field(default_factory=dict, repr=False)

    def inventory(self) -> Inventory:
        """Everything that is there now."""
        return Inventory(dict(self._tables()), self._keys())

    def query(self, database: str, text: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of one database."""
        with psycopg.connect(str(self.descriptor[DATABASES[database]]), autocommit=True) as connection:
            return list(connection.execute(text.encode(), parameters or None).fetchall())

    def traces(self, words: Mapping[str, str]) -> dict[str, dict[str, int]]:
        """Where each of ``words`` (by what it is) stands, and how often: in any column, key, value and log."""
        found: dict[str, dict[str, int]] = {}
        for place, text in self._everything():
            hits = {what: text.count(word) for what, word in words.items() if word in text}
            if hits:
                found[place] = hits
        return found

    def _tables(self) -> Iterator[tuple[str, Table]]:
        for database, url in DATABASES.items():
            with psycopg.connect(str(self.descriptor[url])) as connection:
                columns: dict[str, list[str]] = {}
                for table, column in connection.execute(_COLUMNS):
                    columns.setdefault(table, []).append(column)
                for table, names in columns.items():
                    count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
                    row = connection.execute(count).fetchone()
                    yield f"{database}.{table}", Table(tuple(names), row[0] if row else 0)

    def _keys(self) -> dict[str, Keys]:
        found: dict[str, Keys] = {}
        with redis.Redis.from_url(str(self.descriptor["redis_url"])) as client:
            for key in client.scan_iter("*"):
                milliseconds = int(client.pttl(key))
                if milliseconds == -2:
                    continue
                known = found.setdefault(form(key.decode(errors="replace")), Keys())
                known.count += 1
                if milliseconds == -1 or known.longest is None:
                    known.longest = None
                else:
                    known.longest = max(known.longest, milliseconds / 1000)
        return dict(sorted(found.items()))

    def _everything(self) -> Iterator[tuple[str, str]]:
        """Each place with all that it holds, as text."""
        for database, url in DATABASES.items():
            with psycopg.connect(str(self.descriptor[url])) as connection:
                tables = list(dict.fromkeys(table for table, _ in connection.execute(_COLUMNS)))
                for table in tables:
                    rows = connection.execute(sql.SQL("SELECT x::text FROM {} x").format(sql.Identifier(table)))
                    yield f"{database}.{table}", "\n".join(row[0] for row in rows)
        with redis.Redis.from_url(str(self.descriptor["redis_url"])) as client:
            for key in client.scan_iter("*"):
                name = key.decode(errors="replace")
                yield f"redis {form(name)}", f"{name}\n{_value(client, key)}"
        for instance, path in self.descriptor["logs"].items():
            yield f"log of {instance}", Path(path).read_text("utf-8", "replace") if Path(path).exists() else ""


def _value(client: Any, key: bytes) -> str:
    """All that a key holds, whatever its type; serialised, where nothing else is known of it."""
    kind = client.type(key).decode()
    read = {
        "string": lambda: client.get(key), "hash": lambda: client.hgetall(key), "set": lambda: client.smembers(key),
        "zset": lambda: client.zrange(key, 0, -1, withscores=True), "list": lambda: client.lrange(key, 0, -1),
    }  # fmt: skip
    found = read.get(kind, lambda: client.dump(key))()
    return found.decode(errors="replace") if isinstance(found, bytes) else repr(found)


def form(key: str) -> str:
    """The form of a key: ids, hashes and numbers stand for themselves."""
    return _NUMBER.sub("{n}", _HASH.sub("{hash}", _ID.sub("{id}", key)))


def undeclared(inventory: Inventory, declared: Mapping[str, Any]) -> list[str]:
    """What the stores hold and nobody has declared, and keys that live longer than is declared."""
    flaws = []
    for name, table in inventory.tables.items():
        known = declared["tables"].get(name)
        if known is None:
            flaws.append(f"table {name} is not declared")
            continue
        flaws += [
            f"column {name}.{column} is not declared" for column in table.columns if column not in known["columns"]
        ]
    for name, keys in inventory.keys.items():
        known = declared["keys"].get(name)
        if known is None:
            flaws.append(f"keys {name} are not declared")
        elif keys.longest is None:
            flaws.append(f"keys {name} have no end, though {known['seconds']} s are declared")
        elif keys.longest > known["seconds"] + 1:
            flaws.append(f"keys {name} live for {keys.longest:.0f} s, and {known['seconds']} s are declared")
    return flaws


def remains(after: Mapping[str, Mapping[str, int]], allowed: Mapping[str, Sequence[str]]) -> list[str]:
    """What a deletion has left where nothing is declared to stay."""
    return [
        f"{place} still holds the {what}"
        for place, hits in after.items()
        for what in hits
        if what not in allowed.get(place, ())
    ]
