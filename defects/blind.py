"""``./run prove --round N``: a blind round is tried; what is caught, by which test, in which words, and what is missed.

Each defect first meets the tests that are most likely to notice it. Those that none of these notices meet all tests of
their areas together, in one copy; each test that is red then is asked about each of them alone. Two of them that hide
each other would count as missed.
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from robot.api import ExecutionResult
from robot.errors import DataError

from defects import catalogue, likely, rounds
from defects.catalogue import ROOT, CatalogueError, Defect, apply
from defects.first import PAGE, First, Firsts, Result, page, rate
from defects.lanes import LOOK, Lanes
from defects.likely import Asked
from defects.noticing import Asking, EndedError, Questioner
from defects.report import commit
from defects.rounds import Blind
from defects.running import Bench, verdicts
from launcher import interrupts, tests_by_id
from launcher.verdicts import NOT_JUDGED, NOT_WELL, WELL
from launcher.workers import environment

_NOT_STARTED = ("did not start", "could not be loaded")
_TRIES = 3
_PROCESSES_PER_CORE = 2


@dataclass
class State:
    """What is known of a round beside its first results, so that it goes on where it was interrupted.

    ``asked`` are the likely tests that a defect has met, by its id, ``unknown`` those of them that could not be judged;
    ``red`` are the tests that were red with defects together, by their ids joined, ``unjudged`` those that could not be
    judged with them.
    """

    path: Path
    asked: dict[str, list[str]] = field(default_factory=dict)
    unknown: dict[str, list[str]] = field(default_factory=dict)
    red: dict[str, list[str]] = field(default_factory=dict)
    unjudged: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> State:
        """What was written."""
        known: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        return cls(path, **known)

    def write(self) -> None:
        """All of it."""
        known = {"asked": self.asked, "unknown": self.unknown, "red": self.red, "unjudged": self.unjudged}
        self.path.write_text(json.dumps(known, indent=1), "utf-8")


class Round:
    """One round on one bench."""

    def __init__(self, number: int, bench: Bench, jobs: int, within: float, tell: Callable[[str], None]) -> None:
        """``within`` are the seconds of likely tests that each defect meets alone."""
        self._bench = bench
        self._jobs = jobs
        self._within = within
        self._tell = tell
        self._blinds = rounds.read(number)
        self._firsts = Firsts(number)
        self._state = State.read(bench.results / f"round-{number}.json")
        self._tests = likely.asked()
        self._seconds = measured(ROOT / "results" / "output.xml")
        self._questioner = Questioner(bench, self._seconds)
        self._catalogue = catalogue.read()
        self._commit = commit()
        self._unfit: set[str] = set()

    def go_on(self) -> int:
        """Try what has no result yet; 0 where all are caught, 1 where one is missed, 3 where one is not judged."""
        for blind in self._open():
            try:
                catalogue.applied(blind, ROOT)
            except CatalogueError as error:
                self._unfit.add(blind.id)
                self._tell(f"{blind.id}  not judged: {error}")
        self._side_by_side([one for one in self._open() if one.id not in self._state.asked], self._likely)
        self._side_by_side(
            [one for one in self._open() if self._state.unknown.get(one.id)], self._once_more, alone=True
        )
        self._together()
        outcomes = {result.outcome for result in self._firsts.results.values()}
        self._tell(f"caught at first try: {rate(list(self._firsts.results.values()))}")
        if First.MISSED in outcomes:
            return NOT_WELL
        return NOT_JUDGED if self._open() or self._unfit else WELL

    def _open(self) -> list[Blind]:
        return [one for one in self._blinds if one.id not in self._firsts.results and one.id not in self._unfit]

    def _side_by_side(self, blinds: Sequence[Blind], work: Callable[[Blind], None], *, alone: bool = False) -> None:
        lanes = Lanes(1 if alone else self._jobs)
        left = list(reversed(blinds))
        running: set[Future[None]] = set()
        with ThreadPoolExecutor(lanes.most) as pool:
            try:
                while left or running:
                    while left and lanes.free(len(running)):
                        running.add(pool.submit(work, left.pop()))
                    done, running = wait(running, LOOK if left else None, FIRST_COMPLETED)
                    for future in done:
                        future.result()
            except BaseException:
                self._bench.close()
                raise

    def _likely(self, blind: Blind) -> None:
        began = time.monotonic()
        tests = likely.within(likely.ordered(blind, self._tests, self._catalogue), self._seconds, self._within)
        with self._copy(blind) as copy:
            found = self._questioner.ask(copy, tests)
        if not self._caught(blind, found, began):
            self._state.asked[blind.id] = [test.id for test in tests]
            self._state.unknown[blind.id] = found.unknown
            self._state.write()
            more = f", not judged: {', '.join(found.unknown)}" if found.unknown else ""
            self._tell(
                f"{blind.id}  not noticed by {len(tests)} likely tests{more}  {blind.title}  "
                f"{time.monotonic() - began:.0f} s {found.problem}"
            )

    def _once_more(self, blind: Blind) -> None:
        began = time.monotonic()
        with self._copy(blind) as copy:
            found = self._questioner.ask(copy, self._named(self._state.unknown[blind.id]))
        self._caught(blind, found, began)
        self._state.unknown[blind.id] = []
        self._state.write()

    def _together(self) -> None:
        left = self._open()
        while left:
            group, rest = rounds.together(left, ROOT)
            members = [one for one in left if one not in rest]
            key = next((known for known in self._state.red if set(known.split("+")) >= {m.id for m in members}), "")
            if not key:
                key = group.id
                self._tell(f"{len(members)} together meet every test: {key}")
                self._state.red[key], self._state.unjudged[key] = self._red(group, members)
                self._state.write()
            red, unjudged = self._state.red[key], self._state.unjudged[key]
            self._tell(f"red with them: {', '.join(red) or 'none'}; not judged: {', '.join(unjudged) or 'none'}")
            self._side_by_side(members, partial(self._alone, red, unjudged))
            left = rest

    def _red(self, group: Blind, members: Sequence[Blind]) -> tuple[list[str], list[str]]:
        """The tests that are red with all ``members`` at once, twice, and those that could not be judged."""
        areas = sorted({area for member in members for area in member.areas or ["all"]})
        red: list[str] = []
        with self._copy(group) as copy:
            left = everything(copy, ["all"] if "all" in areas else areas, self._bench.results / "together")
            for _ in range(_TRIES):
                self._tell(f"red or not judged: {', '.join(left) or 'none'}")
                told = self._questioner.run(copy, self._named(left))[0] if left else {}
                red += [key for key in left if told and key in told and told[key].failed]
                left = [key for key in left if not told or key not in told or told[key].unknown]
        return red, left

    def _alone(self, red: Sequence[str], unjudged: Sequence[str], blind: Blind) -> None:
        began = time.monotonic()
        order = likely.ordered(blind, self._tests, self._catalogue)
        tests = likely.within([test for test in order if test.id in red], self._seconds, float("inf"))
        found = Asking()
        if tests:
            with self._copy(blind) as copy:
                found = self._questioner.ask(copy, tests)
        if self._caught(blind, found, began):
            return
        if found.problem or found.unknown:
            self._tell(f"{blind.id}  not judged: {found.problem or ', '.join(found.unknown)}  {blind.title}")
            return
        met = len([test for test in self._tests if not blind.areas or test.area in blind.areas])
        self._keep(blind, Result(First.MISSED, ran=met - len(unjudged), unjudged=tuple(unjudged)), began)

    def _caught(self, blind: Blind, found: Asking, began: float) -> bool:
        noticed = found.noticed
        if noticed is None:
            return False
        outcome = First.NOT_STARTED if any(words in noticed.words for words in _NOT_STARTED) else First.CAUGHT
        self._keep(blind, Result(outcome, noticed.test, noticed.name, noticed.words, found.ran), began)
        return True

    def _keep(self, blind: Blind, result: Result, began: float) -> None:
        took = round(time.monotonic() - began, 1)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        whole = replace(result, seconds=took, date=now, commit=self._commit)
        self._firsts.keep(blind.id, whole)
        by = f" by {result.test} {result.name}" if result.test else ""
        self._tell(
            f"{len(self._firsts.results):2}/{len(self._blinds)}  {blind.id}  {result.outcome}{by}  {blind.title}"
            f"  {took:.0f} s" + (f"\n        {result.words}" if result.words else "")
        )

    def _named(self, keys: Sequence[str]) -> list[Asked]:
        return [test for test in self._tests if test.id in keys]

    @contextmanager
    def _copy(self, blind: Blind) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="lockstep-blind-") as place:
            apply(blind, Path(place), self._bench.unchanged)
            yield Path(place)


def everything(copy: Path, areas: Sequence[str], folder: Path) -> list[str]:
    """The ids of the tests of these areas that are red on a platform made of ``copy``, or could not be judged."""
    shutil.rmtree(folder, ignore_errors=True)
    process = subprocess.Popen(
        [
            str(ROOT / "run"),
            *areas,
            "--processes",
            str(_PROCESSES_PER_CORE * (os.cpu_count() or 1)),
            "--results",
            str(folder),
        ],
        cwd=ROOT,
        env=environment({"LOCKSTEP_SERVICES": str(copy.resolve())}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    found = verdicts(folder / "output.xml")
    if found is None:
        raise CatalogueError(f"the run of every test wrote no result that can be read ({folder})")
    return sorted(key for key, verdict in found.items() if verdict.status == "FAIL")


def measured(output: Path) -> dict[str, float]:
    """Seconds of each test by its id, and what each suite takes beside its tests by its path; {} without a run."""
    try:
        whole = ExecutionResult(str(output), include_keywords=False).suite
    except (DataError, OSError):
        return {}
    found: dict[str, float] = {}
    for test in whole.all_tests:
        if key := tests_by_id.of_tags(test.tags):
            found[key] = test.elapsed_time.total_seconds()
            suite = test.parent
            inside = sum(other.elapsed_time.total_seconds() for other in suite.tests)
            found[str(suite.source)] = max(suite.elapsed_time.total_seconds() - inside, 0.0)
    return found


def write_page(defects: Sequence[Defect] | None = None) -> None:
    """``defects/rounds.md`` from what is known."""
    PAGE.write_text(page(defects if defects is not None else catalogue.read()), "utf-8")


def conduct(number: int, results: Path, jobs: int, within: float) -> int:
    """Try the round, or go on with it; the exit code of the command."""
    with Bench(results / "prove") as bench:
        try:
            return Round(number, bench, jobs, within, lambda line: print(line, flush=True)).go_on()
        except (KeyboardInterrupt, EndedError):
            print(f"interrupted; ./run prove --round {number} goes on from here", flush=True)
            return interrupts.exit_code()
        finally:
            write_page()
