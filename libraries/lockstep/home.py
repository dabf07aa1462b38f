"""Where the folders of Lockstep lie that are no libraries: services, suites, resources, variables, the launcher.

In a checkout they lie beside ``libraries/``; an installed package brings them along in ``lockstep_home``.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from pathlib import Path

DISTRIBUTION = "robotframework-lockstep"
LIBRARIES = Path(__file__).resolve().parents[1]
"""The folder that holds the libraries: ``libraries/`` of a checkout, or ``site-packages``."""
_SHIPPED = LIBRARIES / "lockstep_home"
INSTALLED = _SHIPPED.is_dir()
"""Whether this is the installed package, and no checkout."""
HOME = _SHIPPED if INSTALLED else LIBRARIES.parent


def missing(modules: Iterable[str], extra: str) -> str:
    """Which of ``modules`` are not installed, and how they come; "" where all are there."""
    lacking = [name for name in modules if importlib.util.find_spec(name) is None]
    if not lacking:
        return ""
    way = f"pip install '{DISTRIBUTION}[{extra}]'" if INSTALLED else "./run installs them"
    return f"{', '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} not installed: {way}"


def need(modules: Iterable[str], extra: str, what: str) -> None:
    """Raises ``ImportError`` with the way out where a library lacks one of ``modules``."""
    if lacking := missing(modules, extra):
        raise ImportError(f"{what} cannot be used: {lacking}")


def project_above(folder: Path) -> Path | None:
    """The project that ``folder`` lies in: the nearest folder above it with ``robot.toml`` and ``suites/``."""
    for place in (folder, *folder.parents):
        if (place / "robot.toml").is_file() and (place / "suites").is_dir():
            return place
    return None


def project() -> Path | None:
    """The project that the command ``lockstep`` works for, where it is that command's."""
    named = os.environ.get("LOCKSTEP_PROJECT")
    return Path(named) if named else None


def target_folders() -> list[Path]:
    """Where targets are looked for by name: ``LOCKSTEP_TARGETS``, then here, in the project, and in Lockstep."""
    named = [Path(folder) for folder in (os.environ.get("LOCKSTEP_TARGETS"),) if folder]
    places = filter(None, [Path.cwd(), project(), HOME])
    return [*named, *dict.fromkeys(place / "variables" / "targets" for place in places)]


def is_checkout(folder: Path) -> bool:
    """Whether ``folder`` is a checkout of Lockstep itself."""
    return (folder / "launcher" / "__main__.py").is_file() and (folder / "libraries" / "lockstep").is_dir()


def python_path(*folders: Path) -> str:
    """``PYTHONPATH`` with ``folders`` first, those that there are, and then what it is now."""
    old = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    found = [str(folder) for folder in folders if folder.is_dir()]
    return os.pathsep.join(dict.fromkeys([*found, *filter(None, old)]))
