"""The first hour and the runbook name what is there: commands, files, keywords and tests."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from robot import api

from launcher import areas, tests_by_id
from launcher.commands import COMMANDS
from tests.launcher.launching import ROOT

pytestmark = pytest.mark.parametrize("page", ["first-hour.md", "runbook.md"])
_CODE = re.compile(r"```\w*\n(.+?)```|`([^`]+)`", re.DOTALL)
# What the reader makes, and what a run makes.
_MADE = ("suites/mine/", "results/", "pabot_results/")


def code(page: str) -> Iterator[str]:
    text = (ROOT / "docs" / page).read_text("utf-8")
    for block, span in _CODE.findall(text):
        yield from block.splitlines() if block else [span]


@pytest.mark.req("H18")
def test_each_command_exists(page: str) -> None:
    known = {*COMMANDS, *areas.areas(), *tests_by_id.read(), "all", "mine"}
    named = {word for line in code(page) for word in re.findall(r"\./run ([\w-]+)", line)}
    assert named
    assert named <= known


@pytest.mark.req("H18")
def test_each_file_exists(page: str) -> None:
    paths = {
        span for span in code(page) if re.fullmatch(r"[\w.-]+/[\w./-]*", span) and not span.startswith(_MADE)
    }  # fmt: skip
    assert not [path for path in paths if not (ROOT / path).exists()]


@pytest.mark.req("H18")
def test_each_test_exists(page: str) -> None:
    names = {name for line in code(page) for name in re.findall(r'--test "([^"<…*]+)"', line)}
    assert names <= {test.name for test in api.TestSuite.from_file_system(ROOT / "suites").all_tests}


@pytest.mark.req("H18")
def test_each_keyword_exists(page: str) -> None:
    titles = {span for span in code(page) if re.fullmatch(r"[A-Z][a-z]+( [A-Z][a-z]*)+", span)}
    known = {
        block.name
        for resource in (ROOT / "resources").glob("*.resource")
        for section in api.get_resource_model(resource).sections
        for block in section.body
        if type(block).__name__ == "Keyword"
    }
    assert titles <= known
