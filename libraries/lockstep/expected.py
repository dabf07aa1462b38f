"""Failures that are declared, with a reason and an end date: they still run, and may not pass unnoticed.

The file (``LOCKSTEP_EXPECTED_FAILURES``, else ``variables/expected_failures.yaml`` of the project) is a list of
``{test, reason, until, targets?}``: ``test`` is an id (``C05-03``) or a full name (``*`` and ``?`` match), ``until``
the last day (ISO) on which the failure is excused. A declared failure is XFAIL, and one that passes is a FAIL.
A target that is a folder has its platform's known faults in ``findings.yaml`` of the same form, beside its dialect.
"""

from __future__ import annotations

import datetime
import fnmatch
import functools
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robot.libraries.BuiltIn import BuiltIn

from lockstep import ids
from lockstep.causes import is_unknown, reason
from lockstep.home import HOME, project

VARIABLE = "LOCKSTEP_EXPECTED_FAILURES"
DEFAULT = (project() or HOME) / "variables" / "expected_failures.yaml"
FINDINGS = "findings.yaml"
XFAIL = "XFAIL: "
XFAIL_TAG = "xfail"
UNEXPECTEDLY = "XPASS: "


class ExpectedFailuresError(ValueError):
    """A file of declared failures that cannot be used; the message names the file and the entry."""


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
        return ids.written(self.test)

    def covers(self, name: str, tags: Iterable[str]) -> bool:
        """True if the test with this full name and these tags is meant."""
        return ids.of_tags(tags) == self.id if self.id else fnmatch.fnmatchcase(name, self.test)

    def expired(self, today: datetime.date) -> bool:
        """True from the day after ``until``."""
        return today > self.until


def declared(target: str, asked: Path | None = None) -> list[ExpectedFailure]:
    """The entries for ``target`` of the file that is ``asked`` for, by argument or environment, or of the project's.

    Those of the target's own findings follow. Only a file that nobody asked for may be missing.
    Raises `ExpectedFailuresError`.
    """
    named = os.environ.get(VARIABLE)
    path = asked or (Path(named) if named else None)
    if path is None and DEFAULT.exists():
        path = DEFAULT
    findings = _findings(target)
    return [entry for file in (path, findings) if file is not None for entry in read(file, target)]


def _findings(target: str) -> Path | None:
    """The findings beside the dialect of a target; ``None`` where it has none."""
    from lockstep import dialect  # which only runs on targets that are folders need

    try:
        found = dialect.find(target).with_name(FINDINGS)
    except dialect.DialectError:
        return None
    return found if found.is_file() else None


def read(path: Path, target: str) -> list[ExpectedFailure]:
    """The entries that apply to ``target``, given by name or by the path of its profile.

    Raises `ExpectedFailuresError`.
    """
    import yaml  # which only runs with declared failures pay for

    try:
        entries = yaml.safe_load(path.read_text("utf-8")) or []
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or error
        raise ExpectedFailuresError(f"The expected failures {path} cannot be read: {cause}.") from error
    except yaml.YAMLError as error:
        raise ExpectedFailuresError(f"{path}: {error}") from error
    if not isinstance(entries, list):
        raise ExpectedFailuresError(f"{path}: a list of entries was expected, not {type(entries).__name__}.")
    found = [_entry(path, number, entry) for number, entry in enumerate(entries, 1)]
    return [entry for entry in found if not entry.targets or {target, Path(target).stem} & set(entry.targets)]


def _entry(path: Path, number: int, entry: object) -> ExpectedFailure:
    if not isinstance(entry, dict) or not all(entry.get(key) for key in ("test", "reason", "until")):
        raise ExpectedFailuresError(f"{path}: entry {number} needs test, reason and until.")
    until = entry["until"]
    if not isinstance(until, datetime.date):
        try:
            until = datetime.date.fromisoformat(str(until))
        except ValueError as error:
            raise ExpectedFailuresError(f"{path}: entry {number}: until is no date (YYYY-MM-DD): {until!r}.") from error
    return ExpectedFailure(str(entry["test"]), str(entry["reason"]), until, tuple(entry.get("targets") or ()))


def expired(entries: Iterable[ExpectedFailure], today: datetime.date) -> list[str]:
    """A problem for each entry whose day has passed, whether its test ran or not."""
    return [
        f"expected failure of {entry.test!r} ended on {entry.until}: correct it, or give a new date and reason"
        for entry in entries
        if entry.expired(today)
    ]


def rewrite(
    name: str, tags: Iterable[str], status: str, message: str, entries: Sequence[ExpectedFailure], today: datetime.date
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


def apply(result: Any) -> None:
    """Rewrite ``result``, the test that Robot has just ended, by the declared failures of the run's target.

    A file of them that cannot be used fails each test, since nobody knows which are excused.
    """
    try:
        entries = _declared_once(_target(), os.environ.get(VARIABLE))
    except ExpectedFailuresError as error:
        result.status, result.message = "FAIL", str(error)
        return
    before = result.status
    result.status, result.message = rewrite(
        result.full_name, result.tags, before, result.message, entries, datetime.date.today()
    )
    if before == "FAIL" and result.status == "SKIP":
        result.tags.add(XFAIL_TAG)


@functools.cache
def _declared_once(target: str, named: str | None) -> Sequence[ExpectedFailure]:
    return declared(target, Path(named) if named else None)


def _target() -> str:
    named = BuiltIn().get_variable_value("${TARGET}") or os.environ.get("LOCKSTEP_TARGET")
    return str(named or "embedded")
