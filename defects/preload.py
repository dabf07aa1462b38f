"""The services' fork server of a copy, itself forked from a process that has imported the services.

``python -m defects.preload ADDRESS``, in the place of ``python -m services.preload``, asks that process for it; only
what differs in the copy is then imported again. Without arguments it is that process (`imports`).
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from launcher.robot import ask, stand_in


def stand_in_for(address: str) -> NoReturn:
    """Be the fork server of the ``services`` in this folder, or become it where nobody forks one."""
    line = ask(address, [])
    if line is None:
        os.execv(sys.executable, [sys.executable, "-m", "services.preload"])  # noqa: S606
    stand_in(line)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        stand_in_for(sys.argv[1])
    from defects import imports

    imports.main()
