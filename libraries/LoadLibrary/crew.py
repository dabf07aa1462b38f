"""The users of one worker: their clients on the loop thread, their history, and what was measured of them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from ChatLibrary.client import ChatClient
from HistoryLibrary.recorder import History
from HistoryLibrary.spoken import Names, SpokenSocket
from lockstep import masking, reasons
from lockstep.dialect import Driver, Line, Session, Speaker, find, load
from lockstep.dialect.driving import send
from lockstep.dialect.messages import Answer, Request
from lockstep.dialect.sensitive import secrets_of
from lockstep.test_identity import HEADER
from TargetLibrary.network import Network
from WebSocketLibrary.connection import Connection
from WebSocketLibrary.handshake import build
from WebSocketLibrary.keywords.opening import HandshakeFailedError, open_one

from .client import LoadClient, LoadState
from .plan import CHAT, FLOOD, RUSH, SLOW, User

_LOOK = 0.05
_DROPPED = 2
"""Which frame is lost: an answer may have its acknowledgement before it."""
_AT_MOST = timedelta(seconds=5)


class Crew:
    """Everything but the constructor, `news` and `standing` belongs to the loop thread of WebSocketLibrary."""

    def __init__(self, told: Mapping[str, Any], folder: Path) -> None:
        """``told`` is what `Plan.for_worker` says, ``folder`` is where the history is kept until the master has it."""
        self.number: int = told["number"]
        self.users = [User.from_data(user) for user in told["users"]]
        self.news: deque[tuple[str, float, str]] = deque()
        """What was done, how long it took in seconds, and why it failed, for the engine's own statistics."""
        self.phase = ""
        self.history = History(f"worker-{self.number}", folder)
        self._told = told
        self._ca_file = _trusted(told["ca"], folder)
        self._speaker = Speaker(load(find(told["target"])), told["values"])
        self._driver = Driver(self._speaker, self._carry)
        self._facts = self._speaker.dialect.needed_socket()
        self._names = Names()
        self._seen: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._sessions = {user.name: user.session for user in self.users}
        self._clients: dict[str, LoadClient] = {}
        self._others: dict[str, asyncio.Task[None]] = {}
        self._rushes = False
        self._times: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._failures: Counter[tuple[str, str, str]] = Counter()
        self._network = Network(framed=True) if any(user.dropped for user in self.users) else None
        if self._network is not None:
            self._network.stand()
        for user in self.users:
            for secret in secrets_of(dict(user.session.values)):
                masking.register(secret)

    # --- users come and go

    def join(self, user: User) -> None:
        """The engine has begun this user."""
        if user.role in (CHAT, SLOW):
            client = self._client(user)
            self._clients[user.name] = client
            self.history.record("ok", user.name, "grant", str(user.room))
            client.start()
        else:
            self._others[user.name] = asyncio.get_running_loop().create_task(_until_cancelled())

    def act(self, step: Mapping[str, Any]) -> None:
        """A step begins: from now on figures are kept by its name."""
        self.phase = step["name"]
        act = step["act"]
        if act == "cut":
            for client in self._clients.values():
                client.renewals.clear()
                client.cut(step["away"])
        elif act == "drop":
            self._drop_a_frame()
        for user in self.users:
            if act == "slow" and user.role == SLOW and user.name in self._clients:
                self._clients[user.name].read_no_more()
            elif act == "flood" and user.role == FLOOD:
                self._replace(user, self._flood(user))
            elif act == "rush" and user.role == RUSH:
                self._rushes = True
                self._replace(user, self._rush(user))

    def _drop_a_frame(self) -> None:
        """One frame on its way to the first user is lost on this hop; the socket stays open."""
        assert self._network is not None
        for user in self.users:
            if user.dropped and (client := self._clients.get(user.name)) and client.port is not None:
                self._network.disturb("drop", "drop_frame", "downstream", [client.port], frame=_DROPPED)

    def _replace(self, user: User, does: Any) -> None:
        if before := self._others.get(user.name):
            before.cancel()
        self._others[user.name] = asyncio.get_running_loop().create_task(does)

    async def calm(self, within: float) -> None:
        """Nobody begins anything new, and what was begun is answered; those who only disturb are gone."""
        for client in self._clients.values():
            await client.hush()
        if rushing := [self._others[user.name] for user in self.users if user.role == RUSH and self._rushes]:
            await asyncio.wait(rushing, timeout=within)
        for task in self._others.values():
            task.cancel()
        for user in self.users:
            if user.role == SLOW and user.name in self._clients:
                client = self._clients.pop(user.name)
                client.cut(0.0)
                await client.stop()
        # One more message each, so that there is one behind the last return of each user, whenever that was.
        deadline = monotonic() + within
        await _until(lambda: all(map(_is_back, self._clients.values())), deadline)
        for client in self._clients.values() if self._told["every"] else ():
            client.say()
        await _until(lambda: all(map(_has_sent, self._clients.values())), deadline)

    async def settle(self, within: float) -> list[str]:
        """Waits for what is missing; who lacks something then, and what."""
        clients = list(self._clients.values())
        for client in clients:
            self._drain("invoke", client)
        await _until(lambda: all(map(_is_settled, clients)), monotonic() + within)
        for client in clients:
            self._drain("ok", client)
        behind = [client for client in clients if not _is_settled(client)]
        lacking = [f"{client.state.name}: {client.cause or client.state}" for client in behind]
        for client in clients:
            await client.stop()
        self.history.close()
        return [masking.mask(text) for text in lacking]

    def _drain(self, kind: Any, client: ChatClient) -> None:
        self.history.record(kind, client.state.name, "drain", str(client.state.conversation))

    # --- what is known

    @property
    def standing(self) -> dict[str, int]:
        """How many have come and are served; from any thread."""
        ready = sum(client.state.ready for client in list(self._clients.values())) + len(self._others)
        return {"number": self.number, "ready": ready}

    def outcome(self, lacking: list[str]) -> dict[str, Any]:
        """What was measured, as data."""
        clients = list(self._clients.values())
        closes = Counter(str(code) for client in clients for code in client.incidents.closes)
        return {
            "number": self.number,
            "times": [[*key, values] for key, values in self._times.items()],
            "failures": [[*key, count] for key, count in self._failures.items()],
            "closes": dict(closes),
            "renewals": {client.state.name: client.renewals for client in clients if client.renewals},
            "troubles": [masking.mask(f"{c.state.name}: {c.trouble}") for c in clients if c.trouble],
            "unrecovered": [f"{c.state.name}: {why}" for c in clients for why in c.state.unrecovered],
            "errors": [masking.mask(f"{c.state.name}: {why}") for c in clients for why in c.state.errors],
            "sent": sum(client.state.sent for client in clients),
            "acked": sum(len(client.state.acked) for client in clients),
            "resent": sum(client.state.resent for client in clients),
            "lacking": lacking,
            "cpu": time.process_time(),
        }

    def measured(self, what: str, took: float, why: str) -> None:
        """Something was done."""
        if why:
            self._failures[self.phase, what, masking.mask(why)[:300]] += 1
        else:
            self._times[self.phase, what].append(round(took, 5))
        self.news.append((what, took, why))

    # --- how they reach the target

    def _client(self, user: User) -> LoadClient:
        line = Line(self._speaker, user.endpoint, user.session, room=user.room)
        state = LoadState(user.name, line.read["client"], user.room)
        state.measure = self.measured if user.role == CHAT else _not_counted
        can_renew = self._speaker.dialect.knows("refresh") and "refresh" in user.session.values
        renew = (lambda: self._renew(user)) if can_renew else None
        return LoadClient(
            state,
            self._facts,
            self._opening(user, state.client_id),
            self._story,
            renew=renew,
            every=self._told["every"],
        )

    def _opening(self, user: User, client: str) -> Callable[[], Any]:
        def prepare() -> tuple[Line, Any]:
            session = self._sessions[user.name]
            line = Line(self._speaker, user.endpoint, session, client=client, room=user.room)
            return line, self._request(line)

        return prepare

    def _request(self, line: Line) -> Any:
        shake = line.handshake()
        trusted = self._ca_file if shake.url.startswith("wss") else None
        return build(
            shake.url, headers=shake.headers, subprotocols=shake.subprotocols, ca_file=trusted,
            test_id=self._told["test_id"],
        )  # fmt: skip

    def _story(self, name: str, line: Line) -> SpokenSocket:
        return SpokenSocket(self.history, name, line, self._names, self._seen[name])

    def _carry(self, request: Request) -> Answer:
        headers = {HEADER: self._told["test_id"], **request.headers} if self._told["test_id"] else request.headers
        trusted = self._ca_file if request.url.startswith("https") else None
        return send(replace(request, headers=headers), trusted)

    def _renew(self, user: User) -> str:
        """In a thread: the next tokens of a user; "" or why there are none."""
        try:
            outcome = self._driver.perform("refresh", self._sessions[user.name])
        except Exception as error:
            return reasons.text(error)
        if outcome.ok:
            self._keep(user, outcome.session)
        return "" if outcome.ok else masking.mask(outcome.why)

    def _keep(self, user: User, session: Session) -> None:
        for secret in secrets_of(dict(session.values)):
            masking.register(secret)
        self._sessions[user.name] = session

    async def _rush(self, user: User) -> None:
        """Signs in, once."""
        began = monotonic()
        perform = self._driver.perform
        outcome = await asyncio.get_running_loop().run_in_executor(None, perform, "sign_in", user.session)
        self.measured("sign in", monotonic() - began, "" if outcome.ok else outcome.why)

    async def _flood(self, user: User) -> None:
        """Opens sockets on and on, without a credential, and leaves those that open."""
        number = 0
        while True:
            number += 1
            line = Line(self._speaker, user.endpoint, None, room=user.room)
            connection = Connection(f"{user.name}-{number}", self._request(line))
            began = monotonic()
            try:
                await open_one(connection, _AT_MOST, 1 << 20)
                connection.cut()
                self.measured("connection without a credential", monotonic() - began, "")
            except HandshakeFailedError as error:
                known = error.answer is not None
                why = "" if known else masking.mask(str(error))
                self.measured("connection without a credential", monotonic() - began, why)
            await asyncio.sleep(0)


def _trusted(ca: str, folder: Path) -> str | None:
    """The certificate as a file on this machine."""
    if not ca:
        return None
    file = folder / "ca.pem"
    file.write_text(ca, "ascii")
    return str(file)


def _not_counted(what: str, took: float, why: str) -> None:
    pass


def _is_back(client: LoadClient) -> bool:
    return bool(client.trouble) or client.state.ready


def _has_sent(client: LoadClient) -> bool:
    return bool(client.trouble) or not client.state.unacked


def _is_settled(client: LoadClient) -> bool:
    return client.state.ready and client.state.settled


async def _until(holds: Callable[[], bool], deadline: float) -> None:
    # Of many clients none says when it has settled.
    while not holds() and monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK)


async def _until_cancelled() -> None:
    await asyncio.Event().wait()
