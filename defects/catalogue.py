"""The catalogue of seeded defects: read, checked, and applied to a copy of ``services/``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml

from defects.kinds import Kind
from launcher import tests_by_id
from launcher.console import LaunchError, did_you_mean
from mutation import copies

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(__file__).resolve().parent / "catalogue"
# The one in C, where PyYAML was built with it, reads the catalogue ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FIELDS = {"id", "title", "breaks", "origin", "change", "caught_by", "diagnosis"}
KNOWN = {*FIELDS, "kind", "suite", "also", "sample", "uncrowded", "target"}


class CatalogueError(Exception):
    """An entry that cannot be used; the message names the file, the entry and the cause."""


@dataclass(frozen=True)
class Change:
    """One replacement: ``find`` must stand exactly once in ``file`` (a path below the project)."""

    file: str
    find: str
    replace: str

    def applied(self, text: str) -> str:
        """``text`` with the change made; raises CatalogueError when it does not fit exactly once."""
        count = text.count(self.find)
        if count != 1:
            raise CatalogueError(f"{self.file}: the text to change stands there {count} times, not once: {self.find!r}")
        return text.replace(self.find, self.replace)


class Changed(Protocol):
    """What can be made in a copy: something with a name that is a number of changes."""

    @property
    def id(self) -> str:
        """How it is called."""

    @property
    def changes(self) -> tuple[Change, ...]:
        """What is changed, in this order."""


@dataclass(frozen=True)
class Defect:
    """One seeded defect: what it is, what it breaks, and which tests (by their ids) must say so in which words.

    ``also`` are tests that it reddens by rights beside those that must name it; ``sample`` is one that it must not.
    One that is told by times which a crowd of other runs would drown is ``uncrowded``: beside it run as many as there
    are cores, and no more. ``target`` is the one that the tests run on where it is another way to see the platform.
    """

    id: str
    title: str
    breaks: tuple[str, ...]
    origin: str
    changes: tuple[Change, ...]
    caught_by: tuple[str, ...]
    diagnosis: str
    suite: str
    kind: Kind | None = None
    also: tuple[str, ...] = ()
    sample: str = ""
    uncrowded: bool = False
    target: str = ""

    @property
    def group(self) -> str:
        """What stands before the number of the id."""
        return self.id.rpartition("-")[0]

    @property
    def number(self) -> int:
        """The number within the group."""
        return int(self.id.rpartition("-")[2])


def read(folder: Path = FOLDER) -> list[Defect]:
    """Every defect of the catalogue, by id; raises CatalogueError for a bad or doubled entry."""
    defects: dict[str, Defect] = {}
    for path in sorted(folder.glob("*.yaml")):
        for entry in read_entries(path):
            defect = _defect(entry, path.name)
            if defect.id in defects:
                raise CatalogueError(f"{path.name}: {defect.id} is there twice")
            defects[defect.id] = defect
    return sorted(defects.values(), key=lambda defect: defect.id)


def select(defects: list[Defect], names: Sequence[str]) -> list[Defect]:
    """The defects that ``names`` mean, all of them without a name.

    A name is a defect's id, its group (``C01``), or ``id:C05-03`` for those that the test C05-03 must catch.
    Raises CatalogueError for a name that means none.
    """
    for name in names:
        if not any(_is_meant(defect, name) for defect in defects):
            raise CatalogueError(_unknown(name, defects))
    return [defect for defect in defects if not names or any(_is_meant(defect, name) for name in names)]


def _is_meant(defect: Defect, name: str) -> bool:
    if name.startswith(tests_by_id.PREFIX):
        return tests_by_id.written(name) in defect.caught_by
    return name in (defect.id, defect.group)


def _unknown(name: str, defects: Sequence[Defect]) -> str:
    caught = {test for defect in defects for test in defect.caught_by}
    test = tests_by_id.written(name)
    if name.startswith(tests_by_id.PREFIX):
        return f"there is no defect that the test {test or name} must catch"
    hint = f" Those that the test {test} must catch: {tests_by_id.PREFIX}{test}" if test in caught else ""
    return f"there is no defect {name}.{did_you_mean(name, [defect.id for defect in defects])}{hint}"


def one_each(defects: Sequence[Defect]) -> list[Defect]:
    """As many of the defects as let each test catch one that it must; a slow one only where there is no other."""
    chosen: list[Defect] = []
    proved: set[str] = set()
    for defect in sorted(defects, key=lambda defect: defect.kind is Kind.SLOWNESS):
        if not proved.issuperset(defect.caught_by):
            chosen.append(defect)
            proved.update(defect.caught_by)
    return sorted(chosen, key=lambda defect: defect.id)


def read_entries(path: Path) -> list[dict[str, Any]]:
    """The entries of a file as they are written; raises CatalogueError where it is no list of them."""
    try:
        entries = yaml.load(path.read_text(encoding="utf-8"), _LOADER)  # noqa: S506 - both are safe
    except yaml.YAMLError as error:
        raise CatalogueError(f"{path.name}: {error}") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise CatalogueError(f"{path.name} is not a list of defects")
    return entries


def _defect(entry: dict[str, Any], file: str) -> Defect:
    name = entry.get("id", "an entry without id")
    missing = FIELDS - entry.keys()
    if missing:
        raise CatalogueError(f"{file}: {name} lacks {', '.join(sorted(missing))}")
    if unknown := entry.keys() - KNOWN:
        raise CatalogueError(f"{file}: {name} has {', '.join(sorted(unknown))}, which nothing reads")
    return Defect(
        id=name,
        title=entry["title"],
        breaks=tuple(listed(entry["breaks"])),
        origin=entry["origin"],
        changes=tuple(Change(**change) for change in listed(entry["change"])),
        caught_by=tuple(listed(entry["caught_by"])),
        diagnosis=entry["diagnosis"],
        suite=entry.get("suite", "suites"),
        kind=_kind(entry.get("kind"), f"{file}: {name}"),
        also=tuple(listed(entry.get("also", []))),
        sample=entry.get("sample", ""),
        uncrowded=entry.get("uncrowded", False),
        target=entry.get("target", ""),
    )


def _kind(word: str | None, where: str) -> Kind | None:
    try:
        return Kind(word) if word is not None else None
    except ValueError:
        raise CatalogueError(f"{where} is of kind {word!r}; kinds are: {', '.join(Kind)}") from None


def listed(value: Any) -> list[Any]:
    """A value that may be one or a list, as a list."""
    return value if isinstance(value, list) else [value]


def check(defect: Defect, root: Path = ROOT) -> None:
    """Raises CatalogueError when the defect no longer applies to the code, or names a test that is not there."""
    applied(defect, root)
    try:
        known = tests_by_id.read(*tests_by_id.of_project(root))
        tests = [
            tests_by_id.find(key, known) for key in (*defect.caught_by, *defect.also, *filter(None, [defect.sample]))
        ]
    except LaunchError as error:
        raise CatalogueError(f"{defect.id}: {error}") from None
    for test in tests:
        if not test.suite.is_relative_to(root / defect.suite):
            raise CatalogueError(f"{defect.id}: the test {test.id} is in {test.suite}, not in {defect.suite}")


def apply(defect: Changed, target: Path, root: Path = ROOT) -> None:
    """Copy ``services/`` into ``target`` with the defect's changes made; the original is not touched.

    What is compiled goes along, so that a copy starts as fast as the original, except for what changes.
    """
    changed = applied(defect, root)
    copies.copy(root, target)
    for file, text in changed.items():
        copies.change(target, file, text)


def applied(defect: Changed, root: Path) -> dict[str, str]:
    """The changed files and their texts; raises CatalogueError where a change does not fit."""
    texts: dict[str, str] = {}
    for change in defect.changes:
        if not change.file.startswith("services/"):
            raise CatalogueError(f"{defect.id}: {change.file} is not below services/")
        try:
            text = texts.get(change.file) or (root / change.file).read_text(encoding="utf-8")
            texts[change.file] = change.applied(text)
        except OSError as error:
            raise CatalogueError(f"{defect.id}: {change.file} cannot be read: {error.strerror}") from None
        except CatalogueError as error:
            raise CatalogueError(f"{defect.id}: {error}") from None
    return texts
