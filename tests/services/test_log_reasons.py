"""A service's log says why something failed, also where the error has no text, as time-outs have none."""

from __future__ import annotations

import asyncio
import socket

import pytest

from services.backend.auth_client import AuthAway, AuthClient
from services.backend.redis_client import Cache, RedisAway
from services.common import logs


def test_an_error_without_a_text_is_named_by_its_kind() -> None:
    assert logs.reason(TimeoutError()) == "TimeoutError"
    assert logs.reason(ValueError("seven")) == "ValueError: seven"


async def keys_of(port: int) -> None:
    auth = AuthClient(f"http://127.0.0.1:{port}", "token", timeout=0.1, threshold=1, open_for=1)
    try:
        await auth.jwks()
    finally:
        await auth.close()


async def two_calls_of(port: int) -> list[str]:
    cache = Cache(f"redis://127.0.0.1:{port}/0")
    said = []
    for _ in range(2):
        with pytest.raises(RedisAway) as away:
            await cache.values(["key"])
        said.append(str(away.value))
    await cache.close()
    return said


def test_keys_that_cannot_be_fetched_in_time_have_a_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(AuthAway, match="ReadTimeout"):
        asyncio.run(keys_of(silent.getsockname()[1]))


def test_a_redis_that_does_not_answer_is_away_for_a_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        first, second = asyncio.run(two_calls_of(silent.getsockname()[1]))
    assert "Timeout" in first
    assert second == "it did not answer a moment ago"
