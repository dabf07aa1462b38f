"""Which test notices a defect of which nobody has said so: tests are run until one is red, and that one is doubted.

A red test counts only where it is red alone as well, and green without the defect.
Whether it is that is looked at for many at once (`Questioner.unsound`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lockstep.causes import reason

from defects.judge import Verdict
from defects.likely import Asked
from defects.running import Bench, verdicts

_SHOWN = 300
# Seconds that a busy machine may take: beside the tests, for a suite, for a test.
_BESIDE = 60.0
_EACH_SUITE = 20.0
_EACH_TEST = 15.0


@dataclass(frozen=True)
class Noticed:
    """The first test that noticed: its id, its name, and what it said."""

    test: str
    name: str
    words: str


@dataclass
class Asking:
    """What asking some tests came to: how many ran, which could not be judged, which were red by themselves."""

    noticed: Noticed | None = None
    ran: int = 0
    unknown: list[str] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)
    problem: str = ""


class EndedError(Exception):
    """The bench was closed while tests ran: nothing is known."""


class Questioner:
    """Asks tests about changed copies."""

    def __init__(self, bench: Bench) -> None:
        """Robots are run on ``bench``."""
        self._bench = bench

    def ask(self, copy: Path, tests: Sequence[Asked]) -> Asking:
        """Run ``tests`` against ``copy`` in their order, to the first that truly notices."""
        found = Asking()
        self._ask(copy, tests, found)
        return found

    def _ask(self, copy: Path, tests: Sequence[Asked], found: Asking) -> None:
        left = list(tests)
        while left and not found.noticed:
            told, said = self.run(copy, left, stop=True)
            if told is None:
                self._by_halves(copy, left, said, found)
                return
            first = next((key for key, verdict in told.items() if verdict.failed), None)
            done = list(told)[: list(told).index(first) + 1] if first else [test.id for test in left]
            found.ran += sum(told[key].status == "PASS" for key in done if key in told) + bool(first)
            # Tried again at the end: now it would take as long as all of them.
            found.unknown += [key for key in done if key in told and told[key].unknown]
            if first:
                self._doubt(copy, next(test for test in left if test.id == first), told[first], found)
            left = [test for test in left if test.id not in done]

    def _by_halves(self, copy: Path, tests: Sequence[Asked], said: str, found: Asking) -> None:
        """Robot wrote nothing, perhaps because one of them hangs: the others are to have their say."""
        if len(tests) == 1:
            found.unknown.append(tests[0].id)
            found.problem = said or "robot wrote no result"
            return
        half = (len(tests) + 1) // 2
        self._ask(copy, tests[:half], found)
        if not found.noticed:
            self._ask(copy, tests[half:], found)

    def _doubt(self, copy: Path, test: Asked, verdict: Verdict, found: Asking) -> None:
        alone, _ = self.run(copy, [test])
        again = (alone or {}).get(test.id)
        if again is None or again.unknown:
            found.unknown.append(test.id)
        elif again.failed:
            found.noticed = Noticed(test.id, verdict.name, reason(verdict.message, _SHOWN))
        else:
            found.noise.append(test.id)

    def unsound(self, tests: Sequence[Asked]) -> list[str]:
        """The ids of those that are red on the unchanged services as well, together and alone."""
        told, _ = self.run(self._bench.unchanged, tests)
        red = [test for test in tests if not told or test.id not in told or told[test.id].status == "FAIL"]
        alone = ((test, self.run(self._bench.unchanged, [test])[0]) for test in red)
        return [test.id for test, again in alone if not again or again[test.id].status == "FAIL"]

    def run(self, copy: Path, tests: Sequence[Asked], *, stop: bool = False) -> tuple[dict[str, Verdict] | None, str]:
        """The verdicts of ``tests`` by id, in the order in which they ran, and the end of what robot said."""
        suites = list(dict.fromkeys(test.suite for test in tests))
        limit = _BESIDE + _EACH_SUITE * len(suites) + _EACH_TEST * len(tests)
        with tempfile.TemporaryDirectory(prefix="run-", dir=self._bench.results) as folder:
            said = self._bench.robot([test.id for test in tests], suites, Path(folder), copy, stop=stop, limit=limit)
            if self._bench.closed:
                raise EndedError
            return verdicts(Path(folder) / "output.xml"), said
