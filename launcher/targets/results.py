"""What suites have found of a target, kept beside its dialect, and shown in docs/targets.md: promise by promise.

``./run target report X --record`` writes ``results.yaml`` from the newest run, ``./run docs`` the tables.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from lockstep.dialect import find

from launcher import requirements, tests_by_id
from launcher.console import LaunchError, plural
from launcher.paths import ROOT
from launcher.targets import recipe, telling
from launcher.verdicts import EXECUTED, WORST_FIRST, Verdict

FILE = "results.yaml"
PAGE = Path("docs") / "targets.md"
_BEGIN, _END = "<!-- results: written by ./run docs -->", "<!-- end of results -->"
_SHOWN = (*EXECUTED, Verdict.XFAIL, Verdict.UNBOUNDED)
_MADE_UP = re.compile(r"\b(ls-[0-9a-f]{16,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|127\.0\.0\.1:\d+)\b")
_NA = re.compile(r"^NA: ([\w.-]+)")
_SEED = re.compile(r" --(?:seed|processes) \d+")
_IDS = re.compile(r"(?: --include id:[\w-]+){2,}|(?: [A-Z]+\d*-\d+){2,}")
"""Tests that were chosen one by one are in the table."""
_NOT_JUDGED = (Verdict.UNKNOWN, Verdict.SKIPPED)
_LONGEST = 260


def write(target: str, summaries: Sequence[Mapping[str, Any]]) -> Path:
    """Keeps the newest verdict of each test by the summaries of runs, newest first.

    Raises ``LaunchError`` for a target that nobody else can boot.
    """
    folder = find(target).parent
    if not (folder / recipe.FILE).is_file():
        raise LaunchError(f"{target} brings no {recipe.FILE}, so nobody can repeat its results elsewhere.")
    known = tests_by_id.read()
    judged: dict[str, Mapping[str, Any]] = {}
    unknown, commands = set(), {}
    for summary in summaries:
        for test in summary["tests"]:
            key = test["id"]
            if key not in known or key in judged:
                continue
            if test["verdict"] in _NOT_JUDGED:
                unknown.add(key)
                continue
            judged[key] = test
            commands[_IDS.sub(" …", _SEED.sub("", summary["run"]["command"]))] = summary["run"]["started"][:10]
    lacks = [_lacks(test) for test in judged.values() if test["verdict"] == Verdict.NA]
    kept = {
        "version": recipe.read(folder).version,
        "date": max(commands.values(), default=""),
        "commands": sorted(commands),
        "tests": [_kept(judged[key], known[key]) for key in sorted(judged) if judged[key]["verdict"] in _SHOWN],
        "not_judged": sorted(unknown - judged.keys()),
        "not_applicable": dict(Counter(lacks).most_common()),
    }
    path = folder / FILE
    head = f"# What a run has found. Written by `./run target report {folder.name} --record`.\n"
    path.write_text(head + yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=140), "utf-8")
    return path


def _kept(test: Mapping[str, Any], known: tests_by_id.KnownTest) -> dict[str, Any]:
    reason = " ".join(str(test["reason"] or "").split())
    found: dict[str, Any] = {"test": test["id"], "verdict": str(test["verdict"])}
    found["requirement"] = next((tag[4:] for tag in sorted(known.tags) if tag.startswith("req:")), known.id[:3])
    if promises := [name.removeprefix("promises.") for name in telling.judged(known.id, reason)]:
        found["promises"] = promises
    if test["verdict"] != Verdict.PASS and reason:
        text = _MADE_UP.sub("…", reason)
        # Where the checkout lies is nobody's business.
        text = text.replace(f"{ROOT}/", "")
        found["seen"] = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return found


def _lacks(test: Mapping[str, Any]) -> str:
    found = _NA.match(str(test["reason"] or ""))
    return found[1] if found else "the reference platform's own"


def stale(root: Path = ROOT) -> dict[Path, str]:
    """The page of targets as it should be, where it is not."""
    page = root / PAGE
    if not page.is_file():
        return {}
    text = page.read_text("utf-8")
    if text.count(_BEGIN) != 1 or text.count(_END) != 1:
        return {}
    head, _, rest = text.partition(_BEGIN)
    tail = rest.partition(_END)[2]
    wanted = f"{head}{_BEGIN}\n\n{rendered(root)}\n{_END}{tail}"
    return {page: wanted} if wanted != text else {}


def rendered(root: Path = ROOT) -> str:
    """The tables of all targets that have results."""
    files = sorted((root / "variables" / "targets").glob(f"*/{FILE}"))
    return "\n".join(_table(path.parent.name, yaml.safe_load(path.read_text("utf-8"))) for path in files)


def _table(name: str, kept: Mapping[str, Any]) -> str:
    tests = kept["tests"]
    counts = Counter(test["verdict"] for test in tests)
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in reversed(WORST_FIRST) if counts[verdict])
    lacking, missed = kept["not_applicable"], " ".join(kept["not_judged"])
    lines = [
        f"### {name}: {kept['version'] or name}, {kept['date']}",
        "",
        f"{', '.join(f'`{command}`' for command in kept['commands'])}: {said}.",
        *([f"Not judged, on a machine that was too busy: {missed}."] if missed else []),
        f"{plural(sum(lacking.values()), 'test')} not applicable: {_named(lacking)}.",
        "",
        "| promise | verdict | tests | seen |",
        "|---|---|---|---|",
    ]
    for key, of_one in _grouped(tests).items():
        worst = min((Verdict(test["verdict"]) for test in of_one), key=WORST_FIRST.index)
        blamed = next(test for test in of_one if test["verdict"] == worst)
        ids = " ".join(test["test"] for test in sorted(of_one, key=lambda test: test["test"]))
        lines.append(f"| {key} | {worst} | {ids} | {telling.cell(blamed.get('seen', ''))} |")
    return "\n".join([*lines, ""])


def _named(lacking: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in lacking.items())


def _grouped(tests: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Tests by the promise that judges them, then those that none does by their requirement."""
    rows = requirements.read()
    found: dict[str, list[Mapping[str, Any]]] = {}
    for test in tests:
        for name in [f"`{promise}`" for promise in test.get("promises", ())] or [_row(test["requirement"], rows)]:
            found.setdefault(name, []).append(test)
    return dict(sorted(found.items(), key=lambda one: (not one[0].startswith("`"), one[0])))


def _row(key: str, rows: Mapping[str, requirements.Requirement]) -> str:
    return f"{key} {telling.cell(rows[key].text)}" if key in rows else key
