"""The areas of ``suites/`` and how a name on the command line finds them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from launcher import tests_by_id
from launcher.console import LaunchError, did_you_mean
from launcher.paths import SHIPPED_SUITES, SUITES


def areas(suites: Path = SUITES) -> list[str]:
    """Names of the folders of ``suites/`` that hold at least one suite."""
    if not suites.is_dir():
        return []
    return sorted(folder.name for folder in suites.iterdir() if folder.is_dir() and any(folder.rglob("*.robot")))


def folder(name: str, suites: Path = SUITES) -> Path | None:
    """The folder of an area: of the project, else of those that come with Lockstep."""
    for place in dict.fromkeys((suites, SHIPPED_SUITES)):
        if name in areas(place):
            return place / name
    return None


def resolve(name: str, commands: Sequence[str] = (), suites: Path = SUITES) -> Path:
    """The folder or suite that ``name`` means: an area, ``all``, a test's id, or a path from here or from the project.

    Raises ``LaunchError`` with the nearest known name when there is none.
    """
    if name == "all":
        return suites
    if found := folder(name, suites):
        return found
    places = (Path.cwd(), suites.parent, suites, SHIPPED_SUITES.parent, SHIPPED_SUITES)
    for candidate in (place / name for place in places) if name else ():
        if candidate.is_dir() or (candidate.suffix and candidate.is_file()):
            return candidate.resolve()
    if key := tests_by_id.written(name):
        return tests_by_id.find(key, tests_by_id.read()).suite
    known = [*commands, *areas(suites), *(own for own in areas(SHIPPED_SUITES) if own not in areas(suites)), "all"]
    raise LaunchError(
        f"There is no command, area or suite {name!r}.{did_you_mean(name, known)}\n"
        f"Known: {', '.join(known)}. More: ./run --help"
    )


def area_of(source: Path, suites: Path = SUITES) -> list[str]:
    """The areas that ``source`` covers as a whole: one folder, all folders, or none for a single suite."""
    if source == suites:
        return areas(suites)
    return [source.name] if source.parent in (suites, SHIPPED_SUITES) and source.is_dir() else []
