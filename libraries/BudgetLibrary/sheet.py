"""Budget verdicts as JSON lines in the folder of the run, for whoever writes the result sheet."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from robot.running.context import EXECUTION_CONTEXTS

VARIABLE = "LOCKSTEP_RUN_DIR"
FILE = "budgets.jsonl"


@dataclass(frozen=True)
class Verdict:
    """How much of a budget was used; ``verdict`` is PASS or FAIL, ``latencies`` a summary where there are some."""

    name: str
    limit: float
    used: float
    unit: str
    verdict: str
    suite: str
    test: str | None
    latencies: dict[str, float] | None = None


def running() -> tuple[str, str | None]:
    """The long names of the running suite and test."""
    context = EXECUTION_CONTEXTS.current
    if context is None:
        return "", None
    return context.suite.full_name, context.test.full_name if context.test else None


def write(verdict: Verdict) -> None:
    """Appends to ``$LOCKSTEP_RUN_DIR/budgets.jsonl``; without that variable nothing is kept.

    Many processes write at once, so each line is a single write at the end of the file.
    """
    folder = os.environ.get(VARIABLE)
    if not folder:
        return
    line = json.dumps(asdict(verdict), ensure_ascii=False) + "\n"
    file = os.open(Path(folder) / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)
