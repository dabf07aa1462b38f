"""The requirement ids and where they come from."""

from __future__ import annotations

import pytest

from launcher import requirements
from launcher.paths import REQUIREMENTS
from launcher.requirements import Requirement, parse

PAGE = """# R
## C. Ten: `suites/critical`

| id | what must hold |
|---|---|
| C01.1 | Logs `in` |

## H. Harness

| H01 | Starts |
"""


def test_rows_belong_to_the_heading_and_the_area_that_it_names() -> None:
    known = parse(PAGE).requirements
    assert list(known.values()) == [
        Requirement("C01.1", "Logs `in`", "C. Ten", "critical"),
        Requirement("H01", "Starts", "H. Harness", None),
    ]
    assert [one.id for one in requirements.of_areas(known, ["critical"])] == ["C01.1"]


def test_a_row_may_name_the_command_that_proves_it() -> None:
    texts = ["Covers `x` (`./run coverage`)", "Logs in", "`./run x` starts (`y`)"]
    assert [Requirement("M14", text).command for text in texts] == ["./run coverage", None, None]


@pytest.mark.parametrize(
    ("line", "flaw"),
    [
        ("| H2 | Starts |", "a row is `| X01 | what must hold |`"),
        ("| H02 | Starts", "a row is"),
        ("| H02 | |", "a row is"),
        ("| H02 | Starts | twice |", "a row is"),
        ("H02 | Starts |", "a row is"),
        ("| H01 | Starts again |", "H01 stands here a second time"),
        ("| C02.1 | Logs out |", "C02.1 does not belong under 'H. Harness'"),
        ("| H02 | Starts (`./run strat`) |", "H02 names './run strat', and there is no such command"),
        ("## H. More: `suites/nowhere`", "there is no suites/nowhere"),
        ("## More", "a heading is `## X. Title`"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(line: str, flaw: str) -> None:
    assert parse(PAGE, ["critical"], ["critical"]).flaws == ()
    (found,) = parse(f"{PAGE}{line}\n", ["critical"], ["critical"]).flaws
    assert found.startswith(f"line 11: {flaw}")


def test_every_id_of_the_page_stands_once() -> None:
    rows = [
        line.split("|")[1].strip() for line in REQUIREMENTS.read_text("utf-8").splitlines() if line.startswith("| ")
    ]
    ids = [row for row in rows if row != "id"]
    assert len(ids) == len(set(ids)) == len(requirements.read())


def test_ids_that_follow_one_another_are_drawn_together() -> None:
    ids = ["C05.1", "C05.2", "C05.4", "C06.1", "H01", "H02", "H03", "T09", "X10"]
    assert requirements.spans(ids) == "C05.1–C05.2, C05.4, C06.1, H01–H03, T09, X10"
    assert requirements.spans([]) == ""
