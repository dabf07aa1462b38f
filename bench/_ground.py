"""Where messages are measured: a platform of its own with one backend, and the bare server beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from DataFactory import DataFactory, User
from lockstep.masking import reveal
from PlatformLibrary.embedded.client import HostClient, start_host

from bench import _chat
from bench._chat import Endpoint
from launcher import interrupts

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Ground:
    """A platform with one backend, and the bare server beside it."""

    platform: dict[str, Any]
    bare_url: str
    bare_pid: int
    factory: DataFactory

    def endpoints(self, users: list[User], *, assistant: bool) -> list[Endpoint]:
        """A new conversation for each user, at the platform's backend."""
        url = self.platform["backend_socket_urls"][0]
        made = self.factory.create_conversation_for_each(users, assistant)
        return [Endpoint(url, one.id, reveal(user.access_token)) for one, user in zip(made, users, strict=True)]

    def bare(self, endpoints: Sequence[Endpoint]) -> list[Endpoint]:
        """The same conversations at the bare server."""
        return [Endpoint(self.bare_url, endpoint.conversation) for endpoint in endpoints]

    def users(self, count: int) -> list[User]:
        """New users with tokens."""
        users: list[User] = self.factory.create_load_users(count)
        return users

    def missing(self, endpoints: Sequence[Endpoint], count: int, table: str, only: str = "") -> list[str]:
        """What ``table`` does not hold as it should."""
        with psycopg.connect(self.platform["main_db_url"]) as database:
            rows = database.execute(
                f"SELECT conversation_id, count(*) FROM {table} "
                f"WHERE conversation_id = ANY(%s::uuid[]) {only} GROUP BY 1",
                ([endpoint.conversation for endpoint in endpoints],),
            ).fetchall()
        return _chat.stored(rows, endpoints, count)


@contextmanager
def leased(env: Mapping[str, str] | None = None) -> Iterator[tuple[HostClient, dict[str, Any], DataFactory]]:
    """A private platform with one backend, its host, and a factory of its users; gone when this is left.

    ``env`` goes to each of its services.
    """
    client = start_host(Path(tempfile.gettempdir()) / f"lockstep-bench-{os.getpid()}-{time.monotonic_ns()}.sock")
    try:
        platform = client.lease(shared=False, backends=1, env=dict(env or {}))
        yield (
            client,
            platform,
            DataFactory(
                "bench", platform["auth_url"], platform["backend_urls"][0], service_token=platform["service_token"]
            ),
        )
    finally:
        client.close_and_wait()


@contextmanager
def ground() -> Iterator[Ground]:
    """A private platform with one backend, and the bare server on its PostgreSQL."""
    with leased() as (_, platform, factory):
        bare = interrupts.start(
            [sys.executable, "-m", "bench._bare", platform["main_db_url"]],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert bare.stdin is not None
        assert bare.stdout is not None
        try:
            yield Ground(platform, f"ws://127.0.0.1:{int(bare.stdout.readline())}/", bare.pid, factory)
        finally:
            bare.stdin.close()
            bare.wait(10)
