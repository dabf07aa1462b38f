"""Keywords for many users who chat in the background, while a test restarts or disturbs the target."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import cycle
from typing import Any

from ChatLibrary import ChatLibrary
from ChatLibrary.client import LOST, Opening
from ChatLibrary.report import ChatReport
from ChatLibrary.state import ChatState
from lockstep import machine, target, test_identity, verdicts
from lockstep.dialect import Driver, Line, Session
from lockstep.dialect.driving import send
from lockstep.dialect.messages import Answer, Outcome, Request
from lockstep.masking import mask
from robot.api import logger
from robot.libraries.BuiltIn import BuiltIn
from WebSocketLibrary.background import background
from WebSocketLibrary.handshake import Request as Handshake
from WebSocketLibrary.handshake import build

from .base import Base
from .described import word

_AT_ONCE = 4
_SERVED = 10.0
_TEN_SECONDS = timedelta(seconds=10)
_CHECKS = ("lost", "duplicate", "reordered", "foreign", "unseen", "diverging", "ack-without-commit")
_HISTORY = "history"


class Background(Base):
    """Chats of many users, and what their recorded history has to show."""

    chats: ChatLibrary
    chatting: dict[str, Session]
    """Whose each chat is, by its name."""

    @word("user")
    def sign_in_users(self, count: int) -> list[Session]:
        """So many new users, each signed in; fewer where ``limits.users`` of the dialect allows no more."""
        accounts = [self.stage.accounts.new() for _ in range(self.at_most("users", count))]
        driver, at_once = self.quiet_driver("sign_up", "sign_in")
        given = self.stage.accounts.are_given

        def sign_in(account: Session) -> tuple[Outcome, float]:
            known = account if given else driver.needed("sign_up", account).session
            began = time.time()
            return driver.needed("sign_in", known), began

        signed_in = side_by_side(sign_in, accounts, at_once)
        return [self._known(self.stage.known(outcome).session, began) for outcome, began in signed_in]

    def _known(self, session: Session, began: float) -> Session:
        known: dict[str, Any] = {"signed_in_at": began, "is_short": False}
        if "user" not in session.values:
            known["user"] = self.stage.who(self.stage.endpoints[0], session).read.get("user")
        return session.with_values(known)

    @word("user", "message")
    def create_rooms(self, users: Sequence[Session]) -> list[Any]:
        """A new conversation for each of these users; returns their ids."""
        driver, at_once = self.quiet_driver("room")

        def create(user: Session) -> Any:
            return driver.needed("room", user).read.get("room")

        rooms = side_by_side(create, users, at_once)
        if None in rooms:
            raise self.stage.dialect.missing("operations.room.read.room")
        return rooms

    @word("message")
    def open_chats(
        self, users: Sequence[Session], rooms: Sequence[Any], endpoint: str = "", within: timedelta = _TEN_SECONDS
    ) -> list[str]:
        """A client in the background for each user and room; returns their names ``chat-0``, ``chat-1``, …

        They are spread over the endpoints that have sockets, or all at one. A client reconnects and comes back as the
        dialect has it, and sends again what was not acknowledged, under its old id, where its frame carries one. Each
        may see its own room and no other.
        """
        if not users or len(users) != len(rooms):
            raise ValueError(f"{len(users)} users do not fit {len(rooms)} rooms")
        endpoints = cycle([endpoint] if endpoint else self.stage.socket_endpoints)
        first = len(self.chats.states)
        clients: list[tuple[ChatState, Opening]] = []
        for number, (user, room, name) in enumerate(zip(users, rooms, endpoints, strict=False), first):
            line = Line(self.stage.speaker, name, user, room=room)
            state = ChatState(f"chat-{number}", line.read["client"], room)
            clients.append((state, self._opening(name, user, state)))
            self.chatting[state.name] = user
            if history := history_library():
                history.allow_client_to_see(state.name, str(room))
        with self._late_where_tokens_expired():
            return self.chats.open_clients(clients, self.stage.speaker, within)

    @contextlib.contextmanager
    def _late_where_tokens_expired(self) -> Iterator[None]:
        """A chat whose token has expired cannot go on: on a busy machine a failure then says only that it was late."""
        try:
            yield
        except AssertionError as error:
            expired = [name for name, session in self.chatting.items() if self.stage.has_expired(session)]
            if expired:
                machine.missed(f"the tokens of {len(expired)} chats have expired meanwhile: {error}")
            raise

    def _opening(self, endpoint: str, user: Session, state: ChatState) -> Opening:
        speaker, test_id = self.stage.speaker, test_identity.current()
        ca_file = target.current().ca_file if target.in_use() else None

        def prepare() -> tuple[Line, Handshake]:
            line = Line(speaker, endpoint, user, client=state.client_id, room=state.conversation)
            shake = line.handshake()
            trusted = ca_file if shake.url.startswith("wss") else None
            return line, build(
                shake.url, headers=shake.headers, subprotocols=shake.subprotocols, ca_file=trusted, test_id=test_id
            )

        return prepare

    @word("message")
    def start_chatting(self, every: timedelta = timedelta(milliseconds=200)) -> None:
        """From now on each chat sends a message ``every`` so often, connected or not."""
        self.chats.start_chatting(every)

    @word("message")
    def send_from_every_chat(self, count: int) -> int:
        """Each chat sends ``count`` messages at once; fewer where ``limits.burst`` of the dialect allows no more.

        Returns how many each has sent.
        """
        allowed = self.at_most("burst", count)
        self.chats.send_from_every_chat(allowed)
        return allowed

    @word("message")
    def send_burst(self, chat: str, count: int = 1000) -> int:
        """One chat sends a thousand messages at once, or ``count``, as `Send From Every Chat`."""
        allowed = self.at_most("burst", count)
        background().call(self.chats.client(chat).say_many, allowed)
        return allowed

    @word("message", "assertion")
    def chats_should_be_served(self) -> None:
        """Passes when each chat is answered; until then the target has read what was sent before, where it keeps order.

        NA where the dialect has no ``ping`` and no ``who_am_i``.
        """
        out = self.stage.dialect.needed_socket().out
        asked = next((name for name in ("ping", "who_am_i") if name in out), None)
        if asked is None:
            raise self.stage.dialect.missing("socket.ping")
        for state in self.chats.states:
            try:
                opened = background().run(self.chats.client(state.name).ask(asked, _SERVED))
            except TimeoutError:
                machine.missed(f"{state.name} was not answered within {_SERVED:g} s: {state}")
            if not opened.ok:
                raise AssertionError(f"{state.name} should be served, but: {mask(opened.why)}")

    @word("message", "assertion")
    def no_message_should_be_acknowledged(self) -> None:
        """Passes when no chat has had a message acknowledged or given back yet."""
        sent = sum(state.sent for state in self.chats.states)
        early = sum(len(state.acked) for state in self.chats.states)
        given = sum(len(state.received) for state in self.chats.states)
        if not sent:
            raise AssertionError("no message was sent: nothing would be proved")
        if early or given:
            raise AssertionError(
                f"of {sent} messages {early} were acknowledged and {given} given back before they were stored"
            )

    @word("message", "assertion")
    def acknowledgements_should_be_in_order(self) -> None:
        """Passes when each chat had all its messages acknowledged, in the order of sending where one is promised.

        For chats that stayed connected: what is sent again is acknowledged later.
        """
        ordered = self.stage.messages_are_ordered()
        for state in self.chats.states:
            wanted = [f"{state.name}-{number}" for number in range(state.sent)]
            pairs = zip(state.acked, wanted, strict=False) if ordered else ()
            if wrong := next(((a, b) for a, b in pairs if a != b), None):
                raise AssertionError(
                    f"the acknowledgements of {state.name} are out of order: {wrong[0]} stands where {wrong[1]} belongs"
                )
            if len(state.acked) < state.sent:
                raise AssertionError(f"{state.name} has {len(state.acked)} acknowledgements of {state.sent} messages")

    @word("message")
    def wait_until_chats_have_sent(
        self, count: int, within: timedelta = timedelta(seconds=30), acknowledged: bool = True
    ) -> None:
        """Waits until each chat has had ``count`` more messages acknowledged than now.

        Where nobody is there to acknowledge, ``acknowledged=no`` waits until it has sent so many more.
        """
        with self._late_where_tokens_expired():
            self.chats.wait_until_chats_have_sent(count, within, acknowledged)

    @word("message")
    def stop_chatting(self) -> None:
        """The chats stay connected and send nothing new."""
        self.chats.stop_chatting()

    @word("message", "assertion")
    def chats_should_settle(self, within: timedelta = timedelta(seconds=15)) -> None:
        """Passes once every chat is connected, and what it sent was acknowledged and given back to it."""
        with self._late_where_tokens_expired():
            self.chats.chats_should_settle(within)

    @word("message", "assertion")
    def burst_should_settle(self) -> None:
        """As `Chats Should Settle`, within ``promises.load.settled``."""
        promise = self.stage.dialect.promises.choice("load.settled")
        began = time.monotonic()
        self.chats_should_settle(timedelta(seconds=promise.value))
        took = time.monotonic() - began
        if promise.weaker and took > promise.default:
            verdicts.weaker(f"the burst settled after {took:.1f} s, as declared", promise.reference)

    @word("message")
    def get_chat_report(self) -> ChatReport:
        """What the chats went through: ``sent``, ``acked``, ``resent``, ``closes`` (count by code), ``absences``
        (seconds), ``refusals``, ``unrecovered``, ``errors``, ``troubles``.
        """
        return self.chats.get_chat_report()

    @word("message", "assertion")
    def chats_should_have_gone_on(self, closes: str = "", refused: bool = False) -> ChatReport:
        """Passes when no chat was refused or given an error, each came back, and sockets were closed as is declared.

        ``closes`` names reasons of ``socket.closes`` for which a socket may have been closed (``restart``), separated
        by commas; ``lost`` is an end without a close frame (1006). A restart may close with any code where that is
        declared (``promises.restart.sockets``).
        ``refused=yes``: handshakes may have got no answer, 502 or 503, since meanwhile nobody was there to take them.
        """
        facts = self.stage.dialect.needed_socket()
        named = [name.strip() for name in closes.split(",") if name.strip()]
        promise = self.stage.dialect.promises.choice("restart.sockets")
        if "restart" in named and promise.unbounded:
            seen = sorted(self.chats.get_chat_report().closes)
            codes = ", ".join(map(str, seen)) or "no code"
            verdicts.weaker(f"the restart closed sockets with {codes}, as declared", promise.reference)
            return self.chats.chats_should_have_gone_on(seen, refused=refused)
        known = {**facts.closes, "lost": (LOST,)}
        for name in named:
            if name not in known:
                raise self.stage.dialect.missing(f"socket.closes.{name}")
        return self.chats.chats_should_have_gone_on([code for name in named for code in known[name]], refused=refused)

    @word("message")
    def close_chats(self) -> None:
        """Closes all chats and forgets them; meant for teardowns."""
        self.chats.close_chats()
        self.chatting.clear()

    @word("message", "assertion")
    def chat_history_should_be_as_promised(self, stored: bool = False) -> None:
        """Passes when nothing that the chats sent was lost, doubled, reordered, leaked or changed, as is promised.

        Judged is the recorded history of all sockets of the chats, which have settled before, and of the stored
        messages, where the target has a word for them (``operations.history``); NA without it where ``stored`` says
        that the test is about them. ``promises.delivery`` says what counts: ``order``, ``loss`` and ``repeats``.
        """
        readers = {state.conversation: self.chatting[state.name] for state in self.chats.states}
        self.judge_history(readers, stored=stored)

    def judge_history(self, readers: Mapping[Any, Session], *, stored: bool = False) -> None:
        """For other libraries, too: judges the running test's history, whose rooms can be read by these sessions."""
        if stored and not self.stage.dialect.knows(_HISTORY):
            raise self.stage.dialect.missing("operations.history")
        library = history_library()
        if library is None:
            raise RuntimeError("HistoryLibrary, which records and judges, is not imported")
        promises = self.stage.dialect.promises
        checks = list(_CHECKS)
        ordered = self.stage.messages_are_ordered()
        if not ordered:
            checks.remove("reordered")
        if not ordered or not self.stage.dialect.needed_socket().numbers_messages:
            # Without positions there are no gaps in them; what is missing is lost.
            checks.remove("unseen")
        if (repeats := promises.choice("delivery.repeats")).unbounded:
            verdicts.weaker("messages may come more than once, as declared", repeats.reference)
            checks.remove("duplicate")
        if not self.stage.dialect.knows(_HISTORY):
            logger.info(f"no stored messages are judged: {self.stage.dialect.missing(f'operations.{_HISTORY}')}")
            checks.remove("ack-without-commit")
        else:
            self._read_stored(library, readers)
        library.history_should_be_valid(checks)

    def _read_stored(self, library: Any, readers: Mapping[Any, Session]) -> None:
        """Every stored message of each room becomes a reading of the whole log."""
        driver, at_once = self.quiet_driver(_HISTORY)
        placed = not self.stage.dialect.promises.choice("delivery.order").unbounded
        names = library.names

        def read(room: Any) -> tuple[Mapping[str, Any], ...]:
            return driver.needed(_HISTORY, readers[room], room=room).items

        for room in readers:
            library.record_invoke(f"{_HISTORY} of {room}", "scan", str(room))
        for room, items in zip(readers, side_by_side(read, list(readers), at_once), strict=True):
            rows = []
            for item in items:
                text = item.get("text")
                name = names.of(item.get("key"), item.get("id"), text)
                row = {"conversation_id": str(room), "client_msg_id": name, "body": text}
                rows.append({**row, "seq": item.get("position")} if placed else row)
            library.import_stored_messages(rows, f"{_HISTORY} of {room}", str(room))

    def at_most(self, name: str, count: int) -> int:
        """``count``, or what ``limits`` of the dialect allows of it."""
        allowed = int(self.stage.dialect.limits.get(name, count))
        if allowed < count:
            logger.info(f"{allowed} instead of {count}: limits.{name} of the target")
        return min(allowed, count)

    def quiet_driver(self, *words: str) -> tuple[Driver, int]:
        """What carries out these words without a line in the log, and how many at a time: some need keywords for it."""
        operations = self.stage.dialect.operations
        if any(step.kind == "frame" for name in words for step in operations.get(name, ())):
            return self.stage.driver, 1
        ca_file = target.current().ca_file if target.in_use() else None

        def carry(request: Request) -> Answer:
            headers = {**test_identity.headers(), **request.headers}
            trusted = ca_file if request.url.startswith("https") else None
            return send(replace(request, headers=headers), trusted)

        usual = self.stage.driver
        driver = Driver(self.stage.speaker, carry, ledger=usual.ledger)
        driver.patient = usual.patient
        return driver, _AT_ONCE


def side_by_side(function: Any, items: Sequence[Any], at_once: int) -> list[Any]:
    """The results for each item, in their order; a few at a time."""
    if at_once == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(function, items))


def history_library() -> Any:
    """The HistoryLibrary of the run; None where it is not imported."""
    try:
        return BuiltIn().get_library_instance("HistoryLibrary")
    except RuntimeError:
        return None
