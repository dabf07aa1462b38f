"""``./run prove --round N``: a blind round is tried; what is caught, by which test, in which words, and what is missed.

Each defect first meets the tests that are most likely to notice it. Those that none of these notices meet all that
should notice together, in one copy; each test that is red then is asked about each of them alone. Two of them that hide
each other would count as missed.
"""

from __future__ import annotations

import datetime
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from defects import catalogue, likely, rounds
from defects.catalogue import ROOT, CatalogueError, Defect, apply
from defects.first import PAGE, First, Firsts, Result, page, rate
from defects.lanes import LOOK, Lanes
from defects.likely import Asked
from defects.noticing import Asking, EndedError, Questioner
from defects.report import commit
from defects.rounds import Blind
from defects.running import Bench
from launcher import interrupts
from launcher.verdicts import NOT_JUDGED, NOT_WELL, WELL

_NOT_STARTED = ("did not start", "could not be loaded")
_TRIES = 3
_Item = TypeVar("_Item")


@dataclass
class State:
    """What is known of a round beside its first results, so that it goes on where it was interrupted.

    ``asked`` are the likely tests that a defect has met, by its id, ``unknown`` those of them that could not be judged;
    ``red`` are the tests that were red with defects together, by their ids joined and by suite, and those that were red
    again ("" in the place of the suite); ``unjudged`` are those that could not be judged with them.
    ``sound`` are tests that are green on the unchanged services, ``red_anyway`` those that are not, and say nothing.
    """

    path: Path
    asked: dict[str, list[str]] = field(default_factory=dict)
    unknown: dict[str, list[str]] = field(default_factory=dict)
    red: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    unjudged: dict[str, list[str]] = field(default_factory=dict)
    sound: list[str] = field(default_factory=list)
    red_anyway: list[str] = field(default_factory=list)
    # The lanes of a round write it from a thread each.
    _writing: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def read(cls, path: Path) -> State:
        """What was written."""
        known: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        return cls(path, **known)

    def write(self) -> None:
        """All of it."""
        with self._writing:
            known = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in ("path", "_writing")}
            self.path.write_text(json.dumps(known, indent=1), "utf-8")


