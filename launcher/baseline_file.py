"""The file of a baseline: of which runs it is, on which machine, and each figure's value in each of them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from launcher import tolerance
from launcher.console import LaunchError, plural
from launcher.published import cause, command_of
from launcher.tolerance import Figure

FORMAT = 1
MOST_RUNS = 20


@dataclass(frozen=True)
class Row:
    """One figure of a baseline: a value for each run, None where the run has none."""

    unit: str
    tests: int | None
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Baseline:
    """What the file holds: of which runs, on which machine, and the figures, a row each."""

    name: str
    run: str
    target: str
    machine: Mapping[str, Any]
    runs: tuple[Mapping[str, Any], ...]
    figures: Mapping[str, Row]

    def values_of(self, now: Mapping[str, Figure]) -> dict[str, list[float]]:
        """The known values of those of ``now``'s figures that mean the same: same unit, sum of as many tests."""
        found = {}
        for name, figure in now.items():
            row = self.figures.get(name)
            if row and (row.unit, row.tests) == (figure.unit, figure.tests):
                found[name] = [value for value in row.values if value is not None]
        return found


def load(path: Path) -> Baseline:
    """Read a baseline; raises ``LaunchError`` with cause and way out where it is damaged."""
    try:
        return _baseline(path.stem, json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LaunchError(
            f"The baseline {path} is damaged: {cause(error)}.\nRestore it (git checkout -- {path}), "
            f"or begin again from the newest run: ./run baseline save {path.stem} --fresh"
        ) from error


def _baseline(name: str, document: Mapping[str, Any]) -> Baseline:
    if document["format"] != FORMAT:
        raise ValueError(f"its format is {document['format']!r}, this version reads {FORMAT}")
    runs = tuple({"run": str(run["run"]), "started": str(run["started"])} for run in document["runs"])
    if not runs:
        raise ValueError("it holds no run")
    found = document["machine"]
    machine = {"cores": int(found["cores"]), "python": str(found["python"]), "system": str(found["system"])}
    figures = {str(key): _row(key, row, len(runs)) for key, row in document["figures"].items()}
    return Baseline(name, str(document["run"]), str(document["target"]), machine, runs, figures)


def _row(name: str, row: Any, runs: int) -> Row:
    values = tuple(None if value is None else float(value) for value in row["values"])
    if len(values) != runs:
        raise ValueError(f"figure {name!r} has {plural(len(values), 'value')} for {plural(runs, 'run')}")
    return Row(str(row["unit"]), row["tests"], values)


def write(baseline: Baseline, path: Path) -> None:
    """Replace the file in one step: a line for each run and each figure, so that a change of it can be read."""
    head = {"format": FORMAT, "run": baseline.run, "target": baseline.target, "machine": dict(baseline.machine)}
    figures = {name: {"unit": row.unit, "tests": row.tests, "values": row.values}
               for name, row in sorted(baseline.figures.items())}  # fmt: skip
    parts = [f" {_text(key)}: {_text(value)}" for key, value in head.items()]
    parts.append(' "runs": [\n' + ",\n".join(f"  {_text(run)}" for run in baseline.runs) + "\n ]")
    parts.append(
        ' "figures": {\n' + ",\n".join(f"  {_text(name)}: {_text(row)}" for name, row in figures.items()) + "\n }"
    )
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text("{\n" + ",\n".join(parts) + "\n}\n", "utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise LaunchError(
            f"Cannot write {path}: {error.strerror or error}. Choose another folder: --baselines DIR."
        ) from error


def extended(old: Baseline | None, name: str, run: Mapping[str, Any]) -> Baseline:
    """``old`` with one run more; figures whose meaning has changed begin again, the oldest run beyond the most goes."""
    now = tolerance.figures(run)
    about = {"run": run["run"], "started": run["started"]}
    machine = {key: run["machine"][key] for key in ("cores", "python", "system")}
    old = old or Baseline(name, run["name"], run["target"], machine, (), {})
    must_match(old, run)
    kept = max(0, len(old.runs) + 1 - MOST_RUNS)
    blank: tuple[float | None, ...] = (None,) * len(old.runs)
    figures = {}
    for key in {**old.figures, **now}:
        row, figure = old.figures.get(key), now.get(key)
        if figure is None:
            assert row is not None
            figures[key] = replace(row, values=(*row.values, None)[kept:])
        else:
            same = row is not None and (row.unit, row.tests) == (figure.unit, figure.tests)
            before = row.values if row is not None and same else blank
            figures[key] = Row(figure.unit, figure.tests, (*before, round(figure.value, 6))[kept:])
    known = {key: row for key, row in figures.items() if any(value is not None for value in row.values)}
    return replace(old, runs=(*old.runs, about)[kept:], figures=known)


def must_match(baseline: Baseline, run: Mapping[str, Any]) -> None:
    """Raises ``LaunchError`` where times say nothing of each other."""
    cores = run["machine"]["cores"]
    for what, was, now in (
        ("of", command_of(baseline.run), command_of(run["name"])),
        ("of target", baseline.target, run["target"]),
        ("of a machine with", plural(baseline.machine["cores"], "core"), plural(cores, "core")),
    ):
        if was != now:
            raise LaunchError(f"The baseline {baseline.name!r} is {what} {was}, run {run['run']} {what} {now}: "
                              "not to be compared. Keep one for each: ./run baseline save ANOTHER-NAME")  # fmt: skip


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
