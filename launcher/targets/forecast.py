"""Which portable tests a target can run, by reading suites and resources without running them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robot.api import TestSuite
from robot.running import ResourceFile, UserKeyword

from launcher.paths import RESOURCES, SHIPPED_SUITES
from launcher.targets.vocabulary import Need, Needs, Vocabulary, normal

VOCABULARY = "portable/vocabulary.resource"
_MOST_DEPTH = 8
_SWITCHES = {"True": "True", "False": "False"}
"""Variables of Robot that are known before a run."""


@dataclass
class TestNeeds:
    """A test with its id, and what it needs of a dialect."""

    id: str
    name: str
    needs: Needs = field(default_factory=Needs)


@dataclass(frozen=True)
class Forecast:
    """Which tests can run, and what would add how many: a need, and the tests that lack nothing else."""

    tests: Sequence[TestNeeds]
    runnable: Sequence[TestNeeds]
    would_add: Mapping[str, Sequence[TestNeeds]]
    lacking: Mapping[str, Sequence[str]]
    """Of each test that cannot run what it lacks."""


def read(
    folder: Path = SHIPPED_SUITES, resources: Path = RESOURCES, vocabulary: Vocabulary | None = None
) -> list[TestNeeds]:
    """The tests of the portable suites in a folder with their needs, those of setups and teardowns included."""
    reader = _Reader(resources, vocabulary or Vocabulary())
    suites = [path for path in sorted(folder.rglob("*.robot")) if VOCABULARY in path.read_text("utf-8")]
    return [test for path in suites for test in reader.suite(path)]


def forecast(tests: Sequence[TestNeeds], lacks: Callable[[Need], str], *, sockets: bool = True) -> Forecast:
    """Which of ``tests`` can run; ``lacks`` says in words what is missing for a need, "" where nothing is.

    Without ``sockets`` steps on them are left out, as `TargetLibrary` does, but of a test that is named after them.
    """
    runnable, would_add, lacking = [], dict[str, list[TestNeeds]](), dict[str, Sequence[str]]()
    for test in tests:
        goes_without = not sockets and "Socket" not in test.name
        needed = test.needs.needed if goes_without else test.needs.needed | test.needs.left_out
        missing = sorted({why for need in needed if (why := lacks(need))})
        if not missing:
            runnable.append(test)
            continue
        lacking[test.id] = missing
        if len(missing) == 1:
            would_add.setdefault(missing[0], []).append(test)
    most_first = dict(sorted(would_add.items(), key=lambda entry: (-len(entry[1]), entry[0])))
    return Forecast(tests, runnable, most_first, lacking)


class _Reader:
    def __init__(self, resources: Path, vocabulary: Vocabulary) -> None:
        self._resources = resources
        self._vocabulary = vocabulary
        self._read: dict[Path, Mapping[str, UserKeyword]] = {}

    def suite(self, path: Path) -> Iterator[TestNeeds]:
        suite = TestSuite.from_file_system(path)
        keywords = {normal(known.name): known for known in suite.resource.keywords}
        for imported in suite.resource.imports:
            if imported.type == "RESOURCE":
                keywords = {**self._resource(path.parent, imported.name), **keywords}
        around = Needs()
        for fixture in (suite.setup, suite.teardown):
            self._call(fixture, {}, keywords, around, 0)
        for test in suite.tests:
            ids = [str(tag) for tag in test.tags if str(tag).startswith("id:")]
            found = TestNeeds(ids[0].removeprefix("id:") if ids else test.name, test.name)
            found.needs.add(around)
            for item in (test.setup, *test.body, test.teardown):
                self._item(item, {}, keywords, found.needs, 0)
            yield found

    def _resource(self, beside: Path, name: str) -> Mapping[str, UserKeyword]:
        path = next((known for known in (beside / name, self._resources / name) if known.is_file()), None)
        if path is None:
            return {}
        if path not in self._read:
            found = ResourceFile.from_file_system(path)
            keywords = {normal(known.name): known for known in found.keywords}
            for imported in found.imports:
                if imported.type == "RESOURCE":
                    keywords = {**self._resource(path.parent, imported.name), **keywords}
            self._read[path] = keywords
        return self._read[path]

    def _item(
        self, item: Any, known: Mapping[str, str], keywords: Mapping[str, UserKeyword], found: Needs, depth: int
    ) -> None:
        """A call, or a loop or branch with what is in it."""
        for inner in getattr(item, "body", ()):
            self._item(inner, known, keywords, found, depth)
        self._call(item, known, keywords, found, depth)

    def _call(
        self, item: Any, known: Mapping[str, str], keywords: Mapping[str, UserKeyword], found: Needs, depth: int
    ) -> None:
        name = getattr(item, "name", None)
        if not name or depth > _MOST_DEPTH or not hasattr(item, "args"):
            return
        args = [_filled(str(arg), known) for arg in item.args]
        self._named(name, args, keywords, found, depth)

    def _named(
        self, name: str, args: Sequence[str | None], keywords: Mapping[str, UserKeyword], found: Needs, depth: int
    ) -> None:
        plain = normal(name)
        if plain in keywords:
            keyword = keywords[plain]
            inner = _bound(keyword, args)
            for item in (keyword.setup, *keyword.body, keyword.teardown):
                self._item(item, inner, keywords, found, depth + 1)
        elif self._vocabulary.knows(name):
            found.add(self._vocabulary.needs(name, args))
        elif plain.startswith(("runkeyword", "waituntilkeyword", "repeatkeyword")):
            for calls in _split(args):
                first = next((index for index, arg in enumerate(calls) if arg and self._is_known(arg, keywords)), None)
                if first is not None:
                    self._named(str(calls[first]), calls[first + 1 :], keywords, found, depth + 1)

    def _is_known(self, name: str, keywords: Mapping[str, UserKeyword]) -> bool:
        return normal(name) in keywords or self._vocabulary.knows(name)


def _split(args: Sequence[str | None]) -> Iterator[Sequence[str | None]]:
    """The calls of ``Run Keywords``, which stand between ``AND``."""
    call: list[str | None] = []
    for arg in args:
        if arg == "AND":
            yield call
            call = []
        else:
            call.append(arg)
    yield call


def _filled(arg: str, known: Mapping[str, str]) -> str | None:
    """An argument as a text; None where it has a variable that nobody knows before it runs."""
    for name, value in {**known, **_SWITCHES}.items():
        arg = arg.replace(f"${{{name}}}", value)
    return None if "${" in arg or "@{" in arg or "&{" in arg else arg


def _bound(keyword: UserKeyword, args: Sequence[str | None]) -> dict[str, str]:
    """The arguments of a user keyword that are known, by name."""
    names = [str(name) for name in keyword.args.positional]
    bound = {str(name): str(value) for name, value in keyword.args.defaults.items()}
    bound = {name: value for name, value in bound.items() if "{" not in value}
    bound.update({name: arg for name, arg in zip(names, args, strict=False) if arg is not None})
    return bound
