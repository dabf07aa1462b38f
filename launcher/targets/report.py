"""Writes what the last run on a target has found, for whoever owns that platform, as Markdown.

Each finding has the promise, the verdict, the standard behind it, what was sent and answered and when, and the smallest
repetition by curl and lines of a socket, without secrets.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lockstep.dialect import DialectError, find
from robot.api import ExecutionResult
from robot.errors import DataError

from launcher.console import LaunchError, plural, say
from launcher.parsing import Parser
from launcher.paths import RESULTS
from launcher.targets import results, telling
from launcher.verdicts import Verdict

_FOUND = (Verdict.FAIL, Verdict.XFAIL, Verdict.WEAKER, Verdict.UNBOUNDED)


def main(argv: Sequence[str]) -> int:
    """Write the findings; raises ``LaunchError`` where there is no run on that target."""
    parser = Parser(prog="./run target report", description=__doc__)
    parser.add_argument("target", metavar="X", help="the target, as the run named it")
    parser.add_argument("--results", type=Path, default=Path(os.environ.get("LOCKSTEP_RESULTS") or RESULTS),
                        metavar="DIR", help="where results are (results/)")  # fmt: skip
    parser.add_argument(
        "--record",
        action="store_true",
        help="keep the newest verdict of each test in results.yaml beside the dialect, for docs/targets.md",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write it there, not to the terminal")
    asked: argparse.Namespace = parser.parse_args(argv)
    found = runs(asked.results, asked.target)
    if asked.record:
        path = results.write(asked.target, [summary for _, summary in found])
        say(f"{path} has the verdicts of {plural(len(found), 'run')}. ./run docs shows them in docs/targets.md.")
        return 0
    run, summary = found[0]
    text = written(asked.target, run, summary)
    if asked.output is None:
        say(text.rstrip())
        return 0
    try:
        asked.output.write_text(text, "utf-8")
    except OSError as error:
        raise LaunchError(f"{asked.output} cannot be written: {error.strerror}.") from error
    say(f"{asked.output} has {plural(len(findings(summary)), 'finding')} of {run}.")
    return 0


def runs(results: Path, target: str) -> list[tuple[Path, dict[str, Any]]]:
    """Folder and summary of each run on a target, the newest first; raises ``LaunchError`` where there is none."""
    others, ours = set(), []
    for path in sorted(results.glob("2*/summary.json"), reverse=True):
        try:
            summary = json.loads(path.read_text("utf-8"))
            found = str(summary["target"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if _same(found, target):
            ours.append((path.parent, summary))
        else:
            others.add(found)
    if ours:
        return ours
    there = f"; its runs are on {', '.join(sorted(others))}" if others else ""
    raise LaunchError(f"{results} holds no run on {target}{there}. One is made by ./run portable --target {target}")


def _same(first: str, second: str) -> bool:
    """Whether two names or paths are one target."""
    if first == second:
        return True
    try:
        return find(first).resolve() == find(second).resolve()
    except DialectError:
        return False


def findings(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tests of a run that say something to the owner, worst first."""
    return [test for verdict in _FOUND for test in summary["tests"] if test["verdict"] == verdict]


def written(target: str, run: Path, summary: Mapping[str, Any]) -> str:
    """The report of one run."""
    found = findings(summary)
    by_name = _results(run / "output.xml") if found else {}
    platform = telling.Platform.of(target)
    parts = [_head(platform.name, run, summary, found)]
    for number, test in enumerate(found, 1):
        parts.append(telling.told(number, test, by_name.get(test["name"]), platform))
    return "\n".join(parts)


def _results(path: Path) -> dict[str, Any]:
    try:
        suite = ExecutionResult(path).suite
    except DataError as error:
        raise LaunchError(f"{path} cannot be read: {error.message}. Run again.") from error
    return {test.full_name: test for test in suite.all_tests}


def _head(name: str, run: Path, summary: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> str:
    about, totals = summary["run"], summary["totals"]["verdicts"]
    counts = ", ".join(f"{totals[verdict]} {verdict}" for verdict in totals if totals[verdict])
    lines = [
        f"# Findings on {name}",
        "",
        f"Run {run.name} of {about['started']}: {plural(len(summary['tests']), 'test')}, {counts}.",
    ]
    versions = ", ".join(f"{what} {version}" for what, version in about["versions"].items())
    lines += [f"Versions: {versions}."] if versions else []
    lines += [f"Repeated by `{about['command']}`.", ""]
    if totals.get("UNKNOWN"):
        lines += [f"{plural(totals['UNKNOWN'], 'test')} could not be judged, and show nothing of the platform.", ""]
    if not found:
        return "\n".join([*lines, "Every promise that was tried held, at least as the standards recommend it.", ""])
    lines += ["| | finding | verdict |", "|---|---|---|"]
    for number, test in enumerate(found, 1):
        lines.append(f"| {number} | {telling.title(test)} | {test['verdict']} |")
    return "\n".join([*lines, "", telling.MEANINGS, ""])
