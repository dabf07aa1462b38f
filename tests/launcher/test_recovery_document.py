"""docs/recovery.md: every sentence that promises something names the test that proves it by its id.

That the ids are those of tests, and the names beside them theirs, is checked by ``./run docs --check``.
"""

from __future__ import annotations

import re

import pytest

from launcher import tests_by_id
from tests.launcher.launching import ROOT

PAGE = ROOT / "docs" / "recovery.md"
_LINK = re.compile(rf"\[({tests_by_id.FORM.pattern}) [^\]]+\]\([^)]+\.robot\)")


def promises(page: str) -> dict[str, list[str]]:
    """Each row's sentence with the ids of the tests beside it."""
    rows = (line.strip("|").split("|") for line in page.splitlines() if line.startswith("|"))
    body = (
        cells for cells in rows if len(cells) == 2 and not set(cells[0]) <= set("- ") and cells[1].strip() != "proof"
    )
    return {cells[0].strip(): _LINK.findall(cells[1]) for cells in body}


def unproved(page: str) -> list[str]:
    """The sentences that name no test."""
    return [sentence for sentence, tests in promises(page).items() if not tests]


def test_each_promise_names_a_test_that_is_there() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(promises(page)) > 20
    assert not unproved(page)


def test_each_line_is_a_promise_or_leads_to_one() -> None:
    """Nothing is promised beside the tables: all else is a heading, or says what the table after it is about."""
    prose = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line and line[0] not in "#|"]
    assert len(prose) < 15, "\n".join(prose)


@pytest.mark.parametrize(
    ("proof", "found"),
    [
        ("–", ["Nothing is lost."]),
        ("[All Is There](some.robot)", ["Nothing is lost."]),
        ("[R02-01 All Is There](some.robot)", []),
    ],
)
def test_a_promise_without_its_test_is_found(proof: str, found: list[str]) -> None:
    assert unproved(f"| promise | proof |\n|---|---|\n| Nothing is lost. | {proof} |\n") == found
