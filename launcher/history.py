"""Compares all runs of the same: what was red when for the first time, what flickers, and what takes ever longer.

Runs are kept in results/history.sqlite; each run adds itself, and so does one whose folder was copied into results/.
Shows a table, and writes results/history.html with a chart for each test.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from statistics import median
from string import Template
from typing import Any

from launcher.console import LaunchError, complain, paint, plural, say
from launcher.parsing import Parser
from launcher.paths import RESULTS
from launcher.verdicts import HELD, Verdict

FILE = "history.sqlite"
_PAGE = Template(Path(__file__).with_name("history.html").read_text("utf-8"))
_TABLES = """
CREATE TABLE IF NOT EXISTS runs (run TEXT PRIMARY KEY, name TEXT, target TEXT, started TEXT, seconds REAL, well INTEGER,
    seed TEXT, commit_id TEXT, machine TEXT);
CREATE TABLE IF NOT EXISTS results (run TEXT, kind TEXT, key TEXT, label TEXT, verdict TEXT, seconds REAL,
    PRIMARY KEY (run, kind, key));
"""
_RED = frozenset({Verdict.FAIL, Verdict.SKIPPED})
_FEWEST = 4
_TIMES, _SECONDS = 1.5, 1.0
"""From when on a test grows: half as much again, and a second more, than it took at first."""
_SHOWN = 20


@dataclass(frozen=True)
class Past:
    """One test, or requirement, over its runs, oldest first."""

    key: str
    label: str
    verdicts: tuple[str, ...]
    seconds: tuple[float, ...]
    runs: tuple[str, ...]
    commits: tuple[str, ...]

    @property
    def red(self) -> bool:
        """Whether the newest run that judged it has it red."""
        return bool(self._judged) and self._judged[-1][1] in _RED

    @property
    def first_red(self) -> tuple[str, str] | None:
        """Run and commit in which it became red, as it is now or else was first; None where it never was."""
        first: int | None = None
        for number, verdict in self._judged:
            if verdict in _RED:
                first = number if first is None else first
            elif self.red:
                first = None
        return None if first is None else (self.runs[first], self.commits[first])

    @property
    def flaky(self) -> float:
        """How often it changed between red and green, as a share of the times it could have."""
        states = [verdict in _RED for _, verdict in self._judged]
        changes = sum(before != after for before, after in itertools.pairwise(states))
        return changes / (len(states) - 1) if len(states) > 1 else 0.0

    @property
    def growth(self) -> float:
        """How many times as long as in the oldest third of its runs it takes in the newest; 1 if unknown."""
        times = [seconds for verdict, seconds in zip(self.verdicts, self.seconds, strict=True) if verdict in HELD]
        third = len(times) // 3
        if len(times) < _FEWEST or not third:
            return 1.0
        before, after = median(times[:third]), median(times[-third:])
        return after / before if before and after - before >= _SECONDS else 1.0

    @property
    def _judged(self) -> list[tuple[int, str]]:
        """Runs by number that could tell: what is UNKNOWN or NA is neither red nor green."""
        telling = _RED | HELD
        return [(number, verdict) for number, verdict in enumerate(self.verdicts) if verdict in telling]

    def as_json(self) -> dict[str, Any]:
        """With what follows from it."""
        first = self.first_red
        return {**asdict(self), "red": self.red, "first_red": first and {"run": first[0], "commit": first[1]},
                "flaky": round(self.flaky, 3), "growth": round(self.growth, 2)}  # fmt: skip


def keep(results: Path, run: Path) -> None:
    """Add the run in the folder ``run``; what keeps it from being added is said, and changes no verdict."""
    try:
        with _opened(results) as store:
            _add(store, run)
    except (sqlite3.Error, OSError, ValueError, KeyError) as error:
        complain(f"Not in the history: {type(error).__name__}: {error}")


@contextlib.contextmanager
def _opened(results: Path) -> Iterator[sqlite3.Connection]:
    store = sqlite3.connect(results / FILE, timeout=20)
    try:
        with store:
            store.executescript(_TABLES)
            yield store
    finally:
        store.close()


def _add(store: sqlite3.Connection, run: Path) -> None:
    found: dict[str, Any] = json.loads((run / "metrics.json").read_text("utf-8"))
    facts = found.get("tested") or {}
    store.execute(
        "INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (found["run"], found["name"], found["target"], found["started"], found["seconds"], found["well"],
         found["seed"], facts.get("Commit", ""), facts.get("Machine", "")),
    )  # fmt: skip
    tests = [("test", test["id"] or name, name.rpartition(".")[2], test) for name, test in found["tests"].items()]
    rows = [("requirement", key, key, requirement) for key, requirement in found["requirements"].items()]
    store.executemany(
        "INSERT OR IGNORE INTO results VALUES (?, ?, ?, ?, ?, ?)",
        [(found["run"], kind, key, label, one["verdict"], one["seconds"]) for kind, key, label, one in (*tests, *rows)],
    )


def pasts(store: sqlite3.Connection, name: str, target: str, kind: str, last: int) -> list[Past]:
    """Everything of one kind over the newest ``last`` runs of ``name`` at ``target``."""
    runs = store.execute(
        "SELECT run, commit_id FROM runs WHERE name = ? AND target = ? ORDER BY started DESC, run DESC LIMIT ?",
        (name, target, last),
    ).fetchall()[::-1]
    found: dict[str, list[tuple[str, str, float, str, str]]] = {}
    for run, commit in runs:
        rows = store.execute(
            "SELECT key, label, verdict, seconds FROM results WHERE run = ? AND kind = ? ORDER BY key", (run, kind)
        )
        for key, label, verdict, seconds in rows:
            found.setdefault(key, []).append((label, verdict, seconds, run, commit))
    return [_past(key, lines) for key, lines in found.items()]


def _past(key: str, lines: Sequence[tuple[str, str, float, str, str]]) -> Past:
    labels, verdicts, seconds, runs, commits = zip(*lines, strict=True)
    return Past(key, labels[-1], verdicts, seconds, runs, commits)


def main(argv: Sequence[str]) -> int:
    """Show and write; raises ``LaunchError`` where there is no run."""
    parser = Parser(prog="./run history", description=__doc__)
    parser.add_argument("name", nargs="*", help="of the runs, as typed: critical (what the newest run was)")
    parser.add_argument("--target", help="that of the newest run where none is named")
    parser.add_argument("--last", type=int, default=200, metavar="N", help="the newest N runs (200)")
    parser.add_argument("--json", action="store_true", help="print everything as JSON, and nothing else")
    parser.add_argument("--results", type=Path, default=Path(os.environ.get("LOCKSTEP_RESULTS") or RESULTS),
                        metavar="DIR", help="where the runs lie (results/)")  # fmt: skip
    asked = parser.parse_args(argv)
    results = asked.results.absolute()
    if not results.is_dir():
        raise LaunchError(f"There is no folder {results}: ./run critical makes it.")
    with _opened(results) as store:
        for path in sorted(results.glob("*/metrics.json")):
            if not path.parent.is_symlink():
                with contextlib.suppress(ValueError, KeyError):
                    _add(store, path.parent)
        name, target = _which(store, " ".join(asked.name), asked.target)
        found = {kind: pasts(store, name, target, kind, max(1, asked.last)) for kind in ("test", "requirement")}
        runs = [dict(zip(("run", "started", "seconds", "well", "seed", "commit", "machine"), row, strict=True))
                for row in store.execute(
                    "SELECT run, started, seconds, well, seed, commit_id, machine FROM runs WHERE name = ? AND "
                    "target = ? ORDER BY started, run", (name, target))][-max(1, asked.last):]  # fmt: skip
    data = {"name": name, "target": target, "runs": runs,
            "tests": [one.as_json() for one in found["test"]],
            "requirements": [one.as_json() for one in found["requirement"]]}  # fmt: skip
    (results / "history.json").write_text(json.dumps(data, indent=1, ensure_ascii=False), "utf-8")
    (results / "history.html").write_text(_rendered(data, found), "utf-8")
    if asked.json:
        say(json.dumps(data, ensure_ascii=False))
    else:
        _show(name, target, runs, found["test"], results)
    return 0


def _which(store: sqlite3.Connection, name: str, target: str | None) -> tuple[str, str]:
    conditions = [("name = ?", name)] * bool(name) + [("target = ?", target)] * bool(target)
    where = " AND ".join(text for text, _ in conditions) or "1"
    row = store.execute(
        f"SELECT name, target FROM runs WHERE {where} ORDER BY started DESC, run DESC LIMIT 1",  # noqa: S608 - no values
        [value for _, value in conditions],
    ).fetchone()
    if row is None:
        known = ", ".join(f"{one} at {where}" for one, where in store.execute("SELECT DISTINCT name, target FROM runs"))
        raise LaunchError(f"There is no such run. Known: {known or 'none; ./run critical makes one'}.")
    return str(row[0]), str(row[1])


def _show(name: str, target: str, runs: Sequence[Mapping[str, Any]], tests: Sequence[Past], results: Path) -> None:
    say(paint(f"{name} · target {target} · {plural(len(runs), 'run')}", "bold"))
    red = [one for one in tests if one.red]
    flaky = sorted((one for one in tests if one.flaky), key=lambda one: -one.flaky)
    growing = sorted((one for one in tests if one.growth >= _TIMES), key=lambda one: -one.growth)
    for title, some in (("red now", red), ("flaky", flaky), ("growing", growing)):
        say(f"\n{title}: {len(some) or 'none'}")
        for one in some[:_SHOWN]:
            say(f"  {one.key:<8} {one.label}: {_why(title, one)}")
    say(f"\npage: {results / 'history.html'}")


def _why(title: str, one: Past) -> str:
    if title == "flaky":
        return f"changed {one.flaky:.0%} of the time, over {plural(len(one.runs), 'run')}"
    if title == "growing":
        return f"{one.growth:.1f} times as long as at first, {one.seconds[-1]:.1f} s now"
    run, commit = one.first_red or ("", "")
    return f"since {run}" + (f", commit {commit}" if commit else "")


def _rendered(data: Mapping[str, Any], found: Mapping[str, Sequence[Past]]) -> str:
    return _PAGE.substitute(
        title=escape(f"{data['name']} at {data['target']}: {plural(len(data['runs']), 'run')}"),
        runs=_chart(
            [run["seconds"] for run in data["runs"]], ["PASS" if run["well"] else "FAIL" for run in data["runs"]]
        ),
        tests="".join(map(_row, sorted(found["test"], key=_order))),
        requirements="".join(map(_row, sorted(found["requirement"], key=_order))),
    )


def _order(one: Past) -> tuple[bool, float, float, str]:
    return not one.red, -one.flaky, -one.growth, one.key


def _row(one: Past) -> str:
    first = one.first_red
    since = f"{escape(first[0])}<br>{escape(first[1])}" if first else ""
    grown = f" (×{one.growth:.1f})" if one.growth >= _TIMES else ""
    label = "" if one.label == one.key else f"<br>{escape(one.label)}"
    return (f'<tr class="{"red" if one.red else ""}"><td><b>{escape(one.key)}</b>{label}</td>'
            f"<td>{_chart(one.seconds, one.verdicts)}</td><td>{escape(one.verdicts[-1])}</td><td>{since}</td>"
            f"<td>{f'{one.flaky:.0%}' if one.flaky else ''}</td>"
            f"<td>{one.seconds[-1]:.1f} s{grown}</td></tr>")  # fmt: skip


def _chart(seconds: Sequence[float], verdicts: Sequence[str]) -> str:
    """A bar for each run: as high as it took long, in the colour of its verdict."""
    most = max([*seconds, 0.001])
    width = max(2.0, min(8.0, 240 / max(1, len(seconds))))
    bars = []
    for number, (value, verdict) in enumerate(zip(seconds, verdicts, strict=True)):
        high = max(2.0, 28 * value / most)
        place = f'x="{number * width:.1f}" y="{28 - high:.1f}" width="{width - 1:.1f}" height="{high:.1f}"'
        bars.append(f'<rect {place} class="{escape(verdict)}"><title>{escape(verdict)} {value:.1f} s</title></rect>')
    return f'<svg width="{width * len(seconds):.0f}" height="28" role="img">{"".join(bars)}</svg>'
