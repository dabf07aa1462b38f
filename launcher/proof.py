"""``./run test``: everything that proves the project itself; its last line is ``N passed, N failed``."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PlatformLibrary.embedded import rundir
from PlatformLibrary.embedded.errors import PlatformError

from launcher import area, areas, ended, interrupts, junit, lint
from launcher.arguments import RunRequest, parse
from launcher.console import LaunchError, complain, did_you_mean, paint, say, verdict
from launcher.ended import Ended
from launcher.outcome import JudgedTest, Outcome, judge
from launcher.paths import ROOT
from launcher.verdicts import HELD, NOT_JUDGED, NOT_WELL, WELL, Totals, Verdict, sums
from launcher.workers import environment

_CLEARED_WITHIN = 15.0
"""Seconds in which platforms that tests of pytest used have to end after them."""
_TICK = 0.1
_SHARES = {"launcher": 3, "libraries": 2}
"""Folders of tests that several processes share, since all others are ready long before them."""
PYTEST_LIMIT = 2400.0
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
    claims: tuple[JudgedTest, ...] = ()
    """The tests of pytest that prove requirements."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.unknown + other.unknown,
            self.failures + other.failures,
            self.claims + other.claims,
        )

    def exit_code(self, parts: Collection[str]) -> int:
        """0 only if nothing failed and something passed; 3 where nothing is worse than unknown.

        Where linters are the only ``parts``, nothing can pass: a clean linter is no test.
        """
        if self.failed or (not self.passed and set(parts) != {"lint"}):
            return NOT_WELL
        return NOT_JUDGED if self.unknown else WELL


def conduct(argv: Sequence[str]) -> Ended:
    """Run the named parts (all where none is named)."""
    request = parse(argv, dict(os.environ))
    wrong = [name for name in request.names if name not in _PARTS]
    if wrong:
        raise LaunchError(
            f"There is no part {wrong[0]!r}.{did_you_mean(wrong[0], _PARTS)} There are {', '.join(_PARTS)}."
        )
    total = Tally()
    parts = request.names or tuple(_PARTS)
    for name in parts:
        say(paint(f"\n== {name}", "bold"))
        try:
            total += _PARTS[name](request, total)
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
    return Ended(total.exit_code(parts), figures + unknown, total.failures, request.seed)


def _lint(request: RunRequest, before: Tally) -> Tally:
    """A linter that finds something is one failure; a clean one is no test, so it does not count."""
    found = lint.failed(())
    return Tally(failed=len(found), failures=tuple(f"lint: {tool}" for tool in found))


def _pytest(request: RunRequest, before: Tally) -> Tally:
    """A process for each folder of tests, all at once, since most tests wait; what they say is shown in turn."""
    request.results.mkdir(parents=True, exist_ok=True)
    for old in request.results.glob("pytest-*.xml"):
        old.unlink()
    deadline = time.monotonic() + PYTEST_LIMIT
    running: list[_Pytest] = []
    try:
        for name, paths in _processes(ROOT / "tests").items():
            running.append(_Pytest(name, paths, request.results / f"pytest-{name}.xml", deadline))
        tally = sum((one.tally(certified=request.certified) for one in running), Tally())
    except BaseException:
        _end(running)
        raise
    _show_requirements(tally.claims)
    return tally


def _processes(tests: Path) -> dict[str, list[str]]:
    """What each process of pytest tests: a folder, or every second or third file of one that would be ready last."""
    found: dict[str, list[str]] = {}
    for folder in sorted({path.parent for path in tests.glob("*/test_*.py")}):
        shares = _SHARES.get(folder.name, 1)
        if shares == 1:
            found[folder.name] = [f"tests/{folder.name}"]
            continue
        files = [f"tests/{folder.name}/{path.name}" for path in sorted(folder.glob("test_*.py"))]
        for number in range(shares):
            found[f"{folder.name}-{number + 1}"] = files[number::shares]
    return found


def _end(running: Sequence[_Pytest]) -> None:
    """Interrupt what still runs, so that its fixtures clean up, and show where it was; kill what does not end.

    Deletes what tests and platforms left whose host a test has killed.
    """
    live = [one for one in running if one.runs]
    interrupts.pass_on(*(one.process for one in live))
    for one in live:
        one.show()
    for one in running:
        one.clear()
    with contextlib.suppress(PlatformError):
        rundir.sweep(rundir.base_directory())
        rundir.remove_if_empty(rundir.base_directory())


def _show_requirements(claims: Sequence[JudgedTest]) -> None:
    """The verdicts of the requirements that tests of pytest prove."""
    judged = judge(claims)
    if judged:
        say(f"requirements by pytest: {sums(Counter(found.verdict for found in judged.values()))}")
    for key, found in judged.items():
        if found.verdict is not Verdict.PASS:
            say(f"{verdict(found.verdict)} {key}: {found.reason}")


