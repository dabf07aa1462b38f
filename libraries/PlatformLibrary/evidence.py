"""The services' log lines of a failed test, for log.html."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lockstep import masking

LINES = 60
_MOST_BYTES = 2 << 20
_CHUNK = 1 << 20
_KNOWN = ("ts", "level", "event", "service", "instance", "test_id")
_LOUD = ("warning", "error", "critical")


def offsets(logs: Mapping[str, str]) -> dict[str, int]:
    """Where each log ends now."""
    return {instance: Path(path).stat().st_size for instance, path in logs.items() if Path(path).exists()}


def since(path: str, offset: int) -> list[str]:
    """The lines that a log has got since ``offset`` bytes."""
    try:
        with Path(path).open("rb") as log:
            size = log.seek(0, 2)
            start = offset if offset <= size else 0
            log.seek(max(start, size - _MOST_BYTES))
            return log.read().decode(errors="replace").splitlines()
    except OSError:
        return []


def holds(path: str, text: str) -> bool:
    """Whether a whole log, however long, holds ``text``; a log that is not there holds nothing."""
    wanted = text.encode()
    kept = b""
    try:
        with Path(path).open("rb") as log:
            while chunk := log.read(_CHUNK):
                if wanted in kept + chunk:
                    return True
                kept = (kept + chunk)[-len(wanted) :]
    except FileNotFoundError:
        pass
    return False


def of_test(lines: Sequence[str], test_id: str) -> list[str]:
    """The lines that belong to a test, readable, the last ones of many.

    Lines that carry the test's id, and loud ones and plain text that carry none; where no line carries the id, all
    lines of the time but those of other tests.
    """
    entries = [_parse(line) for line in lines if line.strip()]
    marked = any(entry.get("test_id") == test_id for entry in entries)
    chosen = [entry for entry in entries if _belongs(entry, test_id, marked)]
    left_out = len(chosen) - LINES
    shown = [_readable(entry) for entry in chosen[-LINES:]]
    return [f"… {left_out} earlier lines", *shown] if left_out > 0 else shown


def block(sections: Mapping[str, Sequence[str]], ended: Sequence[str] = ()) -> str:
    """HTML: a line for each process that had ``ended``, a collapsible block for each log with lines to show; masked."""
    parts = [f"<p><b>{html.escape(line)}</b></p>" for line in ended]
    for instance, lines in sections.items():
        if lines:
            text = html.escape(masking.mask("\n".join(lines)))
            count = len(lines)
            parts.append(
                f"<details><summary>log of <b>{html.escape(instance)}</b> during this test ({count} lines)</summary>"
                f'<pre style="white-space:pre-wrap">{text}</pre></details>'
            )
    return "\n".join(parts)


def _parse(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {"plain": line}
    return entry if isinstance(entry, dict) else {"plain": line}


def _belongs(entry: Mapping[str, Any], test_id: str, marked: bool) -> bool:
    if entry.get("test_id"):
        return bool(entry["test_id"] == test_id)
    return not marked or "plain" in entry or entry.get("level") in _LOUD


def _readable(entry: Mapping[str, Any]) -> str:
    if "plain" in entry:
        return str(entry["plain"])
    more = " ".join(
        f"{name}={_short(value)}" for name, value in entry.items() if name not in _KNOWN and value is not None
    )
    clock = str(entry.get("ts", "")).partition("T")[2]
    return f"{clock} {str(entry.get('level', '')).upper():7} {entry.get('event', '')} {more}".rstrip()


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
