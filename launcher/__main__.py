"""``python -m launcher``: what ``./run`` hands over to."""

from __future__ import annotations

import os
import sys

from launcher.interrupts import end_in_order


def _main() -> int:
    end_in_order()
    from launcher.commands import main

    return main(sys.argv[1:])


if __name__ == "__main__":
    try:
        code = _main()
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        code = 130
    except BrokenPipeError:
        # Whoever read has gone (``| head``); the interpreter would complain about what it cannot flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    sys.exit(code)
