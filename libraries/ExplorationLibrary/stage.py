"""Where schedules are played: a target of the suite's own, which all of them share, restored after each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

import psycopg
from HistoryLibrary.recorder import History
from HistoryLibrary.sources import COLUMNS, import_stored
from HistoryLibrary.spoken import Names
from lockstep import target, test_identity
from lockstep.dialect import Driver, NotDescribed, Session, Speaker
from lockstep.dialect import Line as DialectLine
from lockstep.dialect.accounts import Accounts
from lockstep.dialect.driving import send
from lockstep.dialect.messages import Answer, Request
from lockstep.target import Descriptor
from lockstep.waiting import wait_until
from psycopg.rows import dict_row
from redis import Redis
from TargetLibrary.network import Network

from .line import ANSWER
from .schedule import CONVERSATIONS, DEVICES, REPLICAS, SERVICES, SLOW_HOPS, World

LATENCY = "40ms"
RESTORED = timedelta(seconds=30)
NETWORK = "the network"
_ROWS = """
    SELECT m.conversation_id::text, m.seq, c.epoch, m.client_msg_id, m.body
    FROM messages m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.conversation_id = ANY(%s::uuid[]) ORDER BY m.conversation_id, m.seq
"""
_CLIENTS = {"connect", "send", "burst", "settle", "drop", "close"}


class Platform(Protocol):
    """What a stage wants of PlatformLibrary."""

    def start_service(self, instance: str) -> float: ...
    def kill_service(self, instance: str) -> float: ...
    def restart_service(self, instance: str) -> float: ...
    def restart_service_without_gap(self, instance: str) -> float: ...
    def reset_connection(self, hop: str) -> None: ...
    def add_toxic(self, hop: str, type: str, stream: str = ..., name: str | None = ..., **attributes: str) -> None: ...
    def heal_connection(self, hop: str) -> None: ...
    def heal_all(self) -> None: ...
    def service_should_be_ready(self, instance: str) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Person:
    """A new user with their conversations, name → id, and a session for each device."""

    account: Session
    conversations: Mapping[str, Any]
    sessions: Mapping[str, Session]


class Stage:
    """Plays faults in the words of the target, and knows what they have left behind."""

    def __init__(self, platform: Any, driver: Driver, accounts: Accounts) -> None:
        self.speaker = speaker = driver.speaker
        self._platform: Platform | None = platform
        self._driver = driver
        self._accounts = accounts
        self._down: set[str] = set()
        self._disturbed = False
        self._network: Network | None = None
        self.replicas = [name for name in speaker.endpoints if speaker.has_socket(name)][:2]
        self.world = World(self.replicas, (), (NETWORK,), frozenset(self._verbs()))

    # --- what there is

    def _verbs(self) -> set[str]:
        dialect, facts = self.speaker.dialect, self.speaker.dialect.needed_socket()
        able = {*_CLIENTS, "cut", "slow down", "speed up"}
        able |= {"send again"} if facts.can_repeat_sending else set()
        able |= {"keep state"} if "keep" in facts.out else set()
        able |= {word.replace("_", " ") for word in ("refresh", "sign_out") if dialect.knows(word)}
        able |= {"revoke"} if dialect.knows("revoke_session") else set()
        return able | self._control()

    @property
    def not_promised(self) -> set[str]:
        """The names of what a history may show, since the target promises nothing else (``promises.delivery``)."""
        promises = self.speaker.dialect.promises
        found = {"reordered", "unseen"} if promises.choice("delivery.order").unbounded else set()
        found |= {"duplicate"} if promises.choice("delivery.repeats").unbounded else set()
        may_be_lost = promises.choice("recovery.by").unbounded or promises.choice("delivery.loss").value == "while_away"
        return found | ({"lost", "unseen"} if may_be_lost else set())

    def _control(self) -> set[str]:
        found = target.current().capabilities if target.in_use() else ()
        named = all(self.speaker.dialect.endpoint(name).instance for name in self.replicas)
        if self._platform is None or not named:
            return set()
        able = {"restart"} if "control.restart" in found else set()
        return able | ({"kill", "start"} if "control.kill" in found else set())

    # --- users

    def somebody(self) -> Person:
        """Somebody who has done nothing yet."""
        account = self._accounts.new()
        if not self._accounts.are_given:
            account = self._driver.needed("sign_up", account).session
        sessions = {name: self.sign_in(account) for name in DEVICES}
        first = sessions[DEVICES[0]]
        rooms = {name: self._driver.needed("room", first).read.get("room") for name in CONVERSATIONS}
        if None in rooms.values():
            raise self.speaker.dialect.missing("operations.room.read.room")
        return Person(account, rooms, sessions)

    def sign_in(self, account: Session) -> Session:
        """A new session of that account."""
        return self._driver.needed("sign_in", account).session

    def refresh(self, session: Session) -> Session:
        """The session with its next pair of tokens."""
        return self._driver.needed("refresh", session).session

    def sign_out(self, session: Session) -> None:
        """Ends a session, as its user does."""
        self._driver.needed("sign_out", session)

    def revoke(self, session: Session, by: Session) -> None:
        """Ends a session from another one of the same user."""
        if "session" not in session.values:
            raise self.speaker.dialect.missing("operations.sign_in.read.session")
        self._driver.needed("revoke_session", by, session=session.values["session"])

    def ends_sockets(self, word: str) -> bool:
        """Whether sockets are promised to end soon after a word that ends their session."""
        bound = self.speaker.dialect.promises.ending(word, "sockets").everywhere
        return bound.seconds is not None and bound.seconds <= ANSWER

    # --- faults

    def kill(self, instance: str) -> None:
        """SIGKILL; it stays down."""
        self._down.add(instance)
        self._control_of().kill_service(self._instance(instance))

    def start(self, instance: str) -> None:
        """Start what was killed."""
        self._control_of().start_service(self._instance(instance))
        self._down.discard(instance)

    def restart(self, instance: str) -> None:
        """SIGTERM, and a new process."""
        self._control_of().restart_service(self._instance(instance))

    def cut(self, endpoint: str) -> None:
        """The network resets every socket at an endpoint."""
        line = DialectLine(self.speaker, endpoint)
        self._proxies().reset(server=_server(line.handshake().url))

    def slow_down(self, hop: str) -> None:
        """Everything takes longer, each way."""
        self._disturbed = True
        self._proxies().disturb("slow", "latency", "both", latency=40.0)

    def speed_up(self, hop: str) -> None:
        """The hop is as fast as before."""
        self._proxies().heal("slow")

    def flush_redis(self) -> None:
        """Redis forgets everything; only of the reference platform is it known which one that is."""
        raise self.speaker.dialect.missing("control.stores.cache")

    def restore(self) -> None:
        """Undo every fault; returns when the target is well again."""
        if self._disturbed:
            self.heal()
            self._disturbed = False
        for instance in sorted(self._down, reverse=True):
            self.start(instance)
        wait_until("the target", "well", self._missing, lambda found: not found, RESTORED)

    def heal(self) -> None:
        """The network is undisturbed."""
        self._proxies().heal()

    def _missing(self) -> list[str]:
        return [
            f"{name}: {outcome.why}"
            for name in self.replicas
            if (steps := self.speaker.dialect.endpoint(name).ready)
            and not (outcome := self._driver.drive(self.speaker.take(steps, Session(), name, {}))).ok
        ]

    def _control_of(self) -> Platform:
        assert self._platform is not None
        return self._platform

    def _instance(self, name: str) -> str:
        """What control calls an endpoint's process; a service is called by its own name."""
        endpoints = self.speaker.dialect.endpoints
        return str(endpoints[name].instance) if name in endpoints else name

    def _proxies(self) -> Network:
        assert self._network is not None
        return self._network

    # --- what is stored

    def import_rows(self, history: History, names: Names, person: Person, session: Session) -> Mapping[Any, Any]:
        """Has the history know what is stored, as ``session`` reads it; the last position of each conversation."""
        if not self.speaker.dialect.knows("history"):
            return {}
        heads: dict[str, Any] = {}
        for room in person.conversations.values():
            history.record("invoke", f"history of {room}", "scan", str(room))
            items = self._driver.needed("history", session, room=room).items
            rows = [
                {
                    "conversation_id": str(room),
                    "client_msg_id": names.of(item.get("key"), item.get("id"), item.get("text")),
                    "body": item.get("text"),
                    "seq": item.get("position"),
                }
                for item in items
            ]
            import_stored(history, rows, f"history of {room}", str(room), None, COLUMNS)
            heads |= {str(room): rows[-1]["seq"]} if rows else {}
        return heads

    # --- its life

    def open(self) -> None:
        """Sockets that are opened from now on can be disturbed."""
        self._network = Network()
        self._network.stand()

    def close(self) -> None:
        """Restore what the last schedule left, and hang up."""
        self.restore()
        if self._network is not None:
            self._network.end()