class _Pytest:
    """The tests of one folder, or of some of its files, running."""

    def __init__(self, name: str, paths: Sequence[str], report: Path, deadline: float) -> None:
        self._name = name
        self._deadline = deadline
        self._report = report
        self._output = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - as it ends
        # No longer than the path that pytest would choose: sockets of platforms lie below.
        self._place = Path(tempfile.mkdtemp(prefix="lockstep-test-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-o", "tmp_path_retention_policy=failed",
                   f"--basetemp={self._place}", f"--junitxml={report}", *paths]  # fmt: skip
        self.process = interrupts.start(
            command, cwd=ROOT, env=environment({}), stdin=subprocess.DEVNULL, stdout=self._output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def tally(self, *, certified: bool) -> Tally:
        """Wait for the end, show what it said, and count; an end without a report is a failure, as is none at all."""
        try:
            code = interrupts.wait(self.process, self._deadline - time.monotonic())
        except subprocess.TimeoutExpired:
            # Its faulthandler says where every thread is.
            self.process.send_signal(signal.SIGABRT)
            code = interrupts.wait(self.process)
            interrupts.kill(self.process)
            complain(f"pytest of tests/{self._name} did not end in time; where it was is said below")
        self.show()
        tally = of_junit(self._report, certified=certified)
        if code and not tally.failed:
            line = f"pytest of tests/{self._name} ended with code {code}"
            complain(line)
            tally += Tally(failed=1, failures=(line,))
        if tally.failed:
            say(f"folders of the tests that failed: {self._place}")
        else:
            self.clear()
        return tally

    def clear(self) -> None:
        """Delete the folders of the tests."""
        deadline = time.monotonic() + _CLEARED_WITHIN
        while self._place.exists() and time.monotonic() < deadline:
            # A platform that ends may still write.
            shutil.rmtree(self._place, ignore_errors=True)
            time.sleep(_TICK)

    def show(self) -> None:
        """What it said."""
        self._output.seek(0)
        say(f"-- tests/{self._name}\n{self._output.read().rstrip()}")
        self._output.close()


def of_junit(path: Path, *, certified: bool) -> Tally:
    """The tally of a JUnit file; one failure where there is no such file, and each xfail of a certified proof."""
    tests = junit.read(path)
    if tests is None:
        return Tally(failed=1, failures=(f"{path.name} was not written",))
    bad = {Verdict.FAIL, Verdict.XFAIL} if certified else {Verdict.FAIL}
    failed = [test for test in tests if test.verdict in bad]
    passed = [test for test in tests if test.verdict is Verdict.PASS]
    return Tally(
        len(passed),
        len(failed),
        len(tests) - len(passed) - len(failed),
        failures=tuple(f"{test.name}: {test.reason}" for test in failed),
        claims=tuple(test for test in tests if test.tags),
    )


def _suites(request: RunRequest, before: Tally) -> Tally:
    if not areas.areas():
        return Tally()
    outcome = _run(replace(request, names=("all",), holes_allowed=True), before.claims)
    for names, alone in _again(outcome):
        say(paint(f"\n== {' '.join(names)}: once more, alone", "bold"))
        again = replace(request, names=names, holes_allowed=True, results=request.results / "again")
        outcome = judged_again(outcome, _run(replace(again, processes=1) if alone else again))
    return of_outcome(outcome)


def _run(request: RunRequest, beside: Sequence[JudgedTest] = ()) -> Outcome:
    outcome = area.run(request, beside=beside)
    if outcome.interrupted:
        raise KeyboardInterrupt
    return outcome


def _again(outcome: Outcome) -> Iterator[tuple[tuple[str, ...], bool]]:
    """What of a run beside all others could not be judged: tests, one at a time, and areas for their budgets."""
    if ids := tuple(test.id for test in outcome.tests if test.verdict is Verdict.UNKNOWN and test.id):
        yield ids, True
    for wall in outcome.walls:
        if wall.verdict is Verdict.UNKNOWN:
            yield (wall.area,), False


def judged_again(outcome: Outcome, alone: Outcome) -> Outcome:
    """``outcome``, with the verdicts of what could not be judged there and was run again ``alone``."""
    judged = {test.id: test for test in alone.tests if test.id}
    walls = {wall.area: wall for wall in alone.walls}
    return replace(
        outcome,
        tests=tuple(
            judged.get(test.id or "", test) if test.verdict is Verdict.UNKNOWN else test for test in outcome.tests
        ),
        walls=tuple(walls.get(wall.area, wall) if wall.verdict is Verdict.UNKNOWN else wall for wall in outcome.walls),
        problems=(*outcome.problems, *alone.problems),
    )


def of_outcome(outcome: Outcome) -> Tally:
    """The suites' part of the tally: what keeps a run from being well counts as failed, or as unknown."""
    totals = outcome.totals
    counted: Counter[str] = Counter()
    for kind, count in totals.counts.items():
        if kind is not Verdict.HOLE:
            counted[_counted_as(kind, totals)] += count
    failed = counted["failed"] + len(outcome.problems)
    return Tally(counted["passed"], failed, counted["skipped"], counted["unknown"], ended.failures(outcome))


def _counted_as(kind: Verdict, totals: Totals) -> str:
    if totals.spoils(kind):
        return "failed"
    if kind is Verdict.UNKNOWN:
        return "unknown"
    return "passed" if kind in HELD else "skipped"


_PARTS: dict[str, Callable[[RunRequest, Tally], Tally]] = {"lint": _lint, "pytest": _pytest, "suites": _suites}
