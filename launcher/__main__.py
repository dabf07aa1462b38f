"""``python -m launcher``: what ``./run`` hands over to."""

from __future__ import annotations

import sys

from launcher.interrupts import run


def _main() -> int:
    from launcher.commands import main

    return main(sys.argv[1:])


if __name__ == "__main__":
    run(_main)
