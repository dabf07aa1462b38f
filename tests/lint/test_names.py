"""Names are judged by the glossary, and what is wrong with them may only become less."""

from __future__ import annotations

from pathlib import Path

import pytest

from lint import baseline, glossary
from lint.glossary import Glossary
from lint.names import Kind, flaws

PAGE = """# Words

| term | meaning | instead of |
|---|---|---|
| endpoint | an address | door, doors |
| notify | let know | told, learns of |
| report | let know | told |
| user | somebody | |

- A name never begins with one of these: Who, Of.
- Verbs: Send, Open.
"""
WORDS = Glossary(
    {"door": ("endpoint",), "doors": ("endpoint",), "told": ("notify", "report"), "learns of": ("notify",)},
    frozenset({"who", "of"}),
    frozenset({"send", "open"}),
)
RESOURCE = "*** Keywords ***\n{}\n    No Operation\n{}\n    No Operation\n"


def test_the_glossary_is_read_from_its_page(tmp_path: Path) -> None:
    page = tmp_path / "CONTEXT.md"
    page.write_text(PAGE, "utf-8")
    assert glossary.read(page) == WORDS


def test_a_page_without_one_of_its_lists_is_an_error(tmp_path: Path) -> None:
    page = tmp_path / "CONTEXT.md"
    page.write_text(PAGE.replace("Verbs", "Words"), "utf-8")
    with pytest.raises(ValueError, match="no line with 'Verbs:'"):
        glossary.read(page)


def test_the_page_of_the_project_is_readable() -> None:
    words = glossary.read()
    assert words.avoided["door"] == ("endpoint",)
    assert {"who", "without"} <= words.not_first
    assert {"sign", "kill", "wait"} <= words.verbs


@pytest.mark.parametrize(
    ("kind", "name", "rules"),
    [
        ("keyword", "Send Message", []),
        ("keyword", "Get Close Code", []),
        ("keyword", "Count Messages", []),
        ("keyword", "Read Token", []),
        ("keyword", "Message Should Arrive", []),
        ("keyword", "${message} Should Arrive At ${door}", []),
        ("keyword", "The Message Arrives", ["mood"]),
        ("keyword", "Sends Message", ["mood"]),
        ("keyword", "Open Door", ["avoided-word"]),
        ("keyword", "Open Outdoors And Door-To-Door Calls", []),
        ("keyword", "Open What He Learns Of", ["avoided-word"]),
        ("keyword", "Get " + "Very " * 9 + "Long", ["name-too-long"]),
        ("test", "A Socket Is Closed", []),
        ("test", "Who Signs In Is Told", ["first-word", "avoided-word"]),
        ("test", "Word " * 10, []),
        ("test", "Word " * 11, ["name-too-long"]),
    ],
)
def test_each_flaw_is_found_and_nothing_else(kind: Kind, name: str, rules: list[str]) -> None:
    assert [flaw.rule for flaw in flaws(kind, name, WORDS)] == rules


def test_a_flaw_says_what_to_say_instead() -> None:
    (flaw,) = flaws("test", "Users Are Told", WORDS)
    assert flaw.text == "'told' is a word to avoid; CONTEXT.md has: notify; report"


def test_the_baseline_only_shrinks(tmp_path: Path) -> None:
    (tmp_path / "a.resource").write_text(RESOURCE.format("Open Door", "The Door"), "utf-8")
    before = {"a.resource": {"mood": 3, "avoided-word": 1, "name-too-long": 2}, "gone.resource": {"mood": 1}}
    now = baseline.shrunk(before, WORDS, tmp_path)
    assert now == {"a.resource": {"mood": 1, "avoided-word": 1}}
    assert baseline.differences(before, now) == [
        "a.resource: mood 1 times, 3 in lint/baseline.yaml",
        "a.resource: name-too-long 0 times, 2 in lint/baseline.yaml",
        "gone.resource: mood 0 times, 1 in lint/baseline.yaml",
    ]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "baseline.yaml"
    baseline.write({"a.resource": {"mood": 1}}, path)
    assert baseline.read(path) == {"a.resource": {"mood": 1}}
    assert baseline.allowed(baseline.read(path), tmp_path / "a.resource", "mood", tmp_path) == 1
    assert baseline.allowed(baseline.read(path), tmp_path / "b.resource", "mood", tmp_path) == 0
