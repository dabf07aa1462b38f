"""Metrics of runs, and what ``./run baseline`` makes of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from launcher import baseline, baseline_file, tolerance
from launcher.commands import main
from launcher.console import LaunchError
from tests.launcher.launching import launch

USUAL = {f"Critical.0{n} Suite.It Holds {n}": 0.2 * n for n in range(1, 9)}
LATENCY = {"name": "round trip", "test": "t", "count": 300, "mean": 0.004, "p50": 0.003, "p95": 0.01, "p99": 0.02,
           "max": 0.3}  # fmt: skip
BUDGET = {"name": "memory", "used": 40.0, "allowed": 200.0, "unit": "MB", "test": "t"}
MACHINE = {"cores": 2, "python": "3.11.7", "system": "Linux x86_64", "contention": 1.1}
Runs = Callable[..., str]


def metrics(run: str, times: Mapping[str, float], /, **parts: Any) -> dict[str, Any]:
    """Metrics of a good run of these tests (seconds), each in a suite and for a requirement of its own."""
    whole: dict[str, Any] = {
        "format": 1, "run": run, "name": "critical", "target": "embedded", "seed": "1", "started": run, "well": True,
        "machine": MACHINE, "versions": {},
        "seconds": sum(times.values()),
        "suites": {name.rpartition(".")[0]: {"seconds": seconds, "tests": 1, "well": True}
                   for name, seconds in times.items()},
        "tests": {name: {"seconds": seconds, "verdict": "PASS"} for name, seconds in times.items()},
        "requirements": {f"C{n:02}.1": {"seconds": seconds, "tests": 1, "verdict": "PASS"}
                         for n, seconds in enumerate(times.values())},
        "budgets": [BUDGET], "latencies": [LATENCY],
    }  # fmt: skip
    return {**whole, **parts}


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    """Publishes a run into ``tmp_path/results`` and returns its id."""
    results = tmp_path / "results"

    def publish(times: Mapping[str, float] = USUAL, /, **parts: Any) -> str:
        run = f"20270101-{len(list(results.glob('2*'))):06}"
        (results / run).mkdir(parents=True)
        (results / run / "metrics.json").write_text(json.dumps(metrics(run, times, **parts)))
        (results / "latest").unlink(missing_ok=True)
        os.symlink(run, results / "latest")
        return run

    return publish


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """``./run baseline`` on the runs and baselines of this test."""
    monkeypatch.setenv("NO_COLOR", "1")

    def call(*words: str) -> int:
        return main(["baseline", *words, "--results", str(tmp_path / "results"), "--baselines", str(tmp_path / "kept")])

    return call


def noisy(seed: int, busy: float = 1.0) -> dict[str, float]:
    """The usual run on a shared machine: each test up to half as long again, all ``busy`` times as long."""
    random = Random(seed)
    return {name: seconds * busy * random.uniform(0.85, 1.5) for name, seconds in USUAL.items()}


@pytest.mark.req("H14")
def test_a_slower_test_is_named_with_baseline_now_ratio_and_limit(
    runs: Runs, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(5):
        runs(noisy(seed))
        assert command("save") == 0
    slow = "Critical.03 Suite.It Holds 3"
    runs({**noisy(9), slow: 6.0})
    assert command("compare") == 1
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("test ")]
    assert len(table) == 1, table
    assert table[0].startswith(f"test {slow}")
    before, _, now, _, ratio, most, _ = table[0].removeprefix(f"test {slow}").split()
    assert 500 < float(before) < 910
    assert (now, ratio) == ("6", f"{6000 / float(before):.1f}×")
    assert 1.3 < float(most) < 6


@pytest.mark.parametrize("saved", [1, 2, 5, 8])
def test_noise_and_a_busy_machine_are_nothing_slower(saved: int, runs: Runs, command: Callable[..., int]) -> None:
    for seed in range(saved):
        runs(noisy(seed))
        assert command("save") == 0
    for seed in range(20):
        runs(noisy(100 + seed, busy=1.0 + seed / 20))
        assert command("compare") == 0


def test_all_tests_slower_is_said_and_beyond_thrice_found(
    runs: Runs, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    runs()
    assert command("save") == 0
    runs({name: 1.8 * seconds for name, seconds in USUAL.items()})
    assert command("compare") == 0
    assert "all tests took 1.8 times as long in the median" in capsys.readouterr().out
    runs({name: 4 * seconds for name, seconds in USUAL.items()})
    assert command("compare") == 1
    assert "pace of all tests" in capsys.readouterr().out
    runs({name: 4 * seconds for name, seconds in USUAL.items()}, seconds=99.0, machine={**MACHINE, "contention": 2.0})
    assert command("compare") == 0
    assert "others kept the machine busy (contention 2.0), tests took 4.0 times" in capsys.readouterr().out
    slow = {name: 4 * seconds for name, seconds in USUAL.items()} | {"Critical.03 Suite.It Holds 3": 20.0}
    runs(slow, machine={**MACHINE, "contention": 2.0})
    assert command("compare") == 1
    assert "\ntest Critical.03 Suite.It Holds 3 " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ({"budgets": [{**BUDGET, "used": 95.0}]}, "budget memory"),
        ({"latencies": [{**LATENCY, "p95": 0.2, "p99": 0.2}]}, "latency round trip p95"),
        ({"latencies": [{**LATENCY, "p50": 0.05, "p95": 0.05}]}, "latency round trip p50"),
        ({"seconds": 60.0}, "run "),
    ],
)
def test_budgets_latencies_and_the_whole_run_are_compared_too(
    parts: dict[str, Any], named: str, runs: Runs, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(5):
        runs()
        assert command("save") == 0
    runs(**parts)
    assert command("compare") == 1
    assert any(line.startswith(named) for line in capsys.readouterr().out.splitlines())


def test_one_odd_run_in_the_baseline_moves_no_limit_far() -> None:
    assert tolerance.limit([1.0, 1.1, 0.9, 1.0, 30.0], 0.1) < 2


def test_a_wide_spread_widens_the_limit_and_few_runs_do_too() -> None:
    assert tolerance.limit([1.0, 2.0, 3.0, 4.0, 5.0], 0.1) > 10
    assert tolerance.limit([1.0], 0.1) == pytest.approx(2.1)
    assert tolerance.limit([1.0] * 5, 0.1) == pytest.approx(1.6)


def test_what_failed_is_new_or_holds_other_tests_is_left_out_and_counted(
    runs: Runs, command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs()
    assert command("save") == 0
    found = metrics("x", USUAL)
    found["tests"]["Critical.01 Suite.It Holds 1"] = {"seconds": 99.0, "verdict": "FAIL"}
    found["tests"]["Critical.01 Suite.It Is New"] = {"seconds": 99.0, "verdict": "PASS"}
    found["suites"]["Critical.02 Suite"] = {"seconds": 99.0, "tests": 2, "well": True}
    run = runs()
    (tmp_path / "results" / run / "metrics.json").write_text(json.dumps({**found, "run": run, "well": False}))
    assert command("compare") == 0
    said = capsys.readouterr().out
    assert "3 figures of the baseline not compared" in said
    assert "2 figures of the run not in the baseline yet" in said
    assert "was not well; only what passed was compared" in said


def test_compare_can_judge_the_median_of_several_runs(runs: Runs, command: Callable[..., int]) -> None:
    runs()
    assert command("save", "--runs", "1") == 0
    for odd in (1.0, 1.0, 20.0):
        runs({**USUAL, "Critical.03 Suite.It Holds 3": odd})
    assert command("compare") == 1
    assert command("compare", "--runs", "3") == 0
    assert command("compare", "--runs", "9") == 2


def test_several_runs_are_saved_at_once_and_each_only_once(
    runs: Runs, command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = [runs(noisy(0)), runs(noisy(1), well=False), runs(noisy(2)), runs(noisy(3), name="chat"), runs(noisy(4))]
    assert command("save", "--runs", "3") == 0
    kept = baseline_file.load(tmp_path / "kept" / "critical.json")
    assert [run["run"] for run in kept.runs] == [ids[0], ids[2], ids[4]]
    assert command("save") == 2
    assert f"Run {ids[4]} is in the baseline 'critical' already" in capsys.readouterr().err


def test_the_oldest_run_goes_when_there_are_many(runs: Runs, command: Callable[..., int], tmp_path: Path) -> None:
    ids = [runs(noisy(seed)) for seed in range(baseline_file.MOST_RUNS + 2)]
    assert command("save", "--runs", str(baseline_file.MOST_RUNS)) == 0
    ids.append(runs(noisy(99)))
    assert command("save") == 0
    kept = baseline_file.load(tmp_path / "kept" / "critical.json")
    assert [run["run"] for run in kept.runs] == ids[3:]
    assert {len(row.values) for row in kept.figures.values()} == {baseline_file.MOST_RUNS}


def test_the_file_names_machine_and_target_and_has_a_line_a_figure(
    runs: Runs, command: Callable[..., int], tmp_path: Path
) -> None:
    runs()
    assert command("save", "mine") == 0
    lines = (tmp_path / "kept" / "mine.json").read_text().splitlines()
    assert ' "machine": {"cores": 2, "python": "3.11.7", "system": "Linux x86_64"},' in lines
    assert ' "target": "embedded",' in lines
    assert any(line.startswith('  "test Critical.03 Suite.It Holds 3": {"unit": "s"') for line in lines)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"target": "compose"}, "of target embedded, run 20270101-000001 of target compose"),
        ({"machine": {**MACHINE, "cores": 8}}, "with 2 cores, run 20270101-000001"),
    ],
)
def test_another_target_or_machine_is_not_compared(
    parts: dict[str, Any],
    message: str,
    runs: Runs,
    command: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs()
    assert command("save") == 0
    runs(**parts)
    assert command("compare") == 2
    assert command("save") == 2
    assert capsys.readouterr().err.count(message) == 2


def test_a_run_of_something_else_in_between_does_no_harm(runs: Runs, command: Callable[..., int]) -> None:
    runs()
    assert command("save") == 0
    runs()
    runs({"Chat.A.B": 99.0}, name="chat")
    assert command("compare", "critical") == 0
    assert command("compare") == 2


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("{", "line 1 column 2"),
        ('{"format": 9}', "its format is 9"),
        ('{"format": 1}', "it has no 'runs'"),
        ('{"format": 1, "runs": [], "figures": {}}', "it holds no run"),
        ("[]", "list indices"),
    ],
)
def test_a_damaged_baseline_is_a_clear_error_with_a_way_out(
    text: str, cause: str, runs: Runs, command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs()
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "critical.json").write_text(text)
    assert command("compare") == 2
    said = capsys.readouterr().err
    assert "critical.json is damaged" in said
    assert cause in said
    assert "./run baseline save critical --fresh" in said
    assert command("save") == 2
    assert command("save", "--fresh") == 0
    assert command("compare") == 0


def test_a_value_too_few_is_damage(runs: Runs, command: Callable[..., int], tmp_path: Path) -> None:
    runs()
    assert command("save") == 0
    path = tmp_path / "kept" / "critical.json"
    path.write_text(path.read_text().replace('"values": [40.0]', '"values": [40.0, 1]'))
    with pytest.raises(LaunchError, match=r"'budget memory' has 2 values for 1 run\."):
        baseline_file.load(path)


def test_what_is_missing_or_misspelt_is_said(
    runs: Runs, command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("compare") == 2
    assert "There is no run in" in capsys.readouterr().err
    runs()
    assert command("compare") == 2
    assert "Make it from good runs: ./run baseline save critical" in capsys.readouterr().err
    assert command("save") == 0
    for words, message in {
        ("compare", "critcal"): "Did you mean 'critical'? There are: critical.",
        ("compair",): "Did you mean 'compare'?",
        ("save", "--frsh"): "Did you mean '--fresh'?",
        ("save", "--runs", "many"): "--runs needs a whole number from 1, not 'many'",
        ("save", "../x"): "'../x' is no name for a baseline",
    }.items():
        assert command(*words) == 2
        assert message in capsys.readouterr().err
    run = runs(well=False)
    assert command("save") == 2
    assert f"Run {run} was not well" in capsys.readouterr().err
    run = runs(tests={"Critical.A.One": {"seconds": 0.0, "verdict": "NA"}})
    assert command("save") == 2
    assert f"Run {run} executed nothing" in capsys.readouterr().err
    (tmp_path / "results" / run / "metrics.json").write_text("{")
    assert command("compare") == 2
    assert "metrics.json cannot be read" in capsys.readouterr().err
    (tmp_path / "results" / run / "metrics.json").unlink()
    assert command("compare") == 2
    assert "has no metrics.json" in capsys.readouterr().err


def test_help_tells_the_rule_and_list_what_there_is(
    runs: Runs, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert baseline.main(["--help"]) == 0
    assert "median + max(6 σ, share × median + floor)" in capsys.readouterr().out
    assert baseline.main([]) == 2
    assert command("list") == 0
    assert "No baseline in" in capsys.readouterr().out
    runs()
    assert command("save") == 0
    assert command("list") == 0
    assert "1 run of ./run critical, target embedded, 2 cores, Python 3.11.7" in capsys.readouterr().out


MEASURING = """*** Settings ***
Library    BudgetLibrary
*** Test Cases ***
It Measures
    [Tags]    req:C01.1
    Record Latencies    round trip    ${{ [n / 1000 for n in range(1, 101)] }}
    Value Should Be Within Budget    things    ${3}    10 MB

