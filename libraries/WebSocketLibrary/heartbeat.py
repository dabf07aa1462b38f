"""The application's own pings, which are answered by the socket itself: who does not is hung up on by the server."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from .errors import ErrorFrames
from .journal import Direction, Frame
from .matching import look_up

_PATH = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class _Rule:
    ping: ErrorFrames  # no error: the same quick look at bytes, then at the frame
    answer: Any


@dataclass(frozen=True)
class Heartbeats:
    """Which received frames are pings, and what answers each."""

    rules: tuple[_Rule, ...]

    @classmethod
    def described(cls, given: Mapping[str, Any] | Sequence[Any] | None) -> Heartbeats | None:
        """From ``{when: …, send: …}`` or a list of such; None where there is none. Raises ``ValueError``."""
        if given is None:
            return None
        each = [given] if isinstance(given, Mapping) else list(given)
        if not each:
            raise ValueError("heartbeat: nothing is described")
        return cls(tuple(map(_read, each)))

    def answer(self, opcode: int, body: bytes) -> bytes | None:
        """What is sent for a received data frame; None where it is no ping. For the loop thread."""
        frame: Frame | None = None
        for rule in self.rules:
            if not rule.ping.may_be(body):
                continue
            frame = frame or _seen(opcode, body)
            if rule.ping(frame):
                return _text(rule.answer, frame)
        return None


def _read(rule: Any) -> _Rule:
    if not isinstance(rule, Mapping) or set(rule) != {"when", "send"}:
        raise ValueError(f"heartbeat: when and send are needed and nothing else, not {rule!r}")
    return _Rule(ErrorFrames.described(rule["when"]), rule["send"])


def _seen(opcode: int, body: bytes) -> Frame:
    return Frame("", 0, monotonic(), 0.0, datetime.now(UTC), Direction.RECEIVED, opcode, body)


def _text(answer: Any, ping: Frame) -> bytes:
    if isinstance(answer, str):
        return answer.encode()
    return json.dumps(_filled(answer, ping), ensure_ascii=False, separators=(",", ":")).encode()


def _filled(value: Any, ping: Frame) -> Any:
    """``value`` with each text ``{path}`` in the place of what the ping has there, ``null`` where it has nothing."""
    if isinstance(value, Mapping):
        return {name: _filled(entry, ping) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(entry, ping) for entry in value]
    if isinstance(value, str) and (path := _PATH.fullmatch(value)):
        try:
            return look_up(ping.json, path[1])
        except LookupError:
            return None
    return value
