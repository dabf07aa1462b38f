"""Owed answers: leased to a replica, streamed, stored as messages; what a dead replica held is taken up.

The lease belongs to the conversation: while a replica holds one of its answers, no other is given any. Answers are
stored in the order of the messages whatever becomes of leases: what is given too early, by a replica whose lease ran
out, is let go of and given again. Only an attempt that failed counts against an answer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress

from services.backend import allocation, frames, metrics
from services.backend.allocation import Draft, Place
from services.backend.assistant import Assistant, Prompt
from services.backend.database import Database
from services.backend.log_store import OwedAnswer
from services.backend.messages import ASSISTANT, Message
from services.backend.turns import Turn
from services.backend.writer import Entry, Writer
from services.common import logs
from services.common.problems import Problem

TAKE_AT_ONCE = 100

_RENEW = (
    "UPDATE answers SET lease_until = now() + make_interval(secs => %s) WHERE lease_owner = %s AND id = ANY(%s::uuid[])"
)
_RELEASE = "UPDATE answers SET lease_until = now() WHERE lease_owner = %s"
_FAILED = "UPDATE answers SET failed = true WHERE id = %s AND lease_owner = %s"
_TAKE = """
    UPDATE answers a SET attempt = a.attempt + 1, excused = a.excused + CASE WHEN a.failed THEN 0 ELSE 1 END,
        failed = false, lease_owner = %s, lease_until = now() + make_interval(secs => %s)
    FROM (SELECT id FROM answers free WHERE lease_until <= now() AND NOT EXISTS (
              SELECT 1 FROM answers held WHERE held.conversation_id = free.conversation_id
              AND held.lease_until > now() AND held.lease_owner <> %s)
          ORDER BY conversation_id, reply_to_seq FOR UPDATE SKIP LOCKED LIMIT %s) free, conversations c
    WHERE a.id = free.id AND c.id = a.conversation_id
    RETURNING a.id::text, a.conversation_id::text, c.user_id::text, a.reply_to_seq, a.prompt, a.attempt
"""


class Answers:
    """Streams the answers this replica owes, one after another in each conversation."""

    def __init__(
        self,
        database: Database,
        assistant: Assistant,
        replica: str,
        *,
        lease: float,
        pause: float,
        stream: Callable[[str, str], None],
    ) -> None:
        self._database = database
        self._assistant = assistant
        self._replica = replica
        self._lease = lease
        self._pause = pause
        self._stream = stream
        self._queues: dict[str, deque[OwedAnswer]] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._held: set[str] = set()
        self._drained = asyncio.Event()
        self.writer: Writer | None = None

    def owe(self, answers: Iterable[OwedAnswer]) -> None:
        """Take on answers whose lease this replica holds."""
        for answer in answers:
            if answer.id in self._held:
                continue
            self._held.add(answer.id)
            queue = self._queues.get(answer.conversation_id)
            if queue is not None:
                queue.append(answer)
                continue
            self._queues[answer.conversation_id] = deque([answer])
            worker = asyncio.create_task(self._work(answer.conversation_id))
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def take_up(self) -> None:
        """Renew what is held and take what others have let go, or owe in a conversation held here, until cancelled."""
        while True:
            try:
                if self._held:
                    await self._database.fetch(_RENEW, (self._lease, self._replica, list(self._held)))
                rows = await self._database.fetch(_TAKE, (self._replica, self._lease, self._replica, TAKE_AT_ONCE))
                self.owe(OwedAnswer(*row) for row in sorted(rows, key=lambda row: (row[1], row[3])))
            except Problem:
                pass
            await asyncio.sleep(self._lease / 30)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._drained.wait(), self._lease * 0.3)
            self._drained.clear()

    async def stop(self) -> None:
        """Let go of everything at once, so that another replica goes on without waiting for the lease."""
        for worker in list(self._workers):
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._held:
            try:
                await self._database.fetch(_RELEASE, (self._replica,))
            except Problem:
                return

    async def _work(self, conversation_id: str) -> None:
        queue = self._queues[conversation_id]
        turn = Turn()
        try:
            while queue:
                await self._answer(queue.popleft())
                await turn.share()
        finally:
            self._held.difference_update(answer.id for answer in queue)
            del self._queues[conversation_id]
            self._drained.set()

    async def _answer(self, answer: OwedAnswer) -> None:
        prompt = Prompt(answer.conversation_id, answer.user_id, answer.reply_to_seq, answer.prompt)
        said = ""
        held_back: str | None = None
        try:
            async for part in self._assistant.answer(prompt):
                if held_back is not None:
                    self._chunk(answer, len(said), held_back, done=False)
                    said += held_back
                    if self._pause:
                        await asyncio.sleep(self._pause)
                held_back = part
        except Exception:
            # Whatever a model does, the lease runs out and the answer is tried again.
            logs.logger().exception("answer_failed", conversation_id=answer.conversation_id, attempt=answer.attempt)
            self._held.discard(answer.id)
            with suppress(Problem):
                await self._database.fetch(_FAILED, (answer.id, self._replica))
            return
        last = held_back or ""
        self._chunk(answer, len(said), last, done=True)
        self._store(answer, said + last)

    def _chunk(self, answer: OwedAnswer, offset: int, text: str, *, done: bool) -> None:
        payload = {
            "conversation_id": answer.conversation_id,
            "answer_id": answer.id,
            "reply_to_seq": answer.reply_to_seq,
            "attempt": answer.attempt,
            "offset": offset,
            "text": text,
            "done": done,
        }
        self._stream(answer.conversation_id, frames.make("message.chunk", payload))

    def _store(self, answer: OwedAnswer, body: str) -> None:
        draft = Draft(
            conversation_id=answer.conversation_id,
            user_id=answer.user_id,
            sender=ASSISTANT,
            role=ASSISTANT,
            client_msg_id=f"answer:{answer.reply_to_seq}",
            body=body,
            answer_id=answer.id,
            reply_to_seq=answer.reply_to_seq,
        )
        assert self.writer is not None
        self.writer.put(Entry(draft, self))

    def settled(self, entry: Entry, place: Place, message: Message | None) -> None:
        """The answer is a message now, or was one before."""
        self._held.discard(entry.draft.answer_id or "")
        if place.outcome == allocation.EARLY:
            # Whoever owes the answer before it takes it up, and gives both in order.
            return
        metrics.ANSWERS.inc()
        if place.outcome == allocation.CONFLICT:
            logs.logger().warning("answer_given_before", conversation_id=entry.draft.conversation_id)

    def failed(self, entry: Entry) -> None:
        """Not stored: the lease runs out and the answer is tried again."""
        self._held.discard(entry.draft.answer_id or "")
