"""``python -m launcher``: what ``./run`` hands over to."""

from __future__ import annotations

import signal
import sys
from types import FrameType


def _interrupt(number: int, frame: FrameType | None) -> None:
    """The first signal ends the run in order; later ones must not disturb that."""
    for again in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(again, signal.SIG_IGN)
    raise KeyboardInterrupt


def _main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGINT:
            signal.signal(number, _interrupt)
    from launcher.commands import main

    return main(sys.argv[1:])


if __name__ == "__main__":
    try:
        code = _main()
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        code = 130
    sys.exit(code)
