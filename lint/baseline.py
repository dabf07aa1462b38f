"""How many flaws of each rule the keywords of a file may have: those they had when the rule came, or fewer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from robot.api import get_model, get_resource_model

from lint.glossary import Glossary
from lint.names import flaws, names_in

ROOT = Path(__file__).resolve().parents[1]
FILE = Path(__file__).with_name("baseline.yaml")

Counts = Mapping[str, Mapping[str, int]]


def read(path: Path = FILE) -> Counts:
    """By file (from the project's root) and rule."""
    counts: Counts = yaml.safe_load(path.read_text("utf-8")) or {}
    return counts


def allowed(counts: Counts, file: Path, rule: str, root: Path = ROOT) -> int:
    """How many flaws of ``rule`` ``file`` may have; none where it is not in the baseline."""
    name = file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
    return counts.get(name, {}).get(rule, 0)


def found(model: Any, glossary: Glossary) -> Counter[str]:
    """Flaws of the keywords in a parsed file, by rule."""
    keywords = (name for name in names_in(model) if name.kind == "keyword")
    return Counter(flaw.rule for name in keywords for flaw in flaws(name.kind, name.text, glossary))


def shrunk(counts: Counts, glossary: Glossary, root: Path = ROOT) -> dict[str, dict[str, int]]:
    """``counts`` with what is fewer by now, and without what is gone."""
    now: dict[str, dict[str, int]] = {}
    for name, before in counts.items():
        if not (root / name).is_file():
            continue
        parse = get_resource_model if name.endswith(".resource") else get_model
        there = found(parse(root / name), glossary)
        fewer = {rule: min(count, there[rule]) for rule, count in before.items() if there[rule]}
        if fewer:
            now[name] = fewer
    return now


def differences(before: Counts, now: Counts) -> list[str]:
    """A line for each count that has become less."""
    return [
        f"{name}: {rule} {now.get(name, {}).get(rule, 0)} times, {count} in lint/baseline.yaml"
        for name, rules in before.items()
        for rule, count in rules.items()
        if now.get(name, {}).get(rule, 0) < count
    ]


def write(counts: Counts, path: Path = FILE) -> None:
    """Replace the baseline."""
    plain = {name: dict(sorted(rules.items())) for name, rules in sorted(counts.items())}
    path.write_text(yaml.safe_dump(plain, sort_keys=False), "utf-8")
