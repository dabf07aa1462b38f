"""Copies of a database as it is at a moment, and its return to one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import redis


@dataclass(frozen=True)
class RedisCopy:
    """Every key as it was: its serialised value, and the millisecond of the epoch at which it expires (0: never)."""

    keys: dict[bytes, tuple[bytes, int]] = field(repr=False)

    def __str__(self) -> str:
        return f"a copy of {len(self.keys)} keys"


def _raw(client: redis.Redis) -> redis.Redis:
    # Serialised values are bytes, which the connections of texts cannot read.
    wanted = {**client.connection_pool.connection_kwargs, "decode_responses": False, "encoding_errors": "strict"}
    return redis.Redis(connection_pool=redis.ConnectionPool(**wanted))


def take(client: redis.Redis) -> RedisCopy:
    """A copy of all keys, made in one step: nothing is written between two of them."""
    with _raw(client) as raw:
        names: Any = list(raw.scan_iter(count=1000))
        with raw.pipeline(transaction=True) as pipe:
            for name in names:
                pipe.dump(name)
                pipe.pexpiretime(name)
            answers = pipe.execute()
    found = zip(names, answers[::2], answers[1::2], strict=True)
    return RedisCopy({name: (value, max(0, expires)) for name, value, expires in found if value is not None})


def put_back(client: redis.Redis, copy: RedisCopy) -> None:
    """What the copy has, and nothing else, in one step."""
    with _raw(client) as raw, raw.pipeline(transaction=True) as pipe:
        pipe.flushdb()
        for name, (value, expires) in copy.keys.items():
            pipe.restore(name, expires, value, absttl=bool(expires))
        pipe.execute()
