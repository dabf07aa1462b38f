"""What a chat client knows and what it says next: the protocol of a client, without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lockstep import reasons

ANSWER = "answer:"
JOIN = "join"


@dataclass
class ChatState:
    """One client (``client_id``: a tab or a device) in one conversation.

    A message is *unacked* until its ``ack`` has come, and is sent again, under its old ``client_msg_id``, after each
    reconnection; ``hopeless`` says why one of them, or the subscription, was refused for good. ``held`` is the position
    up to which the client has every message of the conversation. It is ``joined`` from its welcome on, unless its
    resumption is answered with an error, and ``ready`` once it is resumed.
    """

    name: str
    client_id: str
    conversation: str
    answered: bool = False
    epoch: str | None = None
    held: int = 0
    joined: bool = False
    ready: bool = False
    sent: int = 0
    resent: int = 0
    unrecovered: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    hopeless: str = ""
    unacked: dict[str, str] = field(default_factory=dict)
    acked: dict[str, int] = field(default_factory=dict)
    answers: set[int] = field(default_factory=set)

    def say(self, body: str) -> list[str]:
        """A new message; the frames to send now, none while the client is not ready."""
        client_msg_id = f"{self.name}-{self.sent}"
        self.sent += 1
        payload = {"conversation_id": self.conversation, "client_msg_id": client_msg_id, "body": body}
        frame = _frame("message.send", client_msg_id, payload)
        self.unacked[client_msg_id] = frame
        return [frame] if self.ready else []

    def hear(self, frame: Mapping[str, Any]) -> list[str]:
        """Takes what came; the frames to send now."""
        payload = frame.get("payload") or {}
        match frame.get("type"):
            case "welcome":
                self.joined = True
                return [self._join()]
            case "subscribed":
                self.epoch, self.held = payload["epoch"], payload["head"]
                return self._go_on()
            case "resumed":
                return self._resumed(payload)
            case "ack":
                self.unacked.pop(payload["client_msg_id"], None)
                self.acked[payload["client_msg_id"]] = payload["seq"]
            case "message":
                self._take(payload)
            case "message.batch":
                for message in payload["messages"]:
                    self._take(message)
            case "event":
                return [_frame("event.ack", None, {"event_id": payload["event_id"]})]
            case "error":
                self._refused(frame.get("id"), payload)
        return []

    def lose(self) -> None:
        """The connection is gone."""
        self.ready = self.joined = False

    @property
    def settled(self) -> bool:
        """Whether everything said was acknowledged, was given back in order and, where that is wanted, answered."""
        head = max(self.acked.values(), default=0)
        complete = not self.unacked and self.held >= head
        return complete and (not self.answered or self.answers >= set(self.acked.values()))

    def __str__(self) -> str:
        missing = len(set(self.acked.values()) - self.answers) if self.answered else 0
        return (
            f"{self.sent} said, {len(self.unacked)} not acknowledged, holds {self.held} of at least "
            f"{max(self.acked.values(), default=0)}, {missing} not answered{self._standing}"
        )

    @property
    def _standing(self) -> str:
        return "" if self.ready else ", joining" if self.joined else ", not connected"

    def _refused(self, answered: Any, error: Mapping[str, Any]) -> None:
        self.errors.append(reasons.given(error.get("code"), error.get("detail")))
        self.joined = self.joined and answered != JOIN
        if error.get("retryable") is False and (answered == JOIN or answered in self.unacked):
            self.hopeless = self.errors[-1]

    def _join(self) -> str:
        if self.epoch is None:
            return _frame("subscribe", JOIN, {"conversation_id": self.conversation})
        positions = {self.conversation: {"epoch": self.epoch, "seq": self.held}}
        return _frame("resume", JOIN, {"client_id": self.client_id, "positions": positions})

    def _resumed(self, payload: Mapping[str, Any]) -> list[str]:
        if not payload["recovered"]:
            self.unrecovered.append(reasons.given(payload["reason"]))
            position = payload["positions"].get(self.conversation)
            if position:
                self.epoch, self.held = position["epoch"], position["seq"]
        return self._go_on()

    def _go_on(self) -> list[str]:
        self.ready = True
        self.resent += len(self.unacked)
        return list(self.unacked.values())

    def _take(self, message: Mapping[str, Any]) -> None:
        if message["seq"] == self.held + 1:
            self.held += 1
        name = str(message["client_msg_id"])
        if name.startswith(ANSWER):
            self.answers.add(int(name.removeprefix(ANSWER)))


def _frame(kind: str, frame_id: str | None, payload: Mapping[str, Any]) -> str:
    return json.dumps({"type": kind, "id": frame_id, "payload": payload})
