"""Which tests of which suite a worker runs: by their place in the tree, since names are not patterns.

Two suites may have names that Robot takes for the same (``a b`` and ``ab``), and a name may hold what is a pattern to
``--suite`` and ``--test`` (``a[1]``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from robot.api import SuiteVisitor

from launcher.worker import PLAN


@dataclass(frozen=True)
class Step:
    """A suite below its parent: the ``nth`` of its children with this name and source."""

    name: str
    source: str | None
    nth: int = 0

    def child_of(self, suite: Any) -> Any:
        """The suite that is meant; ``None`` where there is none."""
        same = [child for child in suite.suites if child.name == self.name and _source(child) == self.source]
        return same[self.nth] if self.nth < len(same) else None


def places(suite: Any) -> Iterator[tuple[Any, tuple[Step, ...]]]:
    """Every suite of the tree with the way to it from the root, which is the first step."""
    yield from _below(suite, (Step(suite.name, _source(suite)),))


def _below(suite: Any, place: tuple[Step, ...]) -> Iterator[tuple[Any, tuple[Step, ...]]]:
    yield suite, place
    seen: dict[tuple[str, str | None], int] = {}
    for child in suite.suites:
        key = (child.name, _source(child))
        yield from _below(child, (*place, Step(*key, seen.get(key, 0))))
        seen[key] = seen.get(key, 0) + 1


def _source(suite: Any) -> str | None:
    return str(suite.source) if suite.source else None


def as_json(place: tuple[Step, ...], tests: tuple[str, ...]) -> dict[str, Any]:
    """One worker's share in ``plan.json``; the root needs no finding."""
    return {"place": [astuple(step) for step in place[1:]], "tests": list(tests)}


class Selection(SuiteVisitor):  # type: ignore[misc]
    """The last pre-run modifier of each worker: leaves the planned tests of its suite, and nothing where it is gone."""

    def __init__(self, number: str) -> None:
        plan = json.loads((Path(os.environ["LOCKSTEP_RUN_DIR"]) / PLAN).read_text("utf-8"))
        share = plan["suites"][int(number)]
        self._place = [Step(*step) for step in share["place"]]
        self._tests = set(share["tests"])

    def visit_suite(self, suite: Any) -> None:
        """Empty all but the way to the suite; ``suite`` is the root."""
        for step in self._place:
            child = step.child_of(suite)
            suite.tests.clear()
            suite.suites = [child] if child else []
            if child is None:
                return
            suite = child
        suite.suites.clear()
        suite.tests = [test for test in suite.tests if test.name in self._tests]
