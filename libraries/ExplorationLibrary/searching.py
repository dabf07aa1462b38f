"""The search: Hypothesis makes schedules and shrinks one that breaks a promise. It never sees time or a platform."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from lockstep.drawing import drawing, number
from lockstep.unknown import Unknown

from .schedule import BEGINNING, STEPS, Schedule, Step, after, numbered, only_possible, possible

LONGEST = 20
"""Steps of a schedule."""
DRAWS = 45
"""Steps drawn for it: about half of them make no sense where they stand and are left out."""
MOST_ATTEMPTS = 50
FIRST_SHARE = 0.25
"""Hypothesis' share of the patience. It simplifies as well; leaving steps out, for which the rest is, needs less."""


@dataclass(frozen=True)
class Verdict:
    """What came of playing a schedule: ``broken`` says which promise, with the witness, and is empty where all held."""

    broken: str = ""
    pictures: tuple[str, ...] = ()

    @property
    def promise(self) -> str:
        """The first line of what broke."""
        return self.broken.partition("\n")[0]


KEPT = Verdict()
Play = Callable[[Schedule], Verdict]


def _nobody(tally: Tally, failed: bool) -> None:
    pass


@dataclass
class Tally:
    """How much was played, shrinking included or (``searched``) not."""

    searched: int = 0
    played: int = 0
    steps: int = 0


@dataclass(frozen=True)
class Failure:
    """The smallest schedule found that breaks a promise."""

    schedule: Schedule
    verdict: Verdict


class UnplayableError(RuntimeError):
    """A schedule could not be played to its end, which says nothing about any promise; the message shows it."""

    ROBOT_SUPPRESS_NAME = True


class _Unplayable(BaseException):
    """The same on its way through Hypothesis, which would shrink any `Exception`."""


@dataclass
class Memory:
    """Plays each schedule once and remembers its verdict, so that shrinking never meets two verdicts for one schedule.

    ``patience`` is how many seconds may go by after the first failure, ``goal`` how many schedules are looked at before
    one; then it is `Enough`. ``told`` hears the tally after each schedule.
    """

    play: Play
    patience: float
    told: Callable[[Tally, bool], None] = _nobody
    goal: int | None = None
    smallest: Failure | None = None
    tally: Tally = field(default_factory=Tally)
    failed_at: float | None = None
    _known: dict[Schedule, Verdict] = field(default_factory=dict)

    def verdict(self, schedule: Schedule) -> Verdict:
        """The verdict on ``schedule``, played where it was not before."""
        if schedule not in self._known:
            if self._is_enough():
                raise Enough
            self._known[schedule] = self._played(schedule)
        return self._known[schedule]

    def _is_enough(self) -> bool:
        if self.failed_at is None:
            return self.tally.searched == self.goal
        return time.monotonic() - self.failed_at > self.patience

    def _played(self, schedule: Schedule) -> Verdict:
        self.tally.played += 1
        self.tally.steps += len(schedule)
        if self.failed_at is None:
            self.tally.searched += 1
        try:
            verdict = self.play(schedule)
        except Exception as error:
            raise _Unplayable(f"a schedule could not be played: {error}\n{numbered(schedule)}") from error
        if verdict.broken:
            self.failed_at = self.failed_at or time.monotonic()
            if self.smallest is None or len(schedule) <= len(self.smallest.schedule):
                self.smallest = Failure(schedule, verdict)
        self.told(self.tally, self.failed_at is not None)
        return verdict


class BrokenPromiseError(Exception):
    """Raised to Hypothesis, always at one place: so it takes all failures for one, and shrinks it."""


class Enough(BaseException):
    """Nothing more is to be played. No error: like KeyboardInterrupt it ends Hypothesis at once."""


def search(memory: Memory, count: int, seed: str, steps: Sequence[Step] = STEPS) -> Failure | None:
    """Looks at ``count`` schedules of these ``steps``; the smallest that breaks a promise, None where none does.

    Raises ``UnplayableError`` where one cannot be played, ``Unknown`` where the machine was too busy for it: what is
    wrong then is no verdict.
    The same seed gives the same schedules, as far as the verdicts are the same.
    """
    memory.goal = count
    patience, memory.patience = memory.patience, memory.patience * FIRST_SHARE
    try:
        _draw(memory, count, seed, steps)
        memory.patience = patience
        _shorten(memory)
    except _Unplayable as error:
        if isinstance(error.__cause__, Unknown):
            raise Unknown(str(error)) from error.__cause__
        raise UnplayableError(str(error)) from error.__cause__
    return memory.smallest


def _draw(memory: Memory, count: int, seed: str, steps: Sequence[Step]) -> None:
    """Has Hypothesis look at ``count`` schedules, and shrink the first that fails."""
    with suppress(BrokenPromiseError, Enough):
        for attempt in range(MOST_ATTEMPTS):
            # It counts drafts that it gave up, and repetitions, too.
            _run(memory, count, number(f"{seed}/{attempt}"), steps)


def _shorten(memory: Memory) -> None:
    """Leaves out of the smallest failure what it does not need: halves, quarters, … single steps, the last ones first.

    Hypothesis does this among much else, and may have run out of patience on a slow machine before it got so far.
    """
    if memory.smallest is None:
        return
    size = len(memory.smallest.schedule) // 2
    with suppress(Enough):
        while size:
            before = memory.smallest
            for start in range(len(before.schedule) - size, -1, -size):
                schedule = memory.smallest.schedule
                memory.verdict(only_possible((*schedule[:start], *schedule[start + size :])))
            size = size if memory.smallest is not before and size == 1 else size // 2


def _run(memory: Memory, count: int, seed: int, steps: Sequence[Step]) -> None:
    with drawing(count, stateful_step_count=DRAWS) as settings:
        import hypothesis
        from hypothesis.stateful import run_state_machine_as_test

        run_state_machine_as_test(hypothesis.seed(seed)(_machine(memory, steps)), settings=settings)


def _machine(memory: Memory, steps: Sequence[Step]) -> Any:
    """A state machine whose one rule only writes a step down, where the model allows it; its end plays the schedule.

    Every draw has the same choices, whatever came before: so a step that shrinking leaves out changes no other.
    """
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

    class Schedules(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.now = BEGINNING
            self.schedule: list[Step] = []
            self.length = LONGEST

        # Drawn first, so that shrinking can cut the end off in a few tries.
        @initialize(length=st.integers(1, LONGEST))
        def begin(self, length: int) -> None:
            self.length = length

        @rule(step=st.sampled_from(steps))
        def add(self, step: Step) -> None:
            if len(self.schedule) < self.length and possible(step, self.now):
                self.schedule.append(step)
                self.now = after(self.now, step)

        def teardown(self) -> None:
            # Hypothesis gives up some drafts half-way, by an exception of its own.
            if self.schedule and sys.exc_info()[0] is None:
                schedule = tuple(self.schedule)
                if memory.verdict(schedule).broken:
                    raise BrokenPromiseError

    return Schedules
