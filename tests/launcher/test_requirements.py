"""The requirement ids and where they come from."""

from __future__ import annotations

from pathlib import Path

import robot.api

from launcher import requirements
from launcher.paths import REQUIREMENTS, SUITES


def test_rows_belong_to_the_area_that_their_heading_names(tmp_path: Path) -> None:
    page = tmp_path / "requirements.md"
    page.write_text(
        "# R\n## C. Ten: `suites/critical`\n\n| id | what |\n|---|---|\n| C01.1 | Logs `in` |\n"
        "\n## H\n\n| H01 | Starts |\n"
    )
    known = requirements.read(page)
    assert [(one.id, one.text, one.area) for one in known.values()] == [
        ("C01.1", "Logs `in`", "critical"),
        ("H01", "Starts", None),
    ]
    assert [one.id for one in requirements.of_areas(known, ["critical"])] == ["C01.1"]


def test_a_row_may_name_the_command_that_proves_it() -> None:
    texts = ["Covers `x` (`./run coverage`)", "Logs in", "`./run x` starts (`y`)"]
    assert [requirements.Requirement("M14", text, "m").command for text in texts] == ["./run coverage", None, None]


def test_every_id_of_the_page_stands_once() -> None:
    rows = [
        line.split("|")[1].strip() for line in REQUIREMENTS.read_text("utf-8").splitlines() if line.startswith("| ")
    ]
    ids = [row for row in rows if row != "id"]
    assert len(ids) == len(set(ids)) == len(requirements.read())


def test_every_tag_in_the_suites_names_a_known_id() -> None:
    known = requirements.read()
    wrong = {
        tag
        for test in robot.api.TestSuite.from_file_system(SUITES).all_tests
        for tag in test.tags
        if tag.lower().startswith("req:") and tag[4:] not in known
    }
    assert not wrong


def test_neighbours_of_one_scenario_are_drawn_together() -> None:
    assert requirements.spans(["C05.1", "C05.2", "C05.4", "C06.1", "H01"]) == "C05.1–C05.4, C06.1, H01"
    assert requirements.spans([]) == ""
