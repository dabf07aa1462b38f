"""What a failure says where many sockets were waited for and some are short of frames."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import chain
from typing import NoReturn

from lockstep.waiting import seconds

from .connection import Connection
from .errors import is_temporary
from .journal import Direction, Frame
from .matching import Matcher
from .spelling import flaw
from .waiting import fail, refused

_SHOWN = 5


@dataclass(frozen=True)
class Wait:
    """What was waited for: ``count`` of something on each of ``sockets``."""

    what: str
    count: int
    sockets: Sequence[Connection]
    within: timedelta
    wanted: Matcher | None = None
    began: float = field(default_factory=time.monotonic)

    def of(self, wanted: Matcher) -> Wait:
        """The same wait, for such frames alone."""
        return replace(self, what=f"{self.what} with {wanted.description}", wanted=wanted)


def fail_short(wait: Wait, had: Mapping[Connection, int], errors: Mapping[Connection, Frame]) -> NoReturn:
    """Fails the keyword: how many sockets are short (``had`` so many each), and the cause on one of them.

    Those with ``errors`` come first, then those that were closed.
    """

    def kind(connection: Connection) -> tuple[bool, bool]:
        return connection not in errors, connection.closing is None

    short = sorted((c for c in wait.sockets if c in errors or c in had), key=kind)
    first = short[0]
    alike = [connection for connection in short if kind(connection) == kind(first)]
    ended = f", ended after {time.monotonic() - wait.began:.3f} s by an error" if errors else ""
    reason = f"; {reason}" if not errors and (reason := _misspelled(wait, had)) else ""
    shown = short if len(short) <= _SHOWN else [*short[: _SHOWN - 1], short[-1]]
    lines = [f"{connection.alias}: {_state(wait, connection, had, errors)}" for connection in shown]
    if len(short) > _SHOWN:
        lines[-1:-1] = [f"… ({len(short) - _SHOWN} more) …"]
    named = f"{first.alias} (of {len(alike)})" if len(alike) > 1 else first.alias
    fail(
        first,
        f"{len(had) or len(errors)} of {len(wait.sockets)} sockets did not receive {wait.what} within "
        f"{seconds(wait.within)}{ended}{reason}; {named}: {lines[0].partition(': ')[2]}"
        + ("".join(f"\n  {line}" for line in lines) if len(short) > 1 else ""),
        late=bool(errors) and all(map(is_temporary, errors.values())),
    )


def _state(
    wait: Wait, connection: Connection, had: Mapping[Connection, int], errors: Mapping[Connection, Frame]
) -> str:
    if connection in errors:
        return refused(connection, errors[connection])
    return f"{had[connection]} of {wait.count}, {connection.describe_state()}"


def _misspelled(wait: Wait, had: Mapping[Connection, int]) -> str:
    if wait.wanted is None:
        return ""

    def frames(direction: Direction) -> Iterator[Frame]:
        return chain.from_iterable(connection.journal.frames(direction) for connection in had)

    return flaw(wait.wanted, list(frames(Direction.RECEIVED)), lambda: frames(Direction.BOTH))