class Round:
    """One round on one bench."""

    def __init__(self, number: int, bench: Bench, jobs: int, tests: int, tell: Callable[[str], None]) -> None:
        """Each defect meets so many likely ``tests`` alone."""
        self._bench = bench
        self._jobs = jobs
        self._likely_tests = tests
        self._tell = tell
        self._blinds = rounds.read(number)
        self._firsts = Firsts(number)
        self._state = State.read(bench.results / f"round-{number}.json")
        self._tests = likely.asked()
        self._questioner = Questioner(bench)
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
        self._control()
        outcomes = {result.outcome for result in self._firsts.results.values()}
        self._tell(f"caught at first try: {rate(list(self._firsts.results.values()))}")
        if First.MISSED in outcomes:
            return NOT_WELL
        return NOT_JUDGED if self._open() or self._unfit else WELL

    def _open(self) -> list[Blind]:
        return [one for one in self._blinds if one.id not in self._firsts.results and one.id not in self._unfit]

    def _side_by_side(self, items: Sequence[_Item], work: Callable[[_Item], None], *, alone: bool = False) -> None:
        lanes = Lanes(1 if alone else self._jobs)
        left = list(reversed(items))
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
        tests = likely.by_suite(self._concerned(blind)[: self._likely_tests])
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
            known = (key for key in self._state.red if set(key.split("+")) >= {one.id for one in members})
            key = next(known, group.id)
            red, unjudged = self._red(group, key, members)
            self._tell(f"red with them: {', '.join(red) or 'none'}; not judged: {', '.join(unjudged) or 'none'}")
            self._side_by_side(members, partial(self._alone, red, unjudged))
            left = rest

    def _red(self, group: Blind, key: str, members: Sequence[Blind]) -> tuple[list[str], list[str]]:
        """The tests that are red with all ``members`` at once, twice, and those that could not be judged."""
        seen = self._state.red.setdefault(key, {})
        if key in self._state.unjudged:
            return seen[""], self._state.unjudged[key]
        wanted = {test.id for one in members for test in self._concerned(one)}
        wanted = {key for key in wanted if not all(key in self._state.asked[one.id] for one in members)}
        suites = {str(test.suite.relative_to(ROOT)): test.suite for test in self._tests if test.id in wanted}
        open_suites = [name for name in suites if name not in seen]
        self._tell(
            f"{len(members)} together meet {len(wanted)} tests, {len(open_suites)} suites of {len(suites)}: {key}"
        )
        with self._copy(group) as copy:

            def meet(name: str) -> None:
                tests = [test for test in self._tests if test.id in wanted and test.suite == suites[name]]
                told, _ = self._questioner.run(copy, tests)
                seen[name] = [test.id for test in tests if not told or told[test.id].status == "FAIL"]
                self._state.write()

            self._side_by_side(open_suites, meet)
            left = sorted(test for name in suites for test in seen[name])
            red: list[str] = []
            for _ in range(_TRIES):
                self._tell(f"red or not judged: {', '.join(left) or 'none'}")
                told = self._questioner.run(copy, self._named(left))[0] if left else {}
                red += [test for test in left if told and test in told and told[test].failed]
                left = [test for test in left if not told or test not in told or told[test].unknown]
        seen[""], self._state.unjudged[key] = red, left
        self._state.write()
        return red, left

    def _control(self) -> None:
        """Take back what was caught by tests that are red without a defect, too: it is to be tried again."""
        catching = {one.test for one in self._firsts.results.values()} - {"", *self._state.sound}
        if not catching:
            return
        self._tell(f"{len(catching)} tests that caught something meet the unchanged services")
        unsound = self._questioner.unsound(self._named(sorted(catching)))
        self._state.sound += sorted(catching - set(unsound))
        self._state.red_anyway += unsound
        self._state.write()
        for key in self._firsts.take_back(unsound):
            self._tell(f"{key}  not judged: its test is red without it")

    def _ordered(self, blind: Blind) -> list[Asked]:
        order = likely.ordered(blind, self._tests, self._catalogue)
        return [test for test in order if test.id not in self._state.red_anyway]

    def _concerned(self, blind: Blind) -> list[Asked]:
        concerned = likely.concerned(blind, self._tests, self._catalogue)
        return [test for test in concerned if test.id not in self._state.red_anyway]

    def _alone(self, red: Sequence[str], unjudged: Sequence[str], blind: Blind) -> None:
        began = time.monotonic()
        tests = likely.by_suite([test for test in self._ordered(blind) if test.id in red])
        found = Asking()
        if tests:
            with self._copy(blind) as copy:
                found = self._questioner.ask(copy, tests)
        if self._caught(blind, found, began):
            return
        if found.unknown:
            self._tell(f"{blind.id}  not judged: {', '.join(found.unknown)} {found.problem}  {blind.title}")
            return
        met = {test.id for test in self._concerned(blind)}
        lost = tuple(test for test in unjudged if test in met)
        self._keep(blind, Result(First.MISSED, ran=len(met) - len(lost), unjudged=lost), began)

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


def write_page(defects: Sequence[Defect] | None = None) -> None:
    """``defects/rounds.md`` from what is known."""
    PAGE.write_text(page(defects if defects is not None else catalogue.read()), "utf-8")


def conduct(number: int, results: Path, jobs: int, tests: int) -> int:
    """Try the round, or go on with it; the exit code of the command."""
    with Bench(results / "prove") as bench:
        try:
            return Round(number, bench, jobs, tests, lambda line: print(line, flush=True)).go_on()
        except (KeyboardInterrupt, EndedError):
            print(f"interrupted; ./run prove --round {number} goes on from here", flush=True)
            return interrupts.exit_code()
        finally:
            write_page()
