"""What is wrong with a test's or a keyword's name: pure functions over the name and the glossary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from lint.glossary import Glossary

MOST_WORDS = 10
RULES = ("name-too-long", "first-word", "avoided-word", "mood")
_GIVES_A_VALUE = ("get", "count", "read")
_EMBEDDED = re.compile(r"[$@&%]\{[^}]*\}")

Kind = Literal["test", "keyword"]


@dataclass(frozen=True)
class Flaw:
    """One thing that is wrong: by which of ``RULES``, and in which words."""

    rule: str
    text: str


@dataclass(frozen=True)
class Name:
    """A name that a file defines, and Robot's node of it."""

    kind: Kind
    text: str
    node: Any


def names_in(model: Any) -> Iterator[Name]:
    """The tests and keywords that a parsed file defines."""
    kinds: dict[str, Kind] = {"TestCase": "test", "Keyword": "keyword"}
    for section in model.sections:
        for block in section.body:
            if kind := kinds.get(type(block).__name__):
                yield Name(kind, block.name, block)


def flaws(kind: Kind, name: str, glossary: Glossary) -> Iterator[Flaw]:
    """What ``glossary`` has against ``name``."""
    words = name.lower().split()
    if len(words) > MOST_WORDS:
        yield Flaw("name-too-long", f"it has {len(words)} words; {MOST_WORDS} are the most")
    if kind == "test" and words and words[0] in glossary.not_first:
        yield Flaw("first-word", f"it begins with {words[0]!r}; a name has subject and verb")
    if kind == "keyword" and words and not _has_a_mood(words, glossary):
        yield Flaw("mood", f"it has no 'Should' and begins with {words[0]!r}, which is no verb of CONTEXT.md")
    spoken = _EMBEDDED.sub(" ", name).lower()
    for word, terms in glossary.avoided.items():
        if re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", spoken):
            yield Flaw("avoided-word", f"{word!r} is a word to avoid; CONTEXT.md has: {'; '.join(terms)}")


def _has_a_mood(words: list[str], glossary: Glossary) -> bool:
    return "should" in words or words[0] in _GIVES_A_VALUE or words[0] in glossary.verbs
