"""What is decided already, a line of JSON for each mutant, so that an interrupted run goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mutation.mutants import Mutant
from mutation.trial import Outcome, Verdict


class Journal:
    """Verdicts by mutant.

    A kill counts as long as the services are what they were; that nobody noticed counts only for the same suites, since
    a new test may.
    """

    def __init__(self, path: Path, services: str, suites: str) -> None:
        self._path = path
        self._services = services
        self._suites = suites
        self._known: dict[str, Verdict] = {}
        for line in path.read_text("utf-8").splitlines() if path.exists() else []:
            self._read(line)

    def _read(self, line: str) -> None:
        try:
            entry: Mapping[str, Any] = json.loads(line)
        except ValueError:
            return  # the last line of a run that was killed
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in entry["verdict"].items()
        }
        verdict = Verdict(outcome=Outcome(fields.pop("outcome")), **fields)
        same_suites = entry["suites"] == self._suites
        if entry["services"] == self._services and (verdict.outcome.killed or same_suites):
            self._known[entry["mutant"]] = verdict

    def get(self, mutant: Mutant) -> Verdict | None:
        """What was decided of it."""
        return self._known.get(mutant.id)

    def put(self, mutant: Mutant, verdict: Verdict) -> None:
        """Decided."""
        self._known[mutant.id] = verdict
        entry = {"mutant": mutant.id, "services": self._services, "suites": self._suites, "verdict": asdict(verdict)}
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry, ensure_ascii=False) + "\n")
