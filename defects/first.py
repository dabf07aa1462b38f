"""What each defect of a blind round came to at its first try, and the page that shows it.

``defects/rounds/<number>.first.json`` keeps the first results: whatever the suites learn later does not change them.
``defects/rounds/notes.yaml`` has what people say about them since.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import yaml

from defects import rounds
from defects.catalogue import Defect
from defects.rounds import FOLDER, Blind

PAGE = FOLDER.with_suffix(".md")
NOTES = "notes.yaml"
_HEAD = """# Blind rounds

Written by `./run prove --round N`; [defects.md](../docs/defects.md#blind-rounds) says what a round is.
The first result of a defect stays as it was; the last column has what is true since then.
"""


class First(StrEnum):
    """How a defect fared at its first try."""

    CAUGHT = "caught"
    MISSED = "missed"
    NOT_STARTED = "does not start"


@dataclass(frozen=True)
class Result:
    """The first result: ``test`` noticed first, with these ``words``; ``ran`` tests were asked, in so many seconds.

    ``unjudged`` are tests that could not be judged, however often they were tried.
    """

    outcome: First
    test: str = ""
    name: str = ""
    words: str = ""
    ran: int = 0
    seconds: float = 0.0
    date: str = ""
    commit: str = ""
    unjudged: tuple[str, ...] = ()


class Firsts:
    """The first results of one round; each is written as soon as it is there, and stays."""

    def __init__(self, number: int, folder: Path = FOLDER) -> None:
        """Read what is there."""
        self._path = folder / f"{number}.first.json"
        # The lanes of a round keep what they find from a thread each.
        self._writing = threading.Lock()
        found = json.loads(self._path.read_text("utf-8")) if self._path.exists() else {}
        self.results = {
            key: Result(**{**one, "outcome": First(one["outcome"]), "unjudged": tuple(one["unjudged"])})
            for key, one in found.items()
        }

    def keep(self, key: str, result: Result) -> None:
        """Keep a result, unless there is one."""
        with self._writing:
            if key in self.results:
                return
            self.results[key] = result
            self._write()

    def take_back(self, tests: Collection[str]) -> list[str]:
        """Forget what was caught by ``tests``, which prove nothing; the ids of those defects."""
        with self._writing:
            gone = [key for key, one in self.results.items() if one.test in tests]
            for key in gone:
                del self.results[key]
            if gone:
                self._write()
        return gone

    def _write(self) -> None:
        document = {key: asdict(one) for key, one in sorted(self.results.items())}
        temporary = self._path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
        os.replace(temporary, self._path)


def rate(results: Sequence[Result]) -> str:
    """Caught of those that started, and the share in percent."""
    judged = [one for one in results if one.outcome is not First.NOT_STARTED]
    caught = sum(one.outcome is First.CAUGHT for one in judged)
    return f"{caught} of {len(judged)} ({caught / len(judged):.0%})" if judged else "–"


def page(catalogue: Sequence[Defect], folder: Path = FOLDER) -> str:
    """``defects/rounds.md``."""
    notes: Mapping[str, str] = (
        yaml.safe_load((folder / NOTES).read_text("utf-8")) or {} if (folder / NOTES).exists() else {}
    )
    parts = [_HEAD, *_overview(folder)]
    for number in rounds.numbers(folder):
        results = Firsts(number, folder).results
        parts += ["", f"## Round {number}", "", "| id | defect | first | test | its words | since then |"]
        parts += ["|---|---|---|---|---|---|"]
        for blind in rounds.read(number, folder):
            parts.append(_row(blind, results.get(blind.id), _since(number, blind, catalogue, notes)))
    return "\n".join(parts) + "\n"


def _overview(folder: Path) -> list[str]:
    lines = ["| round | defects | caught at first try |", "|---|---|---|"]
    for number in rounds.numbers(folder):
        results = list(Firsts(number, folder).results.values())
        count = len(rounds.read(number, folder))
        # A rate of some would look better than it is: those that are caught are known first.
        shown = f"not known: {count - len(results)} have no result yet" if len(results) < count else rate(results)
        lines.append(f"| {number} | {count} | {shown} |")
    return lines


def _row(blind: Blind, result: Result | None, since: str) -> str:
    if result is None:
        cells = [blind.id, blind.title, "not judged yet", "", "", since]
    else:
        cells = [blind.id, blind.title, result.outcome, f"{result.test} {result.name}".strip(), result.words, since]
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def catalogued(number: int, blind: Blind) -> str:
    """The id under which a defect of a round is in the catalogue."""
    return f"B{number}-{blind.id.lstrip('ABCDEFGHIJKLMNOPQRSTUVWXYZ-'):0>2}"


def _since(number: int, blind: Blind, catalogue: Sequence[Defect], notes: Mapping[str, str]) -> str:
    key = catalogued(number, blind)
    known = [f"{key}: {', '.join(defect.caught_by)}" for defect in catalogue if defect.id == key]
    return "; ".join([*known, *([notes[blind.id]] if blind.id in notes else [])])