class ReferenceStage(Stage):
    """The reference platform: its hops and stores can be disturbed, too, and its database says what is stored."""

    def __init__(self, platform: Any, driver: Driver, accounts: Accounts, found: Descriptor) -> None:
        super().__init__(platform, driver, accounts)
        self.replicas = list(REPLICAS)
        self.world = World(REPLICAS, SERVICES, SLOW_HOPS)
        self._redis = Redis.from_url(found.needed("redis_url"))
        self._database = psycopg.connect(found.needed("main_db_url"), autocommit=True, row_factory=dict_row)

    def hand_over(self, instance: str) -> None:
        """A successor on the same socket."""
        self._control_of().restart_service_without_gap(instance)

    def cut(self, endpoint: str) -> None:
        """The network resets every socket of this replica's clients."""
        self._control_of().reset_connection(f"client->{endpoint}")

    def slow_down(self, hop: str) -> None:
        """Everything on a hop takes longer, each way."""
        self._disturbed = True
        self._control_of().add_toxic(hop, "latency", stream="both", name="slow", latency=LATENCY)

    def speed_up(self, hop: str) -> None:
        """The hop is as fast as before."""
        self._control_of().heal_connection(hop)

    def heal(self) -> None:
        """Every hop is as it was."""
        self._control_of().heal_all()

    def flush_redis(self) -> None:
        """Redis forgets everything."""
        self._redis.flushall()

    def _missing(self) -> list[str]:
        return [
            f"{replica} does not reach {name}"
            for replica in (*self.replicas, *SERVICES)
            for name, state in self._control_of().service_should_be_ready(replica)["dependencies"].items()
            if state != "up"
        ]

    def import_rows(self, history: History, names: Names, person: Person, session: Session) -> Mapping[Any, Any]:
        """What the main database holds."""
        history.record("invoke", "database", "scan")
        rows = self._database.execute(_ROWS, (list(person.conversations.values()),)).fetchall()
        import_stored(history, rows, "database", None, None, COLUMNS)
        return {row["conversation_id"]: row["seq"] for row in rows}

    def open(self) -> None:
        """Its hops are disturbed by PlatformLibrary."""

    def close(self) -> None:
        """Restore what the last schedule left, and hang up."""
        super().close()
        self._database.close()
        self._redis.close()


def carry(request: Request) -> Answer:
    """Sends a request without a line in the log."""
    ca_file = target.current().ca_file if target.in_use() else None
    headers = {**test_identity.headers(), **request.headers}
    asked = Request(request.method, request.url, headers, request.body, request.endpoint, request.reads)
    return send(asked, ca_file if request.url.startswith("https") else None)


def _server(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return str(parts.hostname), parts.port or (443 if parts.scheme == "wss" else 80)


def lacking(speaker: Speaker) -> NotDescribed | None:
    """What a target lacks without which no schedule can be played; None where it has all."""
    facts = speaker.dialect.needed_socket()
    if "send" not in facts.out:
        return speaker.dialect.missing("socket.send")
    if facts.resume == "none":
        return speaker.dialect.missing("socket.resume")
    return None
