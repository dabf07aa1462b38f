"""docs/recovery.md: every sentence that promises something names the test that proves it, and that test is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.launcher.launching import ROOT

PAGE = ROOT / "docs" / "recovery.md"
_LINK = re.compile(r"\[([^\]]+)\]\(([^)]+\.robot)\)")


def promises(page: str) -> dict[str, list[tuple[str, str]]]:
    """Each row's sentence with the tests (name, file) beside it."""
    rows = (line.strip("|").split("|") for line in page.splitlines() if line.startswith("|"))
    body = (
        cells for cells in rows if len(cells) == 2 and not set(cells[0]) <= set("- ") and cells[1].strip() != "proof"
    )
    return {cells[0].strip(): _LINK.findall(cells[1]) for cells in body}


def names_in(suite: Path) -> set[str]:
    """Names of the test cases of ``suite``."""
    cases = suite.read_text(encoding="utf-8").partition("*** Test Cases ***")[2].partition("\n*** ")[0]
    return {line.strip() for line in cases.splitlines() if line and not line[0].isspace()}


def unproved(page: str, folder: Path) -> list[str]:
    """The sentences that name no test, or one that is not there."""
    wrong = [f"no test: {sentence}" for sentence, proofs in promises(page).items() if not proofs]
    for name, file in (proof for proofs in promises(page).values() for proof in proofs):
        suite = folder / file
        if not suite.is_file():
            wrong.append(f"no suite {file}")
        elif name not in names_in(suite):
            wrong.append(f"{file} has no test {name!r}")
    return wrong


def test_each_promise_names_a_test_that_is_there() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(promises(page)) > 20
    assert not unproved(page, PAGE.parent)


def test_each_line_is_a_promise_or_leads_to_one() -> None:
    """Nothing is promised beside the tables: all else is a heading, or says what the table after it is about."""
    prose = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line and line[0] not in "#|"]
    assert len(prose) < 15, "\n".join(prose)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("| Nothing is lost. | – |", "no test: Nothing is lost."),
        ("| Nothing is lost. | [All Is There](nowhere.robot) |", "no suite nowhere.robot"),
        ("| Nothing is lost. | [Nothing Is There](some.robot) |", "some.robot has no test 'Nothing Is There'"),
        ("| Nothing is lost. | [All Is There](some.robot) |", None),
    ],
)
def test_a_promise_without_its_test_is_found(tmp_path: Path, row: str, complaint: str | None) -> None:
    (tmp_path / "some.robot").write_text(
        "*** Test Cases ***\nAll Is There\n    Log    it\n\n*** Keywords ***\nNothing Is There\n"
    )
    assert unproved(f"| promise | proof |\n|---|---|\n{row}\n", tmp_path) == ([complaint] if complaint else [])
