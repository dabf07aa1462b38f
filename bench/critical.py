"""The figures of the ten critical scenarios: `./run bench critical [--runs N] [--only PART …] [--json FILE]`.

scenarios    all suites by ./run, warm, beside the same suites by plain robot, one after the other; the longest chain
burst        1,000 messages of one user flat out to one backend, with answers, beside a bare server of the same run
crowd        100 users with 100 messages each, at once, nobody answers, beside the bare server
one-by-one   100 users with one outstanding message each: the round trip's distribution, beside the bare server
restart      every service replaced under load, again and again: errors, lost and doubled messages

The bare server (bench/_bare.py) is a picows server with group commit to the same PostgreSQL. It and the platform are
measured in turn, by one client program, so that a busy machine disturbs both. Judged is the median of the runs.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop
from HistoryLibrary.checkers import judge
from HistoryLibrary.files import read_history
from lockstep.statistics import percentile

from bench import _chat
from bench._chat import Exchanged
from bench._ground import Ground, ground
from bench._report import Part, Report, conduct, positive
from launcher import interrupts
from launcher.parsing import Parser

ROOT = Path(__file__).resolve().parents[1]
SCENARIOS_GOAL = 30.0
BURST_ACKED_GOAL, BURST_ANSWERED_GOAL = 0.120, 0.500
CROWD_GOAL = 2.5
ONE_BY_ONE_GOAL = 0.025
RESTART_SUITE = "suites/critical/09_sessions_across_restarts.robot"
RESTART_TEST = "id:C09-04"
_REQUESTS = re.compile(r">(\d+) requests, none failed<")


# --- all scenarios


def scenarios(chosen: argparse.Namespace, report: Report) -> None:
    """Wall time of ./run, beside the sequential run and the longest suite."""
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as name:
        results = Path(name) / "results"
        _run(
            chosen.suites, results
        )  # not counted: it fills caches and tells the durations, by which suites are ordered
        walls, chains, longest, red = [], [], "", []
        for _ in range(chosen.runs):
            wall, metrics = _run(chosen.suites, results)
            longest, chain = max(
                ((key, one["seconds"]) for key, one in metrics["suites"].items()), key=lambda one: one[1]
            )
            walls.append(wall)
            chains.append(chain)
            red += [f"{test}: {one['verdict']}" for test, one in metrics["tests"].items() if one["verdict"] == "FAIL"]
            red += [] if metrics["well"] else ["the run was not well"]
        sequential, code = _sequentially(chosen.suites, Path(name) / "sequential")
    middle = report.line("wall time of ./run, warm", walls, "s", SCENARIOS_GOAL)
    chain = report.line("longest chain, the suite that no other can shorten", chains, "s")
    print(f"    it is {longest}; the wall time is {middle / chain:.2f} times as long")
    report.line("plain robot, one suite after the other", [sequential], "s")
    report.line("  ratio to ./run", [sequential / wall for wall in walls], "×")
    report.flaws("failures, of all runs", red + [f"plain robot ended with {code}"] * bool(code))


def _run(suites: Sequence[str], results: Path) -> tuple[float, dict[str, Any]]:
    begun = time.monotonic()
    done = interrupts.output([str(ROOT / "run"), *suites, "--results", str(results)], cwd=ROOT)
    wall = time.monotonic() - begun
    if not (results / "metrics.json").exists():
        raise SystemExit(f"./run {shlex.join(suites)} ended with {done.returncode}:\n{done.stdout}")
    return wall, json.loads((results / "metrics.json").read_text("utf-8"))


def _sequentially(suites: Sequence[str], folder: Path) -> tuple[float, int]:
    sources = [suite if suite.endswith(".robot") else f"suites/{suite}" for suite in suites]
    begun = time.monotonic()
    code = _robot(folder, *sources).returncode
    return time.monotonic() - begun, code


def _robot(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir(parents=True)
    return interrupts.output(
        [sys.executable, "-m", "robot", "--outputdir", str(folder), *words],
        cwd=ROOT, env={**os.environ, "LOCKSTEP_RUN_DIR": str(folder)},
    )  # fmt: skip


# --- messages, beside the bare server


def _both(
    ground: Ground, count: int, runs: int, report: Report, *, users: int, **how: bool
) -> list[tuple[Exchanged, Exchanged]]:
    """The bare server and the platform in turn, after one run of each that is not counted."""
    pairs, flaws = [], []
    people = ground.users(users)
    for _ in range(runs + 1):
        endpoints = ground.endpoints(people, assistant=how.get("answers", False))
        without = {name: value for name, value in how.items() if name != "answers"}
        bare = uvloop.run(_chat.exchange(ground.bare(endpoints), count, **without))
        platform = uvloop.run(_chat.exchange(endpoints, count, **how))
        pairs.append((bare, platform))
        flaws += [f"bare server: {flaw}" for flaw in (*bare.flaws, *ground.missing(endpoints, count, "bare_messages"))]
        flaws += [*platform.flaws, *ground.missing(endpoints, count, "messages", "AND role = 'user'")]
    report.flaws("lost, doubled, not stored or out of order", flaws)
    return pairs[1:]


def burst(chosen: argparse.Namespace, report: Report) -> None:
    """One user flat out."""
    with ground() as here:
        pairs = _both(here, chosen.burst, chosen.runs, report, users=1, answers=True)
    bare = [one.acked for one, _ in pairs]
    report.line(f"bare server: {chosen.burst} messages, to the last ack", bare, "ms", None, 1e3)
    report.line("platform: to the last ack", [one.acked for _, one in pairs], "ms", BURST_ACKED_GOAL, 1e3)
    answered = [one.answered or float("inf") for _, one in pairs]
    report.line("platform: to the last answer", answered, "ms", BURST_ANSWERED_GOAL, 1e3)
    report.line("  ratio of acks, platform / bare", [one.acked / other.acked for other, one in pairs], "×")


def crowd(chosen: argparse.Namespace, report: Report) -> None:
    """Everybody at once."""
    with ground() as here:
        pairs = _both(here, chosen.messages, chosen.runs, report, users=chosen.users)
    what = f"{chosen.users} users × {chosen.messages} messages, to the last ack"
    report.line(f"bare server: {what}", [one.acked for one, _ in pairs], "ms", None, 1e3)
    report.line("platform: the same", [one.acked for _, one in pairs], "ms", None, 1e3)
    report.line("  ratio, platform / bare", [one.acked / other.acked for other, one in pairs], "×", CROWD_GOAL)


def one_by_one(chosen: argparse.Namespace, report: Report) -> None:
    """One outstanding message each."""
    with ground() as here:
        pairs = _both(here, chosen.messages, chosen.runs, report, users=chosen.users, one_by_one=True)
    for who, runs, goal in (
        ("bare server", [one for one, _ in pairs], None),
        ("platform", [one for _, one in pairs], ONE_BY_ONE_GOAL),
    ):
        for percent in (50, 95, 99):
            values = [percentile(one.trips, percent) if one.trips else float("inf") for one in runs]
            label = f"{who}: {chosen.users} users, one outstanding each, p{percent}"
            report.line(label, values, "ms", goal if percent == 99 else None, 1e3)
    ratios = [
        percentile(one.trips, 99) / percentile(other.trips, 99) for other, one in pairs if one.trips and other.trips
    ]
    report.line("  ratio of p99, platform / bare", ratios, "×")


# --- rolling restart


def restart(chosen: argparse.Namespace, report: Report) -> None:
    """The suite's own test, again and again; its history is judged once more, and counted."""
    seconds, errors, lost, doubled, messages, asked = [], [], [], [], 0, 0
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as name:
        for number in range(1, chosen.restarts + 1):
            folder = Path(name) / str(number)
            begun = time.monotonic()
            done = _robot(folder, "--include", RESTART_TEST, RESTART_SUITE)
            seconds.append(time.monotonic() - begun)
            if done.returncode:
                errors.append(f"run {number}: {_message(done.stdout)}")
            output = folder / "output.xml"
            asked += sum(map(int, _REQUESTS.findall(output.read_text("utf-8")))) if output.exists() else 0
            for path in (folder / "histories").glob("*.jsonl"):
                operations = read_history(path)
                messages += sum(one.op == "send" and one.kind == "ok" for one in operations)
                anomalies = judge(operations).anomalies
                lost += [f"run {number}: {one.text}" for one in anomalies if one.name == "lost"]
                doubled += [f"run {number}: {one.text}" for one in anomalies if one.name == "duplicate"]
    report.line(f"rolling restart under load, {chosen.restarts} times, each", seconds, "s")
    nothing = [] if messages and asked else ["no message or no request was seen: nothing is proved"]
    report.flaws(f"errors, of {asked} requests and every check of the test", errors + nothing)
    report.flaws(f"lost, of {messages} acknowledged messages", lost)
    report.flaws("doubled", doubled)


