"""``./run explore``: play many random schedules of clients and faults, in several workers with a platform each."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lockstep.causes import is_unknown
from robot.api import ExecutionResult
from robot.errors import DataError

from launcher import interrupts, runfolder
from launcher.console import LaunchError, complain, paint, plural, say
from launcher.parsing import Parser
from launcher.paths import RESULTS, SHIPPED_SUITES
from launcher.verdicts import NOT_JUDGED, NOT_WELL, WELL
from launcher.workers import environment

SUITE = SHIPPED_SUITES / "exploration" / "01_schedules.robot"
EXPLORING, REPLAYING = "id:EX-01", "id:EX-02"
_TOLD_EVERY = 10.0
_TICK = 0.2


@dataclass(frozen=True)
class Share:
    """What one worker does: so many schedules of this seed, with its outputs in ``folder``."""

    count: int
    seed: str
    folder: Path


@dataclass(frozen=True)
class Found:
    """What was played so far; ``steps`` with those of shrinking."""

    searched: int = 0
    steps: int = 0
    violations: int = 0

    def __add__(self, other: Found) -> Found:
        return Found(self.searched + other.searched, self.steps + other.steps, self.violations + other.violations)

    def __str__(self) -> str:
        return f"{self.searched} schedules, {self.steps} steps, {plural(self.violations, 'violation')}"


def main(argv: Sequence[str]) -> int:
    """Explore, or play one saved schedule again; 0 only if every promise was kept, 3 where that could not be judged."""
    options = _parser().parse_args(argv)
    if options.replay is not None and not options.replay.is_file():
        raise LaunchError(f"There is no file {options.replay}.")
    folder = runfolder.make(options.results.absolute())
    if options.replay is not None:
        return _replay(options.replay.absolute(), options.times, folder)
    jobs = min(options.jobs, options.count)
    shares = [Share(count, seed, folder / f"worker-{n}") for n, (count, seed) in
              enumerate(divided(options.count, jobs, options.seed), 1)]  # fmt: skip
    say(f"{options.count} schedules by {plural(jobs, 'worker')}, seed {options.seed}; results in {folder}")
    return _explore(shares, options)


def _parser() -> Parser:
    parser = Parser(prog="./run explore", description=__doc__)
    drawn = str(random.SystemRandom().randrange(10**9))
    parser.add_argument("--count", type=_whole, default=100, metavar="N", help="how many schedules (100)")
    parser.add_argument("--seed", default=os.environ.get("LOCKSTEP_SEED") or drawn, help="with --count and --jobs it "
                        "repeats the search")  # fmt: skip
    parser.add_argument("--jobs", type=_whole, default=2 * (os.cpu_count() or 1), metavar="N",
                        help="workers; they mostly wait (two for each core)")  # fmt: skip
    parser.add_argument("--replay", type=Path, metavar="FILE", help="play this saved schedule instead")
    parser.add_argument("--times", type=_whole, default=5, metavar="N", help="so often, with --replay (5)")
    parser.add_argument("--results", type=Path, default=Path(os.environ.get("LOCKSTEP_RESULTS") or RESULTS),
                        metavar="DIR", help="where results go (results/)")  # fmt: skip
    return parser


def _whole(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1, not {text!r}")
    return int(text)


def divided(count: int, jobs: int, seed: str) -> list[tuple[int, str]]:
    """The part of ``count`` and the seed of each worker; one alone has the seed itself."""
    parts = [count * (n + 1) // jobs - count * n // jobs for n in range(jobs)]
    return [(part, seed if jobs == 1 else f"{seed}.{n}") for n, part in enumerate(parts, 1)]


def _replay(file: Path, times: int, folder: Path) -> int:
    share = Share(times, "replay", folder)
    worker = _start(share, REPLAYING, {"KEPT": str(file), "TIMES": str(times)})
    try:
        code = interrupts.wait(worker)
    except KeyboardInterrupt:
        interrupts.kill(worker)
        raise
    if code == 0:
        say(f"{file.name}: every promise kept, {times} of {times} times")
        return 0
    complain(_message(share))
    return _code(share)


def _explore(shares: Sequence[Share], options: argparse.Namespace) -> int:
    begun = time.monotonic()
    workers = [_start(share, EXPLORING, {"COUNT": str(share.count), "EXPLORED_SEED": share.seed}) for share in shares]
    told = begun
    try:
        while any(worker.poll() is None for worker in workers):
            interrupts.must_go_on()
            time.sleep(_TICK)
            if time.monotonic() - told > _TOLD_EVERY:
                told = time.monotonic()
                say(paint(f"{told - begun:6.0f} s  {_sum(shares)}", "grey"))
    except KeyboardInterrupt:
        interrupts.report(f"Interrupted after {_sum(shares)}.")
        interrupts.kill(*workers)
        return interrupts.exit_code()
    wrong = [share for share, worker in zip(shares, workers, strict=True) if worker.returncode]
    for share in wrong:
        complain(_message(share))
    say(f"{_sum(shares)} in {time.monotonic() - begun:.0f} s (./run explore --count {options.count} "
        f"--seed {options.seed} --jobs {len(shares)})")  # fmt: skip
    return worst(_code(share) for share in wrong)


def worst(codes: Iterable[int]) -> int:
    """Not well where any is, else not judged where any is, else well."""
    return max(codes, key=(WELL, NOT_JUDGED, NOT_WELL).index, default=WELL)


def _start(share: Share, test: str, variables: dict[str, str]) -> subprocess.Popen[bytes]:
    share.folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "robot", "--outputdir", str(share.folder), "--include", test, "--console", "none"]
    command += [part for name, value in variables.items() for part in ("--variable", f"{name}:{value}")]
    env = environment({"LOCKSTEP_RUN_DIR": str(share.folder), "LOCKSTEP_SEED": share.seed})
    with (share.folder / "robot.txt").open("wb") as log:
        return interrupts.start([*command, str(SUITE)], cwd=share.folder, env=env, stdin=subprocess.DEVNULL,
                                stdout=log, stderr=log)  # fmt: skip


def _sum(shares: Sequence[Share]) -> Found:
    total = Found()
    for share in shares:
        with contextlib.suppress(OSError, ValueError):
            known = json.loads((share.folder / "exploration.json").read_text("utf-8"))
            total += Found(known["searched"], known["steps"], known["violations"])
    return total


def _message(share: Share) -> str:
    """Why a worker failed."""
    if messages := _failures(share):
        return "\n".join(["", *messages, f"Log: {share.folder / 'log.html'}"])
    return f"A worker ended without a result: {share.folder / 'robot.txt'}"


def _code(share: Share) -> int:
    """Of a worker that did not end well."""
    messages = _failures(share)
    return NOT_JUDGED if messages and all(map(is_unknown, messages)) else NOT_WELL


def _failures(share: Share) -> list[str]:
    """The messages of a worker's failed tests; none where it left no result."""
    try:
        tests = list(ExecutionResult(share.folder / "output.xml", include_keywords=False).suite.all_tests)
    except (DataError, OSError):
        return []
    return [test.message for test in tests if not test.passed]
