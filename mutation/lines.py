"""Which suites execute which lines of the services, and that they are green on the unchanged ones.

Each suite is measured once, on a platform of its own, and the answer is kept for as long as services and suite are what
they were.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import coverage

from launcher.console import LaunchError
from launcher.paths import RESOURCES, ROOT
from mutation import copies, suite

AREAS = ("critical", "session_manager", "session_sync", "session_persistence", "state_recovery", "contract", "security")
_LIMIT = 400.0


@dataclass(frozen=True)
class Executed:
    """A suite: its tests that are green, how long it takes, which lines of which files it executes, its red tests."""

    suite: str
    tests: tuple[str, ...]
    seconds: float
    lines: Mapping[str, frozenset[int]]
    red: tuple[str, ...] = ()

    def executes(self, file: str, lines: tuple[int, int]) -> bool:
        """Whether it executes anything from the first to the last of ``lines``."""
        found = self.lines.get(file, frozenset())
        return any(line in found for line in range(lines[0], lines[1] + 1))


def worth(suites: Sequence[Executed], file: str) -> dict[str, float]:
    """What a second of each suite is worth to find out about ``file``, from 0.

    A line counts for more the fewer suites execute it, and not at all where each does: whoever goes where few others go
    in a file is there to look at it.
    """
    often = Counter(line for one in suites for line in one.lines.get(file, ()))
    return {
        one.suite: sum(1 / often[line] - 1 / len(suites) for line in one.lines.get(file, ())) / max(one.seconds, 1.0)
        for one in suites
    }


def suites(root: Path = ROOT, areas: Sequence[str] = AREAS) -> list[str]:
    """The suites that mutants meet, as paths in the project."""
    found = [path for area in areas for path in sorted((root / "suites" / area).rglob("*.robot"))]
    return [str(path.relative_to(root)) for path in found]


class Kept:
    """What is known from earlier runs, in one file: an entry for each suite."""

    def __init__(self, path: Path, source: Path) -> None:
        self._path = path
        self._common = copies.digest(source / "services", RESOURCES)
        try:
            self._entries: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            self._entries = {}

    def get(self, name: str) -> Executed | None:
        """What is known of a suite, unless it or the services have changed."""
        entry = self._entries.get(name)
        if not entry or entry["digest"] != self._digest(name):
            return None
        lines = {file: frozenset(numbers) for file, numbers in entry["lines"].items()}
        return Executed(name, tuple(entry["tests"]), entry["seconds"], lines)

    def put(self, executed: Executed) -> None:
        """Keep it."""
        lines = {file: sorted(numbers) for file, numbers in executed.lines.items()}
        self._entries[executed.suite] = {**asdict(executed), "lines": lines, "digest": self._digest(executed.suite)}
        temporary = self._path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(self._entries), "utf-8")
        os.replace(temporary, self._path)

    def _digest(self, name: str) -> str:
        return f"{self._common}-{copies.digest(ROOT / name)}"


def measure(
    names: Sequence[str], source: Path, kept: Kept, env: Mapping[str, str], jobs: int, tell: Callable[[str], None]
) -> list[Executed]:
    """What each suite executes. What has red tests is not kept, and LaunchError is raised where nothing is green."""
    known = {name: executed for name in names if (executed := kept.get(name))}
    missing = [name for name in names if name not in known]
    with ThreadPoolExecutor(jobs) as pool:
        for number, executed in enumerate(pool.map(lambda name: _measured(name, source, env), missing), 1):
            red = f", not green: {', '.join(executed.red)}" if executed.red else ""
            told = f"{executed.suite}: {len(executed.tests)} tests, {executed.seconds:.0f} s{red}"
            tell(f"[{number}/{len(missing)}] {told}")
            known[executed.suite] = executed
            if not executed.red:
                kept.put(executed)
    green = [known[name] for name in names if known[name].tests]
    if not green:
        raise LaunchError("No test is green without a mutant, so nothing can be judged.", code=1)
    return green


def _measured(name: str, source: Path, env: Mapping[str, str]) -> Executed:
    """The suite measured. What fails is run again without measuring, which slows services down, at most twice."""
    with tempfile.TemporaryDirectory(prefix="lockstep-lines-") as place:
        data = Path(place) / "data"
        runs = (Path(place) / f"run-{number}" for number in itertools.count())
        here = {**env, "LOCKSTEP_SERVICES": str(source)}
        began = time.monotonic()
        ran = suite.run(name, next(runs), {**here, "LOCKSTEP_COVERAGE": str(data)}, limit=_LIMIT, stop=False)
        seconds = round(time.monotonic() - began, 1)
        if not ran.tests:
            raise LaunchError(f"{name} did not run: {ran.said}", code=1)
        lines = _lines(data, source)
        tests = tuple(test.name for test in ran.tests)
        failed = [test.name for test in ran.red]
        for _ in range(2):
            if failed:
                again = suite.run(name, next(runs), here, limit=_LIMIT, names=failed, stop=False)
                failed = [test.name for test in again.red] if again.tests else failed
    green = tuple(test for test in tests if test not in failed)
    return Executed(name, green, seconds, lines, tuple(failed))


def _lines(data: Path, source: Path) -> dict[str, frozenset[int]]:
    """The lines of the services that any process executed."""
    total = coverage.CoverageData(basename=str(data / "all"))
    for path in sorted((data / "kept").glob("*")):
        one = coverage.CoverageData(basename=str(path))
        one.read()
        total.update(one)
    root = str(source.resolve()) + "/"
    found = {file.removeprefix(root): frozenset(total.lines(file) or ()) for file in total.measured_files()}
    shutil.rmtree(data, ignore_errors=True)
    return found
