"""Which tests are most likely to notice a defect of which nobody has said so, and in which order they are asked.

Near is a test that must catch a seeded defect in the same function, or file, and one whose words are those in which the
defect is described.
"""

from __future__ import annotations

import ast
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from robot.api import TestSuite

from defects.catalogue import ROOT, Change, Defect
from defects.rounds import Blind
from launcher import sentences, tests_by_id

_SAME_FUNCTION = 0.6
_SAME_FILE = 0.1
_ANYHOW = 40
_SECTION = re.compile(r"R?\d+(?:\.\d+)?")
_WORD = re.compile(r"[a-z0-9]+")
_ENDINGS = re.compile(r"(ing|ed|es|s|e)$")


@dataclass(frozen=True)
class Asked:
    """A test that may notice: its id, its suite, its words, and the sections of which it proves a sentence."""

    id: str
    suite: Path
    words: Counter[str] = field(hash=False)
    sections: frozenset[str] = frozenset()

    @property
    def area(self) -> str:
        """The folder of ``suites/`` that it is in."""
        return self.suite.relative_to(ROOT / "suites").parts[0]


def asked(root: Path = ROOT) -> list[Asked]:
    """Every test of the suites, with the words of the sentences that it proves."""
    said = sentences.read(root).sentences
    found: list[Asked] = []
    for test in TestSuite.from_file_system(root / "suites").all_tests:
        if key := tests_by_id.of_tags(test.tags):
            proved = [said[name] for tag in map(str, test.tags) if (name := tag.removeprefix(sentences.PREFIX)) in said]
            words = Counter(_words(" ".join([_text(test), *(one.text for one in proved)])))
            sections = frozenset(one.id.rpartition(".")[0] for one in proved)
            found.append(Asked(key, Path(test.source), words, sections))
    return found


def ordered(blind: Blind, tests: Sequence[Asked], catalogue: Iterable[Defect], root: Path = ROOT) -> list[Asked]:
    """The tests of its areas, the likeliest first."""
    near: defaultdict[str, float] = defaultdict(float)
    places = {_place(change, root) for change in blind.changes}
    for defect in catalogue:
        worth = max(_nearness(places, _place(change, root)) for change in defect.changes)
        for key in defect.caught_by:
            near[key] = max(near[key], worth) + 0.1 * min(near[key], worth)
    alike = _likeness(Counter(_words(blind.words)), tests)
    able = [test for test in tests if not blind.areas or test.area in blind.areas]
    return sorted(able, key=lambda test: (-(near[test.id] + alike[test.id]), test.id))


def concerned(blind: Blind, tests: Sequence[Asked], catalogue: Sequence[Defect], root: Path = ROOT) -> list[Asked]:
    """Those that should notice, the likeliest first: all of its areas where some are named.

    Else those that prove a sentence of the sections that its own begins with (``2.5:``), those that must catch a defect
    in a file that it changes, and the likeliest in any case.
    """
    order = ordered(blind, tests, catalogue, root)
    if blind.areas:
        return order
    named = set(_SECTION.findall(blind.breaks.partition(":")[0]))
    files = {change.file for change in blind.changes}
    near = {
        key for defect in catalogue if files & {change.file for change in defect.changes} for key in defect.caught_by
    }
    near |= {test.id for test in order[:_ANYHOW]}
    return [test for test in order if test.id in near or named & test.sections]


def by_suite(tests: Sequence[Asked]) -> list[Asked]:
    """Those of one suite together, the suites in order of their first."""
    of_suite: defaultdict[Path, list[Asked]] = defaultdict(list)
    for test in tests:
        of_suite[test.suite].append(test)
    return [test for together in of_suite.values() for test in together]


def _nearness(places: Iterable[tuple[str, str]], other: tuple[str, str]) -> float:
    return max((_SAME_FUNCTION if other == place else _SAME_FILE) if other[0] == place[0] else 0.0 for place in places)


def _place(change: Change, root: Path) -> tuple[str, str]:
    """The file and the function that are changed."""
    text = _source(root / change.file)
    line = text[: max(text.find(change.find), 0)].count("\n") + 1 + change.find[: len(change.find) // 2].count("\n")
    inner = (
        [name for first, last, name in _functions(text) if first <= line <= last] if change.file.endswith(".py") else []
    )
    return change.file, inner[-1] if inner else ""


@cache
def _source(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


@cache
def _functions(text: str) -> Sequence[tuple[int, int, str]]:
    """First and last line and name of each function, the inner ones later."""
    found = [
        (node.lineno, node.end_lineno or node.lineno, node.name)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return sorted(found, key=lambda function: (function[0], -function[1]))


def _likeness(words: Counter[str], tests: Sequence[Asked]) -> dict[str, float]:
    """How alike the words of each test are to these: the cosine, rare words counting for more."""
    weights, vectors = _vectors(tuple(tests))
    wanted = _vector(words, weights)
    return {key: sum(wanted.get(word, 0.0) * value for word, value in one.items()) for key, one in vectors.items()}


@lru_cache(maxsize=1)
def _vectors(tests: tuple[Asked, ...]) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """What each word weighs, and the vector of each test."""
    often = Counter(word for test in tests for word in test.words)
    weights = {word: math.log(len(tests) / count) for word, count in often.items()}
    return weights, {test.id: _vector(test.words, weights) for test in tests}


def _vector(words: Mapping[str, int], weights: Mapping[str, float]) -> dict[str, float]:
    raw = {word: math.sqrt(count) * weights.get(word, 0.0) for word, count in words.items()}
    length = math.sqrt(sum(value * value for value in raw.values())) or 1.0
    return {word: value / length for word, value in raw.items()}


def _text(test: Any) -> str:
    """Its name thrice, since it was chosen with most care, and each word of what it does."""
    return " ".join([*([test.name] * 3), test.doc, test.parent.doc, *_calls(test.body)])


def _calls(body: Iterable[Any]) -> Iterator[str]:
    for item in body:
        yield str(getattr(item, "name", "") or "")
        yield from map(str, getattr(item, "args", ()) or ())
        yield from _calls(getattr(item, "body", ()) or ())


def _words(text: str) -> Iterator[str]:
    for word in _WORD.findall(text.lower()):
        yield _ENDINGS.sub("", word) if len(word) > 4 else word
