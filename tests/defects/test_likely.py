"""Those tests are asked first that are near a defect: by what they must catch already, and by their words."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from defects.catalogue import ROOT, Change
from defects.likely import Asked, asked, by_suite, concerned, ordered
from defects.rounds import Blind
from tests.defects.entries import DEFECT

SOURCE = """
def one():
    a = 1
    return a

def two():
    b = 2
    return b
"""


def _asked(name: str, suite: str = "critical/a.robot", words: str = "") -> Asked:
    return Asked(name, ROOT / "suites" / suite, Counter(words.split()))


TESTS = [_asked("T-01", words="flood quota"), _asked("T-02", words="quota refused"), _asked("T-03", words="token"),
         _asked("T-04", "security/b.robot", "token expiry")]  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "a.py").write_text(SOURCE, "utf-8")
    return tmp_path


def blind(title: str, find: str, areas: tuple[str, ...] = ()) -> Blind:
    return Blind("A01", title, "", (Change("services/a.py", find, "x"),), areas=areas)


def ids(tests: list[Asked]) -> list[str]:
    return [one.id for one in tests]


def test_who_catches_a_defect_in_the_same_function_comes_first(root: Path) -> None:
    inside = replace(DEFECT, changes=(Change("services/a.py", "return b", "x"),), caught_by=("T-03",))
    beside = replace(DEFECT, changes=(Change("services/a.py", "return a", "x"),), caught_by=("T-02",))
    assert ids(ordered(blind("", "b = 2"), TESTS, [beside, inside], root))[:2] == ["T-03", "T-02"]


def test_who_has_the_same_words_comes_first(root: Path) -> None:
    assert ids(ordered(blind("a flood", "a = 1"), TESTS, [], root))[0] == "T-01"
    assert ids(ordered(blind("no expiry of a token", "a = 1"), TESTS, [], root))[:2] == ["T-04", "T-03"]


def test_only_the_areas_that_are_named_are_asked(root: Path) -> None:
    assert ids(ordered(blind("a flood", "a = 1", ("security",)), TESTS, [], root)) == ["T-04"]


def test_tests_of_one_suite_are_asked_together() -> None:
    order = [TESTS[0], TESTS[3], TESTS[1], TESTS[2]]
    assert ids(by_suite(order)) == ["T-01", "T-02", "T-03", "T-04"]


def test_those_are_concerned_that_prove_the_section_or_catch_something_in_the_file(root: Path) -> None:
    others = [_asked(f"Z-{n:02}", "security/b.robot") for n in range(60)]
    proving = Asked("Y-01", ROOT / "suites" / "security" / "b.robot", Counter(), frozenset({"2.5"}))
    near = replace(DEFECT, changes=(Change("services/a.py", "return b", "x"),), caught_by=("Z-59",))
    one = replace(blind("", "a = 1"), breaks="2.5: a sentence")
    found = ids(concerned(one, [*others, proving], [near], root))
    assert {"Y-01", "Z-59"} <= set(found)
    assert len(found) < len(others)


def test_the_project_has_tests_to_ask() -> None:
    found = asked()
    assert len(found) > 500
    assert {"critical", "security", "contract"} <= {one.area for one in found}
