"""The running part of a run: pabot and its robots on what was planned, watched to their end."""

from __future__ import annotations

import json
import os
import random
import shlex
from collections.abc import Sequence
from pathlib import Path

from launcher import interrupts, long_waits, planning, worker
from launcher.arguments import RunRequest
from launcher.console import paint, say
from launcher.follow import Follower
from launcher.host import Host, HostLostError
from launcher.judging import Rules
from launcher.options import ENVIRONMENT, Options, attached, joined, narrowing, typed
from launcher.planning import Plan, PlannedSuite
from launcher.robots import Robots
from launcher.selection import as_json
from launcher.workers import Workers, environment, pabot_command
from launcher.workers_end import WorkersEnd

_PROCESSES_PER_CORE = 4
_MOST_WAITING = 24


def options(request: RunRequest) -> Options:
    """The user's options for Robot, and what test ids and ``--random`` mean to it."""
    found = joined({"include": list(request.tests)}, request.options)
    if request.random_order:
        found = {"randomize": f"tests:{_drawn(request).randrange(10**9)}", **found}
    return found


def _drawn(request: RunRequest) -> random.Random:
    return random.Random(request.seed)  # noqa: S311 - an order that the seed repeats, no secret


def execute(
    request: RunRequest, plan: Plan, sources: Sequence[Path], folder: Path, env: dict[str, str], host: Host | None,
    robots: Robots | None, rules: Rules,
) -> WorkersEnd:  # fmt: skip
    """Run pabot to its end, to Ctrl-C, or to the end of the platform's host."""
    waiting = frozenset(long_waits.of(request.target)) if request.patient else frozenset[str]()
    suites = _order(request, plan)
    long, rest = long_waits.apart(suites, plan.tests, waiting)
    # Who only waits takes nobody's place.
    at_once = max(1, min(len(long) + len(rest), processes(request) + min(len(long), _MOST_WAITING)))
    say(f"{len(plan.tests)} tests in {len(plan.suites)} suites, {at_once} at a time, "
        f"target {request.target}, seed {request.seed}")  # fmt: skip
    if request.inherited:
        narrows = " (not a whole run)" if narrowing(request.inherited) else ""
        say(f"{ENVIRONMENT} adds {shlex.join(typed(request.inherited))}{narrows}")
    if host:
        env = {**env, "LOCKSTEP_HOST": str(host.socket_path)}
    shares = [(suite.place[-1].name, as_json(suite.place, suite.tests)) for suite in (*long, *rest)]
    worker.hand_over(folder, shares, attached(plan.options), sources)
    command = pabot_command(folder, at_once)
    follower = Follower(folder / "progress.jsonl", len(plan.tests), rules)
    interrupted, lost, code = False, "", 0
    workers = Workers(command, folder, environment(env))

    def tick() -> None:
        if host:
            host.must_live()
            host.announce()
        follower.show_new()

    try:
        code = workers.wait(tick)
    except KeyboardInterrupt:
        interrupted = True
        interrupts.report("Interrupted: ending the workers and keeping what is finished …")
    except HostLostError as error:
        lost = str(error)
        follower.reasons = False
        say(paint("\nThe platform is gone: ending the workers and keeping what is finished …", "yellow"))
    finally:
        workers.end(patient=bool(lost))
        follower.show_new()
    return WorkersEnd(
        code=0 if lost else code,
        interrupted=interrupted,
        lost=lost,
        robots=robots.end if robots else "",
        platform=tuple(host.problems()) if host else (),
        unfinished=tuple(sorted(follower.open)),
        versions=host.versions() if host else {},
    )


def processes(request: RunRequest) -> int:
    """Suites at a time, where there are as many."""
    return request.processes or _PROCESSES_PER_CORE * (os.cpu_count() or 1)


def _order(request: RunRequest, plan: Plan) -> list[PlannedSuite]:
    if request.random_order:
        return _drawn(request).sample(plan.suites, len(plan.suites))
    return planning.last_ones_last(planning.longest_first(plan.suites, durations(request.results)), plan.tests)


def durations(results: Path) -> dict[str, float]:
    """How many seconds each suite took last, by its full name; those that CI keeps, or none."""
    try:
        known: dict[str, float] = json.loads((results / "durations.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known


def write_durations(results: Path, new: dict[str, float]) -> None:
    """Keep how long suites took, in seconds, for the order of the next run."""
    temporary = results / f".durations.{os.getpid()}"
    temporary.write_text(json.dumps({**durations(results), **new}, indent=1), "utf-8")
    os.replace(temporary, results / "durations.json")
