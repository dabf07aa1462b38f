"""Being told to end: by Ctrl-C, by a CI that aborts, by a terminal that closes."""

from __future__ import annotations

import signal
from types import FrameType

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_in_order() -> None:
    """From now on the first signal raises KeyboardInterrupt; later ones must not disturb what that begins."""
    for number in _NUMBERS:
        if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGINT:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    for again in _NUMBERS:
        signal.signal(again, signal.SIG_IGN)
    raise KeyboardInterrupt
