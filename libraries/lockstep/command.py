"""The command ``lockstep`` of the installed package: what ``./run`` is in a checkout.

It works for the project that the current folder lies in (``lockstep init`` makes one), else with its own suites. In a
checkout it runs the launcher and the libraries of that checkout.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from lockstep.home import HOME, is_checkout, project_above, python_path


def main() -> NoReturn:
    """Become the launcher."""
    here = Path.cwd()
    project = project_above(here)
    home = project if project and is_checkout(project) else HOME
    own = [project / name for name in ("libraries", "resources")] if project else []
    of_home = [home / name for name in ("libraries", "resources")]
    environment = {
        **os.environ,
        "PYTHONPATH": python_path(home, *own, *of_home),
        "LOCKSTEP_PROJECT": str(project or here),
    }
    os.execve(  # noqa: S606 - this very Python
        sys.executable, [sys.executable, "-P", "-m", "launcher", *sys.argv[1:]], environment
    )
