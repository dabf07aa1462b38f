"""The runs whose ``metrics.json`` lies in the results folder: the newest, and those before it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from launcher import tolerance
from launcher.console import LaunchError, plural
from launcher.metrics import FORMAT


def newest(results: Path) -> dict[str, Any]:
    """Metrics of the last published run."""
    latest = results / "latest"
    if not latest.exists():
        raise LaunchError(f"There is no run in {results}: ./run critical makes one.")
    if not (latest / "metrics.json").exists():
        raise LaunchError(
            f"The newest run, {latest.resolve()}, has no metrics.json: ./run critical makes one that has."
        )
    return read(latest.resolve() / "metrics.json")


def newest_of(results: Path, name: str, newest: dict[str, Any]) -> dict[str, Any]:
    """``newest`` if it ran the same as the baseline, else the newest before it that did."""
    if newest["name"] == name:
        return newest
    for path in _older(results, newest["run"]):
        found = read(path)
        if found["name"] == name:
            return found
    raise LaunchError(
        f"The baseline is of {command_of(name)}, and {results} holds no such run: {command_of(name)} makes one."
    )


def several(results: Path, newest: dict[str, Any], count: int, *, well: bool = False) -> Iterator[dict[str, Any]]:
    """``count`` runs like ``newest`` (name, target, cores), that one first; with ``well`` older ones only if well."""
    found = 1
    yield newest
    for path in _older(results, newest["run"]) if count > 1 else ():
        run = read(path)
        if _like(run) == _like(newest) and (run["well"] or not well):
            found += 1
            yield run
        if found == count:
            return
    if found < count:
        kind = "good run" if well else "run"
        raise LaunchError(f"{results} holds {plural(found, kind)} of {command_of(newest['name'])}, not {count}.")


def _like(run: dict[str, Any]) -> tuple[str, str, int]:
    return run["name"], run["target"], run["machine"]["cores"]


def _older(results: Path, run: str) -> list[Path]:
    return sorted((path for path in results.glob("2*/metrics.json") if path.parent.name < run), reverse=True)


def read(path: Path) -> dict[str, Any]:
    """A run's metrics; raises ``LaunchError`` with the cause where the file is damaged."""
    try:
        return _checked(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LaunchError(f"{path} cannot be read: {cause(error)}. Remove its folder, or run again.") from error


def _checked(found: dict[str, Any]) -> dict[str, Any]:
    """``found`` if it has what a comparison needs; else the error that using it would meet."""
    if found["format"] != FORMAT:
        raise ValueError(f"its format is {found['format']!r}, not {FORMAT}")
    for part in ("name", "run", "target", "started"):
        if not isinstance(found[part], str):
            raise TypeError(f"its {part!r} is no text")
    int(found["machine"]["cores"])
    str(found["machine"]["python"])
    tolerance.figures(found)
    return found


def command_of(name: str) -> str:
    """What to type for a run of this name."""
    return f"./run {name}"


def cause(error: Exception) -> str:
    """What to say of an error met while reading a file."""
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]!r}"
    return str(error) or type(error).__name__
