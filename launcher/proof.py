"""``./run test``: everything that proves the project itself; its last line is ``N passed, N failed``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lockstep.causes import reason
from PlatformLibrary.embedded.system import die_with_parent

from launcher import area, areas, ended, lint
from launcher.arguments import RunRequest, parse
from launcher.console import LaunchError, complain, paint, say
from launcher.ended import Ended
from launcher.outcome import Outcome
from launcher.paths import ROOT
from launcher.verdicts import HELD, NOT_JUDGED, NOT_WELL, WELL, Verdict
from launcher.workers import environment

_PYTEST_GRACE = 20.0
PYTEST_LIMIT = 1500.0
"""Seconds that all tests of pytest have together; a single one ends earlier by ``timeout`` in pyproject.toml."""


@dataclass(frozen=True)
class Tally:
    """Tests of one part; what was skipped was not checked, and of what is unknown nobody can say how it stands."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    unknown: int = 0
    failures: tuple[str, ...] = ()
    """What failed or could not be judged, a line each."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.unknown + other.unknown,
            self.failures + other.failures,
        )

    @property
    def exit_code(self) -> int:
        """0 only if nothing failed and something passed; 3 where nothing is worse than unknown."""
        if self.failed or not self.passed:
            return NOT_WELL
        return NOT_JUDGED if self.unknown else WELL


def conduct(argv: Sequence[str]) -> Ended:
    """Run the named parts (all where none is named)."""
    request = parse(argv, dict(os.environ))
    wrong = [name for name in request.names if name not in _PARTS]
    if wrong:
        raise LaunchError(f"There is no part {wrong[0]!r}; there are {', '.join(_PARTS)}.")
    total = Tally()
    for name in request.names or tuple(_PARTS):
        say(paint(f"\n== {name}", "bold"))
        try:
            total += _PARTS[name](request)
        except LaunchError as error:
            complain(str(error))
            total += Tally(failed=1, failures=(f"{name}: {error}",))
    if total.skipped:
        say(f"\n{total.skipped} skipped: not checked")
    if total.unknown:
        say(f"\n{total.unknown} unknown: not judged")
    figures = f"{total.passed} passed, {total.failed} failed"
    say(figures)
    unknown = f", {total.unknown} unknown" if total.unknown else ""
    return Ended(total.exit_code, figures + unknown, total.failures, request.seed)


def _lint(request: RunRequest) -> Tally:
    """A linter that finds something is one failure; a clean one is no test, so it does not count."""
    found = lint.failed(())
    return Tally(failed=len(found), failures=tuple(f"lint: {tool}" for tool in found))


def _pytest(request: RunRequest) -> Tally:
    """A process for each folder of tests, all at once, since most tests wait; what they say is shown in turn."""
    request.results.mkdir(parents=True, exist_ok=True)
    folders = sorted({path.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").glob("*/test_*.py")})
    deadline = time.monotonic() + PYTEST_LIMIT
    running = [_Pytest(folder, request.results / f"pytest-{folder}.xml", deadline) for folder in folders]
    try:
        return sum((one.tally() for one in running), Tally())
    finally:
        for one in running:
            one.end()


class _Pytest:
    """The tests of one folder, running."""

    def __init__(self, folder: str, report: Path, deadline: float) -> None:
        self._folder = folder
        self._deadline = deadline
        self._report = report
        report.unlink(missing_ok=True)
        self._output = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - see end()
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}", f"tests/{folder}"]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment({}),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent(),
        )

    def tally(self) -> Tally:
        """Wait for the end, show what it said, and count; an end without a report is a failure, as is none at all."""
        try:
            code = self._process.wait(max(0.0, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            # Its faulthandler says where every thread is.
            self._process.send_signal(signal.SIGABRT)
            code = self._process.wait()
            complain(f"pytest of tests/{self._folder} did not end in time; where it was is said below")
        self._show()
        tally = read_junit(self._report)
        if code and not tally.failed:
            line = f"pytest of tests/{self._folder} ended with code {code}"
            complain(line)
            tally += Tally(failed=1, failures=(line,))
        return tally

    def end(self) -> None:
        """Interrupt what still runs, so that its fixtures clean up, and show where it was; kill what does not end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_PYTEST_GRACE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._show()
        self._output.close()

    def _show(self) -> None:
        self._output.seek(0)
        say(f"-- tests/{self._folder}\n{self._output.read().rstrip()}")


def read_junit(path: Path) -> Tally:
    """Totals of a JUnit file; one failure where there is no such file."""
    try:
        root = ET.parse(path).getroot()  # noqa: S314
    except (OSError, ET.ParseError):
        return Tally(failed=1, failures=(f"{path.name} was not written",))
    tally = Tally(failures=tuple(_failed_cases(root)))
    for suite in root.iter("testsuite"):
        count = {name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")}
        failed = count["failures"] + count["errors"]
        tally += Tally(count["tests"] - failed - count["skipped"], failed, count["skipped"])
    return tally


def _failed_cases(root: ET.Element) -> Iterator[str]:
    for case in root.iter("testcase"):
        for flaw in (*case.iterfind("failure"), *case.iterfind("error")):
            yield f"{case.get('classname')}.{case.get('name')}: {reason(flaw.get('message', ''))}"


def _suites(request: RunRequest) -> Tally:
    if not areas.areas():
        return Tally()
    outcome = area.run(RunRequest(names=("all",), target=request.target, seed=request.seed, results=request.results,
                                  processes=request.processes, robot_args=request.robot_args))  # fmt: skip
    if outcome.interrupted:
        raise KeyboardInterrupt
    return of_outcome(outcome)


def of_outcome(outcome: Outcome) -> Tally:
    """The suites' part of the tally: what keeps a run from being well counts as failed, or as unknown."""
    counted: dict[Verdict, int] = {
        verdict: outcome.count(verdict) for verdict in Verdict if verdict is not Verdict.HOLE
    }
    unknown = counted.pop(Verdict.UNKNOWN)
    passed = sum(counted.pop(verdict) for verdict in HELD)
    failed = sum(counted.pop(verdict) for verdict in (Verdict.FAIL, Verdict.SKIPPED))
    skipped = sum(counted.values())
    return Tally(passed, failed + len(outcome.problems), skipped, unknown, ended.failures(outcome))


_PARTS: dict[str, Callable[[RunRequest], Tally]] = {"lint": _lint, "pytest": _pytest, "suites": _suites}
