"""The servers that the service tests stand on do what those tests rely on."""

from __future__ import annotations

import psycopg
import pytest
import redis

from tests.services.servers import MakeDatabase, MakePostgres, MakeRedis


def test_databases_are_isolated(make_database: MakeDatabase) -> None:
    first, second = make_database("isolation"), make_database("isolation")
    with psycopg.connect(first, autocommit=True) as connection:
        connection.execute("CREATE TABLE only_here (id int)")
    with psycopg.connect(second) as connection:
        row = connection.execute("SELECT to_regclass('only_here')").fetchone()
    assert row == (None,)


def test_a_killed_redis_comes_back_empty(make_redis: MakeRedis) -> None:
    server = make_redis()
    client = redis.Redis.from_url(server.url)
    client.set("key", "value")
    server.kill()
    with pytest.raises(redis.ConnectionError):
        client.get("key")
    server.start()
    assert client.get("key") is None
    client.close()


def test_a_stopped_postgres_keeps_its_rows(make_postgres: MakePostgres) -> None:
    server = make_postgres()
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS id")
    server.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url("postgres"), connect_timeout=2)
    server.start()
    with psycopg.connect(server.url("postgres")) as connection:
        assert connection.execute("SELECT id FROM kept").fetchone() == (1,)
