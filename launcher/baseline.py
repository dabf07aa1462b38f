"""``./run baseline``: metrics of good runs are kept, and later ones compared with them."""

from __future__ import annotations

import os
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from launcher import helping, published, tolerance
from launcher.baseline_file import Baseline, extended, load, must_match, write
from launcher.console import LaunchError, did_you_mean, paint, plural, say
from launcher.paths import BASELINES, RESULTS
from launcher.published import command_of
from launcher.tolerance import Figure, Finding
from launcher.verdicts import HELD

_VALUED = ("--runs", "--results", "--baselines")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class _Request:
    name: str | None
    runs: int
    fresh: bool
    results: Path
    folder: Path

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def main(argv: Sequence[str]) -> int:
    """Save, compare or list; the exit code is 1 where something got slower."""
    if not argv or argv[0] == "help" or helping.asked(argv):
        say(helping.text("baseline"))
        return 0 if argv else 2
    if argv[0] not in _ACTIONS:
        raise LaunchError(f"./run baseline cannot {argv[0]!r}.{did_you_mean(argv[0], _ACTIONS)} "
                          f"It can {', '.join(_ACTIONS)}. More: ./run baseline --help")  # fmt: skip
    return _ACTIONS[argv[0]](_parse(argv[0], argv[1:]))


def _parse(action: str, argv: Sequence[str]) -> _Request:
    names, values, fresh = [], dict[str, str](), False
    words = iter(argv)
    for word in words:
        option, equals, value = word.partition("=")
        if option in _VALUED:
            values[option] = value if equals else next(words, "")
            if not values[option]:
                raise LaunchError(f"{option} needs a value.")
        elif word == "--fresh" and action == "save":
            fresh = True
        elif word.startswith("-"):
            near = did_you_mean(option, (*_VALUED, "--fresh"))
            raise LaunchError(f"./run baseline {action} takes no {word!r}.{near} "
                              "More: ./run baseline --help")  # fmt: skip
        else:
            names.append(word)
    if len(names) > (0 if action == "list" else 1):
        raise LaunchError(f"./run baseline {action} takes {'no' if action == 'list' else 'one'} name, "
                          f"not {' '.join(names)!r}.")  # fmt: skip
    for name in names:
        if not _NAME.fullmatch(name):
            raise LaunchError(f"{name!r} is no name for a baseline: letters, digits, dots, dashes and underscores.")
    runs = values.get("--runs", "1")
    if not runs.isdigit() or int(runs) < 1:
        raise LaunchError(f"--runs needs a whole number from 1, not {runs!r}.")
    results = values.get("--results") or os.environ.get("LOCKSTEP_RESULTS") or RESULTS
    return _Request(names[0] if names else None, int(runs), fresh, Path(results).absolute(),
                    Path(values.get("--baselines") or BASELINES).absolute())  # fmt: skip


def _save(request: _Request) -> int:
    newest = published.newest(request.results)
    name = request.name or _named_after(newest["name"])
    path = request.path(name)
    old = None if request.fresh or not path.exists() else load(path)
    if old:
        newest = published.newest_of(request.results, old.run, newest)
    known = {run["run"] for run in old.runs} if old else set()
    added = []
    for run in published.several(request.results, newest, request.runs, well=True):
        if not run["well"]:
            raise LaunchError(f"Run {run['run']} was not well, so its times are no baseline: "
                              f"{request.results / run['run'] / 'summary.html'}. Run again and save that.")  # fmt: skip
        if not any(test["verdict"] in HELD for test in run["tests"].values()):
            raise LaunchError(f"Run {run['run']} executed nothing, so its times are no baseline.")
        if run["run"] not in known:
            added.append(run)
    if not added:
        raise LaunchError(f"Run {newest['run']} is in the baseline {name!r} already. "
                          f"Run again ({command_of(newest['name'])}) and save that.")  # fmt: skip
    baseline = old
    for run in reversed(added):
        baseline = extended(baseline, name, run)
    assert baseline is not None
    write(baseline, path)
    more = "" if len(baseline.runs) >= tolerance.FEW else f"; from {tolerance.FEW} on limits are tighter"
    say(f"{path}: {plural(len(baseline.runs), 'run')} of {command_of(baseline.run)}{more}")
    return 0


