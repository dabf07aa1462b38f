"""Which tests the selection holds, found out by Robot's own parser and options before anything runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from robot.api import TestSuite
from robot.conf import RobotSettings
from robot.errors import DataError
from robot.model import ModelModifier
from robot.output import LOGGER
from robot.running.builder import TestSuiteBuilder

from launcher import again
from launcher.console import LaunchError
from launcher.options import Options
from launcher.outcome import PlannedTest
from launcher.selection import Step, places

RUNS_LAST = "runs:last"
EXCLUDED_BY_ROBOT = ["robot:exclude"]
# A worker gets the tests that these chose.
_CHOOSING = ("test", "task", "suite")


@dataclass(frozen=True)
class PlannedSuite:
    """A suite with tests of its own: its full name, the way to it, and the names of its tests that run."""

    name: str
    place: tuple[Step, ...]
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """The planned tests, the suites that hold them, the options of every robot, and Robot's settings for the reports.

    ``problems`` names what was asked for and is not there.
    """

    tests: tuple[PlannedTest, ...]
    suites: tuple[PlannedSuite, ...]
    options: Options
    settings: RobotSettings
    problems: tuple[str, ...]


class _Errors:
    """A logger that keeps what Robot would go on after."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def error(self, message: str) -> None:
        self.messages.append(message)

    def info(self, message: str) -> None:
        """Robot tells what it imports."""


def plan(options: Options, sources: Sequence[Path], folder: Path) -> Plan:
    """Select as Robot will; results go to ``folder``.

    Raises ``LaunchError`` with Robot's message for wrong options, broken data or an empty selection.
    """
    options = {"name": "Suites", **options} if len(sources) > 1 else options
    LOGGER.unregister_console_logger()
    try:
        suite = _build(_settings(options, folder), sources)
        ways = list(places(suite))
        suite.name = options.get("name") or suite.name
        options, problems = again.resolved(options, suite)
        settings = _settings(options, folder)
        suite.configure(**settings.suite_config)
        settings.rpa = suite.validate_execution_mode()
    except DataError as error:
        raise LaunchError(error.message.partition("\nTraceback")[0]) from error
    suite.filter(excluded_tags=EXCLUDED_BY_ROBOT)
    kept = {id(one) for one, _ in places(suite)}
    found = [(one, (replace(way[0], name=suite.name), *way[1:])) for one, way in ways if id(one) in kept and one.tests]
    if not found:
        raise LaunchError(f"Suite {suite.name!r} contains no tests but some tagged {EXCLUDED_BY_ROBOT[0]!r}.")
    return Plan(
        tests=tuple(planned for one, way in found for planned in _tests(one, way)),
        suites=tuple(PlannedSuite(one.full_name, way, tuple(test.name for test in one.tests)) for one, way in found),
        options={name: value for name, value in options.items() if name not in _CHOOSING},
        settings=settings,
        problems=problems,
    )


def _settings(options: Options, folder: Path) -> RobotSettings:
    return RobotSettings({**options, "outputdir": str(folder)})


def _build(settings: RobotSettings, sources: Sequence[Path]) -> TestSuite:
    """The whole data, as Robot has it before it selects."""
    sys.path[:0] = settings.pythonpath
    suite = TestSuiteBuilder(
        included_extensions=settings.extension,
        included_files=settings.parse_include,
        custom_parsers=settings.parsers,
        rpa=settings.rpa,
        lang=settings.languages,
    ).build(*sources)
    if settings.pre_run_modifiers:
        errors = _Errors()
        suite.visit(ModelModifier(settings.pre_run_modifiers, settings.run_empty_suite, errors))
        if errors.messages:
            raise DataError(errors.messages[0])
    return suite


def _tests(suite: TestSuite, way: tuple[Step, ...]) -> list[PlannedTest]:
    return [PlannedTest(test.full_name, tuple(test.tags), test.name, way, test.lineno) for test in suite.tests]


def last_ones_last(suites: Sequence[PlannedSuite], tests: Sequence[PlannedTest]) -> list[PlannedSuite]:
    """Suites with a test that has the tag ``runs:last`` at the end, where few others run beside them: they measure."""
    last = {test.place for test in tests if RUNS_LAST in test.tags}
    return sorted(suites, key=lambda suite: suite.place in last)


def longest_first(suites: Sequence[PlannedSuite], durations: Mapping[str, float]) -> list[PlannedSuite]:
    """Suites by their last known seconds, longest first; unknown ones lead, since they may be long."""
    return sorted(suites, key=lambda suite: -durations.get(suite.name, float("inf")))
