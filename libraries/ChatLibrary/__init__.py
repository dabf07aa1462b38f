"""Robot Framework library of chat clients that live through restarts as real ones do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from lockstep import latencies, machine, masking
from lockstep.dialect import Line, Session, Speaker, find, load
from lockstep.listeners import LISTENERS
from lockstep.waiting import listed, wait_until
from robot.api import logger
from robot.api.deco import keyword, library
from robot.api.types import Secret
from robot.libraries.BuiltIn import BuiltIn, RobotNotRunningError
from WebSocketLibrary.background import background
from WebSocketLibrary.handshake import Request, TokenPlace
from WebSocketLibrary.keywords.opening import prepare

from ChatLibrary.client import ChatClient, Opening
from ChatLibrary.report import ChatReport, flaws, only_late
from ChatLibrary.state import ChatState

__version__ = "1.0.0"
REFERENCE = "embedded"
"""Whose dialect `Open Chats` speaks; TargetLibrary opens chats on any target."""


@library(scope="GLOBAL", version=__version__, doc_format="ROBOT", auto_keywords=False, listener=LISTENERS)
class ChatLibrary:
    """Chat clients in the background, while the test restarts or disturbs the platform.

    Each client has a conversation of its own and does what a good client does: it reconnects with a growing pause,
    comes back as the target's dialect has it, and sends again what was not acknowledged, under its old id. None of it
    is hidden: closes, refused handshakes, absences and repeated sendings are in the `Get Chat Report`, and with
    HistoryLibrary at hand everything that passed is in the history of the test, under the names of the clients.

    What frames mean says a dialect (docs/dialect.md). `Open Chats` is for the reference platform and takes addresses
    and tokens; TargetLibrary has a keyword of that name for any target.

    | Open Chats        ${SOCKET_URL}    ${tokens}    ${conversations}    ca_file=${CA_FILE}
    | Start Chatting    every=200ms
    | Restart Service Without Gap    backend-1
    | Stop Chatting
    | Chats Should Settle
    | Chats Should Have Gone On    closes=1012
    | History Should Be Valid
    """

    def __init__(self) -> None:
        self._clients: list[ChatClient] = []

    @keyword
    def open_chats(
        self,
        url: str,
        tokens: list[Any],
        conversations: list[str],
        ca_file: str | None = None,
        answered: bool = False,
        name: str = "chat",
        within: timedelta = timedelta(seconds=10),
    ) -> list[str]:
        """Connects one client for each token and conversation; returns their names ``<name>-0``, ``<name>-1``, …

        ``answered``: an assistant answers in these conversations, and a client is not content before each of its
        messages has its answer. Fails when a client is not connected ``within``.
        """
        if not tokens or len(tokens) != len(conversations):
            raise ValueError(f"{len(tokens)} tokens do not fit {len(conversations)} conversations")
        speaker = _reference()
        clients = []
        for number, (token, conversation) in enumerate(zip(tokens, conversations, strict=True)):
            state = ChatState(f"{name}-{number}", _client_id(conversation), conversation, answered)
            clients.append((state, _opening(speaker, url, token, state, ca_file)))
        return self.open_clients(clients, speaker, within)

    def open_clients(
        self, clients: Sequence[tuple[ChatState, Opening]], speaker: Speaker, within: timedelta
    ) -> list[str]:
        """For other libraries: connects clients, each with what prepares its connections; returns their names."""
        facts = speaker.dialect.needed_socket()
        if "send" not in facts.out:
            raise speaker.dialect.missing("socket.send")
        library = _history_library()
        tell = library.spoken_socket if library else lambda name, line: None
        fresh = [ChatClient(state, facts, opening, tell) for state, opening in clients]
        self._clients += fresh
        background().call(_each, [client.start for client in fresh])
        self._wait("connected", fresh, lambda client: client.state.ready, within)
        return [client.state.name for client in fresh]

    @property
    def states(self) -> list[ChatState]:
        """For other libraries: what each client knows."""
        return [client.state for client in self._clients]

    def client(self, name: str) -> ChatClient:
        """For other libraries: the client of this name, for functions that run on the loop thread."""
        found = next((client for client in self._clients if client.state.name == name), None)
        if found is None:
            known = ", ".join(client.state.name for client in self._clients) or "none"
            raise ValueError(f"no chat is called {name!r}; there are {known}")
        return found

    @keyword
    def start_chatting(self, every: timedelta = timedelta(milliseconds=200)) -> None:
        """From now on each client says something ``every`` so often, connected or not."""
        background().call(_each, [lambda c=client: c.talk(every.total_seconds()) for client in self._clients])

    @keyword
    def send_from_every_chat(self, count: int) -> None:
        """Each client sends ``count`` messages at once, and does not wait for what comes of them."""
        self._must_be_open()
        background().call(_each, [lambda c=client: c.say_many(count) for client in self._clients])

    @keyword
    def wait_until_chats_have_sent(
        self, count: int, within: timedelta = timedelta(seconds=30), acknowledged: bool = True
    ) -> None:
        """Waits until each client has had ``count`` more messages acknowledged than now.

        Where nobody is there to acknowledge, ``acknowledged=False`` waits until it has said so many more. Ends at once
        with a client that has given up, or to which something was refused for good.
        """

        def done(client: ChatClient) -> int:
            return len(client.state.acked) if acknowledged else client.state.sent

        goals = {client.state.name: done(client) + count for client in self._clients}
        self._wait(
            f"{count} messages further", self._clients, lambda client: done(client) >= goals[client.state.name], within
        )

    @keyword
    def stop_chatting(self) -> None:
        """The clients stay connected and say nothing new."""
        background().run(_all([client.hush for client in self._clients]))

    @keyword
    def chats_should_settle(self, within: timedelta = timedelta(seconds=15)) -> None:
        """Passes once every client is connected, has an ``ack`` for all it said, and was given all of it (and the
        answers); this is recorded as the client's ``drain``.
        """
        self._wait("acknowledged", self._clients, lambda client: not client.state.unacked, within)
        self._record_drains("invoke")
        self._wait("settled", self._clients, lambda client: client.state.ready and client.state.settled, within)
        self._record_drains("ok")

    @keyword
    def get_chat_report(self) -> ChatReport:
        """What the clients went through: ``sent``, ``acked``, ``resent``, ``closes`` (count by code), ``absences``
        (seconds), ``refusals``, ``unrecovered``, ``errors``, ``troubles``.
        """
        report = ChatReport.of(self._clients)
        logger.info(str(report))
        return report

    @keyword
    def chats_should_have_gone_on(
        self,
        closes: list[int],
        latency: str = "chat absence",
        refused: bool = False,
        unavailable: bool = False,
        new_log: bool = False,
    ) -> ChatReport:
        """Passes when no handshake was refused, every stream was resumed, nothing was answered with an error, and
        sockets were closed with codes out of ``closes`` only.

        ``refused``: handshakes may get no answer, 502 or 503, since meanwhile nobody was there to take them.
        ``unavailable``: messages may be answered with that error, since meanwhile they could not be stored.
        ``new_log``: streams may be declared lost since the log has another epoch, as after a fail-over.
        The absences are recorded as latencies of BudgetLibrary, by the name ``latency``.
        """
        self._must_be_open()
        report = self.get_chat_report()
        for seconds in report.absences:
            latencies.record(latency, seconds)
        if found := flaws(report, closes, refused=refused, unavailable=unavailable, new_log=new_log):
            text = masking.mask(f"{'; '.join(found)}. {report}")
            if only_late(report, closes):
                machine.missed(text)
            raise AssertionError(text)
        return report

    @keyword
    def close_chats(self) -> None:
        """Hangs up with 1000 and forgets the clients; for a teardown."""
        clients, self._clients = self._clients, []
        background().run(_all([client.stop for client in clients]))

    def _must_be_open(self) -> None:
        if not self._clients:
            raise AssertionError("no chats are open: nothing would be proved")

    def _record_drains(self, kind: str) -> None:
        if library := _history_library():
            for client in self._clients:
                library.history.record(kind, client.state.name, "drain", client.state.conversation)

    def _wait(
        self, state: str, clients: Sequence[ChatClient], holds: Callable[[ChatClient], bool], within: timedelta
    ) -> None:
        """Waits until ``holds`` is true of each; no longer where one of them can never get there."""
        self._must_be_open()

        def look() -> tuple[list[str], bool]:
            behind = [client for client in clients if not holds(client)]
            given_up = [client for client in behind if client.trouble or client.state.hopeless]
            first = given_up or [client for client in behind if client.cause] or behind
            return [_standing(client) for client in dict.fromkeys([*first, *behind])], bool(given_up)

        def describe(seen: tuple[list[str], bool]) -> str:
            return f"{len(seen[0])} of {len(clients)} are not: {listed(seen[0])}"

        try:
            seen = wait_until(
                "the chats",
                state,
                lambda: background().call(look),
                lambda seen: seen[1] or not seen[0],
                within,
                describe=describe,
            )
        except AssertionError as error:
            report = ChatReport.of(clients)
            if (report.refusals or report.errors) and only_late(report, _restart_codes(clients)):
                # What held the chats up were limits of time.
                machine.missed(str(error))
            raise
        if seen[1]:
            raise AssertionError(masking.mask(f"the chats cannot become {state} any more; {describe(seen)}"))


def _restart_codes(clients: Sequence[ChatClient]) -> list[int]:
    return [code for client in clients[:1] for code in client.facts.closes.get("restart", ())]


def _standing(client: ChatClient) -> str:
    name = client.state.name
    return f"{name}: {client.cause}; {client.state}" if client.cause else f"{name}: {client.state}"


def _client_id(conversation: str) -> str:
    """A UUID that differs for each conversation, and is the same again in a repeated run."""
    return str(UUID(int=UUID(conversation).int ^ (1 << 127 | 1), version=4))


def _reference() -> Speaker:
    """The dialect of the reference platform; its addresses come from the caller."""
    return Speaker(load(find(REFERENCE)), {})


def _opening(speaker: Speaker, url: str, token: Secret | str, state: ChatState, ca_file: str | None) -> Opening:
    address = f"{url}{'&' if '?' in url else '?'}client_id={state.client_id}"
    offered = list(speaker.dialect.needed_socket().subprotocols)
    request: Request = prepare(address, token, TokenPlace.HEADER, offered, None, None, ca_file)
    return lambda: (Line(speaker, session=Session(), client=state.client_id), request)


def _each(functions: Sequence[Callable[[], None]]) -> None:
    for function in functions:
        function()


async def _all(functions: Sequence[Callable[[], Any]]) -> None:
    await asyncio.gather(*(function() for function in functions))


def _history_library() -> Any:
    try:
        return BuiltIn().get_library_instance("HistoryLibrary")
    except (RuntimeError, RobotNotRunningError):
        return None
