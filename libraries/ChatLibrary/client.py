"""A chat client on the network: connects, comes back, sends again what was not acknowledged, and hides none of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from time import monotonic

from lockstep import reasons
from lockstep.dialect import Line
from lockstep.dialect.line import Opened
from lockstep.dialect.socket import Socket as SocketFacts
from WebSocketLibrary.connection import Closing, Connection
from WebSocketLibrary.handshake import Request
from WebSocketLibrary.journal import Opcode
from WebSocketLibrary.keywords.opening import HandshakeFailedError, open_one

from ChatLibrary.state import ChatState, Content, Story

FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0
HANDSHAKE = timedelta(seconds=30)
MAX_FRAME = 64 << 20
NORMAL, LOST = 1000, 1006
NOBODY_THERE = (502, 503)
"""How a gateway answers a handshake while nobody is there to take it (RFC 9110 §15.6.3, §15.6.4)."""
_FINAL = ("expired", "revoked", "replaced", "throttled", "policy")
_PASSING = ("restart", "resume", "slow")

Opening = Callable[[], tuple[Line, Request]]
"""Prepares one connection: what is said on it, and the handshake."""


def final_codes(facts: SocketFacts) -> frozenset[int]:
    """Close codes after which a client does not come back by itself: the next socket would end in the same way."""
    passing = {code for reason in _PASSING for code in facts.closes.get(reason, ())}
    return frozenset({NORMAL, *(code for name in _FINAL for code in facts.closes.get(name, ()))}) - passing


def slow_codes(facts: SocketFacts) -> frozenset[int]:
    """Close codes of a socket that could not be served in time: cut, a slow reader, a gap that stayed unfilled."""
    return frozenset({LOST, *facts.closes.get("slow", ()), *facts.closes.get("resume", ())})


@dataclass
class Incidents:
    """What befell a client: the code of each close, each refused handshake, the seconds of each absence.

    ``rejections`` are those of the refusals that say more than that nobody is there: any status but 502 and 503.
    """

    closes: list[int] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    rejections: list[str] = field(default_factory=list)
    absences: list[float] = field(default_factory=list)


class ChatClient:
    """Everything but the constructor belongs to the loop thread of WebSocketLibrary."""

    def __init__(
        self, state: ChatState, facts: SocketFacts, opening: Opening, story: Callable[[str, Line], Story | None]
    ) -> None:
        self.state = state
        self.facts = facts
        self.incidents = Incidents()
        self.trouble: str | None = None
        self.rejected_with: int | None = None
        """The HTTP status with which the last handshake was refused; None where it was not."""
        self._opening = opening
        self._story = story
        self._news = asyncio.Event()
        self._heard = asyncio.Event()
        self._connection: Connection | None = None
        self._random = Random(state.name)  # noqa: S311 - spreads reconnections, the same way in each run
        self._left = 0.0
        self._life: asyncio.Task[None] | None = None
        self._talk: asyncio.Task[None] | None = None

    @property
    def cause(self) -> str:
        """What keeps the client from going on, as far as it knows; "" where it knows nothing."""
        refused = self.incidents.refusals if not self.state.joined else []
        last = [f"error {error}" for error in self.state.errors[-1:]] + [f"refused: {text}" for text in refused[-1:]]
        return self.trouble or "; ".join(last)

    def ring(self, source: Connection) -> None:
        """Something was journaled."""
        self._news.set()

    def start(self) -> None:
        """Connect, and stay connected until `stop` or a final close."""
        self._life = asyncio.get_running_loop().create_task(self._live())

    async def stop(self) -> None:
        """Say no more and hang up with 1000."""
        await self.hush()
        if self._life is not None:
            self._life.cancel()
            await asyncio.wait([self._life])
        if self._connection is not None and self._connection.is_open:
            self._connection.send_close(NORMAL)

    def talk(self, every: float) -> None:
        """Say something now and every so many seconds, whether connected or not."""
        self._talk = asyncio.get_running_loop().create_task(self._talk_on(every))

    async def hush(self) -> None:
        """Say nothing new."""
        if self._talk is not None:
            self._talk.cancel()
            await asyncio.wait([self._talk])

    def say(self, body: str = "") -> None:
        """Say something; it goes out now, or once the client is connected again."""
        self._send(self.state.say(body or f"{self.state.name} says {self.state.sent}"))

    def say_many(self, count: int) -> None:
        """Say so many things at once."""
        for _ in range(count):
            self.say()

    async def say_at_rate(self, count: int, rate: float) -> None:
        """Say so many things, so many in a second, as evenly as a timer of 10 ms allows."""
        began = monotonic()
        for number in range(count):
            if (early := began + number / rate - monotonic()) > 0:
                await asyncio.sleep(max(early, 0.01))
            self.say()

    async def ask(self, word: str, within: float) -> Opened:
        """What comes of a question that has an answer."""
        answer: asyncio.Future[Opened] = asyncio.get_running_loop().create_future()
        self._send(self.state.ask(word, answer.set_result))
        return await asyncio.wait_for(answer, within)

    async def round_trip(self, within: float) -> float:
        """Say something; the seconds until it was acknowledged and given back. Raises ``TimeoutError``."""
        # The loop's own clock may tick in milliseconds.
        key, began = self.state.next_key, monotonic()
        async with asyncio.timeout(within):
            self.say()
            while key not in self.state.acked or key not in self.state.received:
                self._heard.clear()
                await self._heard.wait()
        return monotonic() - began

    async def _talk_on(self, every: float) -> None:
        while True:
            self.say()
            await asyncio.sleep(every)

    async def _live(self) -> None:
        pause = FIRST_PAUSE
        try:
            while self.trouble is None:
                if await self._one_connection():
                    pause = FIRST_PAUSE
                await asyncio.sleep(pause * self._random.uniform(0.5, 1.0))
                pause = min(2 * pause, LONGEST_PAUSE)
        except Exception as error:
            self.trouble = f"the client itself failed: {reasons.of(error)}"
            raise

    async def _one_connection(self) -> bool:
        """Whether the client got as far as being ready."""
        line, request = self._opening()
        connection = Connection(self.state.name, request)
        connection.bell = self
        self.rejected_with = None
        try:
            await open_one(connection, HANDSHAKE, MAX_FRAME)
        except HandshakeFailedError as error:
            self.rejected_with = error.answer.status if error.answer is not None else None
            self.incidents.refusals.append(str(error))
            if error.answer is not None and error.answer.status not in NOBODY_THERE:
                self.incidents.rejections.append(str(error))
            return False
        self._connection = connection
        story = self._story(self.state.name, line)
        self._send(self.state.begin(line, story))
        was_ready = await self._listen(connection, line)
        if story is not None and connection.closing is not None:
            story.ended(connection.closing.code)
        self.state.lose()
        return was_ready

    async def _listen(self, connection: Connection, line: Line) -> bool:
        entries, read, was_ready = connection.journal.entries, 0, False
        while True:
            while read < len(entries):
                _, kind, body = entries[read]
                read += 1
                if kind == Opcode.TEXT or kind == Opcode.BINARY:
                    self._hear(connection, line, body if kind == Opcode.BINARY else body.decode("utf-8", "replace"))
            if self.state.ready and not was_ready:
                was_ready = True
                self._back(asyncio.get_running_loop().time())
            if connection.closing is not None:
                self._gone(connection.closing)
                return was_ready
            await self._news.wait()
            self._news.clear()

    def _hear(self, connection: Connection, line: Line, content: Content) -> None:
        for frame in line.decode(content):
            was_joined, was_turned_away = self.state.joined, self.state.turned_away
            self._send(self.state.hear(frame))
            self._heard.set()
            if self.state.turned_away and not was_turned_away:
                self.incidents.refusals.append(self.state.turned_away)
            if connection.is_open and (self.state.turned_away or (was_joined and not self.state.joined)):
                # It was not let in, or resuming was answered with an error: a new socket may find better times.
                connection.send_close(NORMAL)

    def _back(self, now: float) -> None:
        if self._left:
            self.incidents.absences.append(now - self._left)
            self._left = 0.0

    def _gone(self, closing: Closing) -> None:
        self._left = self._left or asyncio.get_running_loop().time()
        if closing.by_peer:
            self.incidents.closes.append(closing.code)
            if closing.code in final_codes(self.facts):
                self.trouble = f"the socket was closed with {closing}"

    def _send(self, contents: list[Content]) -> None:
        for content in contents:
            if self._connection is None or self._connection.sendable is None:
                return
            if isinstance(content, bytes):
                self._connection.send(Opcode.BINARY, content)
            else:
                self._connection.send_text(content.encode())
