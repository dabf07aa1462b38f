"""Which tests of a run speak for a control, or against a threat, and what they say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from launcher import tests_by_id
from launcher.console import LaunchError
from launcher.paths import SUITES
from launcher.verdicts import Verdict

NOT_RUN = "NOT RUN"
NOT_APPLICABLE = "NA"
_ORDER = [*(str(verdict) for verdict in Verdict if verdict not in (Verdict.NA, Verdict.PASS)), NOT_RUN]
"""From the worst on; what is left is PASS, or NA where nothing was executed."""


@dataclass(frozen=True)
class Spoken:
    """A control or a threat with its verdict, which is that of its worst test."""

    id: str
    of: str
    title: str
    verdict: str
    reason: str = ""
    tests: list[dict[str, Any]] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)


def summary(folder: Path) -> dict[str, Any]:
    """``summary.json`` of a run; raises ``LaunchError`` where there is none."""
    path = folder / "summary.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except OSError:
        raise LaunchError(
            f"There is no {path}: run suites first (./run all), or name another run (--run DIR)."
        ) from None
    except ValueError:
        raise LaunchError(f"{path} cannot be read: it is no JSON.") from None
    return found


def spoken(declared: Iterable[Mapping[str, Any]], run: Mapping[str, Any], suites: Path = SUITES) -> list[Spoken]:
    """Each declared control or threat with the tests that carry one of its tags, as the run has judged them.

    Raises ``LaunchError`` where a tag names no test at all: then nothing could ever speak for it.
    """
    judged = {test["id"]: test for test in run["tests"] if test["id"]}
    known = tests_by_id.read(suites)
    return [_one(entry, known, judged, run) for entry in declared]


def _one(
    entry: Mapping[str, Any], known: Mapping[str, Any], judged: Mapping[str, Any], run: Mapping[str, Any]
) -> Spoken:
    of = entry.get("framework") or entry["standard"]
    if reason := entry.get("na"):
        return Spoken(entry["id"], of, entry["title"], NOT_APPLICABLE, reason)
    for tag in entry["by"]:
        if not any(tag in test.tags for test in known.values()):
            raise LaunchError(f"variables/evidence.yaml: {of} {entry['id']}: no test has the tag {tag}")
    tests = [
        {
            "id": test.id,
            "name": test.name,
            "tags": sorted(test.tags & set(entry["by"])),
            "verdict": judged[test.id]["verdict"] if test.id in judged else NOT_RUN,
            "reason": judged[test.id]["reason"] if test.id in judged else None,
            "started": run["run"]["started"],
            "versions": run["run"]["versions"],
            "seed": run["seed"],
        }
        for test in sorted(known.values(), key=lambda one: one.id)
        if test.tags & set(entry["by"])
    ]
    return Spoken(entry["id"], of, entry["title"], worst([test["verdict"] for test in tests]), "", tests)


def worst(verdicts: Sequence[str]) -> str:
    """The verdict of all of them."""
    for verdict in _ORDER:
        if verdict in verdicts:
            return verdict
    return str(Verdict.PASS) if str(Verdict.PASS) in verdicts else NOT_APPLICABLE
