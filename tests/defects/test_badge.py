"""The README's summary of the last proof."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from defects.badge import BEGIN, END, BadgeError, placed, publish, summary
from defects.catalogue import ROOT

DOCUMENT: dict[str, Any] = {
    "format": 2, "command": "./run prove --repeat 3", "commit": "0123456789", "date": "2026-11-21T12:00:00+00:00",
    "cores": 2, "seconds": 1800.4, "repetitions": 3, "scope": "all", "complete": True, "kept": 0,
    "defects": {
        "C01-01": {"judgements": [{"outcome": "caught"}] * 3},
        "C01-02": {"judgements": [{"outcome": "caught"}, {"outcome": "missed"}, {"outcome": "caught"}]},
    },
}  # fmt: skip
NONE_YET = re.compile(r"No proof has been published yet: `\./run prove [^`]*--publish`")
PUBLISHED = re.compile(
    r"\*\*(\d+) of (\d+) seeded defects caught by the named test with the right diagnosis, in (\d+) of \3 "
    r"repetitions?\*\*(?:, one for each test that must catch any)?: `\./run prove[^`]*`, \d{4}-\d\d-\d\d, "
    r"(\d+ s a repetition|\d+ of the judgements kept from an interrupted proof), \d+ cores, commit \w+\+?"
)


def test_it_counts_what_was_caught_each_time() -> None:
    assert summary(DOCUMENT) == (
        "**1 of 2 seeded defects caught by the named test with the right diagnosis, in 3 of 3 repetitions**: "
        "`./run prove --repeat 3`, 2026-11-21, 600 s a repetition, 2 cores, commit 0123456789"
    )


def test_it_says_where_each_test_was_proved_and_not_each_defect() -> None:
    assert "repetitions**, one for each test that must catch any: `" in summary(
        {**DOCUMENT, "scope": "one for each test"}
    )


def test_it_says_what_was_not_judged_now() -> None:
    assert "7 of the judgements kept" in summary({**DOCUMENT, "kept": 7})


@pytest.mark.parametrize("change", [{"scope": "those that were named"}, {"complete": False}, {"format": 0}])
def test_a_part_of_a_proof_is_none(change: dict[str, Any]) -> None:
    with pytest.raises(BadgeError):
        summary({**DOCUMENT, **change})


def test_only_what_stands_between_the_marks_changes(tmp_path: Path) -> None:
    report, readme = tmp_path / "prove.json", tmp_path / "README.md"
    report.write_text(json.dumps(DOCUMENT), "utf-8")
    readme.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n", "utf-8")
    line = publish(report, readme)
    assert PUBLISHED.fullmatch(line)
    assert readme.read_text("utf-8") == f"before\n\n{BEGIN}\n{line}\n{END}\n\nafter\n"


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def test_a_readme_without_marks_is_an_error(text: str) -> None:
    with pytest.raises(BadgeError, match="marks"):
        placed("line", text)


def test_a_report_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadgeError, match="cannot be read"):
        publish(tmp_path / "prove.json", tmp_path / "README.md")


def test_the_summary_in_the_readme_is_well_formed() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert placed("line", text)
    line = text.partition(BEGIN)[2].partition(END)[0].strip()
    assert NONE_YET.fullmatch(line) or PUBLISHED.fullmatch(line)
