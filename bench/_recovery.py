"""The clients of bench.recovery: each connects, says where it was, and takes what it missed; alike at both servers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import picows
from lockstep.statistics import percentile

from bench._chat import TEXT, WITHIN, Endpoint


@dataclass(frozen=True)
class Tab:
    """One client that holds nothing of its conversation yet, in which ``missed`` messages have been stored."""

    endpoint: Endpoint
    client_id: str
    epoch: str
    missed: int

    def frame(self) -> bytes:
        """Its ``resume``."""
        positions = {self.endpoint.conversation: {"epoch": self.epoch, "seq": 0}}
        payload = {"client_id": self.client_id, "positions": positions}
        return json.dumps({"type": "resume", "id": "r", "payload": payload}).encode()


@dataclass(frozen=True)
class Recovered:
    """Seconds from the first connect to the last ``resumed``, and of each client from its own connect to its own.

    ``flaws`` says what was missing, doubled or out of order, by what the sockets received; ``cpu`` is of the server.
    """

    seconds: float
    each: list[float]
    flaws: list[str]
    received: list[list[dict[str, Any]]]
    cpu: float = 0.0

    def p(self, percent: float) -> float:
        """A percentile of the clients' own times."""
        return percentile(self.each, percent)


@dataclass(eq=False)
class Client(picows.WSListener):
    """One socket; keeps what comes till its ``resumed``, and looks into it afterwards."""

    tab: Tab
    done: asyncio.Event = field(default_factory=asyncio.Event)
    frames: list[bytes] = field(default_factory=list)
    begun: float = 0.0
    ended: float = float("inf")
    error: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self._resume = self.tab.frame()

    async def come_back(self) -> None:
        """Connect; ``done`` is set once it has resumed."""
        endpoint = self.tab.endpoint
        headers = (
            {"Authorization": f"Bearer {endpoint.token}", "X-Client-Id": self.tab.client_id} if endpoint.token else None
        )
        self.begun = time.perf_counter()
        await picows.ws_connect(lambda: self, endpoint.url, extra_headers=headers, max_frame_size=64 << 20)
        await self.done.wait()

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self.transport = transport
        transport.send(TEXT, self._resume)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type != TEXT:
            return
        body = frame.get_payload_as_bytes()
        self.frames.append(body)
        start = body[:24]
        if b'"resumed"' in start:
            self.ended = time.perf_counter()
            self.done.set()
        elif b'"error"' in start:
            self._failed(body.decode())

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        if not self.done.is_set():
            self._failed("the server hung up")

    def _failed(self, why: str) -> None:
        self.error = why
        self.done.set()

    def received(self) -> list[dict[str, Any]]:
        """The messages, in the order in which they came."""
        found = [json.loads(body) for body in self.frames]
        return [message for one in found if one["type"] == "message.batch" for message in one["payload"]["messages"]]

    def flaws(self) -> list[str]:
        """What is missing, doubled or out of order on this socket, and whether it was told the truth about it."""
        if self.error or not self.frames:
            return [self.error or "nothing came"]
        messages, last = self.received(), json.loads(self.frames[-1])["payload"]
        found = []
        told = [(message["conversation_id"], message["seq"], message["body"]) for message in messages]
        endpoint = self.tab.endpoint
        if told != [(endpoint.conversation, number + 1, f"message {number}") for number in range(self.tab.missed)]:
            found.append(f"{len(told)} messages of {self.tab.missed}, or not in order")
        if (last.get("recovered"), last.get("replayed")) != (True, self.tab.missed):
            found.append(f"it was told {last}")
        return found


async def recover(tabs: Sequence[Tab]) -> Recovered:
    """Everybody comes back at once."""
    clients = [Client(tab) for tab in tabs]
    begun = time.perf_counter()
    try:
        await asyncio.wait_for(asyncio.gather(*(client.come_back() for client in clients)), WITHIN)
    except (OSError, TimeoutError, picows.WSError) as error:
        clients[0].error = clients[0].error or f"{type(error).__name__}: {error}"
    for client in clients:
        if hasattr(client, "transport"):
            client.transport.disconnect(graceful=False)
    return Recovered(
        max(client.ended for client in clients) - begun,
        [client.ended - client.begun for client in clients],
        [f"client {number}: {flaw}" for number, client in enumerate(clients) for flaw in client.flaws()],
        [client.received() for client in clients],
    )


async def introduce(tabs: Sequence[Tab]) -> None:
    """Make the names of these clients known: one that was never seen cannot have missed anything."""
    for tab in tabs:
        await Client(tab).come_back()
