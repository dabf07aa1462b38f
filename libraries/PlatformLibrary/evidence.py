"""The services' log lines of a failed test, for log.html."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockstep import masking

LINES = 60
LOUD_LINES = 20
_MOST_BYTES = 2 << 20
_CHUNK = 1 << 20
_KNOWN = ("ts", "level", "event", "service", "instance", "test_id")
_LOUD = ("warning", "error", "critical")


@dataclass(frozen=True)
class Owner:
    """A test, or a suite in its setup: ``name`` is its id in the logs, ``suites`` those of its suites, inmost first.

    What an earlier test or a setup has opened, such as a socket, answers in their name.
    """

    name: str
    suites: tuple[str, ...]

    def has(self, test_id: str) -> bool:
        """Whether a line with this id may be due to it."""
        inmost = self.suites[:1]
        return test_id in (self.name, *self.suites) or any(test_id.startswith(f"{suite}.") for suite in inmost)


def offsets(logs: Iterable[str]) -> dict[str, int]:
    """Where each log file ends now."""
    return {path: Path(path).stat().st_size for path in logs if Path(path).exists()}


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


def of_test(lines: Sequence[str], owner: Owner) -> list[str]:
    """The lines that belong to a test, readable, the last ones of many and the last loud ones of those before.

    Lines that carry the id of the test or of its suite, and loud ones and plain text that carry none; where no line
    carries such an id, all lines of the time but those of other tests.
    """
    entries = [_parse(line) for line in lines if line.strip()]
    marked = any(owner.has(str(entry.get("test_id") or "")) for entry in entries)
    chosen = [entry for entry in entries if _belongs(entry, owner, marked)]
    shown = [_readable(entry, owner) for entry in chosen[-LINES:]]
    earlier = chosen[:-LINES]
    if not earlier:
        return shown
    loud = [_readable(entry, owner) for entry in earlier if entry.get("level") in _LOUD][-LOUD_LINES:]
    of_these = [", the last warnings and errors of these:", *loud, "…"] if loud else [""]
    return [f"… {len(earlier)} earlier lines{of_these[0]}", *of_these[1:], *shown]


def block(sections: Mapping[str, Sequence[str]], ended: Sequence[str] = (), when: str = "this test") -> str:
    """HTML: a line for each process that had ``ended``, a collapsible block for each log with lines to show; masked."""
    parts = [f"<p><b>{html.escape(line)}</b></p>" for line in ended]
    for instance, lines in sections.items():
        if lines:
            text = html.escape(masking.mask("\n".join(lines)))
            count = len(lines)
            parts.append(
                f"<details><summary>log of <b>{html.escape(instance)}</b> during {when} ({count} lines)</summary>"
                f'<pre style="white-space:pre-wrap">{text}</pre></details>'
            )
    return "\n".join(parts)


def _parse(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {"plain": line}
    return entry if isinstance(entry, dict) else {"plain": line}


def _belongs(entry: Mapping[str, Any], owner: Owner, marked: bool) -> bool:
    if entry.get("test_id"):
        return owner.has(str(entry["test_id"]))
    return not marked or "plain" in entry or entry.get("level") in _LOUD


def _readable(entry: Mapping[str, Any], owner: Owner) -> str:
    if "plain" in entry:
        return str(entry["plain"])
    fields = {name: value for name, value in entry.items() if name not in _KNOWN and value is not None}
    if entry.get("test_id") not in (None, "", owner.name):
        fields["for"] = entry["test_id"]
    more = " ".join(f"{name}={_short(value)}" for name, value in fields.items())
    clock = str(entry.get("ts", "")).partition("T")[2]
    return f"{clock} {str(entry.get('level', '')).upper():7} {entry.get('event', '')} {more}".rstrip()


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
