"""A Robot listener in every worker: it tells the launcher each step, and ends the worker when pabot has gone.

A step is one JSON line in ``$LOCKSTEP_RUN_DIR/progress.jsonl``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from lockstep.masking import mask
from PlatformLibrary import lifeline


class Progress:
    """Attached by the launcher to every worker that pabot starts."""

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self) -> None:
        if lifeline.pabot_parent() is None:
            os._exit(1)  # orphaned before it could watch
        lifeline.watch_parent()
        folder = os.environ.get("LOCKSTEP_RUN_DIR")
        self._path = Path(folder) / "progress.jsonl" if folder else None

    def start_test(self, data: Any, result: Any) -> None:
        """The test that a vanished worker was in can be named by this line."""
        self._write({"event": "start", "test": data.longname, "pid": os.getpid()})

    def end_test(self, data: Any, result: Any) -> None:
        """Verdict, message and seconds of a test."""
        self._write({
            "event": "end", "test": data.longname, "status": result.status, "pid": os.getpid(),
            "message": mask(result.message)[:2000], "seconds": result.elapsed_time.total_seconds(),
        })  # fmt: skip

    def _write(self, event: dict[str, Any]) -> None:
        """One line, one append: workers write side by side."""
        if self._path is None:
            return
        line = json.dumps(event, ensure_ascii=False).encode() + b"\n"
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                os.write(file, line)
            finally:
                os.close(file)
        except OSError:
            self._path = None  # a full disk must not fail a test; the launcher judges by the outputs
