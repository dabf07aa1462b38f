"""Tests by their ids: the tag ``id:C05-03`` names a test in every place where its name would have to be copied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lockstep.ids import FORM as FORM
from lockstep.ids import PREFIX as PREFIX
from lockstep.ids import of_tags as of_tags
from lockstep.ids import written as written
from robot.api import TestSuite
from robot.errors import DataError

from launcher.console import LaunchError, did_you_mean
from launcher.paths import PROJECT, ROOT


@dataclass(frozen=True)
class KnownTest:
    """One test of a suite file, with its tags."""

    id: str
    name: str
    suite: Path
    tags: frozenset[str]


def chosen(names: Iterable[str]) -> tuple[str, ...]:
    """The tags of the tests that ``names`` mean, where those are ids; none where they are areas or suites.

    Raises ``LaunchError`` where they are both: the tags would narrow the areas as well.
    """
    ids = {name: written(name) for name in names}
    if other := [name for name, key in ids.items() if not key]:
        if key := next((key for key in ids.values() if key), None):
            raise LaunchError(f"The test {key} and {other[0]!r} cannot be run at once: name either tests or areas.")
        return ()
    return tuple(f"{PREFIX}{key}" for key in ids.values())


def of_project(root: Path = ROOT) -> tuple[Path, ...]:
    """Where tests have ids: ``suites/``, and the suite that only seeded defects are proved with."""
    proved = root / "tests" / "atest" / "exploration" / "broken_servers.robot"
    own = [PROJECT / "suites"] if root == ROOT else []
    places = dict.fromkeys((*own, root / "suites", proved))
    return tuple(place for place in places if place.exists())


@cache
def read(*sources: Path) -> Mapping[str, KnownTest]:
    """Every test with an id below ``sources`` (the project's where none is given), by id.

    Raises ``LaunchError`` for an id that two tests have, and for suites that Robot cannot read.
    """
    places = sources or of_project()
    if not places:
        return {}
    try:
        suite = TestSuite.from_file_system(*places)
    except DataError as error:
        raise LaunchError(str(error)) from error
    known: dict[str, KnownTest] = {}
    for test in suite.all_tests:
        if (key := of_tags(test.tags)) is None:
            continue
        found = KnownTest(key, test.name, Path(test.source), frozenset(map(str, test.tags)))
        if other := known.get(key):
            raise LaunchError(
                f"Two tests have the id {key}: {other.name!r} in {other.suite} and {found.name!r} in {found.suite}."
            )
        known[key] = found
    return known


def check(keys: Iterable[str], sources: Iterable[Path]) -> None:
    """Raises ``LaunchError`` for an id that no test of the project has, nor one in ``sources``."""
    wanted = list(keys)
    own = of_project()
    beside = (source for source in sources if not any(source.is_relative_to(place) for place in own))
    known = read(*own, *beside) if wanted else {}
    for key in wanted:
        find(key, known)


def find(key: str, known: Mapping[str, KnownTest]) -> KnownTest:
    """The test with this id; raises ``LaunchError`` with the nearest known one where there is none."""
    if key in known:
        return known[key]
    raise LaunchError(f"There is no test with the id {key}.{did_you_mean(key, known)}")
