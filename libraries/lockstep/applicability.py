"""NA: what the target does not have, or is not described to have, ends the test that needs it as not applicable."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NoReturn

from robot.api import SkipExecution
from robot.running.context import EXECUTION_CONTEXTS

from lockstep import reasons, target
from lockstep.masking import mask

NOT_APPLICABLE = "NA: "
RECORDS = "not_applicable.jsonl"


def certified() -> bool:
    """Whether the run forbids NA of what the profile declares (``LOCKSTEP_CERTIFIED=1``)."""
    return os.environ.get("LOCKSTEP_CERTIFIED", "") not in ("", "0")


def verdict(lacks: str, reason: str) -> str:
    """The message of a test that is not applicable."""
    return f"{NOT_APPLICABLE}{lacks}: {reasons.given(reason)}"


def not_applicable(lacks: str, reason: str) -> NoReturn:
    """Ends the running test, or all tests of the suite whose setup runs, as NA.

    ``lacks`` is the capability or word that the target does not have (``operations.refresh``), ``reason`` says why.
    ``./run`` takes a skip for NA only where it finds it recorded here, and the target does lack that. Raises
    ``AssertionError`` instead of a skip where the target declares ``lacks`` and the run is certified.
    """
    message = verdict(lacks, reason)
    if certified() and target.in_use() and lacks in target.current().capabilities:
        raise AssertionError(f"{message} (declared by the profile, and this run is certified)")
    if folder := os.environ.get("LOCKSTEP_RUN_DIR"):
        _record(Path(folder) / RECORDS, {"scope": _scope(), "lacks": lacks, "message": mask(message)})
    raise SkipExecution(message)


def _scope() -> str:
    """The full name of the running test, or of the suite outside of any; "" outside of Robot."""
    context = EXECUTION_CONTEXTS.current
    running = context and (context.test or context.suite)
    return running.full_name if running else ""


def _record(path: Path, entry: dict[str, str]) -> None:
    """One line, one append: workers write side by side."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(file, json.dumps(entry).encode() + b"\n")
    finally:
        os.close(file)
