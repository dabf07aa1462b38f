"""The group-commit writer: one held connection, one transaction for all that has queued up meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import psycopg
from psycopg import AsyncConnection

from services.backend import allocation, metrics
from services.backend.allocation import Draft, Place
from services.backend.database import AWAY, Row, connect
from services.backend.log_store import Committed, OwedAnswer, commit_group
from services.backend.messages import Message
from services.backend.shares import Shares
from services.common import logs, problems

KEEP_TRYING = 3.0
RETRY_EVERY = 0.1
COMMIT_TIMEOUT = 5.0


class Sender(Protocol):
    """Who is told what became of a draft. Neither method may wait or raise."""

    def settled(self, entry: Entry, place: Place, message: Message | None) -> None:
        """The group has been committed."""

    def failed(self, entry: Entry) -> None:
        """PostgreSQL is away; the draft may have been stored, and may be sent again."""


@dataclass(slots=True)
class Entry:
    """A draft on its way; ``frame_id`` is what its sender wants to be answered under."""

    draft: Draft
    sender: Sender
    frame_id: str | None = None


class Writer:
    """Commits what is put to it, in that order within each conversation.

    After each commit, and in the same step of the loop, the senders are told; then ``published`` gets the new messages
    by conversation and the highest repeated seq of each, and ``owed`` the answers that this replica now owes.
    """

    def __init__(
        self,
        url: str,
        replica: str,
        lease: float,
        published: Callable[[dict[str, list[Message]], dict[str, int]], None],
        owed: Callable[[list[OwedAnswer]], None],
    ) -> None:
        self._url = url
        self._replica = replica
        self._lease = lease
        self._published = published
        self._owed = owed
        self._waiting = Shares[Entry]()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._connection: AsyncConnection[Row] | None = None

    def put(self, entry: Entry) -> None:
        """Queue ``entry``; its sender will be told exactly once."""
        self._waiting.put(entry.draft.conversation_id, entry)
        self._idle.clear()
        self._wake.set()

    async def write(self, draft: Draft) -> tuple[Place, Message | None]:
        """Commit one draft and wait for it; raises 503 ``database_unavailable``."""
        waiting = _Waiting(asyncio.get_running_loop().create_future())
        self.put(Entry(draft, waiting))
        return await waiting.outcome

    async def run(self) -> None:
        """Commit groups until cancelled; what is queued then is told that it failed."""
        try:
            await self._connect_early()
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    await self._commit(self._waiting.next_group(time.monotonic()))
                self._idle.set()
        finally:
            for entry in self._waiting.take_all():
                entry.sender.failed(entry)
            await self._disconnect()

    async def drain(self) -> None:
        """Wait until all that was put has been answered for, at most as long as a commit may take."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), COMMIT_TIMEOUT)

    async def _connect_early(self) -> None:
        try:
            self._connection = await connect(self._url)
        except AWAY:
            self._connection = None

    async def _commit(self, group: list[Entry]) -> None:
        try:
            committed = await self._persist([entry.draft for entry in group])
        except (psycopg.Error, TimeoutError) as error:
            logs.logger().error("group_commit_failed", drafts=len(group), reason=logs.reason(error))
            for entry in group:
                entry.sender.failed(entry)
            return
        except BaseException:
            for entry in group:
                entry.sender.failed(entry)
            raise
        self._tell(group, committed)

    async def _persist(self, drafts: list[Draft]) -> Committed:
        """Try for ``KEEP_TRYING``: what a lost commit stored shows as duplicates, so a repeat is safe."""
        deadline = time.monotonic() + KEEP_TRYING
        while True:
            try:
                return await self._persist_once(drafts)
            except AWAY:
                await self._disconnect()
                if time.monotonic() + RETRY_EVERY > deadline:
                    raise
                await asyncio.sleep(RETRY_EVERY)

    async def _persist_once(self, drafts: list[Draft]) -> Committed:
        async with asyncio.timeout(COMMIT_TIMEOUT):
            if self._connection is None or self._connection.closed:
                self._connection = await connect(self._url)
            with metrics.COMMIT_SECONDS.time():
                return await commit_group(self._connection, drafts, self._replica, self._lease)

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _tell(self, group: list[Entry], committed: Committed) -> None:
        fresh: dict[str, list[Message]] = {}
        repeated: dict[str, int] = {}
        for entry, place, message in zip(group, committed.places, committed.messages, strict=True):
            if place.outcome == allocation.NEW and message is not None:
                fresh.setdefault(message.conversation_id, []).append(message)
            if place.outcome == allocation.DUPLICATE:
                metrics.DUPLICATES.inc()
                repeated[entry.draft.conversation_id] = max(place.seq, repeated.get(entry.draft.conversation_id, 0))
            entry.sender.settled(entry, place, message)
        metrics.COMMITTED.inc(sum(map(len, fresh.values())))
        if fresh or repeated:
            self._published(fresh, repeated)
        if committed.answers:
            self._owed(committed.answers)


@dataclass(slots=True)
class _Waiting:
    """A sender that is a coroutine."""

    outcome: asyncio.Future[tuple[Place, Message | None]]

    def settled(self, entry: Entry, place: Place, message: Message | None) -> None:
        if not self.outcome.done():
            self.outcome.set_result((place, message))

    def failed(self, entry: Entry) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(problems.unavailable("database"))
