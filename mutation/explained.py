"""Survivors with a reason (``explained.yaml``): mutants that no suite has to notice, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from launcher.paths import ROOT
from mutation.mutants import Mutant

FILE = Path(__file__).with_name("explained.yaml")
KINDS = {
    "equivalent": "the change changes nothing that anybody can see",
    "wording": "words for people, which no contract fixes",
    "log": "what is logged or counted, and no more",
    "timing": "how long or how often, within what is promised",
    "defence": "a second line behind one that holds",
    "elsewhere": "seen by tests/services, or only on another target",
    "two faults": "seen only where a second part fails between two statements of one request",
}


class ExplanationError(Exception):
    """An entry that cannot be used, or that no longer fits; the message names it."""


@dataclass(frozen=True)
class Explanation:
    """In a ``function`` of ``file`` these lines may become others, for this ``reason``, which is of a ``kind``."""

    file: str
    function: str
    before: str
    after: str
    kind: str
    reason: str

    def explains(self, mutant: Mutant) -> bool:
        """Whether it is this mutant that is meant."""
        mine = (self.file, self.function, self.before, self.after)
        return mine == (mutant.file, mutant.function, mutant.before, mutant.after)


def read(path: Path = FILE) -> list[Explanation]:
    """Every entry; raises ExplanationError for a bad one."""
    entries = yaml.safe_load(path.read_text("utf-8")) or []
    found = []
    for number, entry in enumerate(entries, 1):
        try:
            one = Explanation(**{name: _stripped(str(text)) for name, text in entry.items()})
        except TypeError as error:
            raise ExplanationError(f"{path.name}: entry {number}: {error}") from None
        if one.kind not in KINDS or not one.reason:
            raise ExplanationError(f"{path.name}: entry {number} needs a reason, and a kind of {', '.join(KINDS)}")
        found.append(one)
    return found


def fitting() -> list[Explanation]:
    """Every entry; raises ExplanationError where one no longer fits its file."""
    entries = read()
    if wrong := stale(entries):
        raise ExplanationError("\n".join(wrong))
    return entries


def _stripped(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


def stale(entries: Iterable[Explanation], root: Path = ROOT) -> list[str]:
    """What is wrong with entries whose text no longer stands in its file."""
    wrong = []
    for one in entries:
        path = root / one.file
        text = _stripped(path.read_text("utf-8")) if path.is_file() else ""
        if not one.before or f"\n{one.before}\n" not in f"\n{text}\n" or f"def {one.function}(" not in text:
            wrong.append(
                f"{one.file} no longer has {one.before!r} in {one.function}: correct or remove the explanation"
            )
    return wrong
