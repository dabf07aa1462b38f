"""A Robot listener in every worker: it tells the launcher each step, and ends the worker when pabot has gone.

A step is one JSON line in ``$LOCKSTEP_RUN_DIR/progress.jsonl``. What a test recorded of latencies is summed up in
``latencies.jsonl`` beside it.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lockstep import latencies
from lockstep.masking import mask
from lockstep.statistics import summary
from PlatformLibrary import lifeline


class Progress:
    """Attached by the launcher to every worker that pabot starts."""

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self) -> None:
        if lifeline.pabot_parent() is None and "LOCKSTEP_ROBOTS" not in os.environ:
            os._exit(1)  # orphaned before it could watch
        lifeline.watch_parent()
        folder = os.environ.get("LOCKSTEP_RUN_DIR")
        self._folder = Path(folder) if folder else None
        self._before: dict[str, list[float]] = {}

    def start_test(self, data: Any, result: Any) -> None:
        """The test that a vanished worker was in can be named by this line."""
        self._before = {name: latencies.recorded(name) for name in latencies.names()}
        self._write("progress.jsonl", {"event": "start", "test": result.full_name, "pid": os.getpid()})

    def end_test(self, data: Any, result: Any) -> None:
        """Verdict, message and seconds of a test; the latencies of each name that it added to, as they stand now."""
        self._write("progress.jsonl", {
            "event": "end", "test": result.full_name, "status": result.status, "pid": os.getpid(),
            "message": mask(result.message), "tags": list(result.tags), "title": result.name,
            "seconds": result.elapsed_time.total_seconds(),
        })  # fmt: skip
        for name in latencies.names():
            if (values := latencies.recorded(name)) != self._before.get(name):
                self._write("latencies.jsonl", {"name": name, "test": result.full_name, **asdict(summary(values))})

    def _write(self, name: str, event: dict[str, Any]) -> None:
        """One line, one append: workers write side by side."""
        if self._folder is None:
            return
        line = json.dumps(event, ensure_ascii=False).encode() + b"\n"
        try:
            file = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                os.write(file, line)
            finally:
                os.close(file)
        except OSError:
            self._folder = None  # a full disk must not fail a test; the launcher judges by the outputs
