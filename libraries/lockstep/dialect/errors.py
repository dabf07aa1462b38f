"""What can be wrong with a dialect, and with what a target answers in it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class DialectError(ValueError):
    """A dialect that cannot be used; the message has the file, the line, the entry and the way out."""

    ROBOT_SUPPRESS_NAME = True


class NotDescribed(Exception):  # noqa: N818 - it is no error: the target has not, or is not described to have, a word
    """A word that the dialect lacks. ``lacks`` is its dotted name (``operations.refresh``), ``reason`` says why."""

    def __init__(self, lacks: str, reason: str) -> None:
        super().__init__(f"{lacks}: {reason}")
        self.lacks = lacks
        self.reason = reason


class NotRead(AttributeError):  # noqa: N818 - as `NotDescribed`
    """A value that a session does not have, since the dialect's sign-in reads none: ``name``."""

    def __init__(self, name: str, known: str) -> None:
        super().__init__(f"a session has no {name!r}; it has {known}")
        self.name = name


_NEAR = 0.65
"""From so much likeness (`difflib`) on, a word is taken for a slip: ``user`` is no misspelt ``sender`` (0.6)."""


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean x?`` with the known word that is nearest to ``word``, else all known words."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=_NEAR)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; known are {', '.join(names)}" if names else "; nothing may stand here"
