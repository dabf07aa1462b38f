"""What a target's stores hold of a user, a session or a message, read from them as the dialect describes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from lockstep.dialect.parts import KINDS, Store
from lockstep.dialect.performing import Speaker, where_is_known
from lockstep.dialect.templates import fill

TIMEOUT = 5
Row = Mapping[str, Any]


class StoreAwayError(RuntimeError):
    """A store cannot be reached, which says nothing of what it holds."""

    ROBOT_SUPPRESS_NAME = True


def stores_of(speaker: Speaker, kind: str) -> dict[str, Store]:
    """The stores that hold things of a kind, by name; those whose address the platform does not know are left out.

    Raises ``NotDescribed`` where there is none.
    """
    known = {"platform": speaker.platform}
    absent = "stores" in speaker.dialect.absent
    found = {
        name: store
        for name, store in speaker.dialect.stores.items()
        if kind in store.find and where_is_known(store.url, known) and not absent
    }
    if not found:
        raise speaker.dialect.missing(f"stores.{kind}")
    return found


def look_up(speaker: Speaker, name: str, kind: str, wanted: Any) -> list[Row]:
    """What a store holds of ``wanted``, the id of a thing or, for ``messages``, of a room.

    Rows by column; of Redis the members of a hash or of a JSON document, and each entry of a list as a row of its own.
    Raises `StoreAwayError`, and ``DialectError`` where the store does not understand the query.
    """
    store = speaker.dialect.stores[name]
    url = str(fill(store.url, {"platform": speaker.platform}, store.place.at("url")))
    read = next((reader for scheme, reader in _READERS.items() if url.startswith(scheme)), None)
    if read is None:
        raise store.place.at("url").wrong("postgresql://…, sqlite:///path or redis://… is needed")
    try:
        return read(url, store.find[kind], KINDS[kind], wanted)
    except _Away as error:
        raise StoreAwayError(f"stores.{name}: {_shown(url)} cannot be reached: {error}") from None
    except _Refused as error:
        raise store.place.at(kind).wrong(f"{_shown(url)} says: {error}") from None


class Held:
    """A transaction that keeps a store from storing messages, as long as it lasts."""

    def __init__(self, url: str, query: str, room: Any) -> None:
        import psycopg

        self._url = url
        self._connection = psycopg.connect(url, connect_timeout=TIMEOUT, options=f"-c lock_timeout={TIMEOUT}s")
        self._connection.execute(query, {"room": str(room)} if "%(room)s" in query else None)
        self._backend = self._connection.info.backend_pid

    def waiting(self) -> int:
        """How many connections wait for it."""
        import psycopg

        waiting = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
        with psycopg.connect(self._url, connect_timeout=TIMEOUT) as connection:
            (count,) = connection.execute(waiting, (self._backend,)).fetchone() or (0,)
        return int(count)

    def release(self) -> None:
        """Ends it."""
        self._connection.close()


def hold(speaker: Speaker, room: Any) -> Held:
    """Keeps the first store that the dialect says how to hold from storing messages of a room.

    Raises ``NotDescribed`` where there is none.
    """
    known = {"platform": speaker.platform}
    for name, store in speaker.dialect.stores.items() if "stores" not in speaker.dialect.absent else ():
        if store.hold is not None and where_is_known(store.url, known):
            url = str(fill(store.url, known, store.place.at("url")))
            if not url.startswith("postgres"):
                raise store.place.at("hold").wrong("only a PostgreSQL store can be held")
            import psycopg

            try:
                return Held(url, _with_parameter(store.hold.replace("%", "%%"), "room", "%(room)s"), room)
            except psycopg.OperationalError as error:
                raise StoreAwayError(f"stores.{name}: {_shown(url)} cannot be held: {_one_line(error)}") from None
            except psycopg.Error as error:
                raise store.place.at("hold").wrong(f"{_shown(url)} says: {_one_line(error)}") from None
    raise speaker.dialect.missing("stores.hold")


class _Away(Exception):  # noqa: N818 - the store is away
    pass


class _Refused(Exception):  # noqa: N818 - the store does not understand
    pass


def _of_postgres(url: str, query: str, parameter: str, wanted: Any) -> list[Row]:
    import psycopg
    from psycopg.rows import dict_row

    sql: Any = _with_parameter(query.replace("%", "%%"), parameter, f"%({parameter})s")
    options = f"-c default_transaction_read_only=on -c statement_timeout={TIMEOUT}s"
    try:
        with psycopg.connect(url, connect_timeout=TIMEOUT, options=options, row_factory=dict_row) as connection:
            return list(connection.execute(sql, {parameter: str(wanted)}).fetchall())
    except psycopg.OperationalError as error:
        raise _Away(_one_line(error)) from None
    except psycopg.Error as error:
        raise _Refused(_one_line(error)) from None


def _of_sqlite(url: str, query: str, parameter: str, wanted: Any) -> list[Row]:
    import sqlite3
    from contextlib import closing

    try:
        file = f"file:{url.removeprefix('sqlite:///')}?mode=ro"
        with closing(sqlite3.connect(file, uri=True, timeout=TIMEOUT)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("SELECT 1 FROM sqlite_master")
            try:
                found = connection.execute(_with_parameter(query, parameter, f":{parameter}"), {parameter: wanted})
                return [dict(row) for row in found]
            except sqlite3.Error as error:
                raise _Refused(_one_line(error)) from None
    except sqlite3.Error as error:
        raise _Away(_one_line(error)) from None


def _of_redis(url: str, query: str, parameter: str, wanted: Any) -> list[Row]:
    import redis

    key = query.replace(f"{{{parameter}}}", str(wanted))
    try:
        with redis.Redis.from_url(
            url, socket_connect_timeout=TIMEOUT, socket_timeout=TIMEOUT, decode_responses=True, retry=None
        ) as client:
            kind = client.type(key)
            if kind == "none":
                return []
            if kind == "hash":
                return [dict(client.hgetall(key))]
            if kind == "list":
                return [_document(entry) for entry in client.lrange(key, 0, -1)]
            return [_document(client.get(key)) if kind == "string" else {}]
    except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
        raise _Away(_one_line(error)) from None
    except redis.RedisError as error:
        raise _Refused(_one_line(error)) from None


_READERS = {"postgres": _of_postgres, "sqlite": _of_sqlite, "redis": _of_redis}


def _with_parameter(query: str, parameter: str, placeholder: str) -> str:
    return query.replace(f"'{{{parameter}}}'", placeholder).replace(f"{{{parameter}}}", placeholder)


def _document(text: Any) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
