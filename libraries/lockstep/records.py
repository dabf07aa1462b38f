"""Lines of JSON that many processes add to one file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def append(path: Path, entry: Mapping[str, Any], mode: int = 0o644) -> None:
    """One line, one write at the end of the file: workers write side by side."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, mode)
    try:
        os.write(file, json.dumps(entry, ensure_ascii=False).encode() + b"\n")
    finally:
        os.close(file)
