"""Defects, tasks and judgements to try the runner's parts with."""

from __future__ import annotations

from dataclasses import replace

from defects.catalogue import Change, Defect
from defects.journal import Entry
from defects.judge import Judgement, Outcome
from defects.kinds import Kind
from defects.proving import Judged, Task
from defects.running import Proof

DEFECT = Defect(
    "D1-01", "t", ("C01.1",), "own", (Change("services/a.py", "old", "new"),), ("A", "B"), "what broke", "suites",
    Kind.RACE,
)  # fmt: skip


def task(name: str = DEFECT.id, repetition: int = 1, *, uncrowded: bool = False) -> Task:
    return Task(replace(DEFECT, id=name, uncrowded=uncrowded), "Sample", f"digest of {name}", repetition)


def proof(outcome: Outcome = Outcome.CAUGHT, seconds: float = 1.0) -> Proof:
    return Proof(Judgement(outcome, "the detail"), seconds)


def judged(name: str, outcome: Outcome = Outcome.CAUGHT, repetition: int = 1, *, kept: bool = False) -> Judged:
    of = task(name, repetition)
    return Judged(of, Entry.of(of.defect, of.digest, repetition, proof(outcome)), kept)
