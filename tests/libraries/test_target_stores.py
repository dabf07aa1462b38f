"""What stores hold of users and messages: read as the dialect describes it, and an error where a store is away."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from lockstep import target
from lockstep.dialect import DialectError, NotDescribed, Session, Speaker, loads
from lockstep.dialect.stores import StoreAwayError, look_up, stores_of
from TargetLibrary.storing import _wrong

from tests.services.servers import MakeDatabase, Redis, free_port

HEAD = "dialect: 1\nendpoints: {api: http://127.0.0.1:1}\n"


def speaker(stores: str, **platform: Any) -> Speaker:
    return Speaker(loads(f"{HEAD}stores: {stores}"), platform)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "store.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "CREATE TABLE people (id TEXT, name TEXT, mail TEXT);"
            "INSERT INTO people VALUES ('7', 'a', 'a@example.test');"
            "CREATE TABLE said (room TEXT, text TEXT); INSERT INTO said VALUES ('r', 'one'), ('r', '100%'), ('s', 'x');"
        )
    return path


@pytest.mark.req("T04")
def test_a_database_file_is_asked_as_described(database: Path) -> None:
    found = speaker(
        f"{{own: {{url: 'sqlite:///{database}', user: 'SELECT name, mail AS email FROM people WHERE id = {{id}}', "
        f"messages: \"SELECT text FROM said WHERE room = '{{room}}' ORDER BY text DESC\"}}}}"
    )
    assert look_up(found, "own", "user", "7") == [{"name": "a", "email": "a@example.test"}]
    assert look_up(found, "own", "user", "' OR 1 = 1") == []
    assert [row["text"] for row in look_up(found, "own", "messages", "r")] == ["one", "100%"]
    assert list(stores_of(found, "user")) == ["own"]


@pytest.mark.req("T04")
def test_postgresql_and_redis_are_asked_as_described(make_database: MakeDatabase) -> None:
    url = make_database("stores")
    found = speaker(f"{{main: {{url: '{url}', user: \"SELECT '50%' AS name, 3 AS more WHERE {{id}} LIKE '7%'\"}}}}")
    assert look_up(found, "main", "user", 7) == [{"name": "50%", "more": 3}]
    assert look_up(found, "main", "user", 8) == []
    redis = Redis()
    try:
        redis.start()
        found = speaker("{cache: {url: '{platform.r}', session: 's:{id}', messages: 'r:{room}'}}", r=redis.url)
        assert look_up(found, "cache", "session", 1) == []
        import redis as client

        with client.Redis.from_url(redis.url) as server:
            server.set("s:1", json.dumps({"user": 7}))
            server.hset("s:2", mapping={"user": "8"})
            server.set("s:3", "no document")
            server.rpush("r:x", '{"text": "one"}', '{"text": "two"}')
        assert [look_up(found, "cache", "session", number) for number in (1, 2, 3)] == [
            [{"user": 7}], [{"user": "8"}], [{}],
        ]  # fmt: skip
        assert [row["text"] for row in look_up(found, "cache", "messages", "x")] == ["one", "two"]
    finally:
        redis.kill()


@pytest.mark.req("T04")
@pytest.mark.parametrize(
    "url", ["postgresql://someone:a-password-of-it@127.0.0.1:{port}/x", "redis://127.0.0.1:{port}"]
)
def test_a_store_that_is_away_is_an_error(url: str) -> None:
    found = speaker(f"{{main: {{url: '{url.format(port=free_port())}', user: 'SELECT {{id}}'}}}}")
    with pytest.raises(StoreAwayError, match=r"stores\.main: \w+://127\.0\.0\.1:\d+.* cannot be reached") as raised:
        look_up(found, "main", "user", "1")
    assert "a-password-of-it" not in str(raised.value)


@pytest.mark.req("T04")
def test_a_file_that_is_missing_is_away_and_a_wrong_query_has_its_line(database: Path, tmp_path: Path) -> None:
    found = speaker(f"{{own: {{url: 'sqlite:///{tmp_path}/none', user: 'SELECT {{id}}'}}}}")
    with pytest.raises(StoreAwayError, match="cannot be reached"):
        look_up(found, "own", "user", "1")
    found = speaker(f"\n  own: {{url: 'sqlite:///{database}',\n    user: 'SELECT x FROM none WHERE y = {{id}}'}}")
    with pytest.raises(DialectError, match=r"target\.yaml:5: stores\.own\.user: sqlite:///.* no such table"):
        look_up(found, "own", "user", "1")


@pytest.mark.req("T04")
def test_a_store_that_the_platform_has_not_is_left_out() -> None:
    stores = "{main: {url: '{platform.db}', user: 'SELECT {id}'}}"
    assert list(stores_of(speaker(stores, db="postgresql://x"), "user")) == ["main"]
    for found in (speaker(stores), speaker(stores, db=None), speaker(f"{stores}\nabsent: {{stores: none are open}}")):
        with pytest.raises(NotDescribed, match=r"stores\.user"):
            stores_of(found, "user")
    with pytest.raises(NotDescribed, match=r"stores\.session"):
        stores_of(speaker(stores, db="postgresql://x"), "session")


@pytest.mark.req("T04")
@pytest.mark.parametrize(
    ("stores", "said"),
    [
        ("{main: {url: 'sqlite:///x'}}", "nothing can be looked up"),
        ("{main: {url: 'sqlite:///x', user: SELECT 1}}", r"\{id\} is missing"),
        ("{main: {url: 'sqlite:///x', messages: 'SELECT {id}'}}", r"\{room\} is missing"),
    ],
)
def test_a_look_up_that_finds_whatever_there_is_is_an_error(stores: str, said: str) -> None:
    with pytest.raises(DialectError, match=said):
        loads(f"{HEAD}stores: {stores}")


@pytest.mark.req("T04")
@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "it is not there"),
        ([{"name": "a"}] * 2, "it is there 2 times"),
        ([{"name": "b"}], "its name is 'b', not 'a'"),
        ([{"name": None}], "its name is None, not 'a'"),
        ([{"name": "a", "password": "a hash", "user": 7, "other": 1}], ""),
        ([{"user": 8}], "its user is 8, not '7'"),
    ],
)
def test_what_is_known_of_a_user_is_compared(rows: list[dict[str, Any]], said: str) -> None:
    assert _wrong(rows, Session({"name": "a", "password": "a word", "user": "7"})) == said
    assert not target.in_use()
