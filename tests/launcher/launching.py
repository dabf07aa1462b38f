"""Real runs of the launcher on small suites in a temporary folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 240.0
"""Seconds for what happens at once on a quiet machine; a test that hangs ends by ``timeout`` in pyproject.toml."""


def launcher_environment(**extra: str) -> dict[str, str]:
    """This environment without what another run, or the developer, has set for the launcher."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTEP_")}
    return {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **extra}


def command(*words: str | Path) -> list[str]:
    """The command line of ``./run``, after it has set up."""
    return [sys.executable, "-m", "launcher", *map(str, words)]


def small_project(folder: Path) -> Path:
    """A project of its own in ``folder``, with this launcher and without suites, tests and documents."""
    project = folder / "project"
    shutil.copytree(ROOT / "launcher", project / "launcher", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("libraries", "services", "variables"):
        (project / name).symlink_to(ROOT / name)
    return project


def wait_until(condition: Callable[[], Any], what: str, within: float = DEADLINE) -> Any:
    """The first true value of ``condition``; fails naming ``what`` after ``within`` seconds."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    pytest.fail(f"{what} did not happen within {within:g} s")


def processes_of(folder: Path) -> list[psutil.Process]:
    """Living processes with ``folder`` on their command line."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or ()
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(str(folder) in word for word in words):
            found.append(process)
    return found


@dataclass(frozen=True)
class Finished:
    """A run that has ended."""

    code: int
    output: str
    results: Path

    @property
    def summary(self) -> dict[str, Any]:
        """The published ``summary.json``."""
        loaded: dict[str, Any] = json.loads((self.results / "summary.json").read_text("utf-8"))
        return loaded


def launch(suites: Path, results: Path, *options: str, **environment: str) -> Finished:
    """Run ``suites`` to the end."""
    done = subprocess.run(
        command(suites, "--results", results, *options),
        cwd=suites if suites.is_dir() else suites.parent,
        env=launcher_environment(**environment),
        capture_output=True,
        text=True,
        check=False,
    )
    return Finished(done.returncode, done.stdout + done.stderr, results)
