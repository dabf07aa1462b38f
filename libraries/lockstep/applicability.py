"""NA: what the target does not have, or is not described to have, ends the test that needs it as not applicable."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NoReturn, TypeVar

from robot.api import SkipExecution, logger
from robot.errors import PassExecution
from robot.running.context import EXECUTION_CONTEXTS

from lockstep import reasons, target
from lockstep.causes import NOT_APPLICABLE as NOT_APPLICABLE
from lockstep.masking import mask
from lockstep.records import append

RECORDS = "not_applicable.jsonl"
# A host that there can never be (RFC 6761 §6.4), in a form that every library joins with a path.
_ENTRY = re.compile(r"http://(?P<entry>\w+)\.absent\.invalid")

T = TypeVar("T")


class Absent(str):
    """Stands for an address, a credential or a file that the target in use lacks: false, and of no use."""

    __slots__ = ()

    def __new__(cls, entry: str) -> Absent:
        return super().__new__(cls, f"http://{entry}.absent.invalid")

    def __bool__(self) -> bool:
        return False


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
    ``AssertionError`` instead of a skip where the target declares ``lacks`` and the run is certified. In the teardown
    of a suite, which judges nothing, the rest of it is left out with a warning.
    """
    message = verdict(lacks, reason)
    if certified() and target.in_use() and lacks in target.current().capabilities:
        raise AssertionError(f"{message} (declared by the profile, and this run is certified)")
    if folder := os.environ.get("LOCKSTEP_RUN_DIR"):
        append(Path(folder) / RECORDS, {"scope": _scope(), "lacks": lacks, "message": mask(message)})
    if _in_suite_teardown():
        logger.warn(f"The teardown ends here: {message}")
        raise PassExecution(message)
    raise SkipExecution(message)


def lacking(lacks: str, reason: str) -> NoReturn:
    """As `not_applicable`, where others run the target in use.

    Raises ``RuntimeError`` where the run itself has made the platform: it could have made another.
    """
    if target.in_use() and target.current().kind == "external":
        not_applicable(lacks, reason)
    raise RuntimeError(f"{lacks}: {reason}")


def present(value: T) -> T:
    """``value``, which a suite has handed over: an address, a credential, the path of a file.

    Where it is, or begins with, something `Absent`, the target in use lacks that (see `lacking`).
    """
    if isinstance(value, str) and (found := _ENTRY.match(value)):
        entry = found["entry"]
        lacking(f"endpoints.{entry}", f"target {target.current().target!r} has no {entry}")
    return value


def _scope() -> str:
    """The full name of the running test, or of the suite outside of any; "" outside of Robot."""
    context = EXECUTION_CONTEXTS.current
    running = context and (context.test or context.suite)
    return running.full_name if running else ""


def _in_suite_teardown() -> bool:
    context = EXECUTION_CONTEXTS.current
    return bool(context and context.in_suite_teardown)
