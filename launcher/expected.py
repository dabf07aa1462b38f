"""Failures that are known, with a reason and an end date: they still run, and may not pass unnoticed.

``variables/expected_failures.yaml`` is a list of ``{test, reason, until, targets?}``: ``test`` is an id (``C05-03``) or
a full name (``*`` and ``?`` match), ``until`` the last day (ISO) on which the failure is excused.
"""

from __future__ import annotations

import datetime
import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from lockstep.verdicts import is_unknown, reason

from launcher import tests_by_id
from launcher.console import LaunchError

XFAIL = "XFAIL: "
XFAIL_TAG = "xfail"
UNEXPECTEDLY = "XPASS: "


@dataclass(frozen=True)
class ExpectedFailure:
    """One excuse; ``targets`` empty means every target."""

    test: str
    reason: str
    until: datetime.date
    targets: tuple[str, ...] = ()

    @property
    def id(self) -> str | None:
        """The id of the test that is meant; None where a name is given."""
        return tests_by_id.written(self.test)

    def covers(self, name: str, tags: Iterable[str]) -> bool:
        """True if the test with this full name and these tags is meant."""
        return tests_by_id.of_tags(tags) == self.id if self.id else fnmatch.fnmatchcase(name, self.test)

    def expired(self, today: datetime.date) -> bool:
        """True from the day after ``until``."""
        return today > self.until


def read(path: Path, target: str, sources: Sequence[Path] = ()) -> list[ExpectedFailure]:
    """The entries that apply to ``target``.

    Raises ``LaunchError`` naming the file and the entry that is wrong; an id is to be one of the project's tests or of
    those in ``sources``.
    """
    if not path.is_file():
        return []
    try:
        entries = yaml.safe_load(path.read_text("utf-8")) or []
    except yaml.YAMLError as error:
        raise LaunchError(f"{path}: {error}") from error
    if not isinstance(entries, list):
        raise LaunchError(f"{path}: a list of entries was expected, not {type(entries).__name__}.")
    found = [_entry(path, number, entry) for number, entry in enumerate(entries, 1)]
    if ids := [entry.id for entry in found if entry.id]:
        _check(path, ids, sources)
    return [entry for entry in found if not entry.targets or target in entry.targets]


def _entry(path: Path, number: int, entry: object) -> ExpectedFailure:
    if not isinstance(entry, dict) or not all(entry.get(key) for key in ("test", "reason", "until")):
        raise LaunchError(f"{path}: entry {number} needs test, reason and until.")
    until = entry["until"]
    if not isinstance(until, datetime.date):
        try:
            until = datetime.date.fromisoformat(str(until))
        except ValueError as error:
            raise LaunchError(f"{path}: entry {number}: until is no date (YYYY-MM-DD): {until!r}.") from error
    return ExpectedFailure(str(entry["test"]), str(entry["reason"]), until, tuple(entry.get("targets") or ()))


def _check(path: Path, ids: Iterable[str], sources: Iterable[Path]) -> None:
    own = tests_by_id.of_project()
    known = tests_by_id.read(*own, *(one for one in sources if not any(one.is_relative_to(place) for place in own)))
    for key in ids:
        try:
            tests_by_id.find(key, known)
        except LaunchError as error:
            raise LaunchError(f"{path}: {error}") from None


def expired(entries: Iterable[ExpectedFailure], today: datetime.date) -> list[str]:
    """A problem for each entry whose day has passed, whether its test ran or not."""
    return [
        f"expected failure of {entry.test!r} ended on {entry.until}: mend it, or give a new date and reason"
        for entry in entries
        if entry.expired(today)
    ]


def rewrite(
    name: str, tags: Sequence[str], status: str, message: str, entries: Sequence[ExpectedFailure], today: datetime.date
) -> tuple[str, str]:
    """Status and message of a test once its excuse is applied: an excused FAIL is a SKIP, an excused PASS a FAIL.

    A failure that judges nothing is not the one that was declared.
    """
    entry = next((entry for entry in entries if entry.covers(name, tags) and not entry.expired(today)), None)
    if entry is None or status not in ("PASS", "FAIL") or is_unknown(message):
        return status, message
    if status == "PASS":
        return "FAIL", f"{UNEXPECTEDLY}declared to fail until {entry.until} ({entry.reason}), but it passed"
    return "SKIP", f"{XFAIL}{entry.reason} (until {entry.until}) — {reason(message)}"
