"""The client of bench.critical: the same for the platform and for the bare server, so that only servers differ."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import picows

TEXT = picows.WSMsgType.TEXT
WITHIN = 120.0


@dataclass(frozen=True)
class Endpoint:
    """Where one user connects, with which token (none: the bare server), and his conversation."""

    url: str
    conversation: str
    token: str | None = None


@dataclass(frozen=True)
class Exchanged:
    """Seconds from the first sending to the last acknowledgement and answer, and of each single round trip.

    ``flaws`` says what was lost, doubled or out of order, by what the sockets received.
    """

    acked: float
    answered: float | None
    trips: list[float]
    flaws: list[str]


@dataclass(eq=False)
class Client(picows.WSListener):
    """One socket; keeps acknowledgements and answers with their instants, and looks into them afterwards."""

    endpoint: Endpoint
    count: int
    answers_wanted: bool
    one_by_one: bool
    done: asyncio.Event
    welcome: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[float] = field(default_factory=list)
    acks: list[tuple[float, bytes]] = field(default_factory=list)
    answers: list[tuple[float, bytes]] = field(default_factory=list)
    error: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.frames = [self._frame(number) for number in range(self.count)]

    def _frame(self, number: int) -> bytes:
        payload = {
            "conversation_id": self.endpoint.conversation,
            "client_msg_id": f"m-{number}",
            "body": f"message {number}",
        }
        return json.dumps({"type": "message.send", "id": f"n-{number}", "payload": payload}).encode()

    def say(self) -> None:
        """Send everything, or the next one."""
        for frame in self.frames[len(self.sent) : len(self.sent) + 1] if self.one_by_one else self.frames:
            self.sent.append(time.perf_counter())
            self.transport.send(TEXT, frame)

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type != TEXT:
            return
        body = frame.get_payload_as_bytes()
        start = body[:24]
        if b'"ack"' in start:
            self.acks.append((time.perf_counter(), body))
            if self.one_by_one and len(self.acks) < self.count:
                self.say()
        elif b'"message"' in start:
            if b'"assistant"' not in body:
                return
            self.answers.append((time.perf_counter(), body))
        elif b'"welcome"' in start:
            self.welcome.set()
        elif b'"error"' in start:
            self.error = body.decode()
            self.done.set()
        if len(self.acks) >= self.count and (not self.answers_wanted or len(self.answers) >= self.count):
            self.done.set()

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        if not self.done.is_set():
            self.error = "the server hung up"
            self.done.set()

    def flaws(self) -> list[str]:
        """What is lost, doubled or out of order on this socket."""
        told = [json.loads(body)["payload"]["client_msg_id"] for _, body in self.acks]
        said = [json.loads(body)["payload"]["body"] for _, body in self.answers]
        found = [self.error] if self.error else []
        if told != [f"m-{number}" for number in range(self.count)]:
            found.append(f"{len(told)} acks of {self.count}, or not in order")
        if self.answers_wanted and said != [f"You said: message {number}" for number in range(self.count)]:
            found.append(f"{len(said)} answers of {self.count}, or not in order")
        return found


async def exchange(
    endpoints: Sequence[Endpoint], count: int, *, answers: bool = False, one_by_one: bool = False
) -> Exchanged:
    """Each user says ``count`` messages: all at once, or each when the one before was acknowledged."""
    clients = [Client(endpoint, count, answers, one_by_one, asyncio.Event()) for endpoint in endpoints]
    for client in clients:
        await _open(client)
    try:
        begun = time.perf_counter()
        for client in clients:
            client.say()
        await asyncio.wait_for(asyncio.gather(*(client.done.wait() for client in clients)), WITHIN)
    except TimeoutError:
        pass  # what is missing is among the flaws
    finally:
        for client in clients:
            client.transport.disconnect(graceful=False)
    return _result(clients, begun, answers)


async def _open(client: Client) -> None:
    headers = {"Authorization": f"Bearer {client.endpoint.token}"} if client.endpoint.token else None
    await picows.ws_connect(lambda: client, client.endpoint.url, extra_headers=headers, max_frame_size=64 << 20)
    if client.endpoint.token:
        await asyncio.wait_for(client.welcome.wait(), WITHIN)


def _result(clients: Sequence[Client], begun: float, answers: bool) -> Exchanged:
    trips = [ack - sent for client in clients for sent, (ack, _) in zip(client.sent, client.acks, strict=False)]
    last_ack = max((ack for client in clients for ack, _ in client.acks), default=float("inf"))
    last_answer = max((at for client in clients for at, _ in client.answers), default=float("inf"))
    flaws = [f"user {number}: {flaw}" for number, client in enumerate(clients) for flaw in client.flaws()]
    return Exchanged(last_ack - begun, last_answer - begun if answers else None, trips, flaws)


def stored(rows: Sequence[tuple[Any, ...]], endpoints: Sequence[Endpoint], count: int) -> list[str]:
    """What the database lacks or has too much: ``rows`` are conversation and number of user messages in it."""
    found = {str(conversation): number for conversation, number in rows}
    wrong = {endpoint.conversation: found.get(endpoint.conversation, 0) for endpoint in endpoints}
    return [f"{number} rows of {count} in {name}" for name, number in wrong.items() if number != count]
