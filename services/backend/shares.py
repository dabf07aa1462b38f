"""What waits to be committed, and how much of it each conversation gets into the next group."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_GROUP = 1_000
# Of one conversation in a group: a neighbour may have to wait for it. The first where there was none lately.
ALONE, AMONG_OTHERS = 250, 20
LATELY = 0.25


class Shares(Generic[T]):
    """Entries in their order within each conversation; all conversations have equal shares, so that none waits behind
    another's burst.
    """

    def __init__(self) -> None:
        self._queues: dict[str, deque[T]] = {}
        self._crowded_until = 0.0

    def __bool__(self) -> bool:
        return bool(self._queues)

    def put(self, conversation_id: str, entry: T) -> None:
        """Queue ``entry``."""
        self._queues.setdefault(conversation_id, deque()).append(entry)

    def next_group(self, now: float) -> list[T]:
        """The entries to commit together at ``now`` (monotonic seconds); who is cut short goes last the next time."""
        if len(self._queues) > 1:
            self._crowded_until = now + LATELY
        most = AMONG_OTHERS if now < self._crowded_until else ALONE
        share = max(1, min(most, MAX_GROUP // len(self._queues)))
        group: list[T] = []
        for conversation_id in list(islice(self._queues, MAX_GROUP)):
            queue = self._queues.pop(conversation_id)
            group += [queue.popleft() for _ in range(min(share, len(queue)))]
            if queue:
                self._queues[conversation_id] = queue
        return group

    def take_all(self) -> Iterator[T]:
        """Everything that is left."""
        while self._queues:
            yield from self._queues.pop(next(iter(self._queues)))
