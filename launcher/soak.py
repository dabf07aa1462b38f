"""``./run soak``: the same suites again and again, loaded and shuffled; every failure counts and keeps its log.

N clean runs prove, at 95 %, that a run fails in less than 3/N of all cases (the rule of three).
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import random
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PlatformLibrary.embedded.system import die_with_parent

from launcher import arguments
from launcher.arguments import RunRequest
from launcher.console import LaunchError, paint, say
from launcher.outcome import INTERRUPTED
from launcher.paths import ROOT
from launcher.workers import environment

_NOTHING = ("the run published nothing",)
_SHOWN = 20


@dataclass(frozen=True)
class Round:
    """One run of the soak, as planned."""

    number: int
    seed: str
    loaded: bool
    shuffled: bool

    def __str__(self) -> str:
        kind = " and ".join(word for word, on in (("loaded", self.loaded), ("shuffled", self.shuffled)) if on)
        return f"{self.number:3} {kind or 'quiet':19} seed {self.seed}"


@dataclass(frozen=True)
class Result:
    """What one run came to."""

    code: int
    passed: int
    failed: tuple[str, ...]
    seconds: float
    folder: Path

    @property
    def clean(self) -> bool:
        """Everything executed and nothing failed."""
        return self.code == 0


def main(argv: Sequence[str]) -> int:
    """Run ``argv``'s areas (``critical`` where none is named) so often; 0 only if each run was clean."""
    options, rest = _parser().parse_known_args(argv)
    if not 0 <= options.loaded <= options.runs or not 0 <= options.shuffled <= options.runs:
        raise LaunchError("--loaded and --shuffled say how many of --runs, so they cannot be more.")
    request = arguments.parse(rest, dict(os.environ))
    names = request.names or ("critical",)
    folder = request.results / f"soak-{datetime.datetime.now():%Y%m%d-%H%M%S}"
    folder.mkdir(parents=True)
    rounds = plan(options.runs, options.loaded, options.shuffled, request.seed)
    say(f"{options.runs} runs of {' '.join(names)}, seed {request.seed}; failures are kept in {folder}")
    results = []
    interrupted = False
    try:
        for one in rounds:
            with _load() if one.loaded else contextlib.nullcontext():
                results.append(_run(one, names, request, folder))
            say(_line(one, results[-1]))
    except KeyboardInterrupt:
        interrupted = True
        say(paint("Interrupted", "yellow"))
    finally:
        say(conclusion(results, options.runs))
    return INTERRUPTED if interrupted else 0 if all(result.clean for result in results) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run soak", description=__doc__, allow_abbrev=False)
    parser.add_argument("--runs", type=_whole, default=20, metavar="N", help="how many runs (20)")
    parser.add_argument("--loaded", type=int, default=0, metavar="N", help="so many of them with every core busy (0)")
    parser.add_argument("--shuffled", type=int, default=0, metavar="N", help="so many of them in random order (0)")
    parser.epilog = (
        "Areas or suites first (critical), then these; anything else goes to each run: --target, --include …"
    )
    return parser


def _whole(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1, not {text!r}")
    return int(text)


def plan(runs: int, loaded: int, shuffled: int, seed: str) -> list[Round]:
    """Loaded and shuffled rounds spread evenly over all; each has a seed of its own, drawn from ``seed``."""
    seeds = random.Random(seed)  # noqa: S311 - repeatable, no secret
    return [
        Round(n + 1, str(seeds.randrange(10**9)), _nth(n, loaded, runs), _nth(n + runs // 2, shuffled, runs))
        for n in range(runs)
    ]


def _nth(n: int, some: int, of: int) -> bool:
    return (n + 1) * some // of > n * some // of


@contextlib.contextmanager
def _load() -> Iterator[None]:
    """Every core busy meanwhile."""
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"], preexec_fn=die_with_parent())
        for _ in range(os.cpu_count() or 1)
    ]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def _run(one: Round, names: Sequence[str], request: RunRequest, folder: Path) -> Result:
    """One run in a process of its own; a clean one leaves nothing but its counts."""
    kept = folder / f"{one.number:03}"
    command = [sys.executable, "-m", "launcher", *names, "--target", request.target, "--seed", one.seed]
    command += ["--results", str(kept), *(["--random"] if one.shuffled else []), *request.robot_args]
    started = time.monotonic()
    with (folder / f"{one.number:03}.txt").open("wb") as output:
        run = subprocess.Popen(command, cwd=ROOT, env=environment({}), stdout=output, stderr=subprocess.STDOUT,
                               stdin=subprocess.DEVNULL, preexec_fn=die_with_parent())  # fmt: skip
        try:
            code = run.wait()
        except KeyboardInterrupt:
            run.wait()
            raise
    passed, failed = _read(kept)
    result = Result(code, passed, failed, time.monotonic() - started, kept)
    if result.clean:
        shutil.rmtree(kept)
    return result


def _read(folder: Path) -> tuple[int, tuple[str, ...]]:
    """How many passed, and which did not."""
    try:
        cases = list(ET.parse(folder / "xunit.xml").getroot().iter("testcase"))  # noqa: S314 - written by this run
    except (OSError, ET.ParseError):
        return 0, _NOTHING
    failed = tuple(case.get("name", "?") for case in cases if case.find("failure") is not None)
    return len(cases) - len(failed) - sum(case.find("skipped") is not None for case in cases), failed


def _line(one: Round, result: Result) -> str:
    if result.clean:
        return f"{one}  {paint('clean', 'green')}  {result.passed} passed in {result.seconds:.1f} s"
    what = "; ".join(result.failed) or f"exit code {result.code}"
    where = result.folder if result.failed != _NOTHING else f"{result.folder}.txt"
    return f"{one}  {paint('NOT CLEAN', 'red')}  {what} ({where})"


def conclusion(results: Sequence[Result], planned: int) -> str:
    """What so many runs prove."""
    count = len(results)
    bad = [result for result in results if not result.clean]
    if not count:
        return "No run was finished: nothing is proved."
    times = sorted(result.seconds for result in results)
    lines = [f"{count} of {planned} runs, {sum(result.passed for result in results)} tests passed, "
             f"{times[0]:.1f} to {times[-1]:.1f} s a run, median {times[count // 2]:.1f} s"]  # fmt: skip
    if bad:
        tests = Counter(name for result in bad for name in result.failed)
        lines += [f"{len(bad)} not clean:", *(f"  {n} × {name}" for name, n in tests.most_common(_SHOWN))]
    else:
        lines.append(f"all clean: at 95 %, fewer than {min(1.0, 3 / count):.1%} of such runs fail")
    return "\n".join(lines)
