"""``./run mutate``: change the services in small ways that nobody thought of, and see whether the suites notice."""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from launcher import interrupts
from launcher.console import LaunchError, complain, plural, say
from launcher.forking import ForkServer
from launcher.parsing import Parser
from launcher.paths import LIBRARIES, RESOURCES, RESULTS, ROOT
from launcher.robots import Robots
from launcher.workers import environment
from mutation import copies, explained, lines, mutants, report, trial
from mutation.explained import Explanation
from mutation.journal import Journal
from mutation.lines import Executed
from mutation.mutants import Mutant
from mutation.report import Result, Tried
from mutation.trial import Court, Outcome, Verdict


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 when enough mutants were killed and each survivor is explained."""
    chosen = _parser().parse_args(arguments)
    try:
        entries = explained.fitting()
        names = mutants.files(ROOT, chosen.only)
        if chosen.check:
            say(f"{plural(len(entries), 'explanation')} fit")
            return 0
        with _alone(chosen.results):
            return _mutate(chosen, entries, names)
    except (LaunchError, ValueError, explained.ExplanationError) as error:
        complain(f"mutate: {error}")
        return error.code if isinstance(error, LaunchError) else 2
    except KeyboardInterrupt:
        interrupts.report("Interrupted: the same command goes on where this one was.")
        return interrupts.exit_code()


def _parser() -> Parser:
    parser = Parser(prog="./run mutate", description=__doc__)
    parser.add_argument("--sample", type=int, default=150, help="how many mutants (default 150)")
    parser.add_argument("--seed", default="1", help="which ones: the same text draws the same (default 1)")
    parser.add_argument(
        "--jobs", type=int, default=2 * (os.cpu_count() or 1), help="at a time (default 2 for each core)"
    )
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="MODULE", help="of these modules (sync) or paths alone"
    )
    parser.add_argument("--least", type=float, default=75.0, metavar="N", help="percent to be killed (default 75)")
    parser.add_argument(
        "--within", type=float, default=120.0, metavar="S", help="seconds of suites that one mutant meets (default 120)"
    )
    parser.add_argument("--explained", action="store_true", help="try explained ones as well")
    parser.add_argument("--again", action="store_true", help="forget what is decided already")
    parser.add_argument("--check", action="store_true", help="only check that every explanation still fits")
    parser.add_argument("--results", type=Path, default=RESULTS / "mutate")
    return parser


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else writes to ``folder`` meanwhile."""
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise LaunchError(f"Another ./run mutate writes to {folder}: wait for it, or use --results.") from error
    finally:
        os.close(handle)


def _mutate(chosen: argparse.Namespace, entries: Sequence[Explanation], names: Sequence[str]) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lockstep-mutate-") as place:
        source = copies.original(ROOT, Path(place))
        sample = mutants.sample(source, names, chosen.sample, chosen.seed)
        say(
            f"{plural(len(sample), 'mutant')} of {plural(len(names), 'module')}, seed {chosen.seed}, "
            f"{chosen.jobs} at a time"
        )
        with _forked(Path(place)) as env:
            suites = _suites(source, chosen, env)
            court = Court(source, chosen.results / "trials", env, chosen.within)
            tried = _judge(sample, suites, court, chosen, entries)
    red = [f"{one.suite}: {test}" for one in suites for test in one.red]
    result = Result(tried, chosen.seed, chosen.least, red)
    report.write(result, chosen.results.parent / "mutate.json", time.monotonic() - began)
    say("\n".join(report.table(result)))
    return result.exit_code


@contextlib.contextmanager
def _forked(folder: Path) -> Iterator[dict[str, str]]:
    """What forks robots and services, for all of the run, as the environment of what asks for them."""
    env = {"LOCKSTEP_SEED": "mutate", "LOCKSTEP_TARGET": "embedded"}
    if sys.platform != "linux":
        yield env
        return
    robots = Robots(folder, environment(env))
    services = ForkServer("defects.preload", folder, environment({}))
    try:
        preload = f"-S -m defects.preload {services.address}"
        yield {**env, "LOCKSTEP_ROBOTS": robots.address, "LOCKSTEP_PRELOAD": preload}
    finally:
        for server in (robots, services):
            server.close()


def _suites(source: Path, chosen: argparse.Namespace, env: Mapping[str, str]) -> list[Executed]:
    """The suites with the lines that each executes, measured where that is not known."""
    kept = lines.Kept(chosen.results / "lines.json", source)
    return lines.measure(lines.suites(), source, kept, env, chosen.jobs, say)


def _judge(
    sample: Sequence[Mutant],
    suites: Sequence[Executed],
    court: Court,
    chosen: argparse.Namespace,
    entries: Sequence[Explanation],
) -> list[Tried]:
    path = chosen.results / "journal.jsonl"
    if chosen.again:
        path.unlink(missing_ok=True)
    sources = [ROOT / name for name in lines.suites()]
    journal = Journal(path, copies.digest(court.source / "services"), copies.digest(*sources, RESOURCES, LIBRARIES))
    reasons = {mutant: next((entry for entry in entries if entry.explains(mutant)), None) for mutant in sample}
    found: dict[Mutant, Verdict] = {}
    begun: dict[Mutant, Verdict] = {}
    for mutant in sample:
        known = journal.get(mutant)
        if reasons[mutant] and not chosen.explained:
            found[mutant] = Verdict(Outcome.EXPLAINED)
        elif known and (known.outcome.killed or trial.done(known, suites, mutant, court)):
            found[mutant] = known
        elif known:
            begun[mutant] = known
    if found:
        say(f"{len(found)} of them are explained or decided already")
    for mutant, verdict in _tried([one for one in sample if one not in found], begun, suites, court, chosen.jobs):
        journal.put(mutant, verdict)
        found[mutant] = verdict
        say(f"[{len(found)}/{len(sample)}] {report.line(Tried(mutant, verdict))}")
    return [Tried(mutant, found[mutant], reasons[mutant]) for mutant in sample]


def _tried(
    sample: Sequence[Mutant], begun: Mapping[Mutant, Verdict], suites: Sequence[Executed], court: Court, jobs: int
) -> Iterator[tuple[Mutant, Verdict]]:
    """The trials as they end. Each has a process of its own: what a host starts, it takes from the environment."""
    shutil.rmtree(court.folder, ignore_errors=True)
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
        waiting = {pool.submit(trial.judge, mutant, suites, court, begun.get(mutant)): mutant for mutant in sample}
        try:
            for one in as_completed(waiting):
                yield waiting[one], one.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


if __name__ == "__main__":
    interrupts.run(main)
