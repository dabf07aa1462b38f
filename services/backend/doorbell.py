"""Redis pub/sub between replicas. Nothing depends on a ring: without Redis the watch asks PostgreSQL instead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from services.backend import metrics, redis_client, rings
from services.backend.rings import CHANNEL, Ring
from services.common import logs, redis_connections

RECONNECT_EVERY = 0.3
HEALTH_CHECK_EVERY = 2.0


class Doorbell:
    """Publishes what is gathered in ``pending``; ``heard`` gets the rings of the other replicas."""

    def __init__(self, url: str, replica: str, heard: Callable[[Ring], None]) -> None:
        self.pending = Ring()
        self.connected = False
        self._replica = replica
        self._heard = heard
        self._wake = asyncio.Event()
        self._publisher = redis_connections.connect(url, redis_client.TIMEOUT, redis_client.CONNECTIONS)
        self._subscriber = redis_connections.connect(url, redis_client.TIMEOUT, redis_client.CONNECTIONS)
        self.on_change: Callable[[], None] = lambda: None

    def ring(self) -> None:
        """Send what is pending, soon."""
        self._wake.set()

    async def publish(self) -> None:
        """Send rings until cancelled; what cannot be sent is dropped, since the watch will find it."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.flush()

    async def flush(self) -> None:
        """Send now what is pending."""
        ring, self.pending = self.pending, Ring()
        if not ring or not self.connected:
            return
        try:
            await self._publisher.publish(CHANNEL, rings.encode(ring, self._replica))
        except redis_connections.AWAY as error:
            logs.logger().warning("ring_not_sent", reason=logs.reason(error))

    async def listen(self) -> None:
        """Hear rings until cancelled, reconnecting for ever."""
        while True:
            try:
                await self._listen_once()
            except redis_connections.AWAY as error:
                if self.connected:
                    logs.logger().warning("doorbell_lost", reason=logs.reason(error))
            self._set_connected(False)
            await asyncio.sleep(RECONNECT_EVERY)

    async def _listen_once(self) -> None:
        async with self._subscriber.pubsub() as subscription:
            await subscription.subscribe(CHANNEL)
            while True:
                message = await subscription.get_message(timeout=HEALTH_CHECK_EVERY)
                if message is None:
                    # Silence may be a dead connection: the answer to this ping comes as the next message.
                    await subscription.ping()
                    message = await subscription.get_message(timeout=redis_client.TIMEOUT)
                    if message is None:
                        raise TimeoutError("no answer to a ping")
                if message["type"] == "subscribe":
                    self._set_connected(True)
                elif message["type"] == "message":
                    ring = rings.decode(message["data"], self._replica)
                    if ring:
                        self._heard(ring)

    def _set_connected(self, connected: bool) -> None:
        if connected != self.connected:
            self.connected = connected
            metrics.REDIS_UP.set(connected)
            self.on_change()

    async def close(self) -> None:
        """End the connections."""
        await self._publisher.aclose()
        await self._subscriber.aclose()
