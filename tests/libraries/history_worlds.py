"""A platform that keeps every promise, as a small simulation; its histories are valid by construction."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Any

from HistoryLibrary import Operation
from HistoryLibrary.operations import Kind

KEYS = ("c", "d")
REGISTER, LOCK = "preferences", "lock"
EPOCH = 1


@dataclass
class Message:
    seq: int
    name: str
    body: str


@dataclass
class Client:
    """One socket: what it asked for, what is on its way to it, what it sent and has no answer to."""

    name: str
    connected: bool = True
    held: dict[str, int] = field(default_factory=dict)
    arriving: deque[dict[str, Any]] = field(default_factory=deque)
    sending: deque[tuple[str, str, str]] = field(default_factory=deque)
    unanswered: list[tuple[str, str, str]] = field(default_factory=list)
    given_up: list[tuple[str, str, str]] = field(default_factory=list)
    subscribed: set[str] = field(default_factory=set)
    version: int = 1


class World:
    """Runs ``steps`` random steps, then lets everything arrive, drains, and reads the whole log."""

    def __init__(self, random: Random, steps: int = 60) -> None:
        self.random = random
        self.operations: list[Operation] = []
        self.time = 0
        self.log: dict[str, list[Message]] = {key: [] for key in KEYS}
        self.clients = [Client(name) for name in ("alice", "bob", "carol")]
        self.names = 0
        self.register = (1, "v1")
        self.holder: Client | None = None
        for key in KEYS:
            for client in self.clients[: random.randint(1, 3)]:
                self.subscribe(client, key)
        for _ in range(steps):
            self.step()
        self.settle()

    def tell(self, process: str, op: str, kind: Kind, key: str | None = None, **fields: Any) -> None:
        self.time += self.random.randint(1, 5_000_000)
        index = len(self.operations)
        self.operations.append(Operation(index, self.time, self.time / 1e9, process, kind, op, key, **fields))

    def step(self) -> None:
        client = self.random.choice(self.clients)
        if not client.connected:
            self.come_back(client)
            return
        key = self.random.choice(KEYS)
        act = self.random.choices(
            [self.send, self.commit, self.arrive, self.subscribe, self.unsubscribe, self.leave, self.read, self.write],
            [8, 8, 14, 1, 1, 1, 2, 3],
        )[0]
        act(client, key)
        if self.random.random() < 0.1:
            self.lock(client)

    # --- messages

    def send(self, client: Client, key: str) -> None:
        if client.given_up and self.random.random() < 0.5:
            call = client.given_up.pop()
        else:
            self.names += 1
            call = (key, f"m{self.names}", f"text {self.names}")
        client.unanswered.append(call)
        client.sending.append(call)
        self.tell(client.name, "send", "invoke", call[0], client_msg_id=call[1], value=call[2])

    def commit(self, client: Client, _: str) -> None:
        if not client.sending:
            return
        key, name, body = client.sending.popleft()
        known = next((message for message in self.log[key] if message.name == name), None)
        message = known or Message(len(self.log[key]) + 1, name, body)
        if known is None:
            self.log[key].append(message)
            for other in self.clients:
                if other.connected and key in other.subscribed:
                    other.arriving.append({"op": "receive", "key": key, "message": message})
        client.arriving.append({"op": "send", "key": key, "message": message})

    def arrive(self, client: Client, _: str) -> None:
        if not client.arriving:
            return
        frame = client.arriving.popleft()
        key, message = frame["key"], frame["message"]
        place = {"seq": message.seq, "epoch": EPOCH, "client_msg_id": message.name}
        if frame["op"] == "send":
            client.unanswered.remove((key, message.name, message.body))
            self.tell(client.name, "send", "ok", key, **place)
        else:
            client.held[key] = message.seq
            self.tell(client.name, "receive", "ok", key, value=message.body, **place)

    def subscribe(self, client: Client, key: str) -> None:
        if key in client.subscribed:
            return
        self.tell(client.name, "subscribe", "invoke", key)
        client.subscribed.add(key)
        client.held[key] = len(self.log[key])
        self.tell(client.name, "subscribe", "ok", key, seq=client.held[key], epoch=EPOCH)

    def unsubscribe(self, client: Client, key: str) -> None:
        if key not in client.subscribed or any(frame["key"] == key for frame in client.arriving):
            return
        self.tell(client.name, "unsubscribe", "invoke", key)
        client.subscribed.discard(key)
        self.tell(client.name, "unsubscribe", "ok", key)

    # --- connections

    def leave(self, client: Client, _: str) -> None:
        """What was on its way to the client is lost; what it sent is committed or not, and nobody tells."""
        while client.sending and self.random.random() < 0.5:
            self.commit(client, "")
        client.connected = False
        client.sending.clear()
        client.arriving.clear()
        for key, name, _body in client.unanswered:
            self.tell(client.name, "send", "info", key, client_msg_id=name)
        client.given_up += client.unanswered
        client.unanswered.clear()
        if self.holder is client:
            self.tell(client.name, "release", "ok", LOCK, note="1006")
            self.holder = None
        self.tell(client.name, "disconnect", "ok", note="1006")

    def come_back(self, client: Client) -> None:
        client.connected = True
        self.tell(client.name, "connect", "ok")
        keys = sorted(client.subscribed)
        for key in keys:
            self.tell(client.name, "resume", "invoke", key, seq=client.held[key], epoch=EPOCH)
        if self.random.random() < 0.2:
            for key in keys:
                client.held[key] = len(self.log[key])
                self.tell(client.name, "resume", "fail", key, note="window_passed")
            return
        for key in keys:
            for message in self.log[key][client.held[key] :]:
                client.arriving.append({"op": "receive", "key": key, "message": message})
            self.arrive_all(client)
            self.tell(client.name, "resume", "ok", key, seq=client.held[key], epoch=EPOCH)

    def arrive_all(self, client: Client) -> None:
        while client.arriving:
            self.arrive(client, "")

    # --- register and lock

    def read(self, client: Client, _: str) -> None:
        self.tell(client.name, "read", "invoke", REGISTER)
        client.version = self.register[0]
        self.tell(client.name, "read", "ok", REGISTER, seq=self.register[0], value=self.register[1])

    def write(self, client: Client, _: str) -> None:
        value = f"v{len(self.operations)}"
        self.tell(client.name, "write", "invoke", REGISTER, seq=client.version, value=value)
        version, current = self.register
        if client.version != version:
            client.version = version
            self.tell(client.name, "write", "fail", REGISTER, seq=version, value=current, note="conflict")
            return
        self.register = (version + 1, value)
        client.version = version + 1
        self.tell(client.name, "write", "ok", REGISTER, seq=version + 1)

    def lock(self, client: Client) -> None:
        if self.holder is client:
            self.tell(client.name, "release", "invoke", LOCK)
            self.tell(client.name, "release", "ok", LOCK)
            self.holder = None
            return
        self.tell(client.name, "hold", "invoke", LOCK)
        self.tell(client.name, "hold", "fail" if self.holder else "ok", LOCK)
        self.holder = self.holder or client

    # --- the end

    def settle(self) -> None:
        for client in self.clients:
            if not client.connected:
                self.come_back(client)
            while client.sending:
                self.commit(client, "")
        for client in self.clients:
            self.tell(client.name, "drain", "invoke")
        for client in self.clients:
            self.arrive_all(client)
            self.tell(client.name, "drain", "ok")
        for key in KEYS:
            self.tell("database", "scan", "invoke", key)
            for message in self.log[key]:
                place = {"seq": message.seq, "epoch": EPOCH, "client_msg_id": message.name}
                self.tell("database", "stored", "ok", key, value=message.body, **place)
            self.tell("database", "scan", "ok", key, value=len(self.log[key]))
