"""Which test that has nothing to do with a defect runs beside those that must catch it, and must pass.

A defect that reddens everything would be "caught" by any test. ``samples.yaml`` names, for each suite, quick tests to
draw from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from defects.catalogue import ROOT, CatalogueError, Defect
from launcher import tests_by_id

TABLE = Path(__file__).with_name("samples.yaml")


def read(path: Path = TABLE) -> dict[str, list[str]]:
    """The ids of the tests to draw from, by suite."""
    table: dict[str, list[str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return table


def sample(defect: Defect, table: Mapping[str, Sequence[str]], root: Path = ROOT) -> str:
    """The test that must pass in spite of ``defect``: always the same, of another requirement where there is one.

    Raises CatalogueError where the suite has none to draw from.
    """
    if defect.sample:
        return defect.sample
    covered = requirements(root / defect.suite)
    named = {*defect.caught_by, *defect.also}
    free = [name for name in table.get(defect.suite, ()) if name not in named]
    broken = {tag for name in defect.caught_by for tag in covered.get(name, frozenset())}
    apart = [name for name in free if not broken & covered.get(name, frozenset())]
    chosen = apart or free
    if not chosen:
        raise CatalogueError(f"{defect.id}: {defect.suite} has no test in {TABLE.name} that is to pass in spite of it")
    return chosen[defect.number % len(chosen)]


def requirements(suite: Path) -> dict[str, frozenset[str]]:
    """The requirements that each test of ``suite`` names in its tags, by the test's id."""
    tests = tests_by_id.read(suite).values()
    return {test.id: frozenset(tag for tag in test.tags if tag.startswith("req:")) for test in tests}
