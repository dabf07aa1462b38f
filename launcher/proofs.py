"""What proves each requirement: tests of the suites, tests of pytest, or a command that its row names."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from robot.api import TestSuite

from launcher import areas
from launcher.outcome import JudgedTest, requirement_ids
from launcher.paths import SUITES, TESTS
from launcher.requirements import Requirement
from launcher.verdicts import Verdict
from launcher.walls import Wall

_MARKER = "pytest.mark.req"


class Proofs:
    """Everything that claims to prove a requirement; read when it is first asked for."""

    def __init__(self, suites: Path = SUITES, tests: Path = TESTS) -> None:
        self._suites = suites
        self._tests = tests

    @cached_property
    def by_suites(self) -> Mapping[str, list[str]]:
        """The areas of ``suites/`` whose tests claim an id, by id."""
        found: dict[str, dict[str, None]] = {}
        for area in areas.areas(self._suites):
            for test in TestSuite.from_file_system(self._suites / area).all_tests:
                for key in requirement_ids(test.tags):
                    found.setdefault(key, {})[area] = None
        return {key: list(where) for key, where in found.items()}

    @cached_property
    def by_pytest(self) -> Mapping[str, list[str]]:
        """The tests of pytest that claim an id by ``@pytest.mark.req("H05")``, as ``tests/x/test_y.py::test_z``."""
        found: dict[str, list[str]] = {}
        for path in sorted(self._tests.rglob("test_*.py")):
            for key, test in _claims(path):
                found.setdefault(key, []).append(f"{path.relative_to(self._tests.parent)}::{test}")
        return found

    def of(self, requirement: Requirement) -> str | None:
        """What proves it, as commands; None for a hole."""
        found = [requirement.command] if requirement.command else []
        if suites := self.by_suites.get(requirement.id):
            found.append(f"./run {' '.join(suites)}")
        if tests := self.by_pytest.get(requirement.id):
            found.append(f"pytest {' '.join(dict.fromkeys(test.rpartition('/')[0] for test in tests))}")
        return " and ".join(found) or None

    def unknown(self, known: Mapping[str, Requirement]) -> Iterator[str]:
        """A line for each id that is claimed and that the page does not have."""
        for claims in (self.by_suites, self.by_pytest):
            for key, where in claims.items():
                if key not in known:
                    yield f"the requirement {key!r} of {', '.join(where)} is not in docs/requirements.md"


def by_walls(known: Mapping[str, Requirement], walls: Iterable[Wall]) -> Iterator[JudgedTest]:
    """The times of areas as proofs of the rows that end in the command of such a run: ``(`./run critical`)``."""
    for wall in walls:
        command = f"./run {wall.area}"
        tags = tuple(f"req:{key}" for key, requirement in known.items() if requirement.command == command)
        if tags:
            message = "" if wall.verdict is Verdict.PASS else str(wall)
            yield JudgedTest(f"{command} within {wall.limit:g} s", wall.verdict, message, tags)


@dataclass(frozen=True)
class Untested:
    """Requirements without a test in a run: those that nothing proves, and of the others what does."""

    holes: tuple[str, ...]
    elsewhere: Mapping[str, str]


def sort(requirements: Iterable[Requirement], proofs: Proofs | None = None) -> Untested:
    """Tell holes from what is proved by other means."""
    proofs = proofs or Proofs()
    found = {requirement.id: proofs.of(requirement) for requirement in requirements}
    return Untested(
        tuple(key for key, proof in found.items() if proof is None),
        {key: proof for key, proof in found.items() if proof is not None},
    )


def _claims(path: Path) -> Iterator[tuple[str, str]]:
    """Each id that a file's tests claim, with the name of the test or of the class of tests."""
    text = path.read_text("utf-8")
    if _MARKER not in text:
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for key in _ids(node.decorator_list):
                yield key, node.name


def _ids(decorators: Iterable[ast.expr]) -> Iterator[str]:
    for decorator in decorators:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == _MARKER:
            for argument in decorator.args:
                value = argument.value if isinstance(argument, ast.Constant) else ast.unparse(argument)
                yield str(value)
