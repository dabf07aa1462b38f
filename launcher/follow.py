"""Reading the workers' progress and showing it while they run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PlatformLibrary.embedded.reaper import END_OF_HOST

from launcher.console import paint, say, verdict
from launcher.judging import RobotTest, Rules
from launcher.outcome import JudgedTest
from launcher.verdicts import Verdict


class Follower:
    """Reads ``progress.jsonl`` as it grows, judges each finished test and prints a line for it."""

    def __init__(self, path: Path, planned: int, rules: Rules) -> None:
        self._path = path
        self._rules = rules
        self._planned = planned
        self._read = 0
        self._done = 0
        self.open: dict[str, int] = {}
        self.reasons = True
        """Whether each test's reason is shown, and not once for all at the end."""

    def show_new(self) -> None:
        """Print what has been written since the last call; keep which tests are open, and in which process."""
        for event in self._events():
            if event["event"] == "start":
                self.open[event["test"]] = event["pid"]
                continue
            self.open.pop(event["test"], None)
            self._done += 1
            test = RobotTest(event["test"], event["status"], event["message"], tuple(event["tags"]), event["seconds"],
                             event["title"])  # fmt: skip
            self._print(self._rules.judge(test)[1])

    def _print(self, test: JudgedTest) -> None:
        planned = max(self._planned, self._done)  # tests may be made at run time
        count = paint(f"{self._done:>{len(str(planned))}}/{planned}", "grey")
        say(f"{count} {verdict(test.verdict, 5)} {test.label}  {paint(f'{test.seconds:.1f} s', 'grey')}")
        if self.reasons and test.verdict is not Verdict.PASS and not test.reason.startswith(END_OF_HOST):
            say(f"      {test.reason if test.verdict is Verdict.FAIL else paint(test.reason, 'grey')}")

    def _events(self) -> Iterator[dict[str, Any]]:
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                data = file.read()
        except FileNotFoundError:
            return
        complete = data[: data.rfind(b"\n") + 1]
        self._read += len(complete)
        for line in complete.splitlines():
            yield json.loads(line)
