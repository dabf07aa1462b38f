"""Which runs a proof makes, in which order, and what an interruption leaves."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from defects.catalogue import Defect
from defects.journal import Journal
from defects.judge import Outcome
from defects.kinds import Kind
from defects.lanes import Lanes
from defects.proving import Clock, in_order, kept, proceed, tasks
from defects.running import Proof
from tests.defects.entries import DEFECT, proof, task


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


def at_once(defect: Defect, sample: str, repetition: int) -> Proof:
    return proof()


def nothing() -> None:
    """Nobody is to be ended."""


def test_every_repetition_of_every_defect_is_planned() -> None:
    planned = tasks([(DEFECT, "S", "x"), (DEFECT, "S", "y")], 2)
    assert [(one.digest, one.repetition) for one in planned] == [("x", 1), ("y", 1), ("x", 2), ("y", 2)]


def test_the_unknown_and_the_longest_come_first_one_repetition_after_the_other() -> None:
    planned = [task(name, turn) for turn in (1, 2) for name in ("short", "long", "new")]
    ordered = in_order(planned, {"short": 1.0, "long": 9.0})
    assert [(one.defect.id, one.repetition) for one in ordered] == [
        ("new", 1), ("long", 1), ("short", 1), ("new", 2), ("long", 2), ("short", 2),
    ]  # fmt: skip


def test_of_what_was_never_timed_the_slow_kind_goes_first() -> None:
    slow = task("slow")
    slow = replace(slow, defect=replace(slow.defect, kind=Kind.SLOWNESS))
    assert [one.defect.id for one in in_order([task("new"), slow, task("timed")], {"timed": 99.0})] == [
        "slow",
        "new",
        "timed",
    ]


def test_everything_is_judged_and_kept(journal: Journal) -> None:
    planned = [task(f"D{number}-01") for number in range(7)]
    found = list(proceed(planned, Lanes(3, 3), at_once, nothing, journal))
    assert {one.task for one in found} == set(planned)
    again = kept(planned, Journal(journal.folder / "journal.jsonl"))
    assert [one.task for one in again] == planned
    assert all(one.kept for one in again)


def test_as_many_run_side_by_side_as_were_asked_for(journal: Journal) -> None:
    together = threading.Barrier(3, timeout=20)

    def prove(defect: Defect, sample: str, repetition: int) -> Proof:
        together.wait()
        return proof()

    assert len(list(proceed([task(f"D{number}-01") for number in range(6)], Lanes(3, 3), prove, nothing, journal))) == 6


def test_who_needs_it_is_uncrowded_when_he_begins_and_as_long_as_he_runs(journal: Journal) -> None:
    asked = set[tuple[int, bool]]()

    class Noted(Lanes):
        def free(self, running: int, *, uncrowded: bool = False) -> bool:
            asked.add((running, uncrowded))
            return super().free(running, uncrowded=uncrowded)

    planned = [task("D0-01"), task("D1-01", uncrowded=True), task("D2-01")]
    assert len(list(proceed(planned, Noted(3, 1, lambda: 100.0), at_once, nothing, journal))) == 3
    assert asked == {(0, False), (1, True), (0, True)}


class Unsteady:
    """Judges "D1-01" only from its ``sure`` th run on, and notes which defects run beside each."""

    def __init__(self, sure: int) -> None:
        self._sure = sure
        self._running = set[str]()
        self.ran = list[str]()
        self.beside_the_last = set[str]()

    def prove(self, defect: Defect, sample: str, repetition: int) -> Proof:
        self._running.add(defect.id)
        self.ran.append(defect.id)
        self.beside_the_last = self._running - {defect.id}
        try:
            known = defect.id != "D1-01" or self.ran.count(defect.id) >= self._sure
            return proof(Outcome.CAUGHT if known else Outcome.UNKNOWN)
        finally:
            self._running.discard(defect.id)


def test_what_could_not_be_judged_is_tried_once_more_at_the_end_and_alone(journal: Journal) -> None:
    unsteady = Unsteady(sure=2)
    planned = [task(f"D{number}-01") for number in range(6)]
    found = list(proceed(planned, Lanes(3, 3), unsteady.prove, nothing, journal))
    assert all(one.caught for one in found)
    assert sorted(one.task.defect.id for one in found) == [f"D{number}-01" for number in range(6)]
    assert unsteady.ran[-1] == "D1-01"
    assert unsteady.beside_the_last == set()


def test_what_could_not_be_judged_twice_is_said_and_not_kept(journal: Journal) -> None:
    unsteady = Unsteady(sure=3)
    planned = [task("D0-01"), task("D1-01")]
    found = {one.task.defect.id: one for one in proceed(planned, Lanes(2, 2), unsteady.prove, nothing, journal)}
    assert found["D1-01"].entry.outcome is Outcome.UNKNOWN
    assert unsteady.ran.count("D1-01") == 2
    assert [one.task for one in kept(planned, journal)] == [planned[0]]


def test_an_interruption_ends_what_runs_and_keeps_what_was_judged(journal: Journal) -> None:
    abandoned, begun = threading.Event(), list[str]()

    def prove(defect: Defect, sample: str, repetition: int) -> Proof:
        begun.append(defect.id)
        if defect.id != "D0-01":
            abandoned.wait(20)
        return proof()

    planned = [task(f"D{number}-01") for number in range(9)]
    running = proceed(planned, Lanes(2, 2), prove, abandoned.set, journal)
    assert next(running).task == planned[0]
    running.close()
    assert abandoned.is_set()
    assert len(begun) < len(planned)
    assert [one.task for one in kept(planned, journal)] == [planned[0]]


def test_time_left_is_told_from_what_the_rest_took_before() -> None:
    planned = [task("long"), task("short"), task("new")]
    clock = Clock(planned, {"long": 8.0, "short": 2.0})
    assert clock.left == pytest.approx(15.0)
    clock.tick(planned[0])
    assert clock.left == pytest.approx(clock.passed * 7 / 8, rel=0.5)
    clock.tick(planned[1])
    clock.tick(planned[2])
    assert clock.left == 0
