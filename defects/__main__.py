"""``./run prove [id …]``: run the suites against each seeded defect and see it caught, by name and in its own words.

Without names each test that must catch any defect is proved with one, with ``--all`` with every one of the catalogue.
What an interrupted proof has judged is not judged again, unless something has changed. Named defects are always run.
A blind round (``--round N``) has defects of which nobody says who notices: the likely tests are asked, then all.
A defect whose test was UNKNOWN is neither caught nor missed: it is tried once more, alone, at the end.
Exit code: 0 all caught, 1 not, 2 wrong usage, 3 nothing is worse than not judged, 130 interrupted (128 + the signal).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from defects import badge, blind, catalogue, sampling
from defects.catalogue import ROOT, CatalogueError, Defect
from defects.journal import Journal, digest
from defects.lanes import Lanes
from defects.proving import Clock, Judged, Task, in_order, kept, proceed, tasks
from defects.report import Circumstances, Scope, report, write
from defects.running import Bench
from defects.table import table
from launcher import interrupts
from launcher.parsing import Parser
from launcher.verdicts import NOT_JUDGED, NOT_WELL, WELL

_JOBS_PER_CORE = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 0 when every chosen defect was caught by its named tests in its own words.

    3 where the others could not be judged.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    chosen = _parser().parse_args(given)
    if chosen.badge:
        return _publish(chosen.results / "prove.json")
    if chosen.rounds:
        blind.write_page()
        return WELL
    if chosen.round:
        return _round(chosen)
    try:
        defects = catalogue.select(catalogue.read(), chosen.ids)
        for defect in defects:
            catalogue.check(defect)
        if _scope(chosen) is Scope.EACH_TEST and not chosen.check:
            defects = catalogue.one_each(defects)
        planned = _planned(defects, chosen.repeat)
    except CatalogueError as error:
        print(f"prove: {error}", file=sys.stderr)
        return 2
    if chosen.check:
        print(f"{len(defects)} defects apply")
        return 0
    return _prove(planned, chosen, shlex.join(["./run", "prove", *given]))


def _parser() -> Parser:
    parser = Parser(prog="./run prove", description=__doc__)
    jobs = _JOBS_PER_CORE * (os.cpu_count() or 1)
    parser.add_argument(
        "ids",
        nargs="*",
        help="defects (C01-04), groups of them (C01), or those that a test must catch (id:C05-03);"
        " default: one for each test",
    )
    parser.add_argument("--all", action="store_true", help="prove every defect of the catalogue")
    parser.add_argument(
        "--jobs",
        type=int,
        default=jobs,
        metavar="N",
        help=f"at most so many at a time ({_JOBS_PER_CORE} a core);"
        " more than one a core only while processors are idle",
    )
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="judge each so many times (1)")
    parser.add_argument("--fresh", action="store_true", help="judge again what an earlier proof has judged")
    parser.add_argument(
        "--round", type=int, metavar="N", help="try the blind round defects/rounds/N.yaml, or go on with it"
    )
    parser.add_argument("--rounds", action="store_true", help="only write defects/rounds.md, from what is known")
    parser.add_argument(
        "--likely", type=int, default=20, metavar="N", help="of a round: so many likely tests for each at first (20)"
    )
    parser.add_argument("--check", action="store_true", help="only check that every defect still applies")
    parser.add_argument("--publish", action="store_true", help="at the end, sum up the proof in the README")
    parser.add_argument("--badge", action="store_true", help="only sum up the last proof in the README")
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="where results go (results/)")
    return parser


def _round(chosen: argparse.Namespace) -> int:
    try:
        return blind.conduct(chosen.round, chosen.results.resolve(), chosen.jobs, chosen.likely)
    except CatalogueError as error:
        print(f"prove: {error}", file=sys.stderr)
        return 2


def _scope(chosen: argparse.Namespace) -> Scope:
    if chosen.ids:
        return Scope.NAMED
    return Scope.ALL if chosen.all else Scope.EACH_TEST


def _planned(defects: Sequence[Defect], repetitions: int) -> list[Task]:
    drawn = sampling.read()
    samples = [sampling.sample(defect, drawn) for defect in defects]
    digests = map(digest, defects, samples)
    return tasks(zip(defects, samples, digests, strict=True), repetitions)


def _prove(planned: Sequence[Task], chosen: argparse.Namespace, command: str) -> int:
    folder = chosen.results.resolve() / "prove"
    journal = Journal(folder / "journal.jsonl")
    judged = [] if chosen.fresh or chosen.ids else kept(planned, journal)
    settled = {one.task for one in judged}
    open_tasks = in_order((task for task in planned if task not in settled), journal.seconds())
    print(f"{len(planned)} runs, {len(judged)} of them judged before, at most {chosen.jobs} at a time", flush=True)
    clock = Clock(open_tasks, journal.seconds())
    interrupted = _go_on(judged, len(planned), open_tasks, Lanes(chosen.jobs), journal, clock)
    about = Circumstances(command, _scope(chosen), chosen.repeat, chosen.jobs, clock.passed)
    # What was proved of some must not take the place of what was proved of each.
    path = folder / "part.json" if chosen.ids else folder.parent / "prove.json"
    write(report(planned, judged, about), path)
    print(f"\n{table(judged, folder)}, {clock.passed:.0f} s ({path})", flush=True)
    if interrupted:
        after = "" if chosen.ids else "; without --fresh the same command goes on from here"
        print(f"interrupted after {len(judged)} of {len(planned)} runs{after}")
        return interrupts.exit_code()
    if chosen.publish and _publish(path):
        return 2
    if all(one.caught for one in judged):
        return WELL
    return NOT_JUDGED if all(one.caught or one.entry.proof.unknown for one in judged) else NOT_WELL


def _publish(path: Path) -> int:
    try:
        print(badge.publish(path, ROOT / "README.md"))
    except badge.BadgeError as error:
        print(f"prove: {error}", file=sys.stderr)
        return 2
    return 0


def _go_on(
    judged: list[Judged], count: int, open_tasks: Sequence[Task], lanes: Lanes, journal: Journal, clock: Clock
) -> bool:
    """Judge what is open and add it to ``judged``; whether that was interrupted."""
    with Bench(journal.folder) as bench:
        try:
            with contextlib.closing(proceed(open_tasks, lanes, bench.prove, bench.close, journal)) as proofs:
                for one in proofs:
                    clock.tick(one.task)
                    judged.append(one)
                    print(_line(one, len(judged), count, clock.left), flush=True)
        except KeyboardInterrupt:
            return True
    return False


def _line(one: Judged, number: int, count: int, left: float) -> str:
    defect, entry = one.task.defect, one.entry
    turn = f" ({entry.repetition})" if entry.repetition > 1 else ""
    time_left = f"{left / 60:.0f} min" if left >= 90 else f"{left:.0f} s"
    head = f"{number:{len(str(count))}}/{count}  {defect.id}{turn}  {entry.outcome}  {defect.title}"
    return f"{head}  {entry.seconds:.1f} s, {time_left} left\n        {entry.detail}"


if __name__ == "__main__":
    interrupts.run(main)
