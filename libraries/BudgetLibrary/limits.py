"""Limits with units, and the file of named budgets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from robot.utils import timestr_to_secs

FILE = Path("variables") / "budgets.yaml"
SECONDS = "s"
_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)\s*([A-Za-z%/]*)")


@dataclass(frozen=True)
class Limit:
    """At most ``value``; the unit of a time is always ``s``."""

    value: float
    unit: str

    def __str__(self) -> str:
        return amount(self.value, self.unit)


def amount(value: float, unit: str) -> str:
    """``value`` for a reader: ``250 ms``, ``2.5 s``, ``10 MB``, ``3``."""
    if unit == SECONDS and abs(value) < 1:
        return f"{value * 1000:.3g} ms" if abs(value) < 0.1 else f"{value * 1000:.0f} ms"
    return f"{value:.4g} {unit}".rstrip()


def parse(text: str | float | timedelta) -> Limit:
    """A limit from Robot data: a time (``2s``, ``1 min 30 s``, ``250 ms``), or a number with or without another unit.

    A bare number is a number of seconds.
    """
    if isinstance(text, timedelta):
        return Limit(text.total_seconds(), SECONDS)
    try:
        return Limit(timestr_to_secs(text, round_to=None), SECONDS)
    except ValueError:
        found = _NUMBER.fullmatch(str(text).strip())
        if not found:
            raise ValueError(f"not a limit: '{text}' (write a time such as 250 ms, or a number with a unit)") from None
        return Limit(float(found[1]), found[2])


def load(path: Path) -> dict[str, Limit]:
    """The named budgets of a file: a mapping of names to limits; raises ``ValueError`` with file and entry."""
    try:
        document: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"the budgets cannot be read from {path}: {error}") from None
    if not isinstance(document, Mapping):
        raise ValueError(f"the budgets in {path} are no mapping of names to limits")  # noqa: TRY004
    budgets = {}
    for name, limit in document.items():
        try:
            budgets[str(name)] = parse(limit)
        except (ValueError, TypeError) as error:
            raise ValueError(f"budget '{name}' in {path}: {error}") from None
    return budgets


def find(start: Path | None) -> Path | None:
    """The nearest ``variables/budgets.yaml`` in the folders above ``start``."""
    for folder in start.resolve().parents if start else ():
        if (folder / FILE).is_file():
            return folder / FILE
    return None
