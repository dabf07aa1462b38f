"""Keywords for hundreds of sockets at once."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

from lockstep.masking import mask
from lockstep.waiting import listed
from robot.api import logger
from robot.api.deco import keyword
from robot.api.types import Secret

from ..authenticating import FirstFrame
from ..background import background
from ..connection import Connection, cut_all
from ..exchange import Exchange, Exchanged
from ..handshake import QUERY_NAME, TokenPlace
from ..journal import Frame
from ..load import Collection, Countdown, Gathering, Shipment, Template, broadcast, gather_limited, plan, ship
from ..matching import matcher
from ..shortage import Wait, fail_short
from ..waiting import wait_until
from .base import DEFAULT_WAIT, Base
from .opening import open_and_authenticate, prepare
from .sending import as_json


class Bulk(Base):
    """Open Connections, Send On All, Collect On All."""

    _loads = 0
    _running: tuple[Exchange, float] | None = None

    @keyword(tags=["bulk", "opening"])
    def open_connections(
        self,
        url: str,
        count: int | None = None,
        *,
        tokens: list[Any] | None = None,
        alias: str = "bulk",
        token_in: TokenPlace = TokenPlace.HEADER,
        subprotocols: list[str] | None = None,
        headers: dict[str, Any] | None = None,
        origin: str | None = None,
        ca_file: str | None = None,
        at_once: int = 100,
        timeout: timedelta = timedelta(seconds=20),
        error_frames: str | dict[str, Any] | None = None,
        query_name: str = QUERY_NAME,
        first_frame: Any = None,
        welcome: str | dict[str, Any] | None = None,
        heartbeat: dict[str, Any] | list[Any] | None = None,
    ) -> list[str]:
        """Opens one socket for each of ``tokens``, or ``count`` sockets without a token; returns their aliases
        ``<alias>-0``, ``<alias>-1``, …

        With both, the tokens are used in turn. ``at_once`` handshakes run at a time, each within ``timeout``. Other
        arguments as in `Open Connection`. Fails when one socket does not open, with the reasons counted; those that
        did open are cut then.
        """
        wanted = count if count is not None else len(tokens or ())
        if wanted < 1:
            raise ValueError("Open Connections needs a count or tokens")
        first = FirstFrame.described(first_frame, welcome, token_in, bool(tokens))
        fresh, opening = [], []
        for number in range(wanted):
            token: Secret | str | None = tokens[number % len(tokens)] if tokens else None
            request = prepare(url, token, token_in, subprotocols, headers, origin, ca_file, query_name)
            connection = self._connection(f"{alias}-{number}", request, error_frames=error_frames, heartbeat=heartbeat)
            fresh.append(connection)
            opening.append(partial(open_and_authenticate, connection, timeout, self.max_frame_size, first, token))
        results = background().run(gather_limited(opening, at_once))
        errors = Counter(mask(str(result)) for result in results if isinstance(result, Exception))
        if errors:
            background().call(cut_all, fresh)
            reasons = listed([f"{times} × {text}" for text, times in errors.most_common()])
            raise AssertionError(f"{errors.total()} of {wanted} sockets did not open; {reasons}")
        for connection in fresh:
            self.connections.add(connection)
        return [connection.alias for connection in fresh]

    @keyword(tags=["bulk", "sending"])
    def send_on_all(
        self,
        message: Any,
        connections: list[str] | None = None,
        *,
        times: int = 1,
        rate: float | None = None,
        seed: str | int | None = None,
        **columns: list[Any],
    ) -> int:
        """Sends a text, or a dictionary or list as JSON, ``times`` times on each of ``connections`` (all open ones);
        returns how many were sent.

        In the message ``{socket}`` is the number of the socket, ``{n}`` counts on each socket from 0, ``{alias}``
        and ``{uuid}`` are what they say; ``"{socket}"`` and ``"{n}"`` alone as a JSON text become numbers.
        Every further named argument is a column: a list with a value for each socket, filled in for its name, such as
        ``conversation=${ids}`` for ``{conversation}``.
        ``rate`` is in messages per second over all sockets; without it they go as fast as they can, round by round.
        With ``seed`` order and gaps are random, and the same again with the same seed; UUIDs come from it too
        (default: ``LOCKSTEP_SEED``).
        """
        targets = self.connections.several(connections)
        if not targets:
            raise ValueError("there is no open connection to send on")
        if short := [name for name, values in columns.items() if len(values) < len(targets)]:
            raise ValueError(f"the column '{short[0]}' has fewer values than there are sockets ({len(targets)})")
        template = Template(message if isinstance(message, str) else as_json(message), columns)
        if times == 1 and rate is None and seed is None and template.is_constant:
            background().call(broadcast, targets, template.text.encode())
            return len(targets)
        shipments = self._plan(targets, template, times, rate, seed)
        background().run(ship(shipments))
        return len(shipments)

    def _plan(
        self, targets: list[Connection], template: Template, times: int, rate: float | None, seed: str | int | None
    ) -> list[Shipment]:
        return plan(targets, template, times, rate, self._random(seed), shuffled=seed is not None)

    def _random(self, seed: str | int | None) -> Random:
        if seed is not None:
            logger.info(f"Seed of this load: {seed}")
            return Random(str(seed))  # noqa: S311
        # Two loads of one run must not bring the same UUIDs.
        self._loads += 1
        return Random(f"{os.environ.get('LOCKSTEP_SEED', '')}/{self._loads}")  # noqa: S311

    @keyword(tags=["bulk", "sending", "receiving", "assertion"])
    def exchange_on_all(
        self,
        message: Any,
        connections: list[str] | None = None,
        *,
        times: int = 1,
        replies: int = 1,
        seed: str | int | None = None,
        within: timedelta = timedelta(seconds=30),
    ) -> Exchanged:
        """Sends a message on each of ``connections`` (all open ones), the next one as soon as that socket has an
        answer, ``times`` times.

        Any data frame counts as the answer, so this is for servers that say nothing unasked; where each message is
        answered by several frames ``replies`` says by how many. The message is filled in
        as in `Send On All`. Returns ``.count``, ``.seconds`` for all of it and ``.latencies``, a list of seconds.
        The answers count as collected.

        Fails with the sockets that lack answers; at once when only sockets that ended are missing, or with the first
        error (`Errors`), which is no answer.
        """
        exchange = self._exchange(message, connections, times, replies, seed)
        return _finished(exchange, exchange.start, time.monotonic(), times, within)

    @keyword(tags=["bulk", "sending", "receiving"])
    def start_exchange(
        self, message: Any, connections: list[str] | None = None, *, replies: int = 1, seed: str | int | None = None
    ) -> None:
        """Starts what `Exchange On All` does, in the background, until `Stop Exchange`: a probe beside a load."""
        if self._running is not None and self._running[0].is_running:
            raise ValueError("an exchange is running already")
        exchange = self._exchange(message, connections, None, replies, seed)
        self._running = exchange, time.monotonic()
        background().call(exchange.start)

    @keyword(tags=["bulk", "sending", "receiving", "assertion"])
    def stop_exchange(self, within: timedelta = timedelta(seconds=30)) -> Exchanged:
        """Lets the exchange of `Start Exchange` end with the answers it waits for, and returns what it has done.

        Fails with the sockets that did not get theirs within ``within``.
        """
        if self._running is None:
            raise ValueError("no exchange is running")
        (exchange, started), self._running = self._running, None
        return _finished(exchange, exchange.stop, started, None, within)

    def _exchange(
        self, message: Any, connections: list[str] | None, times: int | None, replies: int, seed: str | int | None
    ) -> Exchange:
        targets = self.connections.several(connections)
        if not targets:
            raise ValueError("there is no open connection to send on")
        template = Template(message if isinstance(message, str) else as_json(message))
        return Exchange(targets, template, times, self._random(seed), replies)

    @keyword(tags=["bulk", "receiving", "assertion"])
    def collect_on_all(
        self,
        count: int = 1,
        connections: list[str] | None = None,
        *,
        where: str | dict[str, Any] | None = None,
        within: timedelta = DEFAULT_WAIT,
    ) -> Mapping[str, list[Frame]]:
        """Waits until each of ``connections`` (all known ones) has received ``count`` frames, takes them and returns
        them by alias, in order.

        Without ``where`` these are the next data frames after those collected before. With it they are the first
        wanted ones that no keyword has taken, as in `Wait For Frame`: the way where a server pushes other frames in
        between. ``${frames["bulk-7"][0].json}`` is the first frame of one socket; collected frames are not returned
        by `Wait For Frame` again.

        Fails with the sockets that have too few; at once when only sockets that ended are missing, or when an error
        (`Errors`) came in the place of a frame. Without ``where`` no error is collected: errors that are wanted are
        asked for by name, such as ``where=type=error``.

        | Send On All    ${message}    times=10
        | ${acks} =    Collect On All    10    where=type=ack    within=5s
        """
        targets = list(self.connections) if connections is None else self.connections.several(connections)
        if not targets:
            raise ValueError("there is no connection to collect from")
        wait = Wait(f"{count} frame(s)", count, targets, within)
        if where is not None:
            wanted = matcher(where)
            gathering = Gathering(targets, wanted, count)
            wait_until(targets, gathering.look, within.total_seconds(), gathering.bell)
            if short := gathering.finish():
                missing = {c: len(gathering.found[c.alias]) for c in short}
                fail_short(wait.of(wanted), missing, gathering.errors)
            return gathering.found
        countdown = Countdown(targets, count)
        try:
            background().call(countdown.start)
            if not countdown.errors():
                countdown.wait(within.total_seconds())
        finally:
            # A time-out of Robot Framework ends the wait, too.
            short = background().call(countdown.finish)
        if (errors := countdown.errors()) or short:
            missing = {c: c.data_received - c.journal.collected for c in short}
            fail_short(wait, missing, errors)
        countdown.take()
        return Collection([connection.journal for connection in targets], count)


def _finished(
    exchange: Exchange, begin: Callable[[], None], started: float, times: int | None, within: timedelta
) -> Exchanged:
    try:
        background().call(begin)
        exchange.wait(within.total_seconds())
    finally:
        # A time-out of Robot Framework ends the loops, too.
        short = background().call(exchange.finish)
    spent = time.monotonic() - started
    if (errors := exchange.errors()) or short:
        had = {turns.connection: turns.answers for turns in short}
        wanted = times if times is not None else max(turns.answers for turns in exchange.turns) + 1
        targets = [turns.connection for turns in exchange.turns]
        fail_short(Wait(f"{wanted} answer(s)", wanted, targets, within, began=started), had, errors)
    exchange.take()
    return exchange.exchanged(spent)
