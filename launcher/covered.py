"""What was executed of the services: counted, judged, and what was not is named with its reason.

The scope (what the session manager is, what is demanded of it, what is excused) is ``variables/coverage.yaml``.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from launcher.console import LaunchError

Source = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class Share:
    """How many lines and branches there are, and how many of them were executed."""

    lines: int = 0
    covered_lines: int = 0
    branches: int = 0
    covered_branches: int = 0

    def __add__(self, other: Share) -> Share:
        return Share(
            self.lines + other.lines,
            self.covered_lines + other.covered_lines,
            self.branches + other.branches,
            self.covered_branches + other.covered_branches,
        )

    @property
    def line_percent(self) -> float:
        """Of nothing, everything is covered."""
        return 100.0 * self.covered_lines / self.lines if self.lines else 100.0

    @property
    def branch_percent(self) -> float:
        """The same for branches: the ways out of a line that has several."""
        return 100.0 * self.covered_branches / self.branches if self.branches else 100.0


@dataclass(frozen=True)
class File:
    """One file: its share, its lines that count, those never executed, and branches ``(from, to)`` never taken."""

    name: str
    share: Share
    lines: tuple[int, ...] = ()
    missing_lines: tuple[int, ...] = ()
    missing_branches: tuple[tuple[int, int], ...] = ()

    @property
    def spots(self) -> list[int]:
        """Lines that were not executed, and executed ones of which a branch was not taken."""
        partial = {line for line, _ in self.missing_branches}
        return sorted({*self.missing_lines, *partial})


@dataclass(frozen=True)
class Excuse:
    """Why a line, with what is indented below it, is not covered."""

    file: str
    code: str
    reason: str


@dataclass(frozen=True)
class Scope:
    """``variables/coverage.yaml``."""

    session_manager: tuple[str, ...]
    least_lines: float
    left_out: tuple[str, ...] = ()
    excuses: tuple[Excuse, ...] = ()

    def is_session_manager(self, name: str) -> bool:
        """Whether ``name`` belongs to it."""
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.session_manager)


@dataclass(frozen=True)
class Gap:
    """What was not executed: lines in a row, or (``ways`` not empty) some ways out of a line that was."""

    file: str
    line: int
    last: int
    code: str
    ways: tuple[int, ...] = ()
    reason: str | None = None


def read(path: Path) -> Scope:
    """The scope in ``path``; raises ``LaunchError`` naming the file and what is wrong."""
    try:
        found = yaml.safe_load(path.read_text("utf-8"))
        return Scope(
            session_manager=_texts(found["session_manager"]),
            least_lines=float(found["least_lines"]),
            left_out=_texts(found.get("left_out") or []),
            excuses=tuple(_excuse(number, entry) for number, entry in enumerate(found.get("not_covered") or [], 1)),
        )
    except KeyError as error:
        raise LaunchError(f"{path}: {error.args[0]} is missing.") from error
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise LaunchError(f"{path}: {error}") from error


def _texts(entries: object) -> tuple[str, ...]:
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise ValueError(f"a list of paths was expected, not {entries!r}")
    return tuple(entries)


def _excuse(number: int, entry: object) -> Excuse:
    if not isinstance(entry, dict) or not all(str(entry.get(key) or "").strip() for key in ("file", "code", "reason")):
        raise ValueError(f"entry {number} of not_covered needs file, code and reason")
    return Excuse(str(entry["file"]), str(entry["code"]).strip(), " ".join(str(entry["reason"]).split()))


def files(report: Mapping[str, Any]) -> list[File]:
    """The files of coverage.py's JSON report, in order of their names."""
    return [_file(name, report["files"][name]) for name in sorted(report["files"])]


def _file(name: str, entry: Mapping[str, Any]) -> File:
    counts = entry["summary"]
    share = Share(counts["num_statements"], counts["covered_lines"], counts["num_branches"], counts["covered_branches"])
    branches = tuple((int(start), int(end)) for start, end in entry["missing_branches"])
    missing = tuple(entry["missing_lines"])
    return File(name.replace("\\", "/"), share, (*entry["executed_lines"], *missing), missing, branches)


def total(of: Iterable[File]) -> Share:
    """All of them together."""
    return sum((one.share for one in of), Share())


def gaps(of: Iterable[File], excuses: Sequence[Excuse], source: Source) -> list[Gap]:
    """What was not executed, each with its reason where one is kept. ``source`` gives the lines of a file."""
    found: list[Gap] = []
    for one in of:
        text = source(one.name)
        excused = _excused(one.name, text, excuses)
        follows = dict(pairwise(sorted(one.lines)))
        before: Gap | None = None
        for line in one.spots:
            executed = line not in one.missing_lines
            ways = tuple(end for start, end in one.missing_branches if start == line) if executed else ()
            gap = Gap(one.name, line, line, text[line - 1].strip(), ways, excused.get(line))
            if before and _continues(gap, before, follows):
                gap = replace(found.pop(), last=line)
            found.append(gap)
            before = gap
    return found


def _continues(gap: Gap, before: Gap, follows: Mapping[int, int]) -> bool:
    alike = not gap.ways and not before.ways and gap.reason == before.reason
    return alike and follows.get(before.last) == gap.line


def _excused(name: str, text: Sequence[str], excuses: Sequence[Excuse]) -> dict[int, str]:
    """Each line of ``name`` that is excused, and why."""
    return {
        number: excuse.reason
        for excuse in excuses
        if excuse.file == name
        for first in _where(text, excuse.code)
        for number in _block(text, first)
    }


def _where(text: Sequence[str], code: str) -> list[int]:
    return [number for number, line in enumerate(text, 1) if line.strip() == code]


def _block(text: Sequence[str], first: int) -> list[int]:
    """The line and what is indented below it."""
    depth = _depth(text[first - 1])
    block = [first]
    for number in range(first + 1, len(text) + 1):
        if text[number - 1].strip() and _depth(text[number - 1]) <= depth:
            break
        block.append(number)
    return block


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def wrong_excuses(of: Iterable[File], excuses: Sequence[Excuse], source: Source) -> list[str]:
    """Entries that excuse nothing: their line is no longer there, or was executed in full."""
    known = {one.name: one for one in of}
    wrong = []
    for excuse in excuses:
        one = known.get(excuse.file)
        if one is None:
            wrong.append(f"{excuse.file}: there is no such file among those counted, but it is excused")
            continue
        lines = _where(source(excuse.file), excuse.code)
        if not lines:
            wrong.append(f"{excuse.file}: {excuse.code!r} is no longer there, but it is excused")
        elif not set(one.spots) & {number for first in lines for number in _block(source(excuse.file), first)}:
            wrong.append(f"{excuse.file}:{lines[0]}: {excuse.code!r} is executed in full, but it is excused")
    return wrong
