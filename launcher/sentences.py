"""The sentences of the contract: which tests prove each, and which seeded defects show that those tests can fail.

A claim in ``docs/protocol.md`` or ``docs/recovery.md`` ends with its id, ``<sup>2.3.07</sup>``.
A test that fails where it does not hold has the tag ``proto:2.3.07``.
A defect that breaks it names ``proto:2.3.07`` in ``breaks`` and such a test in ``caught_by``.
What still lacks one is in ``lint/sentences.yaml``, which may only become shorter.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from launcher import tests_by_id
from launcher.paths import ROOT
from launcher.tests_by_id import KnownTest

if TYPE_CHECKING:
    from defects.catalogue import Defect

PREFIX = "proto:"
CONTRACT = ("docs/protocol.md", "docs/recovery.md")
PAGE = "docs/sentences.md"
BASELINE = "lint/sentences.yaml"
_FORM = re.compile(r"R?\d+(?:\.\d+)?\.\d{2,3}")
_MARK = re.compile(r"<sup>(?P<id>[^<]*)</sup>")
_GONE = re.compile(r"<!-- gone: (?P<ids>[^>]*?) *-->")
_NO_PROMISE = "<!-- no promise -->"
_ITEM = re.compile(r"^\d+\. ")
_HALVES = re.compile(r"(?<!\\)\|")
# A sentence that ends and one that begins, outside brackets and code.
_SENTENCE_END = re.compile(r"\.\)? (?=[A-Z`*])")


@dataclass(frozen=True)
class Sentence:
    """One claim with its id, the page that makes it and the heading that it stands under."""

    id: str
    text: str
    page: str
    section: str


@dataclass(frozen=True)
class Contract:
    """Every claim by id, the ids that are used up, and what cannot be read, with the reason."""

    sentences: Mapping[str, Sentence]
    gone: frozenset[str]
    flaws: tuple[str, ...]


def read(root: Path = ROOT) -> Contract:
    """The claims of both pages."""
    return parse({page: (root / page).read_text("utf-8") for page in CONTRACT if (root / page).is_file()})


def parse(pages: Mapping[str, str]) -> Contract:
    """The claims of ``pages``: their texts by name."""
    found: dict[str, Sentence] = {}
    gone: set[str] = set()
    flaws: list[str] = []
    for page, text in pages.items():
        gone.update(key for row in _GONE.finditer(text) for key in row["ids"].split())
        for number, section, line in _lines(text):
            where = f"{page}, line {number}"
            for key, claim in _claims(line):
                if not _FORM.fullmatch(key):
                    flaws.append(f"{where}: {key!r} is no id of a sentence, like 2.3.07 or R1.02")
                elif key in found or key in gone:
                    flaws.append(f"{where}: {key} was given before; ids are given once")
                else:
                    found[key] = Sentence(key, claim, page, section)
            flaws += [f"{where}: {flaw}" for flaw in _unmarked(line)]
    return Contract(found, frozenset(gone), tuple(flaws))


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """What may promise something: each line of prose and each row below the head of its table."""
    section = ""
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if line.startswith("##"):
            section = line.lstrip("# ")
        is_head = number < len(lines) and _is_rule(lines[number])
        if line.strip() and not line.startswith(("#", "<!--")) and not _is_rule(line) and not is_head:
            yield number, section, line.strip()


def _is_rule(line: str) -> bool:
    return bool(line) and set(line) <= set("|- ")


def _claims(line: str) -> Iterator[tuple[str, str]]:
    """The ids of a line, each with its text; what the first cell of a row names stands before it."""
    if not line.startswith("|"):
        yield from _marked(_ITEM.sub("", line), "")
        return
    cells = [cell.strip() for cell in _HALVES.split(line)[1:-1]]
    subject = _MARK.sub("", cells[0])
    for place, cell in enumerate(cells):
        yield from _marked(cell, f"{subject}: " if place else "")


def _marked(text: str, subject: str) -> Iterator[tuple[str, str]]:
    start = 0
    for mark in _MARK.finditer(text):
        claim = text[start : mark.start()].replace(_NO_PROMISE, "").strip(" ;,").lstrip(").;,· ")
        begins = start == 0 or text[:start].rstrip().endswith(".</sup>") or _ended(text, start)
        yield mark["id"], f"{subject}{'' if begins else '… '}{claim}"
        start = mark.end()


def _ended(text: str, start: int) -> bool:
    return _MARK.sub("", text[:start]).rstrip().endswith((".", ".)"))


def _unmarked(line: str) -> Iterator[str]:
    """What of a line claims something and has no id: a row without any, a sentence whose end has none."""
    if line.startswith("|"):
        if not _MARK.search(line) and _NO_PROMISE not in line and not _is_bare(line):
            yield f"this row has no id, nor {_NO_PROMISE}"
        return
    if not _MARK.sub("\0", line).rstrip(").").endswith("\0") and not line.endswith((_NO_PROMISE, ":")):
        yield f"this sentence ends with no id, nor with {_NO_PROMISE}"
    plain = re.sub(r"`[^`]*`|\([^()]*\)", lambda at: "x" * len(at[0]), _ITEM.sub("", line))
    if end := _SENTENCE_END.search(plain):
        yield f"a sentence ends in the middle of the line, before {_ITEM.sub('', line)[end.end() : end.end() + 30]!r}"


def _is_bare(line: str) -> bool:
    """Whether the last cell says nothing of its own: it is empty, a dash, or a reference."""
    last = _HALVES.split(line)[-2].strip()
    return last in ("", "–") or last.startswith(("§", "correct"))


class Table:
    """What proves each sentence."""

    def __init__(
        self, contract: Contract, tests: Mapping[str, KnownTest], defects: Sequence[Defect], root: Path = ROOT
    ) -> None:
        self._contract = contract
        self._tests = tests
        self._defects = defects
        self._root = root

    @classmethod
    def of_project(cls, root: Path = ROOT) -> Table:
        """The project's own; the tests and the catalogue are read where there is a contract."""
        contract = read(root)
        if not contract.sentences:
            return cls(contract, {}, (), root)
        from defects import catalogue

        return cls(contract, tests_by_id.read(*tests_by_id.of_project(root)), catalogue.read(), root)

    @cached_property
    def tests(self) -> Mapping[str, list[str]]:
        """The ids of the tests that name a sentence, by its id."""
        found: dict[str, list[str]] = {}
        for test in sorted(self._tests.values(), key=lambda test: test.id):
            for tag in test.tags:
                if tag.lower().startswith(PREFIX):
                    found.setdefault(tag[len(PREFIX) :], []).append(test.id)
        return found

    @cached_property
    def defects(self) -> Mapping[str, list[str]]:
        """The defects that break a sentence and that a test which names it must catch, by the sentence's id."""
        found: dict[str, list[str]] = {}
        for defect, key in self._broken():
            if set(self.tests.get(key, ())).intersection(defect.caught_by):
                found.setdefault(key, []).append(defect.id)
        return found

    def _broken(self) -> Iterator[tuple[Defect, str]]:
        for defect in self._defects:
            for name in defect.breaks:
                if name.startswith(PREFIX):
                    yield defect, name[len(PREFIX) :]

    def untested(self) -> list[str]:
        """The sentences that no test names."""
        return [key for key in self._contract.sentences if key not in self.tests]

    def unproved(self) -> list[str]:
        """The sentences with tests of which none must catch a defect that breaks them."""
        return [key for key in self._contract.sentences if key in self.tests and key not in self.defects]

    def unmatched(self) -> Iterator[str]:
        """A line for each id that a test or a defect names and no page has, and for each defect that nothing joins."""
        known = self._contract.sentences
        for key, tests in self.tests.items():
            if key not in known:
                yield f"the tag {PREFIX}{key} of {', '.join(tests)} names no sentence"
        for defect, key in self._broken():
            if key not in known:
                yield f"{PREFIX}{key}, which the defect {defect.id} breaks, names no sentence"
            elif defect.id not in self.defects.get(key, ()):
                named = ", ".join(defect.caught_by)
                yield f"{defect.id} breaks {PREFIX}{key}, and of {named}, which must catch it, none has that tag"

    def flaws(self, accepted: Mapping[str, Collection[str]]) -> list[str]:
        """All that is wrong, beside the sentences that the baseline accepts; each line says what to do."""
        lines = [*self._contract.flaws, *self.unmatched()]
        lacks = {"untested": "has no test", "unproved": "has tests, and no seeded defect that one of them must catch"}
        now = {"untested": self.untested(), "unproved": self.unproved()}
        owed = {
            "untested": accepted.get("untested", ()),
            "unproved": [key for keys in accepted.values() for key in keys],
        }
        for kind, lack in lacks.items():
            missing = [self._contract.sentences[key] for key in now[kind] if key not in owed[kind]]
            lines += [f"{one.page}: {PREFIX}{one.id} {lack}: {one.text}" for one in missing]
            lines += [
                f"{BASELINE}: {key} is no longer {kind}: ./run lint --shrink"
                for key in accepted.get(kind, ())
                if key not in now[kind]
            ]
        return lines

    def shrunk(self, accepted: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
        """``accepted`` without what is proved by now; what has a test and lacks its defect is ``unproved``."""
        once = {key for keys in accepted.values() for key in keys}
        return {
            "untested": [key for key in self.untested() if key in accepted.get("untested", ())],
            "unproved": [key for key in self.unproved() if key in once],
        }

    def stale(self) -> dict[Path, str]:
        """The page, where it is not as it should be, and its text as it should be."""
        path = self._root / PAGE
        if not self._contract.sentences:
            return {}
        text = self.page()
        return {} if path.is_file() and path.read_text("utf-8") == text else {path: text}

    def page(self) -> str:
        """The table sentence → tests → defects, as Markdown."""
        sentences = self._contract.sentences.values()
        tested, proved = (
            len(sentences) - len(self.untested()),
            len(self.defects.keys() & self._contract.sentences.keys()),
        )
        lines = [
            "# Sentences of the contract",
            "",
            "Generated by `./run docs` from the pages, the tags of the tests and the catalogue of defects.",
            "Each claim has an id that never changes; a new one gets the next number of its section.",
            "A test that fails where the claim does not hold has the tag `proto:<id>`.",
            "A seeded defect that breaks the claim, and that such a test must catch, names it in `breaks`.",
            "",
            f"{len(sentences)} claims, {tested} with a test, {proved} with a defect.",
        ]
        place: tuple[str, str] | None = None
        for sentence in sentences:
            if place != (sentence.page, sentence.section):
                place = sentence.page, sentence.section
                head = f"{Path(sentence.page).name}: {sentence.section or 'before the first section'}"
                lines += ["", f"## {head}", "", "| id | sentence | tests | defects |", "|---|---|---|---|"]
            tests = ", ".join(self.tests.get(sentence.id, ())) or "–"
            defects = ", ".join(self.defects.get(sentence.id, ())) or "–"
            lines.append(f"| {sentence.id} | {sentence.text} | {tests} | {defects} |")
        return "\n".join(lines) + "\n"


def accepted(root: Path = ROOT) -> dict[str, list[str]]:
    """The baseline: the sentences that lack a test (``untested``) or a defect (``unproved``)."""
    path = root / BASELINE
    return (yaml.safe_load(path.read_text("utf-8")) or {}) if path.is_file() else {}


def write_accepted(lists: Mapping[str, Iterable[str]], root: Path = ROOT) -> None:
    """Replace the baseline."""
    text = yaml.safe_dump({kind: list(keys) for kind, keys in lists.items()}, sort_keys=False)
    (root / BASELINE).write_text(text, "utf-8")
