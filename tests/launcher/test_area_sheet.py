"""The sheet that an area declares, from what its tests and figures say."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from launcher import area_sheet, page, summary
from launcher.area_sheet import AreaSheet, Figure, Measured
from launcher.console import LaunchError
from launcher.outcome import JudgedTest, Outcome
from launcher.paths import SUITES
from launcher.sheet import sheet
from launcher.verdicts import Verdict

DECLARED = """
title: In <step>
verdicts:
  S01: {title: across, parts: [content, changes]}
  S02: {title: moved, parts: [over there]}
figures:
  total time: {time: run}
  at once: {most: sessions}
  longest: {most: outage, goal: 2 s}
  never: {most: never recorded}
  mean: {latency: sync, statistic: mean, goal: 20 ms}
  p99: {latency: never measured, statistic: p99}
  success: {share: seen, of: made}
"""
TESTS = (
    JudgedTest("One", Verdict.PASS, tags=("req:S01", "part:content")),
    JudgedTest("Two", Verdict.PASS, tags=("req:S01", "part:Changes")),
    JudgedTest("Three", Verdict.FAIL, tags=("req:S01", "part:changes")),
    JudgedTest("Four", Verdict.PASS, tags=("req:S02", "part:content")),
)
MEASURED = Measured(
    {"in_step": 12.34},
    (
        {"name": "sessions", "value": 3, "unit": ""},
        {"name": "sessions", "value": 100, "unit": ""},
        {"name": "outage", "value": 1.25, "unit": "s"},
        {"name": "outage", "value": 0.5, "unit": "s"},
        {"name": "seen", "value": 199},
        {"name": "made", "value": 200},
    ),
    ({"name": "sync", "count": 2, "mean": 9.0}, {"name": "sync", "count": 200, "mean": 0.0125}),
)


def _sheet(tmp_path: Path, text: str = DECLARED, tests: tuple[JudgedTest, ...] = TESTS) -> AreaSheet:
    (tmp_path / "in_step").mkdir()
    (tmp_path / "in_step" / "sheet.yaml").write_text(text, "utf-8")
    [made] = area_sheet.of_areas(["in_step", "without one"], tests, MEASURED, tmp_path)
    return made


def test_a_part_is_as_its_worst_test_and_a_verdict_as_its_worst_part(tmp_path: Path) -> None:
    across, moved = _sheet(tmp_path).verdicts
    assert [(part.name, part.verdict) for part in across.parts] == [("content", "PASS"), ("changes", "FAIL")]
    assert across.verdict == "FAIL"
    assert moved.verdict == "HOLE", "no test is of this part"


def test_a_part_whose_test_was_lost_is_unknown(tmp_path: Path) -> None:
    lost = JudgedTest("Lost", Verdict.UNKNOWN, tags=("req:S01", "part:content"), reported=False)
    assert _sheet(tmp_path, tests=(*TESTS, lost)).verdicts[0].parts[0].verdict == "UNKNOWN"


def test_figures_are_those_that_were_measured(tmp_path: Path) -> None:
    figures = {figure.name: figure for figure in _sheet(tmp_path).figures}
    assert figures["total time"] == Figure("total time", 12.34, "s")
    assert str(figures["at once"]) == "100"
    assert str(figures["longest"]) == "1.2 s (goal 2.0 s)"
    assert str(figures["never"]) == "not measured"
    assert figures["mean"] == Figure("mean", 0.0125, "s", 0.02), "the line of most values counts"
    assert str(figures["mean"]) == "12.5 ms (goal 20.0 ms)"
    assert str(figures["p99"]) == "not measured"
    assert str(figures["success"]) == "99.5 %"


def test_the_sheet_is_on_the_terminal_on_the_page_and_in_the_json(tmp_path: Path) -> None:
    outcome = Outcome("in_step", "embedded", "7", 12.34, TESTS, sheets=(_sheet(tmp_path),))
    text = sheet(outcome, {}, Path("/r/log.html"))
    for words in ("In <step>", "S01  across", "content PASS", "changes FAIL", "12.5 ms (goal 20.0 ms)", "not measured"):
        assert words in text, text
    html = page.render(outcome, {})
    assert "In &lt;step&gt;" in html
    assert 'changes <span class="verdict FAIL">FAIL</span>' in html
    [told] = summary.as_json(outcome)["sheets"]
    parts = {"content": "PASS", "changes": "FAIL"}
    assert told["verdicts"]["S01"] == {"title": "across", "verdict": "FAIL", "parts": parts}
    assert told["figures"]["p99"] == {"value": None, "unit": "s", "goal": None}


def test_every_part_that_an_area_declares_has_a_test() -> None:
    for file in SUITES.glob(f"*/{area_sheet.FILE}"):
        tests = "".join(suite.read_text("utf-8") for suite in file.parent.glob("*.robot"))
        declared = yaml.safe_load(file.read_text("utf-8"))["verdicts"].values()
        parts = [part for verdict in declared for part in verdict["parts"]]
        assert [part for part in parts if area_sheet.tag_of(part) not in tests] == [], file


@pytest.mark.parametrize("text", ["title: alone", "figures: [", "title: t\nverdicts: {S01: {title: t}}\nfigures: {}"])
def test_a_sheet_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(LaunchError, match=r"the sheet of in_step cannot be read from .*sheet\.yaml"):
        _sheet(tmp_path, text)
