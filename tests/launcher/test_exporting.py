"""The figures of a run, read by those that dashboards use."""

from __future__ import annotations

import copy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics import parser

from launcher import exporting
from lint import deploy
from tests.launcher.conftest import Receiver

METRICS: dict[str, Any] = {
    "name": 'critical --include "p0"', "target": "a\\b", "started": "2026-11-30T20:00:00+00:00", "seconds": 43.5,
    "well": True, "machine": {"contention": 1.2},
    "tests": {
        "Critical.A.One": {"id": "C01-01", "seconds": 1.5, "verdict": "PASS"},
        "Critical.A.Two": {"id": "C01-02", "seconds": 0.5, "verdict": "FAIL"},
        "Critical.B.Three": {"id": None, "seconds": 0.1, "verdict": "WEAKER"},
    },
    "requirements": {"C01.1": {"verdict": "FAIL"}, "C01.2": {"verdict": "PASS"}},
    "budgets": [
        {"name": "login", "used": 1.0, "allowed": 5.0, "unit": ""},
        {"name": "login", "used": 4.0, "allowed": 5.0, "unit": ""},
        {"name": "nothing yet", "used": None, "allowed": 5.0, "unit": "MB"},
    ],
    "latencies": [{"name": "round trip", "count": 4, "mean": 0.25, "p50": 0.2, "p95": 0.4, "p99": 0.5, "max": 0.5}],
}  # fmt: skip


def read_back(metrics: dict[str, Any]) -> list[Any]:
    """The families, as the official client reads them."""
    return list(parser.text_string_to_metric_families(exporting.openmetrics(metrics)))  # type: ignore[no-untyped-call]


@pytest.mark.req("H17")
def test_openmetrics_is_read_back_with_every_figure() -> None:
    families = {family.name: family for family in read_back(METRICS)}
    assert set(families) == set(exporting.FAMILIES)
    run = {"run_name": 'critical --include "p0"', "target": "a\\b"}
    held = {sample.labels["id"]: sample.value for sample in families["lockstep_test_held"].samples}
    assert held == {"C01-01": 1, "C01-02": 0, "Critical.B.Three": 1}
    (used,) = families["lockstep_budget_used_ratio"].samples
    assert (used.labels, used.value) == ({**run, "budget": "login", "unit": "seconds"}, 0.8)
    latency = families["lockstep_latency_seconds"]
    assert latency.type == "summary"
    quantiles = {one.labels["quantile"]: one.value for one in latency.samples if "quantile" in one.labels}
    assert quantiles == {"0.5": 0.2, "0.95": 0.4, "0.99": 0.5, "1": 0.5}
    assert {sample.name: sample.value for sample in latency.samples}["lockstep_latency_seconds_sum"] == 1.0


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool on this machine (Debian: prometheus)")
def test_promtool_finds_nothing_wrong_with_it() -> None:
    text = exporting.openmetrics(METRICS)
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.req("H17")
def test_influx_lines_have_measurement_tags_field_and_the_start_of_the_run() -> None:
    lines = exporting.influx(METRICS).splitlines()
    assert lines[0] == (
        'lockstep_run_well,run_name=critical\\ --include\\ "p0",target=a\\b value=1 1796068800000000000'
    )
    assert len(lines) == len(list(exporting.samples(METRICS)))


@pytest.mark.req("H17")
def test_a_run_is_pushed_and_its_addresses_are_for_nobody_else(tmp_path: Path, webhook: Receiver) -> None:
    textfiles = tmp_path / "textfiles"
    textfiles.mkdir()
    environ = {
        "LOCKSTEP_PUSHGATEWAY": webhook.url, "LOCKSTEP_TEXTFILE": str(textfiles), "LOCKSTEP_INFLUX": "file:///x",
        "LOCKSTEP_INFLUX_TOKEN": "hidden", "OTHER": "1",
    }  # fmt: skip
    exporting.take(environ)
    assert environ == {"OTHER": "1"}
    try:
        warnings = exporting.write(METRICS, tmp_path)
    finally:
        exporting.take({})
    assert warnings == ["LOCKSTEP_PUSHGATEWAY: it answered 501", "LOCKSTEP_INFLUX is no http(s) URL"]
    (kept,) = textfiles.iterdir()
    assert kept.name == "lockstep-critical-include-p0-a-b.prom"
    assert kept.read_text("utf-8") == (tmp_path / exporting.OPENMETRICS).read_text("utf-8")
    assert exporting.write(METRICS, tmp_path) == []


def test_a_run_without_tests_has_figures_too() -> None:
    empty = copy.deepcopy(METRICS) | {"tests": {}, "requirements": {}, "budgets": [], "latencies": []}
    names = {family.name for family in read_back(empty)}
    assert "lockstep_run_well" in names
    assert "lockstep_tests" not in names


@pytest.mark.req("H17")
def test_rules_and_dashboards_name_only_metrics_that_there_are() -> None:
    assert list(deploy.flaws()) == []
    assert len(list(deploy.expressions())) > 25


def test_an_unknown_metric_is_found_and_labels_and_functions_are_none() -> None:
    asked = 'sum by (run_name) (rate(auth_sessions_made_total{reason=~".*_unavailable"}[5m])) / lockstep_run_well'
    assert deploy.named(asked) == {"auth_sessions_made_total", "lockstep_run_well"}
    assert deploy.named(asked) - deploy.known() == {"auth_sessions_made_total"}
