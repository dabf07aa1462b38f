"""``./run prove [id …]``: run the suites against each seeded defect and see it caught."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from robot.api import ExecutionResult

from defects.catalogue import ROOT, CatalogueError, Defect, apply, check, read, select
from defects.judge import Judgement, Outcome, Verdict, judge

TIME_LIMIT = 240


@dataclass(frozen=True)
class Proof:
    """A defect's judgement, and how many seconds its run took."""

    defect: Defect
    judgement: Judgement
    seconds: float

    @property
    def caught(self) -> bool:
        """By the named tests and in the named words."""
        return self.judgement.outcome is Outcome.CAUGHT


def prove(defect: Defect, results: Path) -> Proof:
    """Boot a copy of the platform with ``defect``, run its tests, and judge; the log is kept unless all is well."""
    began = time.monotonic()
    folder = results / defect.id
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="lockstep-defect-") as copy:
        apply(defect, Path(copy))
        said = _run(defect, folder, Path(copy))
    output = folder / "output.xml"
    judgement = judge(defect, _verdicts(output)) if output.exists() else Judgement(Outcome.NOT_RUN, said)
    proof = Proof(defect, judgement, time.monotonic() - began)
    if proof.caught:
        shutil.rmtree(folder, ignore_errors=True)
    return proof


def _run(defect: Defect, folder: Path, copy: Path) -> str:
    """Run the tests against ``copy``; the end of what robot said."""
    command = [sys.executable, "-m", "robot", "--output", "output.xml", "--log", "log.html", "--report", "NONE"]
    command += ["--outputdir", str(folder), "--loglevel", "INFO"]
    for name in defect.caught_by:
        command += ["--test", name]
    environment = {**os.environ, "LOCKSTEP_SERVICES": str(copy), "LOCKSTEP_RUN_DIR": str(folder)}
    environment.pop("LOCKSTEP_HOST", None)
    try:
        done = subprocess.run(
            [*command, str(ROOT / defect.suite)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {TIME_LIMIT} s"
    return (done.stderr or done.stdout).strip()[-300:]


def _verdicts(output: Path) -> dict[str, Verdict]:
    suite = ExecutionResult(str(output), include_keywords=False).suite
    return {test.name: Verdict(test.status, test.message) for test in suite.all_tests}


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 when every chosen defect was caught by its named tests in its own words."""
    parser = argparse.ArgumentParser(prog="./run prove", description=__doc__)
    parser.add_argument("ids", nargs="*", help="defects (C01-04) or groups of them (C01) to prove; default: all")
    parser.add_argument("--jobs", type=int, default=3, help="how many at a time (default 3)")
    parser.add_argument("--check", action="store_true", help="only check that every defect still applies")
    parser.add_argument("--results", type=Path, default=ROOT / "results" / "prove")
    chosen = parser.parse_args(arguments)
    try:
        defects = select(read(), chosen.ids)
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
    proofs = []
    with ThreadPoolExecutor(jobs) as pool:
        for proof in pool.map(lambda one: prove(one, results), defects):
            proofs.append(proof)
            print(_lines(proof), flush=True)
    others = [proof for proof in proofs if not proof.caught]
    _write(proofs, results.parent / "prove.json")
    print(f"{len(proofs) - len(others)} of {len(proofs)} defects caught by name, in {time.monotonic() - began:.0f} s")
    for proof in others:
        print(f"{proof.defect.id}  {proof.judgement.outcome}: {results / proof.defect.id / 'log.html'}")
    return 1 if others else 0


def _lines(proof: Proof) -> str:
    defect, judgement = proof.defect, proof.judgement
    head = f"{defect.id}  {judgement.outcome}  {defect.title} ({proof.seconds:.0f} s)"
    return "\n        ".join((head, *defect.caught_by, judgement.detail))


def _write(proofs: list[Proof], path: Path) -> None:
    report = {
        proof.defect.id: {
            "title": proof.defect.title,
            "breaks": proof.defect.breaks,
            "origin": proof.defect.origin,
            "caught_by": proof.defect.caught_by,
            "outcome": proof.judgement.outcome,
            "detail": proof.judgement.detail,
            "seconds": round(proof.seconds, 1),
        }
        for proof in proofs
    }
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
