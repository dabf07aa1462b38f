"""What ``--rerunfailed`` and ``--rerunfailedsuites`` choose, and what failed before and is not there to be chosen.

Robot looks for the names that failed, and leaves out silently what it does not find: tests whose names are made at run
time (by variables, by a library's listener), and suites that stood in another selection. These are found by their file
and line here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from robot.api import ExecutionResult
from robot.errors import DataError
from robot.utils import glob_escape

from launcher.console import plural
from launcher.options import Options

_KINDS = {"rerunfailed": "test", "rerunfailedsuites": "suite"}


@dataclass(frozen=True)
class _Item:
    """A test or a suite, of the data or of an output."""

    name: str
    source: str | None
    line: int | None
    failed: bool = False

    @property
    def at(self) -> tuple[str | None, int | None]:
        return self.source, self.line


def resolved(options: Options, suite: Any) -> tuple[Options, tuple[str, ...]]:
    """``options`` that choose by name in place of by output, and a problem for each failure that is not in ``suite``.

    Raises ``DataError`` where the output cannot be read, or nothing of it is there to run again.
    """
    chosen = dict(options)
    lost: list[str] = []
    for option, kind in _KINDS.items():
        output = chosen.pop(option, "NONE")
        if output.upper() == "NONE":
            continue
        before = _before(output, kind)
        data = list(_items(suite, kind))
        found = {one.name: _same(one, before, data) for one in before if one.failed}
        if not any(found.values()):
            raise DataError(f"None of the {plural(len(found), kind)} that failed in '{output}' is in this selection.")
        patterns = [glob_escape(name) for names in found.values() for name in names]
        chosen[kind] = [*chosen.get(kind, []), *dict.fromkeys(patterns)]
        lost += [f"{name} failed in {output}, and is not in this selection" for name in found if not found[name]]
    return chosen, tuple(lost)


def _before(output: str, kind: str) -> list[_Item]:
    try:
        items = list(_items(ExecutionResult(output, include_keywords=False).suite, kind))
    except DataError as error:
        raise DataError(f"Collecting failed {kind}s from '{output}' failed: {error}") from error
    if not any(item.failed for item in items):
        raise DataError(f"Collecting failed {kind}s from '{output}' failed: All {kind}s passed.")
    return items


def _same(wanted: _Item, before: Sequence[_Item], data: Sequence[_Item]) -> list[str]:
    """Names in the data that ``wanted`` goes by; by its place only what had no verdict under its own name."""
    if any(one.name == wanted.name for one in data):
        return [wanted.name]
    known = {one.name for one in before}
    return [one.name for one in data if wanted.source and one.at == wanted.at and one.name not in known]


def _items(suite: Any, kind: str) -> Iterator[_Item]:
    source = str(suite.source) if suite.source else None
    failed = [getattr(test, "failed", False) for test in suite.tests]
    if kind == "test":
        for test, bad in zip(suite.tests, failed, strict=True):
            yield _Item(test.full_name, source, test.lineno, bad)
    elif suite.tests:
        yield _Item(suite.full_name, source, None, any(failed))
    for child in suite.suites:
        yield from _items(child, kind)
