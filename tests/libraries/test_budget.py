"""BudgetLibrary: figures, limits, the chart, the result sheet, and keywords from outside."""

from __future__ import annotations

import json
import statistics as reference
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from BudgetLibrary import limits
from BudgetLibrary.chart import bins, histogram
from BudgetLibrary.limits import Limit, amount
from hypothesis import given
from hypothesis import strategies as st
from lockstep import statistics

from tests.libraries.inner import INNER, ROOT, run_inner

VALUES = st.lists(st.floats(0, 1e6), min_size=1, max_size=200)


@given(VALUES, st.floats(0, 100))
def test_a_percentile_is_a_value_with_enough_below_and_not_too_much(values: list[float], percent: float) -> None:
    found = statistics.percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= len(values) * percent / 100 - 1e-6
    assert sum(value < found for value in values) <= max(0.0, len(values) * percent / 100)


def test_percentiles_of_a_hundred_values() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert [statistics.percentile(values, p) for p in (0, 1, 50, 95, 99, 99.9, 100)] == [1, 1, 50, 95, 99, 100, 100]


@given(VALUES)
def test_a_summary_agrees_with_the_standard_library(values: list[float]) -> None:
    found = statistics.summary(values)
    assert (found.count, found.max) == (len(values), max(values))
    assert found.mean == pytest.approx(reference.fmean(values))
    assert found.p50 == reference.median_low(values)


@pytest.mark.parametrize(
    ("values", "name", "message"),
    [
        ([], "p50", "no values"),
        ([1.0], "p101", "unknown statistic 'p101'"),
        ([1.0], "median", "unknown statistic 'median': use mean"),
    ],
)
def test_statistics_that_do_not_exist(values: list[float], name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        statistics.statistic(values, name)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("5s", Limit(5, "s")),
        ("250 ms", Limit(0.25, "s")),
        ("1 min 30 s", Limit(90, "s")),
        (2, Limit(2, "s")),
        ("10 MB", Limit(10, "MB")),
        ("1 %", Limit(1, "%")),
        (timedelta(seconds=3), Limit(3, "s")),
    ],
)
def test_limits_have_units(text: Any, limit: Limit) -> None:
    assert limits.parse(text) == limit


@pytest.mark.parametrize(
    ("value", "unit", "shown"), [(0.0123, "s", "12.3 ms"), (0.25, "s", "250 ms"), (2.5, "s", "2.5 s"), (3, "", "3")]
)
def test_amounts_are_shown_readably(value: float, unit: str, shown: str) -> None:
    assert amount(value, unit) == shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "are no mapping of names to limits"),
        ("a: soon", "budget 'a' in .*: not a limit: 'soon'"),
        ("a: [1]", "budget 'a' in "),
        ("a: {", "cannot be read from"),
    ],
)
def test_a_wrong_file_of_budgets_is_refused_with_its_reason(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "budgets.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        limits.load(file)


def test_the_projects_budgets_can_be_read() -> None:
    assert limits.load(ROOT / limits.FILE)


@given(VALUES)
def test_every_value_is_in_one_bin(values: list[float]) -> None:
    assert sum(bins(values)) == len(values)


def test_a_chart_is_valid_xml_and_shows_its_figures() -> None:
    chart = ElementTree.fromstring(histogram("a <b> & c", [0.01, 0.02, 0.5], limit=0.1))
    texts = " ".join(element.text or "" for element in chart.iter())
    for figure in ("a <b> & c (3 values)", "p50 20 ms", "p99 500 ms", "limit 100 ms"):
        assert figure in texts


def test_keywords_from_outside(tmp_path: Path) -> None:
    run = run_inner(INNER / "budget" / "keywords.robot", tmp_path, LOCKSTEP_RUN_DIR=str(tmp_path))
    run.all_as_declared()
    lines = [json.loads(line) for line in (tmp_path / "budgets.jsonl").read_text().splitlines()]
    spent = next(line for line in lines if line["name"] == "tiny")
    assert spent["verdict"] == "FAIL"
    assert spent["used"] > spent["limit"] == 1e-06
    assert (spent["suite"], spent["test"]) == ("Keywords", "Keywords.A Spent Budget Is Named With What Was Too Much")
    drawn = next(line for line in lines if line["name"] == "answer p95" and line["verdict"] == "PASS")
    assert drawn["latencies"] == {"count": 3, "mean": 0.02, "p50": 0.02, "p95": 0.03, "p99": 0.03, "max": 0.03}
    assert 'html="true">&lt;svg role=' in run.output
    test = "Keywords.A Figure Is Put On Record"
    figure = {"name": "sessions at once", "value": 100, "unit": "", "suite": "Keywords", "test": test}
    assert json.loads((tmp_path / "figures.jsonl").read_text()) == figure


def test_named_budgets_come_from_the_file_of_the_environment(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("named: 2h")
    run = run_inner(INNER / "budget" / "named.robot", tmp_path, LOCKSTEP_BUDGETS=str(other))
    assert run.verdicts["A Named Budget Holds"] == ("PASS", "")
    assert run.message("An Unknown Budget Has No Limit").endswith("other.yaml; it has: named")


def test_named_budgets_come_from_the_nearest_file_else(tmp_path: Path) -> None:
    run = run_inner(INNER / "budget" / "named.robot", tmp_path)
    assert run.verdicts["A Named Budget Holds"][1].startswith("ValueError: budget 'named' is not in ")
    assert not (tmp_path / "budgets.jsonl").exists()
