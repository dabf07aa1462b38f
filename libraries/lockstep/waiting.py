"""The one way to wait: ask until the answer is right or the time is up."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from lockstep import machine
from lockstep.masking import mask

T = TypeVar("T")
FIRST_PAUSE = 0.005
LONGEST_PAUSE = 0.1
LONGEST_SEEN = 600


def wait_until(
    subject: str,
    wanted: str,
    ask: Callable[[], T],
    holds: Callable[[T], bool],
    within: timedelta,
    tolerate: tuple[type[Exception], ...] = (),
) -> T:
    """The first answer of ``ask`` for which ``holds`` is true; it is asked at least once.

    The wait is longer by the time that the machine was away; where that is too long it raises ``Unknown``
    (`lockstep.machine`). Raises ``AssertionError``: "<subject> did not become <wanted> in <within>; last seen:
    <answer>". An exception of a kind in ``tolerate`` counts as a wrong answer, any other ends the wait.
    """
    deadline = machine.Deadline(within.total_seconds())
    pause = FIRST_PAUSE
    while True:
        try:
            answer = ask()
            if holds(answer):
                return answer
            seen = show(answer)
        except tolerate as error:
            seen = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
        missing = f"{subject} did not become {wanted} in {seconds(within)}; last seen: {shorten(mask(seen))}"
        left = deadline.left(missing)
        if not left:
            raise AssertionError(missing)
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, LONGEST_PAUSE)


def seconds(duration: timedelta) -> str:
    """``duration`` for a reader: ``250 ms``, ``2 s``."""
    value = duration.total_seconds()
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:g} s"


def show(value: object) -> str:
    """``value`` for a failure message: texts without quotes would hide blanks, so they keep them."""
    return repr(value)


def shorten(text: str) -> str:
    """``text``, cut in the middle where it is too long for a message."""
    if len(text) <= LONGEST_SEEN:
        return text
    half = LONGEST_SEEN // 2
    return f"{text[:half]} … ({len(text) - 2 * half} characters) … {text[-half:]}"
