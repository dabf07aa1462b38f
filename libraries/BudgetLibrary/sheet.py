"""Budget verdicts and figures as JSON lines in the folder of the run, for whoever writes the result sheet."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from lockstep.records import append
from robot.running.context import EXECUTION_CONTEXTS

VARIABLE = "LOCKSTEP_RUN_DIR"
FILE = "budgets.jsonl"
FIGURES = "figures.jsonl"


@dataclass(frozen=True)
class Verdict:
    """How much of a budget was used; ``verdict`` is PASS, UNKNOWN or FAIL, ``latencies`` a summary of these, if any."""

    name: str
    limit: float
    used: float
    unit: str
    verdict: str
    suite: str
    test: str | None
    latencies: dict[str, float] | None = None


@dataclass(frozen=True)
class Figure:
    """A measured number that has no limit."""

    name: str
    value: float
    unit: str
    suite: str
    test: str | None


def running() -> tuple[str, str | None]:
    """The long names of the running suite and test."""
    context = EXECUTION_CONTEXTS.current
    if context is None:
        return "", None
    return context.suite.full_name, context.test.full_name if context.test else None


def write(line: Verdict | Figure) -> None:
    """Appends to ``budgets.jsonl`` or ``figures.jsonl`` in ``$LOCKSTEP_RUN_DIR``; without it nothing is kept."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        return
    name = FILE if isinstance(line, Verdict) else FIGURES
    append(Path(folder) / name, asdict(line))
