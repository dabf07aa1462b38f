"""One run of one suite on whatever platform the environment names, and what its tests said."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lockstep.causes import is_unknown
from PlatformLibrary.embedded.system import die_with_parent

from launcher import interrupts
from launcher.paths import ROOT
from launcher.workers import environment


@dataclass(frozen=True)
class Told:
    """What a test said."""

    name: str
    status: str
    message: str
    seconds: float


@dataclass(frozen=True)
class Ran:
    """The tests that ran, in their order; ``late`` where the suite was ended because of its time."""

    tests: tuple[Told, ...]
    late: bool
    said: str

    @property
    def red(self) -> list[Told]:
        """Those that Robot counts as failed: the first by itself, others perhaps because the first stopped them."""
        return [test for test in self.tests if test.status == "FAIL"]

    @property
    def failed(self) -> list[Told]:
        """Those that found something wrong."""
        return [test for test in self.red if not is_unknown(test.message)]

    @property
    def passed(self) -> list[Told]:
        """Those that passed, or had nothing to check."""
        return [test for test in self.tests if test.status != "FAIL"]


def run(
    suite: str, folder: Path, extra: Mapping[str, str], *, limit: float, names: Sequence[str] = (), stop: bool = True
) -> Ran:
    """Run ``suite`` (``names``: these tests of it), for ``limit`` seconds at most; ``stop``: at the first failure."""
    interrupts.must_not_have_come()
    folder.mkdir(parents=True)
    command = [sys.executable, "-S", "-m", "launcher.robot", "--listener", "launcher.progress.Progress"]
    for option in ("--output", "--log", "--report"):
        command += [option, "NONE"]
    command += ["--exitonfailure"] if stop else []
    for name in names:
        command += ["--test", name]
    # Without packages of its own (-S) this Python is up at once; what forks robots has them.
    with (folder / "said.txt").open("w+b") as said:
        process = subprocess.Popen(
            [*command, str(ROOT / suite)], cwd=folder, env=environment({**extra, "LOCKSTEP_RUN_DIR": str(folder)}),
            stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, preexec_fn=die_with_parent(),
        )  # fmt: skip
        late = False
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            late = True
        finally:
            process.kill()
            process.wait()
        said.seek(0)
        words = said.read().decode("utf-8", "replace").strip()
    return Ran(tuple(read(folder / "progress.jsonl")), late, words[-600:])


def read(progress: Path) -> list[Told]:
    """The tests that ended, from what ``launcher.progress`` wrote."""
    if not progress.exists():
        return []
    events = [json.loads(line) for line in progress.read_text("utf-8").splitlines()]
    return [
        Told(event["test"].partition(".")[2], event["status"], event["message"], event["seconds"])
        for event in events
        if event["event"] == "end"
    ]
