"""Figures beside their goals, printed as they come."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Report:
    """What is printed, and whether every goal was met; where times are not ``judged``, only flaws count."""

    part: str = ""
    met: bool = True
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    judged: bool = True

    def begin(self, part: str) -> None:
        """What follows belongs to ``part``."""
        self.part = part
        self.figures[part] = {}
        print(f"\n{part}", flush=True)

    def line(
        self, label: str, values: Sequence[float], unit: str, goal: float | None = None, factor: float = 1
    ) -> float:
        """A median with its spread, and its goal; ``factor`` turns values and goal into ``unit``."""
        middle = statistics.median(values)
        shown = [value * factor for value in values]
        spread = f"(of {len(shown)}: {min(shown):.4g}–{max(shown):.4g})"
        target = None if goal is None else goal * factor
        self.figures[self.part][label] = {"unit": unit, "values": shown, "goal": target}
        print(f"  {label:<58} {middle * factor:8.4g} {unit:<2} {spread:<26}{self._judged(middle, goal, factor, unit)}")
        return middle

    def flaws(self, label: str, found: Sequence[str]) -> None:
        """What must not have happened at all."""
        self.met &= not found
        self.figures[self.part][label] = list(found)
        print(f"  {label:<58} {len(found):8}    goal 0: {'MISSED' if found else 'met'}")
        for flaw in found[:5]:
            print(f"      {flaw}")

    def _judged(self, middle: float, goal: float | None, factor: float, unit: str) -> str:
        if goal is None or not self.judged:
            return ""
        self.met &= middle <= goal
        return f"  goal ≤ {goal * factor:g} {unit}: {'met' if middle <= goal else 'MISSED'}"


Part = Callable[[argparse.Namespace, Report], None]


def conduct(name: str, parts: Mapping[str, Part], chosen: argparse.Namespace, report: Report) -> int:
    """Run the parts of benchmark ``name`` (``chosen.only`` of them), write ``chosen.json``; 0 only if all was met."""
    print(f"$ {shlex.join(['./run', 'bench', name, *sys.argv[1:]])}")
    print(f"  {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the beginning, Python {sys.version.split()[0]}")
    for part in chosen.only or parts:
        report.begin(part)
        parts[part](chosen, report)
    print(f"\n{'every goal met' if report.met else 'a goal was MISSED'}; load {os.getloadavg()[0]:.1f} at the end")
    if chosen.json:
        document = {"command": sys.argv[1:], "cores": os.cpu_count(), "met": report.met, "figures": report.figures}
        chosen.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0 if report.met else 1


def positive(text: str) -> int:
    """A number on the command line."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1, not {text!r}")
    return int(text)
