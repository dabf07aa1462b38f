"""Where things lie: Lockstep's own files, and those of the project that it works for.

In a checkout they are the same. The command ``lockstep`` names the project by ``LOCKSTEP_PROJECT``.
"""

from __future__ import annotations

import importlib.metadata
import os
import pkgutil
import sys
from pathlib import Path

from lockstep import home

ROOT = Path(__file__).resolve().parent.parent
INSTALLED = ROOT.name == "lockstep_home"
"""Whether this launcher belongs to the installed package, and to no checkout."""
_NAMED = os.environ.get("LOCKSTEP_PROJECT")
COMMAND = "lockstep" if INSTALLED or _NAMED else "./run"
"""What people type."""
LAUNCHER = Path(sys.executable).parent / "lockstep" if INSTALLED else ROOT / "run"
"""The same as a file, for other folders."""
PROJECT = Path(_NAMED) if _NAMED else Path.cwd() if INSTALLED else ROOT
SUITES = PROJECT / "suites"
TESTS = PROJECT / "tests"
LIBRARIES = home.LIBRARIES if INSTALLED else ROOT / "libraries"
RESOURCES = ROOT / "resources"
RESULTS = PROJECT / "results"
BASELINES = PROJECT / "baselines"
REQUIREMENTS = PROJECT / "docs" / "requirements.md"
BUDGETS = PROJECT / "variables" / "budgets.yaml"
SHIPPED_REQUIREMENTS = ROOT / "docs" / "requirements.md"
SHIPPED_BUDGETS = ROOT / "variables" / "budgets.yaml"
COVERAGE = ROOT / "variables" / "coverage.yaml"
SHIPPED_SUITES = ROOT / "suites"
"""The suites that come with Lockstep: those of the project where that is Lockstep itself."""


def library_names() -> list[str]:
    """The names of Lockstep's keyword libraries, and of what they share."""
    if not INSTALLED:
        return [module.name for module in pkgutil.iter_modules([str(LIBRARIES)])]
    files = importlib.metadata.files(home.DISTRIBUTION) or []
    return sorted({file.parts[0] for file in files if len(file.parts) == 2 and file.name == "__init__.py"})
