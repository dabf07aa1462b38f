"""Names are judged by the glossary."""

from __future__ import annotations

from pathlib import Path

import pytest

from lint import glossary
from lint.__main__ import flaws as library_flaws
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


def test_names_of_library_keywords_are_judged(tmp_path: Path) -> None:
    source = (
        "class DoorLibrary:\n    def open_door(self): ...\n    def the_message(self): ...\n    def send(self): ...\n"
    )
    (tmp_path / "DoorLibrary.py").write_text(source, "utf-8")
    assert [line.partition(":")[2].split("'")[1] for line in library_flaws(tmp_path)] == ["Open Door", "The Message"]
