"""``./run soak``: run the same suites again and again, loaded and shuffled; every failure counts and keeps its log.

N clean runs prove, at 95 %, that a run fails in less than 3/N of all cases (the rule of three). A run that could not be
judged proves nothing: it is counted apart.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from launcher import arguments, interrupts
from launcher.arguments import RunRequest
from launcher.console import LaunchError, paint, say
from launcher.outcome import short_name
from launcher.parsing import Parser
from launcher.verdicts import HELD, NOT_JUDGED, NOT_WELL, WELL, Totals, Verdict
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
    trouble: tuple[str, ...]
    """Why it was not well: tests with their verdict, and problems of the run."""
    seconds: float
    folder: Path

    @property
    def clean(self) -> bool:
        """Everything was judged and nothing was wrong."""
        return self.code == WELL

    @property
    def judged(self) -> bool:
        """False where nothing was wrong but something could not be judged."""
        return self.code != NOT_JUDGED


def main(argv: Sequence[str]) -> int:
    """Run ``argv``'s areas (``critical`` where none is named) so often; 0 only if each run was clean.

    3 where no run was wrong and some could not be judged.
    """
    parser = _parser()
    options, rest = parser.parse_known_args(argv)
    if not 0 <= options.loaded <= options.runs or not 0 <= options.shuffled <= options.runs:
        raise LaunchError("--loaded and --shuffled say how many of --runs, so they cannot be more.")
    request = arguments.parse(rest, dict(os.environ), parser.known)
    request = replace(request, names=request.names or ("critical",))
    folder = request.results / f"soak-{datetime.datetime.now():%Y%m%d-%H%M%S}"
    folder.mkdir(parents=True)
    rounds = plan(options.runs, options.loaded, options.shuffled, request.seed)
    say(f"{options.runs} runs of {' '.join(request.names)}, seed {request.seed}; failures are kept in {folder}")
    results = []
    interrupted = False
    try:
        for one in rounds:
            with _load() if one.loaded else contextlib.nullcontext():
                results.append(_run(one, request, folder))
            say(_line(one, results[-1]))
    except KeyboardInterrupt:
        interrupted = True
        interrupts.report("Interrupted: the runs that are finished are counted.")
    finally:
        say(conclusion(results, options.runs))
    return interrupts.exit_code() if interrupted else exit_code(results)


def exit_code(results: Sequence[Result]) -> int:
    """Of the whole soak, by the worst of its runs."""
    if not all(result.clean or not result.judged for result in results):
        return NOT_WELL
    return WELL if all(result.judged for result in results) else NOT_JUDGED


def _parser() -> Parser:
    parser = Parser(prog="./run soak", description=__doc__)
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
    busy = [interrupts.start([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def _run(one: Round, request: RunRequest, folder: Path) -> Result:
    """One run in a process of its own; a clean one leaves nothing but its counts."""
    kept = folder / f"{one.number:03}"
    asked = replace(request, seed=one.seed, results=kept, random_order=one.shuffled or request.random_order)
    command = [sys.executable, "-P", "-m", "launcher", *asked.words]
    started = time.monotonic()
    with (folder / f"{one.number:03}.txt").open("wb") as output:
        run = interrupts.start(command, env=environment({}), stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        try:
            code = interrupts.wait(run)
        except KeyboardInterrupt:
            interrupts.pass_on(run)
            raise
    passed, trouble = _read(kept)
    result = Result(code, passed, trouble, time.monotonic() - started, kept)
    if result.clean:
        shutil.rmtree(kept)
    return result


def _read(folder: Path) -> tuple[int, tuple[str, ...]]:
    """How many tests passed, and why the run was not well."""
    try:
        found = json.loads((folder / "summary.json").read_text("utf-8"))
    except (OSError, ValueError):
        return 0, _NOTHING
    verdicts = Counter(Verdict(test["verdict"]) for test in found["tests"])
    totals = Totals(verdicts, certified=found["run"]["certified"])
    tests = [f"{test['verdict']} {test['id'] or short_name(test['name'])}" for test in found["tests"]
             if totals.troubles(Verdict(test["verdict"]))]  # fmt: skip
    return sum(verdicts[verdict] for verdict in HELD), (*tests, *found["run"]["problems"])


def _line(one: Round, result: Result) -> str:
    if result.clean:
        return f"{one}  {paint('clean', 'green')}  {result.passed} passed in {result.seconds:.1f} s"
    what = "; ".join(result.trouble) or f"exit code {result.code}"
    where = result.folder if result.trouble != _NOTHING else f"{result.folder}.txt"
    word = paint("NOT CLEAN", "red") if result.judged else paint("NOT JUDGED", "yellow")
    return f"{one}  {word}  {what} ({where})"


def conclusion(results: Sequence[Result], planned: int) -> str:
    """What so many runs prove."""
    count = len(results)
    bad = [result for result in results if result.judged and not result.clean]
    unknown = [result for result in results if not result.judged]
    if not count:
        return "No run was finished: nothing is proved."
    times = sorted(result.seconds for result in results)
    lines = [f"{count} of {planned} runs, {sum(result.passed for result in results)} tests passed, "
             f"{times[0]:.1f} to {times[-1]:.1f} s a run, median {times[count // 2]:.1f} s"]  # fmt: skip
    lines += _listed(bad, "not clean")
    lines += _listed(unknown, "not judged")
    if clean := count - len(bad) - len(unknown) if not bad else 0:
        words = "all clean" if clean == count else f"{clean} clean and none failed"
        lines.append(f"{words}: at 95 %, fewer than {min(1.0, 3 / clean):.1%} of such runs fail")
    return "\n".join(lines)


def _listed(results: Sequence[Result], word: str) -> list[str]:
    if not results:
        return []
    trouble = Counter(line for result in results for line in result.trouble)
    return [f"{len(results)} {word}:", *(f"  {n} × {line}" for line, n in trouble.most_common(_SHOWN))]
