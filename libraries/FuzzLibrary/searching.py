"""The search: Hypothesis draws inputs, and shrinks the first that is answered wrongly."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from lockstep.drawing import drawing, number

T = TypeVar("T")


@dataclass(frozen=True)
class Found(Generic[T]):
    """The smallest input found that is answered wrongly, and what was wrong."""

    input: T
    fault: str


class WrongAnswer(Exception):  # noqa: N818 - what Hypothesis is told, always at one place: so it takes all faults for one
    """Raised to Hypothesis alone."""


class Unjudged(BaseException):
    """An input could not be judged, which says nothing about any promise."""


class Enough(BaseException):
    """Patience has ended. No error: like KeyboardInterrupt it ends Hypothesis at once."""


def search(inputs: Any, judge: Callable[[T], str], count: int, seed: str, patience: float) -> Found[T] | None:
    """Judges ``count`` inputs drawn from the strategy ``inputs``; None where ``judge`` finds no fault ("") with any.

    What fails is made smaller for ``patience`` seconds at most. The same seed draws the same inputs.
    """
    found: Found[T] | None = None
    failed_at = 0.0
    unjudged: Exception | None = None

    def judged(drawn: T) -> None:
        nonlocal found, failed_at, unjudged
        if found and time.monotonic() - failed_at > patience:
            raise Enough
        try:
            fault = judge(drawn)
        except Exception as error:
            unjudged = error
            raise Unjudged from None
        if fault:
            failed_at = failed_at or time.monotonic()
            found = Found(drawn, fault)
            raise WrongAnswer

    with drawing(count) as settings:
        import hypothesis

        test: Any = hypothesis.seed(number(seed))(settings(hypothesis.given(inputs)(judged)))  # type: ignore[no-untyped-call]
        # What fails may pass when it is sent again: it was found all the same.
        with suppress(WrongAnswer, Enough, Unjudged, hypothesis.errors.Flaky):
            test()
    if unjudged:
        raise unjudged
    return found
