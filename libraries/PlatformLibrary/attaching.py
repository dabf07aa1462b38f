"""Which evidence a failed test gets: from where on each log is its own, and in whose name the lines are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lockstep import test_identity

from . import evidence
from .evidence import Owner

SETUP_FAILED = "Parent suite setup failed:"


class Attachments:
    """The log lines of what fails. ``logs`` are the log files of the platforms in use, by instance."""

    def __init__(self, logs: Callable[[], Mapping[str, str]]) -> None:
        self._logs = logs
        self._since_use: dict[str, int] = {}
        self._since_test: dict[str, int] = {}
        self._explained: set[str] = set()

    def platforms_changed(self) -> None:
        """One came into use, or left it: a suite's own lines begin there."""
        known = self._since_use
        self._since_use = {path: known.get(path, end) for path, end in evidence.offsets(self._logs().values()).items()}

    def test_begins(self) -> None:
        """A test's own lines begin here."""
        self._since_test = evidence.offsets(self._logs().values())

    def of(self, data: Any, result: Any, ended: Callable[[], Sequence[str]]) -> str:
        """HTML for a failed test, with the processes that had ``ended``; for all tests of a failed setup once."""
        suites = _suites(data.parent)
        if not result.message.startswith(SETUP_FAILED):
            owner = Owner(test_identity.printable(data.full_name), suites)
            return evidence.block(self._sections(owner, {**self._since_use, **self._since_test}), ended())
        if suites[0] in self._explained:
            return ""
        self._explained.add(suites[0])
        return evidence.block(self._sections(Owner(suites[0], suites), self._since_use), ended(), "the suite's setup")

    def _sections(self, owner: Owner, marks: Mapping[str, int]) -> dict[str, list[str]]:
        return {
            instance: evidence.of_test(evidence.since(path, marks.get(path, 0)), owner)
            for instance, path in self._logs().items()
        }


def _suites(suite: Any) -> tuple[str, ...]:
    """The ids of a suite and of those around it, the inmost first."""
    names = []
    while suite is not None:
        names.append(test_identity.printable(suite.full_name))
        suite = suite.parent
    return tuple(names)