It Fails
    Fail    on purpose
"""


def test_a_run_publishes_what_it_measured(tmp_path: Path) -> None:
    (tmp_path / "one.robot").write_text(MEASURING)
    done = launch(tmp_path / "one.robot", tmp_path / "results")
    assert done.code == 1, done.output
    link = tmp_path / "results" / "metrics.json"
    assert os.readlink(link) == "latest/metrics.json"
    found = json.loads(link.read_text())
    assert found["run"] == link.resolve().parent.name
    assert found["machine"]["cores"] == os.cpu_count()
    assert found["machine"]["contention"] >= 1
    assert found["tests"]["One.It Measures"]["verdict"] == "PASS"
    assert found["suites"]["One"] == {"seconds": found["suites"]["One"]["seconds"], "tests": 2, "well": False}
    assert found["requirements"]["C01.1"]["tests"] == 1
    assert found["budgets"] == [
        {"name": "things", "used": 3.0, "allowed": 10.0, "unit": "MB", "test": "One.It Measures"}
    ]
    (latency,) = found["latencies"]
    assert latency == {"name": "round trip", "test": "One.It Measures", "count": 100, "mean": pytest.approx(0.0505),
                       "p50": 0.05, "p95": 0.095, "p99": 0.099, "max": 0.1}  # fmt: skip
    names = tolerance.figures(found)
    assert {"test One.It Measures", "requirement C01.1", "budget things", "latency round trip p95"} <= set(names)
    assert not {"run", "suite One", "test One.It Fails", "latency round trip p99"} & set(names)
