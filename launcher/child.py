"""``python -m launcher.child MODULE …``: a module of the project that ends in order from its first import on."""

from __future__ import annotations

import runpy
import sys

from launcher.interrupts import run


def _main() -> int:
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    run(_main)
