"""Says what is different between two runs: what was tested, verdicts, tests that came or went, and times.

RUN is the folder of a run, its name in results/, or one of latest and previous (the one before the newest).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from launcher.console import LaunchError, did_you_mean, paint, say
from launcher.parsing import Parser
from launcher.paths import RESULTS
from launcher.verdicts import WORST_FIRST, Verdict

_TIMES, _SECONDS = 1.5, 1.0
_SHOWN = 40


def main(argv: Sequence[str]) -> int:
    """Show the differences; the exit code is 1 where a verdict got worse or a test is gone."""
    parser = Parser(prog="./run diff", description=__doc__)
    parser.add_argument("before", metavar="RUN")
    parser.add_argument("after", metavar="RUN")
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.add_argument("--results", type=Path, default=Path(os.environ.get("LOCKSTEP_RESULTS") or RESULTS),
                        metavar="DIR", help="where the runs lie (results/)")  # fmt: skip
    asked = parser.parse_args(argv)
    before, after = (_read(name, asked.results.absolute()) for name in (asked.before, asked.after))
    found = compare(before, after)
    if asked.json:
        say(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        for line in _lines(found):
            say(line)
    return 1 if found["worse"] or found["gone"] else 0


def _read(name: str, results: Path) -> dict[str, Any]:
    folder = _folder(name, results)
    try:
        found: dict[str, Any] = json.loads((folder / "metrics.json").read_text("utf-8"))
        summary = json.loads((folder / "summary.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise LaunchError(f"{folder} is no run that can be compared: {error}") from error
    reasons = {test["name"]: test["reason"] or "" for test in summary["tests"]}
    for test, facts in found["tests"].items():
        facts["reason"] = reasons.get(test, "")
    return found


def _folder(name: str, results: Path) -> Path:
    runs = sorted(path.parent.name for path in results.glob("*/metrics.json") if not path.parent.is_symlink())
    if name == "latest" and (results / "latest").exists():
        return (results / "latest").resolve()
    if name == "previous" and len(runs) > 1:
        return results / runs[-2]
    for place in (Path(name), results / name):
        if (place / "metrics.json").exists():
            return place.resolve()
    raise LaunchError(
        f"There is no run {name!r} in {results}.{did_you_mean(name, runs)} There are {', '.join(runs[-5:]) or 'none'}."
    )


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The differences, as JSON has them; tests are the same by their ids, else by their names."""
    old, new = (
        {test["id"] or name: {**test, "name": name} for name, test in run["tests"].items()} for run in (before, after)
    )
    both = [key for key in new if key in old]
    changed = [_change(key, old[key], new[key]) for key in both if old[key]["verdict"] != new[key]["verdict"]]
    slower = [
        {"test": key, "before": old[key]["seconds"], "after": new[key]["seconds"]}
        for key in both
        if new[key]["seconds"] - old[key]["seconds"] >= _SECONDS and new[key]["seconds"] >= _TIMES * old[key]["seconds"]
    ]
    facts = [run.get("tested") or {} for run in (before, after)]
    names = [*facts[0], *(name for name in facts[1] if name not in facts[0])]
    return {
        "runs": [before["run"], after["run"]],
        "tested": {
            name: [one.get(name, "") for one in facts] for name in names if facts[0].get(name) != facts[1].get(name)
        },
        "worse": [one for one in changed if _rank(one["after"]) < _rank(one["before"])],
        "better": [one for one in changed if _rank(one["after"]) > _rank(one["before"])],
        "gone": [key for key in old if key not in new],
        "new": [key for key in new if key not in old],
        "slower": sorted(slower, key=lambda one: one["before"] - one["after"]),
        "seconds": [before["seconds"], after["seconds"]],
        "requirements": {
            key: [before["requirements"].get(key, {}).get("verdict"), found["verdict"]]
            for key, found in after["requirements"].items()
            if before["requirements"].get(key, {}).get("verdict") != found["verdict"]
        },
    }


def _rank(verdict: str) -> int:
    return WORST_FIRST.index(Verdict(verdict))


def _change(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    return {
        "test": key,
        "name": new["name"],
        "before": old["verdict"],
        "after": new["verdict"],
        "reason": new["reason"],
    }


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    first, second = found["runs"]
    yield paint(f"{first} → {second}, {found['seconds'][0]:.1f} s → {found['seconds'][1]:.1f} s", "bold")
    for name, (old, new) in found["tested"].items():
        if name != "Load":
            yield f"  {name}: {old or 'not known'} → {new or 'not known'}"
    for title, colour in (("worse", "red"), ("better", "green")):
        yield f"\n{title}: {len(found[title]) or 'none'}"
        for one in found[title][:_SHOWN]:
            yield f"  {one['test']} {paint(one['before'] + ' → ' + one['after'], colour)}  {one['reason']}".rstrip()
    for title in ("gone", "new"):
        if found[title]:
            yield f"\n{title}: {', '.join(found[title][:_SHOWN])}"
    if found["requirements"]:
        rows = ", ".join(f"{key} {old or '–'} → {new}" for key, (old, new) in found["requirements"].items())
        yield f"\nrequirements: {rows}"
    if found["slower"]:
        yield f"\nslower: {len(found['slower'])}"
        for one in found["slower"][:_SHOWN]:
            yield f"  {one['test']} {one['before']:.1f} s → {one['after']:.1f} s"
