"""What a check has made at a target, and the words that undo it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock


@dataclass(frozen=True)
class Made:
    """Something that was made: what it is, how to undo it ("" when it is undone, else why not), and the call for it."""

    what: str
    undo: Callable[[], str]
    call: Callable[[], str]


@dataclass
class Undoing:
    """What was made and is still there, in its order; safe for several threads."""

    _made: list[Made] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def add(self, what: str, undo: Callable[[], str], call: Callable[[], str]) -> Made:
        """To be called before it is made, so that nothing is forgotten however a run ends."""
        made = Made(what, undo, call)
        with self._lock:
            self._made.append(made)
        return made

    def gone(self, made: Made | None) -> None:
        """It is not there any more, or was never made."""
        with self._lock:
            if made in self._made:
                self._made.remove(made)

    def undo_all(self) -> list[str]:
        """Undoes all, last things first; what could not be, each with why and the call that does it."""
        left: dict[tuple[str, str], list[str]] = {}
        while self._made:
            made = self._made.pop()
            if why := made.undo():
                left.setdefault((made.what, why), []).append(made.call())
        return [_said(what, why, calls) for (what, why), calls in left.items()]


def _said(what: str, why: str, calls: list[str]) -> str:
    times = f" ({len(calls)} of them)" if len(calls) > 1 else ""
    return f"{what}{times}: {why}" + (f"\n{calls[0]}" if calls[0] else "")
