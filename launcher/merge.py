"""Makes one result of the parts that --shard has run on several machines, under the same verdict rules.

Each DIR is the results folder of a part, or the folder of its run. What was planned and is in none of them is UNKNOWN.
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lockstep import applicability
from lockstep.dialect import pace
from robot.conf import RobotSettings
from robot.output import LOGGER
from robot.result import Result

from launcher import (
    area_sheet,
    ended,
    execution,
    merging,
    metrics,
    missing,
    page,
    proofs,
    requirements,
    runfolder,
    shards,
    sheet,
)
from launcher import history as kept
from launcher import summary as summaries
from launcher.area_sheet import Measured
from launcher.console import LaunchError, say
from launcher.ended import Ended
from launcher.missing import Missing
from launcher.outcome import JudgedTest, Outcome, judge, requirement_ids
from launcher.parsing import Parser
from launcher.paths import RESULTS
from launcher.tested import Subject
from launcher.undone import Undone
from launcher.verdicts import WORST_FIRST, Verdict

_JOINED = ("budgets.jsonl", "figures.jsonl", metrics.LATENCIES, applicability.RECORDS, pace.RECORDS)
_SAME = ("of", "name", "target", "certified", "commit")


@dataclass(frozen=True)
class Part:
    """One part that came: its folder, what it knew of all parts, and its summary."""

    folder: Path
    shard: Mapping[str, Any]
    summary: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.shard['shard']}/{self.shard['of']}"


def conduct(argv: Sequence[str]) -> Ended:
    """Merge, judge, show and publish; raises ``LaunchError`` for folders that hold no parts of one run."""
    parser = Parser(prog="./run merge", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="results of one part each, in any order")
    parser.add_argument("--results", type=Path, default=Path(os.environ.get("LOCKSTEP_RESULTS") or RESULTS),
                        metavar="DIR", help="where the merged run goes (results/)")  # fmt: skip
    asked = parser.parse_args(argv)
    parts = sorted(map(_read, asked.folders), key=lambda part: int(part.shard["shard"]))
    _must_belong_together(parts)
    return ended.of_run(merge(parts, asked.results.absolute()))


def _read(folder: Path) -> Part:
    for place in (folder, folder / "latest"):
        if (place / shards.FILE).exists():
            try:
                shard = json.loads((place / shards.FILE).read_text("utf-8"))
                return Part(place.resolve(), shard, json.loads((place / "summary.json").read_text("utf-8")))
            except (OSError, ValueError) as error:
                raise LaunchError(f"{place} holds a part that did not come to its end: {error}") from error
    raise LaunchError(f"{folder} holds no part of a run: ./run <area> --shard 1/2 makes one, and writes {shards.FILE}.")


def _must_belong_together(parts: Sequence[Part]) -> None:
    first = parts[0]
    for part in parts[1:]:
        for fact in _SAME:
            if part.shard.get(fact) != first.shard.get(fact):
                raise LaunchError(
                    f"{first.folder} and {part.folder} are no parts of one run: {fact} is "
                    f"{first.shard.get(fact)!r} and {part.shard.get(fact)!r}."
                )
    numbers = [part.shard["shard"] for part in parts]
    if doubled := sorted({number for number in numbers if numbers.count(number) > 1}):
        raise LaunchError(f"Part {doubled[0]}/{first.shard['of']} was given more than once.")


def merge(parts: Sequence[Part], results: Path) -> Outcome:
    """One run of several parts, published in ``results``."""
    folder = runfolder.make(results)
    for name in _JOINED:
        text = "".join(_lines(part.folder / name) for part in parts)
        (folder / name).write_text(text, "utf-8")
    shard = parts[0].shard
    result = merging.merge([part.folder / "output.xml" for part in parts], folder, str(shard["root"]))
    reported, problems = _reported(result, parts)
    lost = list(_missing(parts, {test.name for test in reported}))
    outcome = _judged(parts, (*reported, *(one.judged for one in lost)), problems, folder)
    missing.add(result, lost)
    LOGGER.unregister_console_logger()
    merging.write_reports(result, RobotSettings({"outputdir": str(folder)}), folder, outcome.facts)
    summaries.write(outcome, folder / "summary.json")
    durations = merging.durations(result)
    execution.write_durations(results, durations)
    latencies = summaries.recorded(folder / metrics.LATENCIES)
    metrics.write(metrics.as_json(outcome, folder.name, durations, latencies, 1.0), folder / "metrics.json")
    known = requirements.known()
    page.write(outcome, known, folder / "summary.html")
    runfolder.publish(folder)
    kept.keep(results, folder)
    say(sheet.sheet(outcome, known, folder / "log.html"))
    return outcome


def _lines(path: Path) -> str:
    text = path.read_text("utf-8") if path.exists() else ""
    return text if not text or text.endswith("\n") else f"{text}\n"


def _reported(result: Result, parts: Sequence[Part]) -> tuple[tuple[JudgedTest, ...], list[str]]:
    """Every test with the verdict that its part gave it; of one that several parts have run the worst."""
    verdicts: dict[str, list[tuple[Verdict, str]]] = {}
    for part in parts:
        for test in part.summary["tests"]:
            verdicts.setdefault(test["name"], []).append((Verdict(test["verdict"]), part.name))
    vanished = {name for part in parts for name in part.summary["run"]["vanished"]}
    found: dict[str, JudgedTest] = {}
    for test in result.suite.all_tests:
        given = [verdict for verdict, _ in verdicts.get(test.longname, [])] or [Verdict.UNKNOWN]
        found[test.longname] = JudgedTest(
            test.longname, min(given, key=WORST_FIRST.index), test.message, tuple(test.tags),
            test.elapsed_time.total_seconds(), reported=test.longname not in vanished, title=test.name,
        )  # fmt: skip
    doubled = {name: [part for _, part in given] for name, given in verdicts.items() if len(given) > 1}
    problems = [f"{name} was run by the parts {' and '.join(by)}: they were cut by different durations"
                for name, by in list(doubled.items())[:3]]  # fmt: skip
    return tuple(found.values()), problems


def _missing(parts: Sequence[Part], reported: set[str]) -> Iterator[Missing]:
    """What any part knew to be planned and none has reported."""
    there = {part.shard["shard"] for part in parts}
    seen = set(reported)
    for part in parts:
        for number, share in enumerate(part.shard["shares"], 1):
            for test in map(shards.planned, share):
                if test.name in seen:
                    continue
                seen.add(test.name)
                of = part.shard["of"]
                gone = f"part {number}/{of} is not there" if number not in there else "no part reported it"
                yield Missing(test, gone)


def _judged(parts: Sequence[Part], tests: tuple[JudgedTest, ...], problems: list[str], folder: Path) -> Outcome:
    shard, runs = parts[0].shard, [part.summary["run"] for part in parts]
    covered: list[str] = shard["covered"]
    known = requirements.known()
    wanted = list(requirements.read().values()) if shard["all"] else requirements.of_areas(known, covered)
    judged = judge(tests)
    untested = proofs.sort([requirement for requirement in wanted if requirement.id not in judged])
    facts = [run["tested"] for run in runs]
    machines = "; ".join(dict.fromkeys(fact.get("Machine", "") for fact in facts))
    figures = summaries.recorded(folder / "figures.jsonl")
    measured = Measured({}, figures, summaries.recorded(folder / metrics.LATENCIES))
    own = {test.name for test in tests}
    of_parts = [problem for run in runs for problem in run["problems"] if not any(name in problem for name in own)]
    return Outcome(
        name=shard["name"],
        target=shard["target"],
        seed=", ".join(dict.fromkeys(part.shard["seed"] for part in parts)),
        seconds=max(float(run["seconds"]) for run in runs),
        tests=tests,
        problems=(*dict.fromkeys(of_parts), *problems),
        budgets=summaries.recorded(folder / "budgets.jsonl"),
        requirements=judge(tests, untested.holes),
        elsewhere=untested.elsewhere,
        unclaimed=tuple(test.name for test in tests if not requirement_ids(test.tags)) if covered else (),
        versions={name: version for run in runs for name, version in run["versions"].items()},
        started=min(run["started"] for run in runs) or datetime.datetime.now().astimezone().isoformat(),
        interrupted=any(run["interrupted"] for run in runs),
        certified=shard["certified"],
        command=f"./run merge, of {len(parts)} of {shard['of']} parts of {shard['command']}",
        sheets=area_sheet.of_areas(covered, tests, measured),
        machine="; ".join(f"{part.name}: {part.summary['run']['machine'].removeprefix('machine: ')}" for part in parts),
        throttled=tuple(float(wait["seconds"]) for wait in summaries.recorded(folder / pace.RECORDS)),
        undone=replace(Undone(), left=tuple(line for run in runs for line in run["left_behind"])),
        tested=Subject(shard["commit"], {}, facts[0].get("Target", ""), machines),
    )
