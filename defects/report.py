"""``results/prove.json``: what was proved, when, by which command, on what, and each judgement."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from defects.catalogue import ROOT
from defects.proving import Judged, Task

FORMAT = 2
_PROVED = ("services", "suites", "resources", "libraries", "variables", "defects")


class Scope(StrEnum):
    """Which defects a proof is about."""

    NAMED = "those that were named"
    EACH_TEST = "one for each test"
    ALL = "all"


@dataclass(frozen=True)
class Circumstances:
    """Of a proof: its command, which defects it was about, and the seconds it took."""

    command: str
    scope: Scope
    repetitions: int
    jobs: int
    seconds: float


def report(planned: Sequence[Task], judged: Sequence[Judged], about: Circumstances) -> dict[str, Any]:
    """The document; ``kept`` judgements are those of an earlier proof that this one went on with."""
    return {
        "format": FORMAT,
        "command": about.command,
        "commit": commit(),
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "cores": os.cpu_count() or 1,
        "python": platform.python_version(),
        "jobs": about.jobs,
        "seconds": round(about.seconds, 1),
        "repetitions": about.repetitions,
        "scope": about.scope,
        "complete": len(judged) == len(planned),
        "kept": sum(one.kept for one in judged),
        "defects": _defects(planned, judged),
    }


def write(document: Mapping[str, Any], path: Path) -> None:
    """All of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def commit(root: Path = ROOT) -> str:
    """The commit that was proved, with ``+`` where files differ from it; ``unknown`` without git."""
    try:
        name = _git(root, "rev-parse", "--short=10", "HEAD")
        return f"{name}{'+' if _git(root, 'status', '--porcelain', '--', *_PROVED) else ''}"
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True)  # noqa: S607
    return done.stdout.strip()


def _defects(planned: Iterable[Task], judged: Iterable[Judged]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for task in sorted(planned, key=lambda task: task.defect.id):
        defect = task.defect
        found.setdefault(
            defect.id,
            {
                "title": defect.title,
                "kind": defect.kind,
                "breaks": defect.breaks,
                "origin": defect.origin,
                "suite": defect.suite,
                "caught_by": defect.caught_by,
                "must_pass": task.sample,
                "judgements": [],
            },
        )
    for one in sorted(judged, key=lambda one: one.entry.repetition):
        entry = one.entry
        found[one.task.defect.id]["judgements"].append(
            {
                "repetition": entry.repetition,
                "outcome": entry.outcome,
                "detail": entry.detail,
                "seconds": entry.seconds,
                "date": entry.date,
                "kept": one.kept,
            }
        )
    return found
