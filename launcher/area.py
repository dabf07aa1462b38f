"""``./run <area>``: run suites, judge them, show and publish what was proved."""

from __future__ import annotations

import compileall
import contextlib
import datetime
import re
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lockstep import expected
from lockstep.dialect import pace
from lockstep.expected import ExpectedFailure, ExpectedFailuresError

from launcher import (
    area_sheet,
    areas,
    execution,
    exporting,
    history,
    leaks,
    merging,
    metrics,
    missing,
    page,
    planning,
    proofs,
    requirements,
    runfolder,
    shards,
    sheet,
    summary,
    tested,
    tests_by_id,
    undone,
    walls,
    worker,
)
from launcher.area_sheet import Measured
from launcher.arguments import RunRequest
from launcher.console import LaunchError, complain, say
from launcher.host import Host, platform_options, ready_profile_of
from launcher.judging import Rules
from launcher.machine import Load, Watch
from launcher.outcome import JudgedTest, Outcome, judge, requirement_ids
from launcher.paths import ROOT, SUITES
from launcher.planning import Plan
from launcher.robots import Robots
from launcher.undone import Undone
from launcher.verdicts import Verdict
from launcher.workers import environment
from launcher.workers_end import WorkersEnd

_USES_PLATFORM = re.compile(
    r"^(Resource|Library|Suite Setup|Test Setup)\s.*(platform|Use Target\b)", re.IGNORECASE | re.MULTILINE
)


def run(request: RunRequest, commands: Sequence[str] = (), beside: Sequence[JudgedTest] = ()) -> Outcome:
    """One run from its arguments to its published results; ``beside`` are tests of pytest that prove requirements.

    Raises ``LaunchError`` where it cannot begin; Ctrl-C ends the workers and publishes what is there.
    """
    begun, watch = time.monotonic(), Watch()
    started = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    sources = list(dict.fromkeys(areas.resolve(name, commands) for name in request.names))
    profile = ready_profile_of(request.target)
    excuses = _excuses(request, sources)
    had_results = request.results.exists()
    folder = runfolder.make(request.results)
    rules = Rules(profile, folder, excuses)
    subject = tested.now(profile)
    host: Host | None = None
    issued = leaks.Issued()
    try:
        env = {**_environment(request, folder), **undone.environment(folder, profile), **issued.environment}
        _precompile()
        options = platform_options(profile)
        host = Host(folder, options) if options is not None and _uses_platform(sources) else None
        robots = (
            Robots(folder, environment(env)) if host and sys.platform == "linux" and len(_files(sources)) > 1 else None
        )
        if robots:
            env["LOCKSTEP_ROBOTS"] = robots.address
        try:
            plan = _part(request, planning.plan(execution.options(request), sources, folder), sources, folder, subject)
            ended = execution.execute(request, plan, sources, folder, env, host, robots, rules)
            left = undone.at_end(folder, request.target, env, interrupted=ended.interrupted)
            ended = replace(ended, interrupted=ended.interrupted or left.interrupted)
        finally:
            if robots:
                robots.close()
            load = watch.load(host.used() if host else 0.0)
            if host:
                host.leave()
            issued.close()
        outcome = _conclude(
            request, plan, sources, folder, ended, rules, load, begun, started, beside, left, issued, subject
        )
    except LaunchError:
        _drop_if_empty(folder)
        if not had_results:
            with contextlib.suppress(OSError):
                request.results.rmdir()
        raise
    finally:
        issued.close()
        if host:
            host.close()
    say(sheet.sheet(outcome, requirements.known(), folder / "log.html"))
    return outcome


def _environment(request: RunRequest, folder: Path) -> dict[str, str]:
    return {
        "LOCKSTEP_TARGET": request.target,
        "LOCKSTEP_RUN_DIR": str(folder),
        "LOCKSTEP_SEED": request.seed,
        **({"LOCKSTEP_CERTIFIED": "1"} if request.certified else {}),
        **({"LOCKSTEP_PATIENT": "1"} if request.patient else {}),
        **({"LOCKSTEP_PACE": f"{request.pace:g}"} if request.pace else {}),
    }


def _part(request: RunRequest, plan: Plan, sources: Sequence[Path], folder: Path, subject: tested.Subject) -> Plan:
    """What this machine runs of ``plan``: all of it, or its shard."""
    if request.shard is None:
        return plan
    entire = replace(request, shard=None)
    facts = {
        "name": entire.name,
        "command": entire.command,
        "target": request.target,
        "seed": request.seed,
        "certified": request.certified,
        "commit": subject.commit,
        "root": plan.tests[0].place[0].name,
        "covered": [area for source in sources for area in areas.area_of(source)] if entire.whole else [],
        "all": entire.whole and SUITES in sources,
    }
    return shards.cut(plan, request.shard, execution.durations(request.results), folder, facts)


def _excuses(request: RunRequest, sources: Sequence[Path]) -> Sequence[ExpectedFailure]:
    """The declared failures of the run's target; raises ``LaunchError`` where one names a test that there is not."""
    try:
        found = expected.declared(request.target, request.expected_failures)
        tests_by_id.check([excuse.id for excuse in found if excuse.id], sources)
    except ExpectedFailuresError as error:
        raise LaunchError(str(error)) from error
    except LaunchError as error:
        raise LaunchError(f"Expected failures: {error}") from error
    return found


