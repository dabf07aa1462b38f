"""Where libraries put the files that a run leaves behind."""

from __future__ import annotations

import os
from pathlib import Path

from robot.running.context import EXECUTION_CONTEXTS


def run_folder(name: str) -> Path:
    """``$LOCKSTEP_RUN_DIR/<name>``; without that variable ``${OUTPUT_DIR}/<name>``. It need not exist yet.

    Outside of Robot Framework the working directory takes the place of the output directory.
    """
    folder = os.environ.get("LOCKSTEP_RUN_DIR")
    if not folder and (context := EXECUTION_CONTEXTS.current) is not None:
        folder = context.variables["${OUTPUT_DIR}"]
    return Path(folder or ".") / name
