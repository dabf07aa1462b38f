"""The one way to wait: ask until the answer is right or the time is up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import accumulate
from typing import TypeVar

from lockstep import machine, reasons
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
    describe: Callable[[T], str] | None = None,
) -> T:
    """The first answer of ``ask`` for which ``holds`` is true; it is asked at least once.

    The wait is longer by the time that the machine was away; where that is too long it raises ``Unknown``
    (`lockstep.machine`). Raises ``AssertionError``: "<subject> did not become <wanted> in <within>; last seen:
    <answer>", the answer in the words of ``describe``, the cause first. An exception of a kind in ``tolerate`` counts
    as a wrong answer, any other ends the wait.
    """
    deadline = machine.Deadline(within.total_seconds())
    pause = FIRST_PAUSE
    while True:
        try:
            answer = ask()
            if holds(answer):
                return answer
            seen = describe(answer) if describe else show(answer)
        except tolerate as error:
            seen = reasons.given(error) if isinstance(error, AssertionError) else reasons.of(error)
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
    if isinstance(value, list | tuple) and len(repr(value)) > LONGEST_SEEN:
        return f"{len(value)} items: {listed([repr(item) for item in value])}"
    return repr(value)


def listed(items: Sequence[str]) -> str:
    """``items`` in one line; of too many the first and the last, each whole as far as it can be.

    Those that explain a failure belong to the beginning.
    """
    if sum(map(len, items)) <= LONGEST_SEEN:
        return "; ".join(items)
    whole = [shorten(item, LONGEST_SEEN // min(3, len(items))) for item in items]
    if len(whole) < 3:
        return "; ".join(whole)
    room = LONGEST_SEEN - len(whole[-1])
    fitting = sum(length <= room for length in accumulate(map(len, whole[:-1])))
    shown = whole[: max(1, fitting)]
    left_out = len(whole) - len(shown) - 1
    return "; ".join([*shown, *([f"… ({left_out} more) …"] if left_out else []), whole[-1]])


def shorten(text: str, longest: int = LONGEST_SEEN) -> str:
    """``text``, cut in the middle where it is too long for a message, with more of its beginning than of its end."""
    if len(text) <= longest:
        return text
    head, tail = longest * 2 // 3, longest // 3
    return f"{text[:head]} … ({len(text) - head - tail} characters) … {text[-tail:]}"
