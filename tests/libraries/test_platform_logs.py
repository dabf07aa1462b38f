"""The end of a log that is longer than what is shown of it."""

from __future__ import annotations

import json
from pathlib import Path

from PlatformLibrary.embedded import connections


def test_the_end_of_a_long_log_has_whole_lines(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    lines = [json.dumps({"event": "request", "number": number}) for number in range(20_000)]
    log.write_text("\n".join(lines) + "\n", encoding="utf-8")
    shown = connections._end_of(log).splitlines()
    assert 1000 < len(shown) < len(lines)
    assert shown == lines[-len(shown) :]


def test_a_short_log_is_shown_whole(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_text("first\nsecond\nand a beginning", encoding="utf-8")
    assert connections._end_of(log) == "first\nsecond\nand a beginning"
    assert connections._end_of(tmp_path / "none.log") == ""
