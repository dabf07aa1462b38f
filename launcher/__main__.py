"""``python -m launcher``: what ``./run`` hands over to."""

from __future__ import annotations

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
    sys.exit(code)
