"""What a resuming client gets: a full replay or a declared loss, never a part (docs/protocol.md §4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from services.backend.frames import Position
from services.backend.messages import Stored, Stretch

WINDOW_PASSED = "window_passed"
UNKNOWN_CLIENT = "unknown_client"
NOT_FOUND = "not_found"
EPOCH_CHANGED = "epoch_changed"
AHEAD_OF_LOG = "ahead_of_log"
TOO_MANY_MISSED = "too_many_missed"
REASONS = (EPOCH_CHANGED, TOO_MANY_MISSED, WINDOW_PASSED, UNKNOWN_CLIENT, NOT_FOUND, AHEAD_OF_LOG)


@dataclass(frozen=True)
class Head:
    """The end of a conversation's log, and how many messages after the client's position it still holds.

    ``first`` are the first of these, as many as fit into a page with those of the client's other conversations.
    """

    epoch: str
    last_seq: int
    held: int
    first: Stored | None = None


def refusal(
    positions: Mapping[str, Position],
    heads: Mapping[str, Head],
    *,
    known: bool,
    away: float,
    window: float,
    max_replay: int,
) -> str | None:
    """Why ``positions`` cannot be resumed, or None.

    ``heads`` has the conversations that are the caller's own; ``known`` says whether the client was ever seen, ``away``
    for how many seconds it has been gone. One conversation that cannot be resumed refuses all.
    """
    if not known:
        return UNKNOWN_CLIENT
    if away > window:
        return WINDOW_PASSED
    if any(conversation not in heads for conversation in positions):
        return NOT_FOUND
    for conversation, position in positions.items():
        reason = _conversation_refusal(position, heads[conversation])
        if reason:
            return reason
    missed = sum(heads[conversation].last_seq - position.seq for conversation, position in positions.items())
    return TOO_MANY_MISSED if missed > max_replay else None


def _conversation_refusal(position: Position, head: Head) -> str | None:
    if position.epoch != head.epoch:
        return EPOCH_CHANGED
    if position.seq > head.last_seq:
        return AHEAD_OF_LOG
    # A log that was cut without a new epoch: what it lost cannot be replayed either.
    return EPOCH_CHANGED if head.held != head.last_seq - position.seq else None


def pages(behind: Iterable[Stretch], size: int) -> Iterator[list[Stretch]]:
    """Cut stretches into pages of at most ``size`` messages, in order within each conversation."""
    page: list[Stretch] = []
    room = size
    for conversation, low, high in behind:
        while low < high:
            end = min(high, low + room)
            page.append(Stretch(conversation, low, end))
            room -= end - low
            low = end
            if room == 0:
                yield page
                page, room = [], size
    if page:
        yield page
