"""One device of the user as a client of the protocol (docs/protocol.md §4), without a network.

It does only what a schedule says: unlike ChatLibrary's clients it sends nothing again by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lockstep import reasons

BURST = 5
_SUBSCRIBE, _RESUME, _UPDATE = "subscribe", "resume", "state.update"


@dataclass
class Device:
    """``conversations`` is name → id; ``held`` conversation id → (epoch, the last seq that it was given)."""

    name: str
    client_id: str
    conversations: Mapping[str, str]
    held: dict[str, tuple[str, int]] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    must_return: bool = False
    version: int = 0
    _said: list[dict[str, Any]] = field(default_factory=list)
    _sent: int = 0

    def greet(self) -> list[str]:
        """The frames that a new socket begins with: resume what is held, subscribe to what is not."""
        self.waiting.clear()
        self.must_return = False
        positions = {key: {"epoch": epoch, "seq": seq} for key, (epoch, seq) in self.held.items()}
        frames = [self._ask(_RESUME, {"client_id": self.client_id, "positions": positions})] if positions else []
        new = [key for key in self.conversations.values() if key not in self.held]
        return [*frames, *(self._ask(_SUBSCRIBE, {"conversation_id": key}) for key in new)]

    @property
    def joined(self) -> bool:
        """Whether the beginning of the socket was answered, so that it may be used."""
        return not any(waited.startswith((_RESUME, _SUBSCRIBE)) for waited in self.waiting)

    @property
    def is_keeping(self) -> bool:
        """Whether a state is on its way."""
        return any(waited.startswith(_UPDATE) for waited in self.waiting)

    def say(self, conversation: str) -> str:
        """The frame of a new message."""
        self._sent += 1
        name = f"{self.name}-{self._sent}"
        message = {
            "conversation_id": self.conversations[conversation],
            "client_msg_id": name,
            "body": f"{name} says something in the {conversation} conversation",
        }
        self._said.append(message)
        return self._ask("message.send", message)

    def say_again(self, which: str) -> str | None:
        """The frame of the first or the last message once more, under its old ``client_msg_id``."""
        return self._ask("message.send", self._said[0 if which == "first" else -1]) if self._said else None

    def keep(self) -> str:
        """The frame that stores a state over the version that this device knows."""
        self._sent += 1
        return self._ask(_UPDATE, {"base_version": self.version, "document": {"step": self._sent}})

    def hear(self, frame: Mapping[str, Any]) -> None:
        """Takes what came."""
        payload = frame.get("payload") or {}
        kind, answered = frame.get("type"), frame.get("id")
        match kind:
            case "subscribed":
                self._hold(payload["conversation_id"], payload["epoch"], payload["head"])
            case "message":
                self._hold(payload["conversation_id"], payload["epoch"], payload["seq"])
            case "message.batch":
                for message in payload["messages"]:
                    self._hold(message["conversation_id"], message["epoch"], message["seq"])
            case "resumed":
                self._resumed(payload)
            case "state.updated" | "state.conflict":
                self.version = payload["version"]
            case "error":
                self.errors.append(reasons.given(payload.get("code"), payload.get("detail")))
                if not answered and len(self.waiting) == 1:
                    # It names no request, but there is only one that it can be about.
                    answered = next(iter(self.waiting))
                self.must_return = self.must_return or str(answered).startswith((_RESUME, _SUBSCRIBE))
        if answered:
            self.waiting.discard(answered)

    def _resumed(self, payload: Mapping[str, Any]) -> None:
        if payload["recovered"]:
            return
        self.refused.append(reasons.given(payload["reason"]))
        for key, position in payload["positions"].items():
            self.held[key] = (position["epoch"], position["seq"])

    def _hold(self, key: str, epoch: str, seq: int) -> None:
        known = self.held.get(key)
        self.held[key] = (epoch, seq if known is None or known[0] != epoch else max(known[1], seq))

    def _ask(self, kind: str, payload: Mapping[str, Any]) -> str:
        self._sent += 1
        frame_id = f"{kind}-{self._sent}"
        self.waiting.add(frame_id)
        return json.dumps({"type": kind, "id": frame_id, "payload": payload})
