"""Schedules as files: a found failure that anybody can read, keep, and play again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from lockstep import kept

from .schedule import Schedule, Step, first_impossible

FORMAT = "lockstep schedule"


class ScheduleFileError(ValueError):
    """A file that holds no schedule; the message names the file and the cause."""

    ROBOT_SUPPRESS_NAME = True


def write_schedule(path: Path, schedule: Schedule, seed: str, promise: str) -> None:
    """Writes ``schedule``; the seed of its search and the promise that it broke are for the reader."""
    steps = [{"do": step.do, "who": step.who, "what": step.what, "says": str(step)} for step in schedule]
    kept.write(path, FORMAT, {"seed": seed, "broke": promise, "steps": steps})


def read_schedule(path: Path) -> Schedule:
    """The schedule of the file at ``path``; raises ``ScheduleFileError``."""
    document = kept.read(path, FORMAT, "a schedule", ScheduleFileError)
    steps = document.get("steps")
    if not isinstance(steps, list):
        raise ScheduleFileError(f"{path}: damaged: it has no list of steps")
    schedule = tuple(_step(path, number, entry) for number, entry in enumerate(steps, 1))
    if wrong := first_impossible(schedule):
        raise ScheduleFileError(f"{path}: step {wrong} cannot be taken where it stands: {_shown(steps[wrong - 1])}")
    return schedule


def _step(path: Path, number: int, entry: Any) -> Step:
    words = [entry.get(name, "") for name in ("do", "who", "what")] if isinstance(entry, Mapping) else []
    texts = [word for word in words if isinstance(word, str)]
    if len(texts) != len(fields(Step)):
        raise ScheduleFileError(f"{path}: damaged: step {number} is no step: {_shown(entry)}")
    return Step(*texts)


def _shown(entry: Any) -> str:
    return json.dumps(entry, ensure_ascii=False)[:100]
