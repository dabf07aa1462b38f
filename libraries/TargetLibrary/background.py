"""Keywords for many users who chat in the background, while a test restarts or disturbs the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import cycle
from typing import Any

from ChatLibrary import ChatLibrary
from ChatLibrary.client import Opening
from ChatLibrary.report import ChatReport
from ChatLibrary.state import ChatState
from lockstep import target, test_identity, verdicts
from lockstep.dialect import Driver, Line, Session
from lockstep.dialect.driving import send
from lockstep.dialect.messages import Answer, Request
from lockstep.masking import mask
from robot.api import logger
from robot.libraries.BuiltIn import BuiltIn
from WebSocketLibrary.handshake import Request as Handshake
from WebSocketLibrary.handshake import build

from .base import Base
from .described import word

_AT_ONCE = 4
_TEN_SECONDS = timedelta(seconds=10)
_CHECKS = ("lost", "duplicate", "reordered", "foreign", "unseen", "diverging", "ack-without-commit")
_HISTORY = "history"


class Background(Base):
    """Chats of many users, and what their recorded history has to show."""

    chats: ChatLibrary

    @word("user")
    def sign_in_users(self, count: int) -> list[Session]:
        """So many new users, each signed in; fewer where ``limits.users`` of the dialect allows no more."""
        wanted = self._at_most("users", count)
        driver = self._quiet_driver()

        def sign_in(_: int) -> Session:
            made_up = self.stage.accounts.lease()
            account = made_up if made_up.is_given else driver.needed("sign_up", made_up).session
            return driver.needed("sign_in", account).session

        return [self.stage.known_session(session) for session in _side_by_side(sign_in, range(wanted))]

    @word("user", "message")
    def create_rooms(self, users: Sequence[Session]) -> list[Any]:
        """A new conversation for each of these users; returns their ids."""
        driver = self._quiet_driver()

        def create(user: Session) -> Any:
            return driver.needed("room", user, name="a room").read.get("room")

        rooms = _side_by_side(create, users)
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
            self._chatting[state.name] = user
            if history := history_library():
                history.client_may_see(state.name, str(room))
        return self.chats.open_clients(clients, self.stage.speaker, within)

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
        allowed = self._at_most("burst", count)
        self.chats.send_from_every_chat(allowed)
        return allowed

    @word("message")
    def wait_until_chats_have_sent(
        self, count: int, within: timedelta = timedelta(seconds=30), acknowledged: bool = True
    ) -> None:
        """Waits until each chat has had ``count`` more messages acknowledged than now.

        Where nobody is there to acknowledge, ``acknowledged=no`` waits until it has sent so many more.
        """
        self.chats.let_chats_say(count, within, acknowledged)

    @word("message")
    def stop_chatting(self) -> None:
        """The chats stay connected and send nothing new."""
        self.chats.stop_chatting()

    @word("message", "assertion")
    def chats_should_settle(self, within: timedelta = timedelta(seconds=15)) -> None:
        """Passes once every chat is connected, and what it sent was acknowledged and given back to it."""
        self.chats.chats_should_settle(within)

    @word("message")
    def get_chat_report(self) -> ChatReport:
        """What the chats went through: ``sent``, ``acked``, ``resent``, ``closes`` (count by code), ``absences``
        (seconds), ``refusals``, ``unrecovered``, ``errors``, ``troubles``.
        """
        return self.chats.chat_report()

    @word("message", "assertion")
    def chats_should_have_gone_on(self, closes: str = "", refused: bool = False) -> ChatReport:
        """Passes when no chat was refused or given an error, each came back, and sockets were closed as is declared.

        ``closes`` names reasons of ``socket.closes`` for which a socket may have been closed (``restart``), separated
        by commas. A restart may close with any code where that is declared (``promises.restart.sockets``).
        ``refused=yes``: handshakes may have been refused, since meanwhile nobody was there to take them.
        """
        facts = self.stage.dialect.needed_socket()
        named = [name.strip() for name in closes.split(",") if name.strip()]
        promise = self.stage.dialect.promises.choice("restart.sockets")
        if "restart" in named and promise.unbounded:
            seen = sorted(self.chats.chat_report().closes)
            verdicts.unbounded(f"the restart closed sockets with {', '.join(map(str, seen)) or 'no code'}")
            return self.chats.chats_should_have_gone_on(seen, refused=refused)
        for name in named:
            if name not in facts.closes:
                raise self.stage.dialect.missing(f"socket.closes.{name}")
        return self.chats.chats_should_have_gone_on(
            [code for name in named for code in facts.closes[name]], refused=refused
        )

    @word("message")
    def close_chats(self) -> None:
        """Closes all chats and forgets them; meant for teardowns."""
        self.chats.close_chats()
        self._chatting.clear()

    @word("message", "assertion")
    def chat_history_should_be_as_promised(self) -> None:
        """Passes when nothing that the chats sent was lost, doubled, reordered, leaked or changed, as is promised.

        Judged is the recorded history of all sockets of the chats, which have settled before, and of the stored
        messages, where the target has a word for them (``operations.history``). ``promises.delivery`` says what counts:
        ``order``, ``loss`` and ``repeats``.
        """
        library = history_library()
        if library is None:
            raise RuntimeError("HistoryLibrary, which records and judges, is not imported")
        promises = self.stage.dialect.promises
        checks = list(_CHECKS)
        if promises.choice("delivery.order").unbounded:
            verdicts.unbounded("messages may come in any order, as declared")
            checks.remove("reordered")
        if promises.choice("delivery.repeats").unbounded:
            verdicts.unbounded("messages may come more than once, as declared")
            checks.remove("duplicate")
        if not self.stage.dialect.knows(_HISTORY):
            logger.info(f"no stored messages are judged: {self.stage.dialect.missing(f'operations.{_HISTORY}')}")
            checks.remove("ack-without-commit")
        else:
            self._read_stored(library)
        library.history_should_be_valid(checks)

    def _read_stored(self, library: Any) -> None:
        """Every stored message of each chat's room becomes a reading of the whole log."""
        driver, placed = self._quiet_driver(), not self.stage.dialect.promises.choice("delivery.order").unbounded
        names = library.names

        def read(state: ChatState) -> tuple[Mapping[str, Any], ...]:
            return driver.needed(_HISTORY, self._chatting[state.name], room=state.conversation).items

        states = {str(state.conversation): state for state in self.chats.states}
        for room in states:
            library.record_invoke(f"{_HISTORY} of {room}", "scan", room)
        for room, items in zip(states, _side_by_side(read, list(states.values())), strict=True):
            rows = []
            for item in items:
                text = item.get("text")
                name = item.get("key", names.get(str(text), item.get("id")))
                row = {"conversation_id": room, "client_msg_id": name, "body": text}
                rows.append({**row, "seq": item.get("position")} if placed else row)
            library.import_stored_messages(rows, f"{_HISTORY} of {room}", room)

    def _at_most(self, name: str, count: int) -> int:
        """``count``, or what ``limits`` of the dialect allows of it."""
        allowed = int(self.stage.dialect.limits.get(name, count))
        if allowed < count:
            logger.info(f"{allowed} instead of {count}: limits.{name} of the target")
        return min(allowed, count)

    def _quiet_driver(self) -> Driver:
        """Sends without Robot, so that threads may use it; the administrator's session is the keywords' own."""
        ca_file = target.current().ca_file if target.in_use() else None
        headers = test_identity.headers()

        def carry(request: Request) -> Answer:
            named = Request(
                request.method, request.url, {**headers, **request.headers}, request.body, request.endpoint, request.reads
            )
            return send(named, ca_file if request.url.startswith("https") else None)

        driver = self.stage.driver
        return Driver(self.stage.speaker, carry, self.stage.call)


def _side_by_side(function: Any, items: Sequence[Any]) -> list[Any]:
    """The results for each item, in their order; a few at a time."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(function, items))


def history_library() -> Any:
    """The HistoryLibrary of the run; None where it is not imported."""
    try:
        return BuiltIn().get_library_instance("HistoryLibrary")
    except RuntimeError:
        return None