def _message(console: str) -> str:
    """What robot says below a failed test's line."""
    lines = console.splitlines()
    failed = next((number for number, line in enumerate(lines) if "| FAIL |" in line), len(lines))
    return " ".join(lines[failed + 1 : failed + 3]) or console[-300:]


PARTS: dict[str, Part] = {
    "scenarios": scenarios,
    "burst": burst,
    "crowd": crowd,
    "one-by-one": one_by_one,
    "restart": restart,
}


def main() -> int:
    """Print every figure beside its goal; 0 only if all are met."""
    parser = Parser(prog="./run bench critical", description=__doc__)
    parser.add_argument("--runs", type=positive, default=5, help="counted runs of each figure (5)")
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help="only these parts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--suites", nargs="+", default=["critical"], help="of the scenarios: areas or suite files")
    parser.add_argument("--burst", type=positive, default=1000, help="messages of the burst (1000)")
    parser.add_argument("--users", type=positive, default=100, help="users of crowd and one-by-one (100)")
    parser.add_argument("--messages", type=positive, default=100, help="messages of each of them (100)")
    parser.add_argument("--restarts", type=positive, default=20, help="rolling restarts (20)")
    chosen = parser.parse_args()
    return conduct("critical", PARTS, chosen, Report())


if __name__ == "__main__":
    interrupts.run(main)
