"""The search: Hypothesis draws inputs, and shrinks the first that is answered wrongly."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

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
    # Imported here: it costs half a second, and most users of this folder want a name or a page of documentation.
    import hypothesis
    from hypothesis import HealthCheck, Phase, Verbosity
    from hypothesis.configuration import set_hypothesis_home_dir

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

    settings = hypothesis.settings(
        max_examples=count,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
        print_blob=False,
        verbosity=Verbosity.quiet,
    )
    test: Any = hypothesis.seed(number(seed))(settings(hypothesis.given(inputs)(judged)))  # type: ignore[no-untyped-call]
    with tempfile.TemporaryDirectory(prefix="hypothesis-", dir=os.environ.get("LOCKSTEP_RUN_DIR")) as home:
        set_hypothesis_home_dir(home)
        # What fails may pass when it is sent again: it was found all the same.
        with suppress(WrongAnswer, Enough, Unjudged, hypothesis.errors.Flaky):
            test()
    if unjudged:
        raise unjudged
    return found


def number(text: str) -> int:
    """A seed for Hypothesis."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
