"""``./run list``: areas, suites, tests, and the requirements that they cover."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from robot.api import TestSuite

from launcher import areas, requirements, tests_by_id
from launcher.console import LaunchError, paint, say
from launcher.outcome import requirement_ids
from launcher.paths import SUITES


def main(argv: Sequence[str]) -> int:
    """Print every area (or the named ones), suite by suite."""
    names = list(argv) or areas.areas()
    if not names:
        raise LaunchError(f"There are no suites in {SUITES}.")
    known = requirements.read()
    for name in names:
        suite = TestSuite.from_file_system(areas.resolve(name))
        suite.filter(included_tags=tests_by_id.chosen([name]))
        covered = {key for test in suite.all_tests for key in requirement_ids(test.tags)}
        wanted = requirements.of_areas(known, [name])
        holes = [one.id for one in wanted if one.id not in covered and not one.command]
        say(paint(f"{name}: {suite.test_count} tests, {len(covered)} requirements", "bold"))
        if holes:
            say(paint(f"  without a test: {requirements.spans(holes)}", "yellow"))
        _show(suite)
    return 0


def _show(suite: Any) -> None:
    if suite.tests:
        say(f"  {suite.name}")
    for test in suite.tests:
        key = tests_by_id.of_tags(test.tags) or "–"
        say(f"    {key:<7} {test.name}  {paint(' '.join(requirement_ids(test.tags)), 'grey')}")
    for child in suite.suites:
        _show(child)
