"""Who answers in a conversation with ``assistant: true``: an interface, and the deterministic default."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

CHUNK = 16


@dataclass(frozen=True)
class Prompt:
    """What is to be answered."""

    conversation_id: str
    user_id: str
    reply_to_seq: int
    body: str


class Assistant(Protocol):
    """A source of answers; a real model stands behind the same interface."""

    def answer(self, prompt: Prompt) -> AsyncIterator[str]:
        """The answer in parts, in order; together they are the message."""


class Echo:
    """Answers ``B`` by ``You said: B``: the same to everyone, at any time, in parts of ``CHUNK`` characters."""

    async def answer(self, prompt: Prompt) -> AsyncIterator[str]:
        """The parts."""
        text = f"You said: {prompt.body}"
        for start in range(0, len(text), CHUNK):
            yield text[start : start + CHUNK]
