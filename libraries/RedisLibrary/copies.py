"""Copies of a database as it is at a moment, and its return to one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
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


def differences(before: RedisCopy, now: RedisCopy, free: Sequence[str]) -> list[str]:
    """A line for each key that is gone or new, or has another value or another moment of expiry.

    Keys that match one of the patterns ``free`` (as for ``KEYS``) may be as they like.
    """
    found = []
    for name in sorted(before.keys.keys() | now.keys.keys()):
        text = name.decode(errors="replace")
        was, is_now = before.keys.get(name), now.keys.get(name)
        if was == is_now or any(fnmatchcase(text, pattern) for pattern in free):
            continue
        if is_now is None:
            found.append(f"{text} is gone")
        elif was is None:
            found.append(f"{text} is new")
        elif was[0] != is_now[0]:
            found.append(f"{text} has another value")
        else:
            found.append(f"{text} expires {_moment(is_now[1])}, not {_moment(was[1])}")
    return found


def _moment(milliseconds: int) -> str:
    return f"at {milliseconds / 1000:.3f}" if milliseconds else "never"


def holding(client: redis.Redis, texts: Sequence[str]) -> list[str]:
    """The keys of which the name or the value holds any of ``texts``, in any case, in order."""
    wanted = [text.lower().encode() for text in texts]
    with _raw(client) as raw:
        names: Any = list(raw.scan_iter(count=1000))
        contents = {name: name + b" " + _content(raw, name) for name in names}
    found = [name for name, content in contents.items() if any(text in content.lower() for text in wanted)]
    return sorted(name.decode(errors="replace") for name in found)


def _content(raw: redis.Redis, name: bytes) -> bytes:
    kind: Any = raw.type(name)
    if kind == b"none":
        return b""  # it has expired meanwhile
    read: dict[bytes, Callable[[], Any]] = {
        b"string": lambda: [raw.get(name) or b""],
        b"hash": lambda: [part for pair in raw.hgetall(name).items() for part in pair],
        b"list": lambda: raw.lrange(name, 0, -1),
        b"set": lambda: list(raw.smembers(name)),
        b"zset": lambda: raw.zrange(name, 0, -1),
    }
    return b" ".join(read[kind]())


def put_back(client: redis.Redis, copy: RedisCopy) -> None:
    """What the copy has, and nothing else, in one step."""
    with _raw(client) as raw, raw.pipeline(transaction=True) as pipe:
        pipe.flushdb()
        for name, (value, expires) in copy.keys.items():
            pipe.restore(name, expires, value, absttl=bool(expires))
        pipe.execute()