def _compare(request: _Request) -> int:
    newest = published.newest(request.results)
    name = request.name or _named_after(newest["name"])
    baseline = load(_existing(request, name))
    newest = published.newest_of(request.results, baseline.run, newest)
    must_match(baseline, newest)
    runs = list(published.several(request.results, newest, request.runs))
    now = _median([tolerance.figures(run) for run in runs])
    before = baseline.values_of(now)
    findings = tolerance.compare(now, before)
    if not any(now[name].kind == "test" for name in before):
        raise LaunchError(f"Run {newest['run']} and the baseline {name!r} have no test in common: other ones, or "
                          f"none that passed. Begin it again: ./run baseline save {name} --fresh")  # fmt: skip
    say(_head(baseline, runs))
    slower = sorted((one for one in findings if one.slower), key=lambda one: -one.ratio)
    if slower:
        say("\n".join(["", *_table(slower), ""]))
    for note in _notes(baseline, newest, now, before):
        say(paint(note, "grey"))
    word = f"{len(slower)} of {plural(len(findings), 'figure')} got slower" if slower else "Nothing got slower"
    say(paint(word if slower else f"{word}: {plural(len(findings), 'figure')} compared", "red" if slower else "green"))
    return 1 if slower else 0


def _list(request: _Request) -> int:
    for path in sorted(request.folder.glob("*.json")):
        baseline = load(path)
        say(f"{path.stem:<24} {plural(len(baseline.runs), 'run'):>8} of {command_of(baseline.run)}, {_where(baseline)}")
    if not any(request.folder.glob("*.json")):
        say(f"No baseline in {request.folder} yet: ./run critical && ./run baseline save")
    return 0


_ACTIONS = {"save": _save, "compare": _compare, "list": _list}


def _existing(request: _Request, name: str) -> Path:
    path = request.path(name)
    if path.exists():
        return path
    known = sorted(other.stem for other in request.folder.glob("*.json"))
    there = f"There are: {', '.join(known)}." if known else "There is none yet."
    raise LaunchError(f"There is no baseline {name!r} in {request.folder}.{did_you_mean(name, known)} {there}\n"
                      f"Make it from good runs: ./run baseline save {name}")  # fmt: skip


# --- what is shown


def _head(baseline: Baseline, runs: Sequence[Mapping[str, Any]]) -> str:
    what = f"run {runs[0]['run']}" if len(runs) == 1 else f"median of {len(runs)} runs up to {runs[0]['run']}"
    held = f"{plural(len(baseline.runs), 'run')} of {command_of(baseline.run)}"
    return f"{what} beside baseline {baseline.name!r}: {held}, {_where(baseline)}"


def _where(baseline: Baseline) -> str:
    machine = baseline.machine
    return f"target {baseline.target}, {plural(machine['cores'], 'core')}, Python {machine['python']}"


def _table(findings: Sequence[Finding]) -> Iterator[str]:
    width = min(90, max(len(one.name) for one in findings))
    yield paint(f"{'what':<{width}}  {'baseline':>10} {'now':>10} {'ratio':>7} {'limit':>10}", "grey")
    for one in findings:
        name = one.name if len(one.name) <= width else f"{one.name[: width - 1]}…"
        before, now, most = (_amount(value, one.unit) for value in (one.baseline, one.now, one.limit))
        yield f"{name:<{width}}  {before:>10} {now:>10} {one.ratio:>6.1f}× {most:>10}"


def _notes(
    baseline: Baseline, run: Mapping[str, Any], now: Mapping[str, Figure], before: Mapping[str, Sequence[float]]
) -> Iterator[str]:
    pace = tolerance.pace(now, before)
    if tolerance.busy(now, before):
        contention = now[tolerance.CONTENTION].value
        yield (f"others kept the machine busy (contention {contention:.1f}), tests took {pace:.1f} times as long in "
               "the median: only what stands out from the rest was judged")  # fmt: skip
    elif pace > 1.2:
        yield f"all tests took {pace:.1f} times as long in the median; times were allowed as much more, up to 3"
    if gone := len(baseline.figures.keys() - before.keys()):
        yield f"{plural(gone, 'figure')} of the baseline not compared: failed, left out, renamed, or of other tests now"
    if new := len(now.keys() - before.keys()):
        yield f"{plural(new, 'figure')} of the run not in the baseline yet: ./run baseline save {baseline.name}"
    if (python := run["machine"]["python"]) != baseline.machine["python"]:
        yield f"the baseline was begun with Python {baseline.machine['python']}, this run used {python}"
    if not run["well"]:
        yield f"run {run['run']} was not well; only what passed was compared"


def _median(runs: Sequence[Mapping[str, Figure]]) -> dict[str, Figure]:
    """The figures of the newest run with the median of all that mean the same."""
    found = {}
    for name, figure in runs[0].items():
        same = [run[name].value for run in runs if name in run and run[name].tests == figure.tests]
        found[name] = replace(figure, value=statistics.median(same))
    return found


def _amount(value: float, unit: str) -> str:
    if unit == "s" and value < 1:
        return f"{value * 1000:.3g} ms"
    return f"{value:.3g} {unit}".rstrip() if value < 100 else f"{value:.0f} {unit}".rstrip()


def _named_after(run: str) -> str:
    """``critical`` for the area, ``suites-critical-09_x`` for a suite file."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", run.replace(".robot", "")).strip("-.") or "baseline"
