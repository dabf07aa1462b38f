"""The services' fork server of a copy, itself forked from a process that has imported all that services import.

``python -m defects.preload ADDRESS``, in the place of ``python -m services.preload``, asks that process for it; only
the copy's own modules are then imported anew. Without arguments it is that process (``launcher.forking``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from launcher.robot import ask, stand_in

_OURS = "services"


def stand_in_for(address: str) -> NoReturn:
    """Be the fork server of the ``services`` in this folder, or become it where nobody forks one."""
    line = ask(address, [])
    if line is None:
        os.execv(sys.executable, [sys.executable, "-m", "services.preload"])  # noqa: S606
    stand_in(line)


def _import() -> None:
    import gc
    import importlib

    for name in _foreign():
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _foreign() -> list[str]:
    """What the services import and is not theirs, told by a child: here they are not imported, only in forks."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, "\n".join(_loaded_with_services()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as told:
        names = told.read().split()
    os.waitpid(child, 0)
    return names


def _loaded_with_services() -> list[str]:
    import importlib

    before = set(sys.modules)
    preload = importlib.import_module(f"{_OURS}.preload")
    names = [f"{_OURS}.{name}.{part}" for branch in preload.BRANCHES for name in branch for part in ("app", "settings")]
    for name in (*preload.SHARED, *names):
        importlib.import_module(name)
    loaded = [name for name, module in sys.modules.items() if getattr(module, "__spec__", None)]
    return [name for name in loaded if name not in before and name.partition(".")[0] != _OURS]


def _run_preload(_: Sequence[str]) -> int:
    import runpy

    sys.argv[:] = ["services.preload"]
    runpy.run_module("services.preload", run_name="__main__")
    return 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        stand_in_for(sys.argv[1])
    from launcher import forking

    forking.main(_import, _run_preload)
