"""The sheet that an area declares in ``sheet.yaml`` beside its suites: verdicts in parts, and measured figures.

A verdict is a requirement's id with its parts; a part is judged by the tests that carry both ``req:<id>`` and
``part:<part>`` (hyphens for blanks). A figure is one of: ``{time: run}``, the area's own seconds ·
``{most: <figure>}``, the greatest of those recorded by that name · ``{share: <figure>, of: <figure>}``, their sums as
a percentage · ``{latency: <name>, statistic: mean}``, or another one that ``latencies.jsonl`` has. What no test is
there for is HOLE, and what none measured has no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from robot.utils import timestr_to_secs

from launcher import areas as places
from launcher.console import LaunchError
from launcher.outcome import JudgedTest
from launcher.verdicts import Verdict, worst_of

FILE = "sheet.yaml"
Lines = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Part:
    """How one part of a verdict stands."""

    name: str
    verdict: Verdict


@dataclass(frozen=True)
class Judged:
    """A verdict: the worst of its parts."""

    id: str
    title: str
    parts: tuple[Part, ...]

    @property
    def verdict(self) -> Verdict:
        return worst_of(part.verdict for part in self.parts)


@dataclass(frozen=True)
class Figure:
    """A measured number; ``value`` is None where nothing was measured, ``goal`` what it should not exceed."""

    name: str
    value: float | None
    unit: str = ""
    goal: float | None = None

    def __str__(self) -> str:
        if self.value is None:
            return "not measured"
        goal = f" (goal {_shown(self.goal, self.unit)})" if self.goal is not None else ""
        return _shown(self.value, self.unit) + goal


@dataclass(frozen=True)
class AreaSheet:
    """An area's sheet after a run."""

    area: str
    title: str
    verdicts: tuple[Judged, ...]
    figures: tuple[Figure, ...]

    def as_json(self) -> dict[str, Any]:
        """The shape in ``summary.json``; times are seconds."""
        return {
            "area": self.area,
            "title": self.title,
            "verdicts": {
                judged.id: {
                    "title": judged.title,
                    "verdict": judged.verdict,
                    "parts": {part.name: part.verdict for part in judged.parts},
                }
                for judged in self.verdicts
            },
            "figures": {
                figure.name: {"value": figure.value, "unit": figure.unit, "goal": figure.goal}
                for figure in self.figures
            },
        }


@dataclass(frozen=True)
class Measured:
    """What a run left behind for its sheets; ``seconds`` are those of each area alone."""

    seconds: Mapping[str, float]
    figures: Lines
    latencies: Lines


def of_areas(
    areas: Iterable[str],
    tests: Sequence[JudgedTest],
    measured: Measured,
    suites: Path | None = None,
) -> tuple[AreaSheet, ...]:
    """The sheets of those areas that declare one; raises ``LaunchError`` for one that cannot be read."""
    folders = {area: suites / area if suites else places.folder(area) for area in areas}
    declared = [(area, folder / FILE) for area, folder in folders.items() if folder and (folder / FILE).is_file()]
    return tuple(_read(area, path, tests, measured) for area, path in declared)


def _read(area: str, path: Path, tests: Sequence[JudgedTest], measured: Measured) -> AreaSheet:
    try:
        declared = yaml.safe_load(path.read_text("utf-8"))
        verdicts = tuple(
            Judged(key, entry["title"], tuple(_parts(key, entry["parts"], tests)))
            for key, entry in declared["verdicts"].items()
        )
        figures = tuple(_figure(name, entry, area, measured) for name, entry in declared["figures"].items())
        return AreaSheet(area, declared["title"], verdicts, figures)
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise LaunchError(f"the sheet of {area} cannot be read from {path}: {type(error).__name__}: {error}") from None


def tag_of(part: str) -> str:
    """The tag of a part's tests: tags have no blanks."""
    return f"part:{part.replace(' ', '-')}".lower()


def _parts(key: str, names: Sequence[str], tests: Sequence[JudgedTest]) -> Iterator[Part]:
    for name in names:
        yield Part(name, _part(key, name, tests))


def _part(key: str, name: str, tests: Sequence[JudgedTest]) -> Verdict:
    wanted = {f"req:{key}".lower(), tag_of(name)}
    return worst_of(test.verdict for test in tests if _carries(test.tags, wanted))


def _carries(tags: Iterable[str], wanted: set[str]) -> bool:
    return wanted <= {tag.lower() for tag in tags}


def _figure(name: str, entry: Mapping[str, Any], area: str, measured: Measured) -> Figure:
    goal = timestr_to_secs(entry["goal"], round_to=None) if "goal" in entry else None
    if entry.get("time") == "run":
        seconds = measured.seconds.get(area)
        return Figure(name, None if seconds is None else round(seconds, 3), "s", goal)
    if "most" in entry:
        lines = [line for line in measured.figures if line["name"] == entry["most"]]
        most = max(lines, key=lambda line: float(line["value"]), default=None)
        return Figure(name, float(most["value"]), most["unit"], goal) if most else Figure(name, None, goal=goal)
    if "share" in entry:
        part, whole = (sum(_values(measured.figures, entry[key])) for key in ("share", "of"))
        return Figure(name, 100 * part / whole if whole else None, "%")
    lines = [line for line in measured.latencies if line["name"] == entry["latency"]]
    fullest = max(lines, key=lambda line: int(line["count"]), default=None)
    return Figure(name, float(fullest[entry["statistic"]]) if fullest else None, "s", goal)


def _values(lines: Lines, name: str) -> list[float]:
    return [float(line["value"]) for line in lines if line["name"] == name]


def _shown(value: float, unit: str) -> str:
    if unit == "s" and value < 1:
        return f"{value * 1000:.1f} ms"
    return f"{value:.1f} {unit}" if unit == "s" else f"{value:g} {unit}".rstrip()
