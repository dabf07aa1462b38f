"""The callers of bench.sessions, and the sessions that they ask about.

A caller is a kept connection with one request under way; its next request leaves in the very callback that takes the
answer. The parser is httptools (C): a request costs this side a few dozen µs, so that what is measured is auth.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httptools
import psycopg
import redis
import uvloop
from lockstep.statistics import percentile

WITHIN = 300.0
OF_ONE_USER = 5  # sessions: auth ends the oldest of more than ten

Answer = tuple[int, bytes]


@dataclass(frozen=True)
class Endpoint:
    """Auth's address, and the service credential."""

    url: str
    credential: str

    def request(self, path: str, body: dict[str, Any] | None = None) -> bytes:
        """A POST of JSON, as it goes over the wire."""
        data = json.dumps(body or {}).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {urllib.parse.urlsplit(self.url).netloc}\r\n"
            f"Authorization: Bearer {self.credential}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        return head.encode() + data


@dataclass
class Asked:
    """What became of many requests: seconds of all and of each, CPU seconds of this side, and the answers in order."""

    seconds: float
    cpu: float
    latencies: list[float]
    answers: list[Answer]

    @property
    def rate(self) -> float:
        """Requests in a second."""
        return len(self.answers) / self.seconds

    def p(self, percent: float) -> float:
        """A percentile of the latencies."""
        return percentile(self.latencies, percent)

    def flaws(self, status: int, *needed: bytes) -> list[str]:
        """Answers of another status, or without these words."""
        wrong = (one for one in self.answers if one[0] != status or any(word not in one[1] for word in needed))
        return [f"{answered}: {body[:200].decode(errors='replace')}" for answered, body in wrong]

    def read(self) -> list[dict[str, Any]]:
        """Every answer's JSON."""
        return [json.loads(body) for _, body in self.answers]


@dataclass(eq=False)
class _Caller(asyncio.Protocol):
    work: Iterator[tuple[int, bytes]]
    asked: Asked
    left: Callable[[str], None]
    body: list[bytes] = field(default_factory=list)
    number: int = -1
    sent: float = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.parser = httptools.HttpResponseParser(self)

    def ask(self) -> None:
        """The next request, or leave."""
        self.number, request = next(self.work, (-1, b""))
        if self.number < 0:
            self.left("")
            return
        self.body.clear()
        self.sent = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        self.asked.latencies[self.number] = time.perf_counter() - self.sent
        self.asked.answers[self.number] = (self.parser.get_status_code(), b"".join(self.body))
        self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        if self.number >= 0:
            self.left(f"auth hung up in the middle of request {self.number} ({error})")


def ask(endpoint: Endpoint, requests: Sequence[bytes], callers: int) -> Asked:
    """All ``requests``, by so many callers at once, each taking the next one when its own is answered."""
    return uvloop.run(_ask(endpoint, requests, callers))


async def _ask(endpoint: Endpoint, requests: Sequence[bytes], callers: int) -> Asked:
    loop = asyncio.get_running_loop()
    address = urllib.parse.urlsplit(endpoint.url)
    asked = Asked(0, 0, [0.0] * len(requests), [(0, b"")] * len(requests))
    work, done = iter(enumerate(requests)), loop.create_future()
    busy = callers

    def left(why: str) -> None:
        nonlocal busy
        busy -= 1
        if done.done():
            return
        if why:
            done.set_exception(ConnectionError(why))
        elif busy == 0:
            done.set_result(None)

    made = [
        await loop.create_connection(lambda: _Caller(work, asked, left), str(address.hostname), address.port or 80)
        for _ in range(callers)
    ]
    begun, before = time.perf_counter(), time.process_time()
    for _, caller in made:
        caller.ask()
    try:
        async with asyncio.timeout(WITHIN):
            await done
        asked.seconds, asked.cpu = time.perf_counter() - begun, time.process_time() - before
    finally:
        for transport, _ in made:
            transport.abort()
    return asked


# --- sessions by the endpoint


def creations(endpoint: Endpoint, user_ids: Sequence[str], count: int) -> list[bytes]:
    """Requests for ``count`` sessions, a few of each user, neighbours of different users."""
    body = {"type": "WEB", "device": "a bench", "metadata": {"theme": "dark", "locale": "de-CH"}}
    return [
        endpoint.request("/admin/sessions", {"user_id": user_ids[number % len(user_ids)], **body})
        for number in range(count)
    ]


def validations(endpoint: Endpoint, tokens: Sequence[str], count: int | None = None) -> list[bytes]:
    """A validation of each token; of ``count`` drawn ones where that is given."""
    drawn = tokens if count is None else random.Random(7).choices(tokens, k=count)
    made = {token: endpoint.request("/admin/sessions/validate", {"session_token": token}) for token in set(drawn)}
    return [made[token] for token in drawn]


# --- sessions in bulk

_USERS = """
INSERT INTO auth_users SELECT (jsonb_populate_record(auth_users, jsonb_build_object(
    'id', given.id, 'email', given.id || '@example.test', 'name', given.id))).*
FROM auth_users, unnest(%s::uuid[]) AS given (id) WHERE auth_users.id = %s
"""
_SESSIONS = """
INSERT INTO sessions SELECT (jsonb_populate_record(sessions, jsonb_build_object(
    'id', given.id, 'user_id', given.user_id, 'token_hash', '\\x' || given.hash))).*
FROM sessions, unnest(%s::uuid[], %s::uuid[], %s::text[]) AS given (id, user_id, hash) WHERE sessions.id = %s
"""
_BATCH = 5000


def multiply(auth_db_url: str, redis_url: str, model: dict[str, Any], count: int) -> list[str]:
    """``count`` more sessions like ``model``, which the endpoint has made, in both stores; their session tokens.

    Rows and documents are the model's own, each with an id, a user and a token of its own. Not through the endpoint: it
    makes some hundred in a second, and its batch knows no session tokens and tells the backends of each user.
    """
    cache = redis.Redis.from_url(redis_url, decode_responses=True)
    document = json.loads(_text(cache.get(f"session:{model['session_id']}")))
    left = cache.pttl(f"session:{model['session_id']}")
    tokens: list[str] = []
    with psycopg.connect(auth_db_url, autocommit=True) as database:
        for start in range(0, count, _BATCH):
            number = min(_BATCH, count - start)
            ids = [str(uuid.uuid4()) for _ in range(number)]
            users = [str(uuid.uuid4()) for _ in range(-(-number // OF_ONE_USER))]
            owners = [users[each // OF_ONE_USER] for each in range(number)]
            new = [f"bench-{each}" for each in ids]
            hashes = [hashlib.sha256(token.encode()).hexdigest() for token in new]
            database.execute(_USERS, (users, model["user_id"]))
            database.execute(_SESSIONS, (ids, owners, hashes, model["session_id"]))
            pipe = cache.pipeline(transaction=False)
            for session_id, owner, token_hash in zip(ids, owners, hashes, strict=True):
                own = {**document, "session_id": session_id, "user_id": owner, "token_hash": token_hash}
                pipe.set(f"session:{session_id}", json.dumps(own), px=left)
                pipe.set(f"session:token:{token_hash}", session_id, px=left)
                pipe.zadd(f"user:{owner}:sessions", {session_id: start})
                pipe.pexpire(f"user:{owner}:sessions", left)
            pipe.execute()
            tokens += new
        database.execute("VACUUM ANALYZE sessions, auth_users")
    cache.close()
    return tokens


def _text(found: Any) -> str:
    if isinstance(found, str):
        return found
    raise LookupError("the model session has no document in Redis")
