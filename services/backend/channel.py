"""One conversation on this replica: its messages reach every local subscriber once, in order, without a gap."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.backend import frames
from services.backend.messages import Message, is_contiguous
from services.common import logs
from services.common.problems import Problem

FILL_LIMIT = 1_000
FILL_ATTEMPTS = 25
FILL_PAUSE = 0.2

ReadAfter = Callable[[str, int, int], Awaitable[list[Message]]]


class Receiver(Protocol):
    """A socket as a channel sees it."""

    def send(self, frame: str) -> None:
        """Queue a frame."""

    def close(self, code: int, reason: str) -> None:
        """Close the socket."""


@dataclass(slots=True, eq=False)
class Subscription:
    """A socket's place in a conversation: ``next_seq`` comes next, by replay while ``replaying``, else live."""

    receiver: Receiver
    next_seq: int
    replaying: bool = False

    def deliver(self, messages: Sequence[Message], texts: Sequence[str]) -> None:
        """Send what this socket has not had; ``messages`` go on from what the channel delivered before."""
        if self.replaying:
            return
        for message, text in zip(messages, texts, strict=True):
            if message.seq >= self.next_seq:
                self.next_seq = message.seq + 1
                self.receiver.send(text)


class Channel:
    """``head`` is the last seq delivered here, None until ``start``; a ring beyond it fills the gap from the log."""

    def __init__(self, conversation_id: str, read_after: ReadAfter) -> None:
        self.conversation_id = conversation_id
        self.epoch = ""
        self.head: int | None = None
        self.subscriptions: dict[Receiver, Subscription] = {}
        self.pins = 0
        self._read_after = read_after
        self._target = 0
        self._filler: asyncio.Task[None] | None = None

    @property
    def unused(self) -> bool:
        """Whether nobody would miss it."""
        return not self.subscriptions and not self.pins

    def start(self, epoch: str, head: int) -> None:
        """Take ``head`` as delivered; where the channel has started before, fill up to it."""
        if self.head is None:
            self.epoch = epoch
            self.head = head
        self.ring(max(head, self._target), epoch)

    def offer(self, messages: Sequence[Message]) -> None:
        """Deliver messages that were just committed; a gap before them is filled from the log first."""
        last = messages[-1]
        if self.head is None:
            self._target = max(self._target, last.seq)
            return
        if last.epoch != self.epoch:
            self.reset("the conversation has a new epoch")
            return
        fresh = [message for message in messages if message.seq > (self.head or 0)]
        if not fresh:
            return
        if fresh[0].seq == self.head + 1:
            self._deliver(fresh)
        else:
            self.ring(last.seq)

    def ring(self, seq: int, epoch: str | None = None) -> None:
        """The log is known to reach ``seq``."""
        self._target = max(self._target, seq)
        if self.head is None:
            return
        if epoch is not None and epoch != self.epoch:
            self.reset("the conversation has a new epoch")
        elif self._target > self.head and self._filler is None:
            self._filler = asyncio.create_task(self._fill())

    def push(self, text: str) -> None:
        """Send a frame without a seq to all who are live."""
        for subscription in self.subscriptions.values():
            if not subscription.replaying:
                subscription.receiver.send(text)

    def reset(self, reason: str) -> None:
        """No way to go on without a gap: every subscriber has to resume."""
        for subscription in list(self.subscriptions.values()):
            subscription.receiver.close(frames.RESUME_NEEDED, reason)

    def stop(self) -> None:
        """End the filler, where one runs."""
        if self._filler is not None:
            self._filler.cancel()

    def _deliver(self, messages: Sequence[Message]) -> None:
        self.head = messages[-1].seq
        if self.subscriptions:
            texts = [message.frame() for message in messages]
            for subscription in list(self.subscriptions.values()):
                subscription.deliver(messages, texts)

    async def _fill(self) -> None:
        try:
            failures = 0
            while self.head is not None and self.head < self._target:
                try:
                    messages = await self._read_after(self.conversation_id, self.head, FILL_LIMIT)
                except Problem:
                    failures += 1
                    if failures == FILL_ATTEMPTS:
                        self.reset("the log cannot be read")
                        return
                    await asyncio.sleep(FILL_PAUSE)
                    continue
                messages = [message for message in messages if message.seq > self.head]
                if not self._take(messages):
                    return
        finally:
            self._filler = None

    def _take(self, messages: Sequence[Message]) -> bool:
        assert self.head is not None
        if self.head >= self._target and not messages:
            return False
        if not messages or not is_contiguous(messages, self.head) or messages[0].epoch != self.epoch:
            logs.logger().warning("log_has_a_gap", conversation_id=self.conversation_id, after=self.head)
            self.reset("the log has a gap")
            return False
        self._deliver(messages)
        return True
