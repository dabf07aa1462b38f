"""``./run prove [id …]``: run the suites against each seeded defect and see it caught."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from robot.api import ExecutionResult

from defects.catalogue import ROOT, CatalogueError, Defect, apply, check, read
from defects.judge import Judgement, Outcome, Verdict, judge

TIME_LIMIT = 240


def _verdicts(output: Path) -> dict[str, Verdict]:
    suite = ExecutionResult(str(output), include_keywords=False).suite
    return {test.name: Verdict(test.status, test.message) for test in suite.all_tests}


def prove(defect: Defect, results: Path) -> Judgement:
    """Boot a copy of the platform with ``defect``, run its suite, and judge."""
    folder = results / defect.id
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lockstep-defect-") as copy:
        apply(defect, Path(copy))
        command = [sys.executable, "-m", "robot", "--output", "output.xml", "--log", "log.html", "--report", "NONE"]
        command += ["--outputdir", str(folder), "--loglevel", "INFO"]
        for name in defect.caught_by:
            command += ["--test", name]
        environment = {**os.environ, "LOCKSTEP_SERVICES": copy, "LOCKSTEP_RUN_DIR": str(folder)}
        environment.pop("LOCKSTEP_HOST", None)
        done = subprocess.run(
            [*command, str(ROOT / defect.suite)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )
    output = folder / "output.xml"
    if not output.exists():
        return Judgement(Outcome.NOT_RUN, (done.stderr or done.stdout).strip()[-300:])
    return judge(defect, _verdicts(output))


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 when every chosen defect was caught by its named tests in its own words."""
    parser = argparse.ArgumentParser(prog="./run prove", description=__doc__)
    parser.add_argument("ids", nargs="*", help="defects to prove (default: all)")
    parser.add_argument("--jobs", type=int, default=3, help="how many at a time (default 3)")
    parser.add_argument("--check", action="store_true", help="only check that every defect still applies")
    parser.add_argument("--results", type=Path, default=ROOT / "results" / "prove")
    chosen = parser.parse_args(arguments)
    try:
        defects = [defect for defect in read() if not chosen.ids or defect.id in chosen.ids]
        for defect in defects:
            check(defect)
    except CatalogueError as error:
        print(f"prove: {error}", file=sys.stderr)
        return 2
    if chosen.check:
        print(f"{len(defects)} defects apply")
        return 0
    return _prove_all(defects, chosen.jobs, chosen.results)


def _prove_all(defects: list[Defect], jobs: int, results: Path) -> int:
    began = time.monotonic()
    judged: dict[str, Judgement] = {}
    with ThreadPoolExecutor(jobs) as pool:
        for defect, judgement in zip(defects, pool.map(lambda one: prove(one, results), defects), strict=True):
            judged[defect.id] = judgement
            print(f"{defect.id}  {judgement.outcome:24}  {defect.title}\n      {judgement.detail}", flush=True)
    caught = sum(judgement.outcome is Outcome.CAUGHT for judgement in judged.values())
    report = {
        defect.id: {
            "title": defect.title,
            "breaks": defect.breaks,
            "origin": defect.origin,
            "caught_by": defect.caught_by,
            "outcome": judged[defect.id].outcome,
            "detail": judged[defect.id].detail,
        }
        for defect in defects
    }
    (results.parent / "prove.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"{caught} of {len(defects)} defects caught by name, in {time.monotonic() - began:.0f} s")
    return 0 if caught == len(defects) else 1


if __name__ == "__main__":
    sys.exit(main())
