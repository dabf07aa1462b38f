"""``summary.json``, and the budgets that a run's tests left behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launcher.outcome import Outcome
from launcher.verdicts import EXECUTED, Verdict


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The documented shape; what is about the run itself, not its tests, is under ``run``."""
    return {
        "requirements": {
            key: {"verdict": found.verdict, "tests": list(found.tests), "reason": found.reason}
            for key, found in outcome.requirements.items()
        },
        "holes": outcome.holes,
        "elsewhere": dict(outcome.elsewhere),
        "without_requirement": list(outcome.unclaimed),
        "tests": [
            {"id": test.id, "name": test.name, "verdict": test.verdict, "reason": test.reason or None}
            for test in outcome.tests
        ],
        "budgets": list(map(dict, outcome.all_budgets)),
        "sheets": [sheet.as_json() for sheet in outcome.sheets],
        "totals": {
            "executed": sum(outcome.count(verdict) for verdict in EXECUTED),
            "passed": outcome.count(Verdict.PASS),
            "failed": outcome.count(Verdict.FAIL),
            "not_applicable": outcome.count(Verdict.NA),
            "verdicts": {verdict: outcome.count(verdict) for verdict in Verdict},
        },
        "seed": outcome.seed,
        "target": outcome.target,
        "run": {
            "name": outcome.name,
            "well": outcome.well,
            "word": outcome.word,
            "exit_code": outcome.exit_code,
            "certified": outcome.certified,
            "started": outcome.started,
            "seconds": round(outcome.seconds, 2),
            "limit": outcome.limit,
            "machine": outcome.machine,
            "tested": outcome.facts,
            "throttled": {"requests": len(outcome.throttled), "seconds": sum(outcome.throttled)},
            "undone": outcome.undone.count,
            "left_behind": list(outcome.undone.left),
            "expected_failures": outcome.count(Verdict.XFAIL),
            "vanished": list(outcome.vanished),
            "problems": list(outcome.problems),
            "undecided": list(outcome.undecided),
            "interrupted": outcome.interrupted,
            "versions": dict(outcome.versions),
            "command": outcome.command,
        },
    }


def write(outcome: Outcome, path: Path) -> None:
    """Write ``summary.json``."""
    path.write_text(json.dumps(as_json(outcome), indent=2, ensure_ascii=False) + "\n", "utf-8")


def recorded(path: Path) -> tuple[Mapping[str, Any], ...]:
    """The lines of ``budgets.jsonl`` and its like; a last line cut off by a killed worker is left out."""
    found = []
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return tuple(found)
