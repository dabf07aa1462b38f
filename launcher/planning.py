"""Which tests the selection holds, found out by Robot's own parser and options before anything runs."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robot.api import TestSuite
from robot.conf import RobotSettings
from robot.errors import DataError, Information
from robot.output import LOGGER
from robot.running.builder import TestSuiteBuilder

from launcher.console import LaunchError
from launcher.outcome import PlannedTest

EXCLUDED_BY_ROBOT = ["robot:exclude"]


@dataclass(frozen=True)
class Plan:
    """The planned tests, the suite files that hold them, and Robot's settings (for the reports at the end)."""

    tests: tuple[PlannedTest, ...]
    suites: tuple[str, ...]
    settings: RobotSettings


def plan(robot_args: Sequence[str], sources: Sequence[Path]) -> Plan:
    """Select as Robot will.

    Raises ``LaunchError`` with Robot's message for wrong options, broken data or an empty selection.
    """
    framework = importlib.import_module("robot.run").RobotFramework()
    try:
        options, extra = framework.parse_arguments([*robot_args, *map(str, sources)])
        if len(extra) != len(sources):
            raise LaunchError(f"{extra[0]!r} was not understood: areas and suites come before all options.")
        if len(sources) > 1 and not options.get("name"):
            options["name"] = "Suites"
        settings = RobotSettings(options)
        LOGGER.unregister_console_logger()
        suite = TestSuiteBuilder(
            included_extensions=settings.extension,
            included_files=settings.parse_include,
            rpa=settings.rpa,
            lang=settings.languages,
        ).build(*sources)
        suite.configure(**settings.suite_config)
        suite.filter(excluded_tags=EXCLUDED_BY_ROBOT)
    except (DataError, Information) as error:
        raise LaunchError(str(error)) from error
    tests = tuple(PlannedTest(test.longname, tuple(test.tags), test.name) for test in suite.all_tests)
    return Plan(tests, tuple(_files(suite)), settings)


def longest_first(suites: Sequence[str], durations: dict[str, float]) -> list[str]:
    """Suites by their last known seconds, longest first; unknown ones lead, since they may be long."""
    return sorted(suites, key=lambda name: -durations.get(name, float("inf")))


def _files(suite: TestSuite) -> Iterator[Any]:
    if suite.tests:
        yield suite.longname
    for child in suite.suites:
        yield from _files(child)
