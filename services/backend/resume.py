"""Bringing a client back to where it was: subscribe first, replay in batches, then go on live without a seam."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import Any

from services.backend import frames, messages, metrics, positions
from services.backend.channel import Channel, Subscription
from services.backend.clients import Clients
from services.backend.connection import Connection
from services.backend.conversations import Conversations
from services.backend.database import Database
from services.backend.flights import GroupFlight
from services.backend.frames import Position, Resume
from services.backend.hub import Hub
from services.backend.messages import BATCH, PAGES_AT_ONCE, Stored, Stretch
from services.backend.notices import Notices
from services.backend.positions import Head
from services.common import logs
from services.common.problems import Problem


class Resumer:
    """Serves ``resume``."""

    def __init__(
        self,
        database: Database,
        conversations: Conversations,
        clients: Clients,
        hub: Hub,
        notices: Notices,
        *,
        window: float,
        max_replay: int,
    ) -> None:
        self._database = database
        self._conversations = conversations
        self._clients = clients
        self._hub = hub
        self._notices = notices
        self._window = window
        self._max_replay = max_replay
        self._pages = GroupFlight[Sequence[Stretch], list[Stored]](self._read_pages, PAGES_AT_ONCE)

    async def resume(self, connection: Connection, request: Resume, frame_id: str | None) -> None:
        """Send the replay and ``resumed``; raises 503 while nothing has been sent, later closes with 4010."""
        started = time.perf_counter()
        if request.client_id != connection.client_id:
            await self._become(connection, request.client_id)
        with self._hub.pinned(request.positions) as channels:
            heads = await self._conversations.heads(connection.user_id, request.positions)
            for conversation_id, head in heads.items():
                channels[conversation_id].start(head.epoch, head.last_seq)
            reason = positions.refusal(
                request.positions,
                heads,
                known=connection.known,
                away=connection.away,
                window=self._window,
                max_replay=self._max_replay,
            )
            if reason is None:
                replayed = await self._replay(connection, request.positions, heads, channels)
                if replayed is None:
                    return
            else:
                replayed = 0
                self._go_live(connection, heads, channels)
            held = {
                name: Position(heads[name].epoch, connection.subscriptions[name].next_seq - 1).as_json()
                for name in heads
            }
        self._record(reason, replayed, time.perf_counter() - started)
        payload: dict[str, Any] = {
            "client_id": connection.client_id,
            "recovered": reason is None,
            "reason": reason,
            "replayed": replayed,
            "positions": held,
        }
        connection.send(frames.make("resumed", payload, frame_id))

    async def _become(self, connection: Connection, client_id: str) -> None:
        registration = await self._clients.register(connection.user_id, client_id, connection.session_id)
        self._hub.unseat(connection)
        self._clients.left(connection)
        connection.client_id = client_id
        connection.generation = registration.generation
        connection.known = registration.known
        connection.away = registration.away
        connection.unacked.clear()
        self._hub.seat(connection)
        self._notices.replaced(connection.user_id, client_id, registration.generation)

    def _go_live(self, connection: Connection, heads: dict[str, Head], channels: dict[str, Channel]) -> None:
        for conversation_id, head in heads.items():
            channel = channels[conversation_id]
            following = max(channel.head or 0, head.last_seq) + 1
            self._hub.subscribe(connection, channel, following, replaying=False)

    async def _replay(
        self,
        connection: Connection,
        held: dict[str, Position],
        heads: dict[str, Head],
        channels: dict[str, Channel],
    ) -> int | None:
        subscriptions = {
            name: self._hub.subscribe(connection, channels[name], position.seq + 1, replaying=True)
            for name, position in held.items()
        }
        replayed = 0
        try:
            while behind := _behind(subscriptions, heads, channels):
                for page in positions.pages(behind, BATCH):
                    count = await self._replay_page(connection, page, subscriptions, heads)
                    if count is None:
                        return None
                    replayed += count
        except Problem:
            if replayed:
                connection.close(frames.RESUME_NEEDED, "the log cannot be read")
                return None
            for name in subscriptions:
                self._hub.unsubscribe(connection, name)
            raise
        for subscription in subscriptions.values():
            subscription.replaying = False
        return replayed

    async def _replay_page(
        self,
        connection: Connection,
        page: Sequence[Stretch],
        subscriptions: dict[str, Subscription],
        heads: dict[str, Head],
    ) -> int | None:
        # What came with the heads need not be asked for, where it is this page.
        firsts = [first for one in page if (first := heads[one.conversation_id].first) and first.stretch == one]
        count = 0
        for stored in firsts if len(firsts) == len(page) else await self._pages.ask(page):
            stretch = stored.stretch
            if not stored.complete:
                connection.close(frames.RESUME_NEEDED, "the log has changed")
                return None
            connection.send(stored.frame)
            subscriptions[stretch.conversation_id].next_seq = stretch.high + 1
            count += stretch.high - stretch.low
        # One page at a time, so that a long replay to a slow consumer does not pile up here.
        await connection.flushed()
        return None if connection.closing else count

    async def _read_pages(self, pages: Sequence[Sequence[Stretch]]) -> list[list[Stored]]:
        found = iter(await messages.read_stretches(self._database, [one for page in pages for one in page]))
        return [list(itertools.islice(found, len(page))) for page in pages]

    @staticmethod
    def _record(reason: str | None, replayed: int, seconds: float) -> None:
        metrics.RESUMES.labels(reason or "recovered").inc()
        metrics.RESUME_SECONDS.observe(seconds)
        metrics.REPLAYED.inc(replayed)
        logs.logger().info("resumed", reason=reason, replayed=replayed, ms=round(seconds * 1000, 2))


def _behind(
    subscriptions: dict[str, Subscription], heads: dict[str, Head], channels: dict[str, Channel]
) -> list[Stretch]:
    goals = {name: max(channels[name].head or 0, heads[name].last_seq) for name in subscriptions}
    return [
        Stretch(name, subscription.next_seq - 1, goals[name])
        for name, subscription in subscriptions.items()
        if subscription.next_seq <= goals[name]
    ]
