"""Where bench.critical measures messages: a platform of its own with one backend, and the bare server beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import requests
from PlatformLibrary.embedded.client import start_host

from bench import _chat
from bench._chat import Door

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Ground:
    """A platform with one backend, and the bare server beside it."""

    platform: dict[str, Any]
    bare_url: str

    def doors(self, users: Sequence[dict[str, Any]], *, assistant: bool) -> list[Door]:
        """A new conversation for each user, at the platform's backend."""
        return [Door(self.platform["backend_socket_urls"][0], self._conversation(user, assistant), user["access_token"])
                for user in users]  # fmt: skip

    def bare(self, doors: Sequence[Door]) -> list[Door]:
        """The same conversations at the bare server."""
        return [Door(self.bare_url, door.conversation) for door in doors]

    def users(self, count: int) -> list[dict[str, Any]]:
        """New users with tokens."""
        body = {
            "count": count,
            "prefix": f"bench-{time.monotonic_ns()}",
            "plan": "bulk",
            "client_id": "web",
            "login": True,
        }
        made = _post(f"{self.platform['auth_url']}/admin/users/batch", self.platform["service_token"], body)
        users: list[dict[str, Any]] = made["users"]
        return users

    def missing(self, doors: Sequence[Door], count: int, table: str, only: str = "") -> list[str]:
        """What ``table`` does not hold as it should."""
        with psycopg.connect(self.platform["main_db_url"]) as database:
            rows = database.execute(
                f"SELECT conversation_id, count(*) FROM {table} "
                f"WHERE conversation_id = ANY(%s::uuid[]) {only} GROUP BY 1",
                ([door.conversation for door in doors],),
            ).fetchall()
        return _chat.stored(rows, doors, count)

    def _conversation(self, user: dict[str, Any], assistant: bool) -> str:
        body = {"title": "bench", "assistant": assistant}
        made = _post(f"{self.platform['backend_urls'][0]}/api/conversations", user["access_token"], body)
        return str(made["id"])


def _post(url: str, token: str, body: dict[str, Any]) -> Any:
    answer = requests.post(url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    answer.raise_for_status()
    return answer.json()


@contextmanager
def ground() -> Iterator[Ground]:
    """A private platform with one backend, and the bare server on its PostgreSQL."""
    client = start_host(Path(tempfile.gettempdir()) / f"lockstep-bench-{os.getpid()}-{time.monotonic_ns()}.sock")
    try:
        platform = client.lease(shared=False, backends=1)
        bare = subprocess.Popen(
            [sys.executable, "-m", "bench._bare", platform["main_db_url"]],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert bare.stdin is not None
        assert bare.stdout is not None
        try:
            yield Ground(platform, f"ws://127.0.0.1:{int(bare.stdout.readline())}/")
        finally:
            bare.stdin.close()
            bare.wait(10)
    finally:
        client.close_and_wait()
