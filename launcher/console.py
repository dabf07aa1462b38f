"""What the launcher says: plain lines, coloured where a person watches."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Iterable

from launcher import interrupts
from launcher.paths import COMMAND

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "grey": "90", "bold": "1"}
_VERDICT_COLOURS = {"PASS": "green", "FAIL": "red", "SKIPPED": "red"}


class LaunchError(Exception):
    """The run cannot go on; the message says why and what to do, ``code`` is the exit code."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


def colourful() -> bool:
    """True where a person watches and has not asked for plain text (https://no-color.org)."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(text: str, colour: str | None) -> str:
    """``text`` in ``colour`` where colours are shown, else unchanged."""
    return f"\033[{_COLOURS[colour]}m{text}\033[0m" if colour and colourful() else text


def verdict(text: str, width: int = 0) -> str:
    """A verdict in its colour, padded to ``width``."""
    return paint(text.ljust(width), _VERDICT_COLOURS.get(text, "yellow"))


def spoken(text: str) -> str:
    """``text`` with the command as people type it: messages name it ``./run``, which the package calls ``lockstep``."""
    if COMMAND == "./run":
        return text
    # Columns of a table stay where they are.
    text = re.sub(r"\./run([^\n]*?)   ( {2,})", rf"{COMMAND}\1\2", text)
    return text.replace("./run", COMMAND)


def say(text: str = "") -> None:
    """A line on standard output, at once."""
    text = spoken(text)
    with interrupts.forgiving(sys.stdout):
        try:
            print(text, flush=True)
        except UnicodeEncodeError:
            encoding = sys.stdout.encoding or "ascii"
            print(text.encode(encoding, "replace").decode(encoding), flush=True)


def complain(text: str) -> None:
    """A line on standard error, at once."""
    text = spoken(text)
    with interrupts.forgiving(sys.stderr):
        print(paint(text, "red") if sys.stderr.isatty() else text, file=sys.stderr, flush=True)


def plural(number: int, what: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` with the known word nearest to ``word``; nothing where none is near."""
    nearest = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" Did you mean {nearest[0]!r}?" if nearest else ""
