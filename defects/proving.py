"""Every chosen defect in every repetition: several side by side, those first that take longest, none twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from statistics import mean

from defects.catalogue import Defect
from defects.journal import Entry, Journal
from defects.kinds import Kind
from defects.lanes import LOOK, Lanes
from defects.running import Proof

USUAL_SECONDS = 5.0

Prove = Callable[[Defect, str, int], Proof]


@dataclass(frozen=True)
class Task:
    """One repetition of one defect; ``digest`` is what its judgement depends on, ``sample`` the test that must pass."""

    defect: Defect
    sample: str
    digest: str
    repetition: int


@dataclass(frozen=True)
class Judged:
    """A task with its judgement; ``kept`` tells that it was made by an earlier proof."""

    task: Task
    entry: Entry
    kept: bool = False

    @property
    def caught(self) -> bool:
        """By the named tests, in the named words, and by nothing else."""
        return self.entry.proof.caught


def tasks(defects: Iterable[tuple[Defect, str, str]], repetitions: int) -> list[Task]:
    """All that is to be judged: of defects with their samples and digests, one repetition after the other."""
    chosen = list(defects)
    return [Task(*one, repetition) for repetition in range(1, repetitions + 1) for one in chosen]


def kept(planned: Iterable[Task], journal: Journal) -> list[Judged]:
    """What was judged before and holds still."""
    found = ((task, journal.kept(task.defect, task.digest, task.repetition)) for task in planned)
    return [Judged(task, entry, kept=True) for task, entry in found if entry]


def in_order(open_tasks: Iterable[Task], seconds: Mapping[str, float]) -> list[Task]:
    """One repetition after the other; in each, the longest first, so that none is left to run alone at the end.

    Who was never timed goes before the others, and first of all what is slow by its kind.
    """

    def place(task: Task) -> tuple[int, float, bool]:
        return task.repetition, -seconds.get(task.defect.id, float("inf")), task.defect.kind is not Kind.SLOWNESS

    return sorted(open_tasks, key=place)


def proceed(
    open_tasks: Sequence[Task], lanes: Lanes, prove: Prove, abandon: Callable[[], None], journal: Journal
) -> Generator[Judged, None, None]:
    """Judge ``open_tasks``, as many at a time as ``lanes`` lets, each as it is done; it is in the journal first.

    What could not be judged is tried once more at the end, alone. When this is closed early, or interrupted, no further
    run begins, and ``abandon`` has to end those that have begun.
    """
    left = list(reversed(open_tasks))
    unknown: list[Task] = []
    running: dict[Future[Proof], Task] = {}
    with ThreadPoolExecutor(lanes.most) as pool:
        try:
            while left or running:
                while left and lanes.free(len(running), uncrowded=_uncrowded(left[-1], *running.values())):
                    task = left.pop()
                    running[pool.submit(prove, task.defect, task.sample, task.repetition)] = task
                more = left and len(running) < lanes.most
                done, _ = wait(running, LOOK if more else None, FIRST_COMPLETED)
                for future in done:
                    task, proof = running.pop(future), future.result()
                    if proof.unknown:
                        unknown.append(task)
                    else:
                        yield _noted(task, proof, journal)
            for task in unknown:
                alone = pool.submit(prove, task.defect, task.sample, task.repetition)
                yield _noted(task, alone.result(), journal)
        except BaseException:
            # The pool waits for what runs in it.
            abandon()
            raise


def _noted(task: Task, proof: Proof, journal: Journal) -> Judged:
    entry = Entry.of(task.defect, task.digest, task.repetition, proof)
    journal.note(entry)
    return Judged(task, entry)


def _uncrowded(*together: Task) -> bool:
    return any(task.defect.uncrowded for task in together)


class Clock:
    """How much time is left, told from how fast it went so far."""

    def __init__(self, planned: Iterable[Task], seconds: Mapping[str, float]) -> None:
        """``seconds`` are those that the defects took before; who is not among them counts as the mean."""
        usual = mean(seconds.values()) if seconds else USUAL_SECONDS
        self._expected = {(task.defect.id, task.repetition): seconds.get(task.defect.id, usual) for task in planned}
        self._left = self._all = sum(self._expected.values())
        self._began = time.monotonic()

    def tick(self, task: Task) -> None:
        """``task`` is done."""
        self._left = max(0.0, self._left - self._expected.pop((task.defect.id, task.repetition), 0.0))

    @property
    def passed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    @property
    def left(self) -> float:
        """Seconds, if it goes on as it did."""
        done = self._all - self._left
        return self.passed * self._left / done if done > 0 else self._left
