"""RedisLibrary against a real Valkey: every assertion keyword passes, fails, and says why."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from assertionengine import AssertionOperator
from lockstep import masking, target
from RedisLibrary import NotRedisError, RedisAwayError, RedisLibrary

from tests.libraries.inner import INNER, run_inner
from tests.services.servers import MakeRedis, free_port


@pytest.fixture
def web_server() -> Iterator[str]:
    """Answers each connection as a web server would."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                peer.recv(1000)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_keywords_from_outside(make_redis: MakeRedis, web_server: str, tmp_path: Path) -> None:
    variables = {
        "URL": make_redis().url,
        "DEAD": f"redis://:hidden-password@127.0.0.1:{free_port()}/0",
        "WEB": web_server,
    }
    run = run_inner(INNER / "redis", tmp_path, variables=variables)
    run.all_as_declared()
    assert "hidden-password" not in run.output.split("<test ", 1)[1]


def test_a_wait_survives_a_restart_of_the_server(make_redis: MakeRedis) -> None:
    redis, library = make_redis(), RedisLibrary()
    library.connect_to_redis(redis.url)
    redis.kill()
    with pytest.raises(RedisAwayError, match=f"Redis at redis://127.0.0.1:{redis.port}/0 does not answer"):
        library.get_redis_value("k")
    with pytest.raises(AssertionError, match="last seen: RedisAwayError"):
        library.redis_key_should_not_exist("k")
    # The wait is in the thread, not the start: a server dies with the thread that started it.
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(library.get_redis_keys, "*", AssertionOperator["=="], [], timedelta(seconds=20))
        redis.start()
        assert waiting.result() == []


def test_the_redis_of_the_target_is_the_default(make_redis: MakeRedis) -> None:
    library, redis = RedisLibrary(), make_redis()
    with pytest.raises(RuntimeError, match="call Connect To Redis first"):
        library.get_redis_keys()
    target.set_current({"target": "embedded", "redis_url": redis.url})
    try:
        assert library.get_redis_keys() == []
        assert library.get_redis_server_facts().pid == redis.process.pid if redis.process else 0
    finally:
        target.set_current(None)


def test_a_server_without_the_replicas_that_it_needs_refuses_writes_alone(make_redis: MakeRedis) -> None:
    library = RedisLibrary()
    library.connect_to_redis(make_redis().url)
    library.set_redis_value("a", "1")
    assert library.configure_redis("min-replicas-to-write", "1") == "0"
    with pytest.raises(RuntimeError, match="refuses: "):
        library.set_redis_value("a", "2")
    assert library.get_redis_value("a") == "1"
    assert library.configure_redis("min-replicas-to-write", "0") == "1"
    library.set_redis_value("a", "2")
    library.disconnect_from_redis()


def test_the_password_of_a_url_is_masked() -> None:
    with pytest.raises((RedisAwayError, NotRedisError)) as failure:
        RedisLibrary().connect_to_redis(f"redis://:very-secret-word@127.0.0.1:{free_port()}/0")
    assert "very-secret-word" not in str(failure.value)
    assert masking.mask("very-secret-word") == "***"


def test_a_database_goes_back_to_a_copy_with_all_that_expires(make_redis: MakeRedis) -> None:
    redis, library = make_redis(), RedisLibrary()
    library.connect_to_redis(redis.url)
    library.set_redis_value("kept", "before", timedelta(minutes=1))
    copy = library.get_redis_copy()
    library.set_redis_value("kept", "after", timedelta(minutes=1))
    library.set_redis_value("new", "after", timedelta(minutes=1))
    library.restore_redis_copy(copy)
    assert library.get_redis_keys("*") == ["kept"]
    assert library.get_redis_value("kept") == "before"
    assert 0 < library.get_redis_ttl("kept") <= 60
    assert str(copy) == "a copy of 1 keys"


def test_a_copy_is_compared_key_by_key_with_what_expires_when(make_redis: MakeRedis) -> None:
    server, library = make_redis(), RedisLibrary()
    library.connect_to_redis(server.url)
    with pytest.raises(AssertionError, match="nothing to compare"):
        library.redis_should_hold_copy(library.get_redis_copy())
    for name in ("kept", "gone", "other", "later", "free:1"):
        library.set_redis_value(name, "before", timedelta(minutes=1))
    copy = library.get_redis_copy()
    library.redis_should_hold_copy(copy)
    library.delete_redis_keys("gone")
    library.set_redis_value("other", "after", timedelta(minutes=1))
    library.set_redis_value("later", "before", timedelta(minutes=2))
    library.set_redis_value("new", "after", timedelta(minutes=1))
    library.delete_redis_keys("free:*")
    with pytest.raises(AssertionError) as failure:
        library.redis_should_hold_copy(copy, "free:*")
    text = str(failure.value)
    for part in ("gone is gone", "other has another value", "later expires at ", "new is new"):
        assert part in text
    assert "kept" not in text
    assert "free:1" not in text


def test_keys_are_found_by_what_they_hold_whatever_their_type(make_redis: MakeRedis) -> None:
    server, library = make_redis(), RedisLibrary()
    library.connect_to_redis(server.url)
    with redis.Redis.from_url(server.url) as client:
        client.set("text", "of Ada@Example.org")
        client.hset("hash", "mail", "ada@example.org")
        client.rpush("list", "x", "ada@example.org")
        client.sadd("set", "ada@example.org")
        client.zadd("zset", {"ada@example.org": 1})
        client.set("of:ada@example.org", "1")
        client.set("text:bytes", b"\xff\xfe")
    assert library.get_redis_keys_holding("ada@example.org") == [
        "hash",
        "list",
        "of:ada@example.org",
        "set",
        "text",
        "zset",
    ]
    assert library.get_redis_keys_holding("bob") == []
    with pytest.raises(ValueError, match="nothing to look for"):
        library.get_redis_keys_holding()
