"""A process that has imported Robot Framework and the keyword libraries, and is forked for each suite.

What a robot imports costs more CPU than the tests of many a suite. Asked by ``launcher.robot``, which stands
for the robot meanwhile.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from launcher import forking
from launcher.paths import library_names

_IMPORTED = (
    "robot.run",
    "robot.libraries.Collections",
    "RequestsLibrary",
    "DatabaseLibrary",
    "psycopg",
    # What these import only when a suite runs, each fork would import again.
    "robot.running.suiterunner",
    "robot.libraries.Easter",
    "PlatformLibrary.library",
    "PlatformLibrary.listener",
    "jsonschema",
    "netrc",
    "psutil",
    "uvloop",
)

_PREPARED = ("BuiltIn", "Collections", "DatabaseLibrary", "OperatingSystem", "RequestsLibrary", "String")
"""Libraries of others whose keywords are found out before the fork, as those of our own are."""


class Robots(forking.ForkServer):
    """The launcher's side: started while the tests are planned, ended with the run."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        """In pabot's own ``folder``, since Robot Framework takes defaults from it when it is imported."""
        super().__init__("launcher.robots", folder, env)


def _import() -> None:
    ours = library_names()
    for name in (*_IMPORTED, *ours):
        # What cannot be imported is for the suite that needs it to say.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    from launcher.prepared import Prepared

    prepared = Prepared()
    for name in (*_PREPARED, *ours):
        with contextlib.suppress(Exception):
            prepared.prepare(name)
    prepared.install()
    gc.collect()
    gc.freeze()


def _run_robot(args: Sequence[str]) -> int:
    from robot.run import run_cli

    sys.argv[:] = ["robot", *args]
    code: int = run_cli(list(args), exit=False)
    return code


if __name__ == "__main__":
    forking.main(_import, _run_robot)
