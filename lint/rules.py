"""Robocop's custom rules: a test has one id, which no other test has; names obey ``CONTEXT.md``.

Robocop reads them by ``--custom-rules``, as ``./run lint`` gives it. Ids are compared between the files of one run,
which therefore has to be without robocop's cache.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from robocop.linter.rules import Rule, RuleSeverity, VisitorChecker

from launcher.tests_by_id import FORM, PREFIX
from lint import glossary, portable
from lint.names import flaws, names_in


class TestWithoutIdRule(Rule):  # type: ignore[misc]
    """A test has a tag ``id:…``, by which everything outside its suite refers to it."""

    name = "test-without-id"
    rule_id = "ID01"
    message = "Test '{name}' has no id: its first tag is to be the next free one of its area, like id:C05-03"
    severity = RuleSeverity.ERROR
    added_in_version = "1.0"


class MalformedTestIdRule(Rule):  # type: ignore[misc]
    """An id has an area, the number of a requirement where it is about one, and a number of its own."""

    name = "malformed-test-id"
    rule_id = "ID02"
    message = "Test '{name}': {tag} is no id, like id:C05-03 or id:CT-12"
    severity = RuleSeverity.ERROR
    added_in_version = "1.0"


class MisplacedTestIdRule(Rule):  # type: ignore[misc]
    """The id is the first tag of its test, and the only id; the tags of a suite hold none."""

    name = "misplaced-test-id"
    rule_id = "ID03"
    message = "{tag} has to be the first tag of one test, and its only id"
    severity = RuleSeverity.ERROR
    added_in_version = "1.0"


class DoubledTestIdRule(Rule):  # type: ignore[misc]
    """No two tests have one id."""

    name = "doubled-test-id"
    rule_id = "ID04"
    message = "Test '{name}' has the id of '{other}' in {where}: {tag}"
    severity = RuleSeverity.ERROR
    added_in_version = "1.0"


class NameTooLongRule(Rule):  # type: ignore[misc]
    """A name has at most ten words."""

    name = "name-too-long"
    rule_id = "NAME91"
    message = "'{name}': {flaw}"
    severity = RuleSeverity.ERROR
    added_in_version = "1.0"


class FirstWordRule(Rule):  # type: ignore[misc]
    """A test's name does not begin with a word that hides its subject."""

    name = "first-word"
    rule_id = "NAME92"
    message = NameTooLongRule.message
    severity = RuleSeverity.ERROR
    added_in_version = "1.0"


class AvoidedWordRule(Rule):  # type: ignore[misc]
    """A name has the field's words, not those that ``CONTEXT.md`` says to avoid."""

    name = "avoided-word"
    rule_id = "NAME93"
    message = NameTooLongRule.message
    severity = RuleSeverity.ERROR
    added_in_version = "1.0"


class MoodRule(Rule):  # type: ignore[misc]
    """A keyword is an act (a verb), a check (Should) or a value (Get, Count, Read)."""

    name = "mood"
    rule_id = "NAME94"
    message = NameTooLongRule.message
    severity = RuleSeverity.ERROR
    added_in_version = "1.0"


class PortableRule(Rule):  # type: ignore[misc]
    """Portable suites and resources name nothing of any platform; its dialect does (docs/dialect.md)."""

    name = "portable"
    rule_id = "PORT01"
    message = "A portable file {flaw}"
    severity = RuleSeverity.ERROR
    added_in_version = "1.0"


class TestIdChecker(VisitorChecker):  # type: ignore[misc]
    """Each test of a file, and the tags of the suite."""

    test_without_id: TestWithoutIdRule
    malformed_test_id: MalformedTestIdRule
    misplaced_test_id: MisplacedTestIdRule
    doubled_test_id: DoubledTestIdRule

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[str, tuple[str, Path]] = {}

    def visit_TestTags(self, node: Any) -> None:
        for tag in node.values:
            if tag.lower().startswith(PREFIX):
                self.report(self.misplaced_test_id, node=node, tag=tag)

    def visit_TestCase(self, node: Any) -> None:
        tags = [tag for statement in node.body if type(statement).__name__ == "Tags" for tag in statement.values]
        ids = [tag for tag in tags if tag.lower().startswith(PREFIX)]
        if not ids:
            self.report(self.test_without_id, node=node, name=node.name)
            return
        if len(ids) > 1 or tags[0] != ids[0]:
            self.report(self.misplaced_test_id, node=node, tag=ids[-1])
        if not FORM.fullmatch(ids[0].removeprefix(PREFIX)):
            self.report(self.malformed_test_id, node=node, name=node.name, tag=ids[0])
        path = Path(self.source_file.path)
        other, where = self._seen.setdefault(ids[0], (node.name, path))
        if (other, where) != (node.name, path):
            self.report(self.doubled_test_id, node=node, name=node.name, other=other, where=where.name, tag=ids[0])


class NameChecker(VisitorChecker):  # type: ignore[misc]
    """The names that a file defines."""

    name_too_long: NameTooLongRule
    first_word: FirstWordRule
    avoided_word: AvoidedWordRule
    mood: MoodRule

    def __init__(self) -> None:
        super().__init__()
        self._glossary = glossary.read()

    def visit_File(self, node: Any) -> None:
        for name in names_in(node):
            for flaw in flaws(name.kind, name.text, self._glossary):
                self.report(self.rules[flaw.rule], node=name.node, name=name.text, flaw=flaw.text)


class PortableChecker(VisitorChecker):  # type: ignore[misc]
    """What a portable file imports and says."""

    portable: PortableRule

    def visit_File(self, node: Any) -> None:
        path = Path(self.source_file.path)
        if portable.is_portable(path, node):
            for statement, flaw in portable.flaws(node, path, portable.words()):
                self.report(self.portable, node=statement, flaw=flaw)