def _precompile() -> None:
    """Byte code of the project's own modules, once: each worker would compile them where Python may not write."""
    for folder in ("libraries", "services", "launcher"):
        compileall.compile_dir(ROOT / folder, quiet=2, workers=1)


def _uses_platform(sources: Sequence[Path]) -> bool:
    return any(_USES_PLATFORM.search(file.read_text("utf-8", "replace")) for file in _files(sources))


def _files(sources: Sequence[Path]) -> list[Path]:
    return [file for source in sources for file in ([source] if source.is_file() else source.rglob("*.robot"))]


def _conclude(
    request: RunRequest, plan: Plan, sources: Sequence[Path], folder: Path, ended: WorkersEnd,
    rules: Rules, load: Load | None, begun: float, started: str, beside: Sequence[JudgedTest],
    left: Undone, issued: leaks.Issued, subject: tested.Subject,
) -> Outcome:  # fmt: skip
    """Merge, judge, write and publish."""
    result = merging.merge(merging.readable_outputs(folder), folder, plan.tests[0].place[0].name)
    reported = merging.judged(result, rules, stopped=ended.early)
    lost = missing.missing(plan.tests, result, ended.why_missing, stopped=ended.early)
    tests = (*reported, *(one.judged for one in lost))
    covered = [area for source in sources for area in areas.area_of(source)] if request.whole else []
    known = requirements.known()
    seconds = time.monotonic() - begun
    timed = len(sources) == len(covered) == 1
    at_once = execution.processes(request)
    alone = {covered[0]: seconds} if timed else walls.alone(covered, seconds, walls.times(result), at_once)
    # A budget of an area is that of the platform which the run starts; another one is as fast as it is.
    is_ours = request.timed and rules.profile.kind == "embedded"
    judge_walls = is_ours and not ended.early and (timed or not lost)
    budgeted = walls.judged(alone, walls.limits(), load, timed=timed) if judge_walls else ()
    proving = (*tests, *beside, *proofs.by_walls(known, budgeted))
    wanted = (
        list(requirements.read().values()) if covered and SUITES in sources else requirements.of_areas(known, covered)
    )
    judged = judge(proving)
    untested = proofs.sort([requirement for requirement in wanted if requirement.id not in judged])
    late = [str(wall) for wall in budgeted if wall.verdict is Verdict.FAIL]
    overdue = expected.expired(rules.excuses, rules.today)
    latencies = summary.recorded(folder / metrics.LATENCIES)
    measured = Measured(alone, summary.recorded(folder / "figures.jsonl"), latencies)
    outcome = Outcome(
        name=request.name,
        target=request.target,
        seed=request.seed,
        seconds=seconds,
        tests=tests,
        problems=(*ended.problems, *plan.problems, *late, *overdue, *merging.errors(result)),
        budgets=summary.recorded(folder / "budgets.jsonl"),
        requirements=judge(proving, untested.holes),
        elsewhere=untested.elsewhere,
        unclaimed=tuple(test.name for test in tests if not requirement_ids(test.tags)) if covered else (),
        versions=ended.versions,
        started=started,
        limit=budgeted[0].limit if timed and budgeted else None,
        interrupted=ended.interrupted,
        certified=request.certified,
        holes_allowed=request.holes_allowed,
        command=request.command,
        sheets=area_sheet.of_areas(covered, tests, measured),
        walls=budgeted,
        machine=f"machine: {load}" if load else "",
        tested=subject,
        throttled=tuple(float(wait["seconds"]) for wait in summary.recorded(folder / pace.RECORDS)),
        undone=left,
    )
    try:
        durations = merging.durations(result)
        execution.write_durations(request.results, durations)
        missing.add(result, lost)
        with metrics.Contention() as contention:
            merging.write_reports(result, plan.settings, folder, outcome.facts)
        outcome = replace(outcome, problems=(*outcome.problems, *leaks.search(folder, issued.secrets)))
        summary.write(outcome, folder / "summary.json")
        compared = metrics.as_json(outcome, folder.name, durations, latencies, contention.ratio)
        metrics.write(compared, folder / "metrics.json")
        for warning in exporting.write(compared, folder):
            complain(f"Figures were not sent: {warning}")
        page.write(outcome, known, folder / "summary.html")
        runfolder.publish(folder)
        if request.shard is None:
            history.keep(request.results, folder)
    except OSError as error:
        return replace(outcome, problems=(*outcome.problems, runfolder.unwritable(request.results, error)))
    if outcome.well:
        _drop_traces(folder)
    return outcome


def _drop_traces(folder: Path) -> None:
    """What explains only a run that was not well."""
    for made in ("pabot_results", worker.STAND_INS):
        shutil.rmtree(folder / made, ignore_errors=True)
    (folder / worker.PLAN).unlink(missing_ok=True)


def _drop_if_empty(folder: Path) -> None:
    """A run that never began leaves no folder, unless the host wrote why."""
    log = folder / "host.log"
    if not log.exists() or not log.stat().st_size:
        shutil.rmtree(folder, ignore_errors=True)
