"""Whole runs, on real robots: what is shown, written, published and returned."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.launcher.launching import Finished, command, launch, launcher_environment, processes_of, wait_until

LACKING = """
from lockstep.applicability import not_applicable

def end_where_there_is_no_night():
    not_applicable("night", "this target has none")
"""
GOOD = """*** Settings ***
Library    lacking.py

*** Test Cases ***
It Passes
    [Tags]    id:X-01    req:C01.1
    No Operation

It Is Skipped
    [Tags]    req:C01.2
    End Where There Is No Night
"""
BAD = """*** Test Cases ***
It Fails
    [Tags]    req:C01.1    req:C01.3
    Should Be Equal    1    2

It Fails As Declared
    [Tags]    req:C02.1
    Fail    as ever

It Was Declared To Fail
    No Operation
"""
VANISHING = """*** Test Cases ***
Its Worker Is Killed
    [Tags]    id:X-02    req:C02.2
    Evaluate    os.kill(os.getpid(), 9)    modules=os

It Never Came To This
    No Operation
"""
SLOW = """*** Test Cases ***
It Is Quick
    [Tags]    req:C01.1
    No Operation

It Takes Long
    [Tags]    req:C01.2
    Sleep    60s

It Would Come Later
    [Tags]    req:C01.3
    No Operation
"""
PASSING = "Some Suites.Good.It Passes"
EXPECTED = """
- {test: "*.It Fails As Declared", reason: ticket 7, until: 2999-12-31}
- {test: "*.It Was Declared To Fail", reason: ticket 8, until: 2999-12-31}
- {test: "*.No Such Test", reason: ticket 9, until: 2020-01-01}
"""


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """One run with a test of every kind, in a folder with a blank in its name."""
    folder = tmp_path_factory.mktemp("a folder with blanks")
    suites = folder / "some suites"
    suites.mkdir()
    for name, text in {"good": GOOD, "bad": BAD, "vanishing": VANISHING}.items():
        (suites / f"{name}.robot").write_text(text)
    (suites / "lacking.py").write_text(LACKING)
    (folder / "expected.yaml").write_text(EXPECTED)
    budget = {
        "name": "reconnect",
        "limit": 5,
        "used": 0.25,
        "unit": "s",
        "verdict": "PASS",
        "test": "Some Suites.Good.It Passes",
    }
    (folder / "a budget").write_text(json.dumps(budget))
    copying = (
        f"    Evaluate    shutil.copy(r'{folder}/a budget', '%{{LOCKSTEP_RUN_DIR}}/budgets.jsonl')    modules=shutil\n"
    )
    (suites / "good.robot").write_text(f"{GOOD}\nIt Writes A Budget\n{copying}")
    return launch(suites, folder / "re sults", "--expected-failures", str(folder / "expected.yaml"), "--seed", "77")


def test_a_run_with_failures_ends_with_1(mixed: Finished) -> None:
    assert mixed.code == 1, mixed.output


def test_the_summary_has_the_documented_shape(mixed: Finished) -> None:
    summary = mixed.summary
    assert list(summary) == [
        "requirements", "holes", "elsewhere", "without_requirement", "tests", "budgets", "sheets", "totals", "seed",
        "target", "run",
    ]  # fmt: skip
    verdicts = summary["totals"].pop("verdicts")
    assert summary["totals"] == {"executed": 4, "passed": 2, "failed": 2, "not_applicable": 1}
    assert {verdict: count for verdict, count in verdicts.items() if count} == {
        "FAIL": 2,
        "UNKNOWN": 2,
        "XFAIL": 1,
        "NA": 1,
        "PASS": 2,
    }
    assert len(verdicts) == 9
    assert (summary["seed"], summary["target"]) == ("77", "embedded")
    assert {key: found["verdict"] for key, found in summary["requirements"].items()} == {
        "C01.1": "FAIL",
        "C01.2": "NA",
        "C01.3": "FAIL",
        "C02.1": "XFAIL",
        "C02.2": "UNKNOWN",
    }
    assert summary["requirements"]["C01.2"] == {
        "verdict": "NA",
        "tests": ["Some Suites.Good.It Is Skipped"],
        "reason": "NA: night: this target has none",
    }
    assert summary["budgets"][0]["name"] == "reconnect"


def test_tests_are_shown_with_their_ids(mixed: Finished) -> None:
    tests = {test["name"]: (test["id"], test["verdict"], test["reason"]) for test in mixed.summary["tests"]}
    assert tests[PASSING] == ("X-01", "PASS", None)
    assert tests["Some Suites.Bad.It Fails"] == (None, "FAIL", "1 != 2")
    assert tests["Some Suites.Vanishing.Its Worker Is Killed"][:2] == ("X-02", "UNKNOWN")
    assert " PASS  X-01 It Passes  0." in mixed.output
    assert "\nUNKNOWN X-02 Its Worker Is Killed\n" in mixed.output
    metrics = json.loads((mixed.results / "metrics.json").read_text("utf-8"))
    assert metrics["tests"][PASSING]["id"] == "X-01"


def test_a_vanished_worker_is_named_and_its_tests_are_unknown(mixed: Finished) -> None:
    gone = ["Some Suites.Vanishing.Its Worker Is Killed", "Some Suites.Vanishing.It Never Came To This"]
    assert mixed.summary["run"]["vanished"] == gone
    assert "2 unknown" in mixed.output
    assert (
        "in the middle of 'Some Suites.Vanishing.Its Worker Is Killed'"
        in mixed.summary["requirements"]["C02.2"]["reason"]
    )
    cases = [
        f"{case.get('classname')}.{case.get('name')}" for case in ET.parse(mixed.results / "xunit.xml").iter("testcase")
    ]
    assert gone[0] in cases
    tests = {test.get("name"): test for test in ET.parse(mixed.results / "output.xml").iter("test")}
    assert "unknown" in [tag.text for tag in tests["Its Worker Is Killed"].iter("tag")]


def test_expected_failures_are_judged_by_their_word(mixed: Finished) -> None:
    tests = {test.get("name"): test.find("status") for test in ET.parse(mixed.results / "output.xml").iter("test")}
    declared, passed = tests["It Fails As Declared"], tests["It Was Declared To Fail"]
    assert declared is not None
    assert (declared.get("status"), declared.text) == ("SKIP", "XFAIL: ticket 7 (until 2999-12-31) — as ever")
    assert passed is not None
    assert passed.get("status") == "FAIL"
    assert any("ended on 2020-01-01" in problem for problem in mixed.summary["run"]["problems"])


def test_the_sheet_says_what_matters(mixed: Finished) -> None:
    for words in ("seed 77", "Bad · It Fails", "1 != 2", "NOT WELL", "reconnect 0.25 of 5 s", "1 failed as expected"):
        assert words in mixed.output
    log = Path(mixed.output.rstrip().rpartition("log: ")[2])
    assert log.read_text("utf-8").startswith("<!DOCTYPE html>")


def test_everything_is_published_through_one_link(mixed: Finished) -> None:
    for name in ("output.xml", "log.html", "report.html", "xunit.xml", "summary.json", "summary.html"):
        assert os.readlink(mixed.results / name) == f"latest/{name}"
        assert (mixed.results / name).stat().st_size > 100
    page = (mixed.results / "summary.html").read_text("utf-8")
    assert "NOT WELL: 2 failed" in page
    assert "reconnect" in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_good_run_ends_with_0_and_repeats_by_its_command(tmp_path: Path) -> None:
    (tmp_path / "one.robot").write_text("*** Test Cases ***\nIt Passes\n    No Operation\n")
    done = launch(tmp_path / "one.robot", tmp_path / "results", "--random", "--loglevel", "DEBUG")
    assert done.code == 0, done.output
    run = done.summary["run"]
    assert run["well"] is True
    assert run["command"].endswith(f"--seed {done.summary['seed']} --random --loglevel DEBUG")
    assert "ALL WELL" in done.output


@pytest.mark.req("H08", "H10")
def test_certified_seed_and_target_reach_the_robots(tmp_path: Path) -> None:
    (tmp_path / "one.robot").write_text(
        "*** Test Cases ***\nIt Knows\n"
        "    Should Be Equal    %{LOCKSTEP_SEED} %{LOCKSTEP_TARGET} %{LOCKSTEP_CERTIFIED}    a b embedded 1\n"
    )
    done = launch(tmp_path / "one.robot", tmp_path / "results", "--seed", "a b", "--certified")
    assert done.code == 0, done.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--include", "nothing"], "contains no tests matching tag 'nothing'"),
        (["--nosuch"], "option --nosuch not recognized"),
        (["--target", "embeded"], "did you mean embedded"),
        (["--expected-failures", "/nope"], "The expected failures /nope cannot be read: No such file or directory."),
    ],
)
def test_what_cannot_begin_says_so_and_leaves_no_folder(tmp_path: Path, options: list[str], message: str) -> None:
    (tmp_path / "one.robot").write_text(GOOD)
    done = launch(tmp_path / "one.robot", tmp_path / "results", *options)
    assert done.code == 2
    assert message in done.output
    assert not list((tmp_path / "results").glob("2*"))


def test_results_that_cannot_be_written_are_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "one.robot").write_text(GOOD)
    (tmp_path / "file").touch()
    done = launch(tmp_path / "one.robot", tmp_path / "file" / "results")
    assert done.code == 2
    assert "Cannot write results to" in done.output
    assert "--results DIR" in done.output


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A suite whose second test would take a minute."""
    (tmp_path / "slow.robot").write_text(SLOW)
    return tmp_path / "slow.robot"


def started(suite: Path, results: Path) -> subprocess.Popen[str]:
    """A run of the slow suite that has come to its long test."""
    run = subprocess.Popen(
        command(suite, "--results", results),
        cwd=suite.parent,
        env=launcher_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    wait_until(
        lambda: any("It Takes Long" in file.read_text() for file in results.glob("*/progress.jsonl")), "the long test"
    )
    return run


@pytest.mark.req("H05")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_is_finished_and_leaves_nothing(
    slow: Path, tmp_path: Path, number: signal.Signals
) -> None:
    results = tmp_path / "results"
    run = started(slow, results)
    run.send_signal(number)
    output, _ = run.communicate()
    assert run.returncode == 128 + number, output
    assert "INTERRUPTED: these results are partial" in output
    summary = json.loads((results / "summary.json").read_text())
    assert summary["run"]["interrupted"] is True
    assert summary["requirements"]["C01.1"]["verdict"] == "PASS"
    assert summary["requirements"]["C01.2"]["verdict"] == "UNKNOWN", "it was ended, and did not fail by itself"
    assert summary["requirements"]["C01.3"]["reason"] == "not run: the run was interrupted"
    assert summary["totals"]["executed"] == 1
    assert not processes_of(results)


@pytest.mark.req("H05")
def test_a_killed_launcher_takes_pabot_and_robots_with_it(slow: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    run = started(slow, results)
    assert len(processes_of(results)) >= 3
    run.kill()
    run.wait()
    wait_until(lambda: not processes_of(results), "the end of pabot and its robots")


@pytest.mark.req("H05")
def test_a_killed_pabot_fails_the_run_and_takes_its_robots_with_it(slow: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    run = started(slow, results)
    pabot = next(process for process in processes_of(results) if "pabot.pabot" in process.cmdline())
    pabot.kill()
    output, _ = run.communicate()
    assert run.returncode == 1, output
    assert not processes_of(results)
    summary = json.loads((results / "summary.json").read_text())
    assert summary["run"]["problems"] == ["pabot was ended by signal 9"]
    assert summary["requirements"]["C01.2"]["verdict"] in ("UNKNOWN", "FAIL")


@pytest.mark.req("H02")
def test_two_runs_at_once_do_not_meet(slow: Path, tmp_path: Path) -> None:
    (tmp_path / "one.robot").write_text("*** Test Cases ***\nIt Passes\n    [Tags]    req:C01.1\n    No Operation\n")
    results = tmp_path / "results"
    runs = [
        subprocess.Popen(
            command(tmp_path / "one.robot", "--results", results, "--seed", str(seed)),
            cwd=tmp_path,
            env=launcher_environment(),
            stdout=subprocess.DEVNULL,
        )
        for seed in range(2)
    ]
    assert [run.wait(60) for run in runs] == [0, 0]
    seeds = {json.loads(path.read_text())["seed"] for path in results.glob("2*/summary.json")}
    assert seeds == {"0", "1"}


SEVERAL = """*** Settings ***
Suite Setup    Nothing Is Ready

*** Keywords ***
Nothing Is Ready
    Run Keyword And Continue On Failure    Fail    UNKNOWN: the machine was busy
    Run Keyword And Continue On Failure    Fail    8 of 100 sockets received nothing within 60 s:\\nuser-3: unavailable
    Fail    401 != 200

*** Test Cases ***
It Never Begins
    [Tags]    req:C01.1
    No Operation
"""


def test_each_report_shows_the_line_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "one.robot").write_text(SEVERAL)
    done = launch(tmp_path / "one.robot", tmp_path / "results")
    cause = "8 of 100 sockets received nothing within 60 s: user-3: unavailable (and 2 more causes)"
    assert done.code == 1, done.output
    assert done.output.count(f"\n      {cause}\n") == 1, "while it runs"
    assert f"FAIL It Never Begins\n     {cause}\n" in done.output
    assert done.summary["requirements"]["C01.1"]["reason"] == cause
    assert cause in (done.results / "summary.html").read_text("utf-8")
    assert "setup failed:" not in done.output
    assert "occurred:" not in done.output


UNJUDGED = """*** Test Cases ***
It Passes
    No Operation

It Cannot Be Judged
    Run Keyword And Continue On Failure    Fail    UNKNOWN: the machine was busy
    Fail    UNKNOWN: the token had expired

It Is Not Run Because Of That
    [Tags]    last
    Fail    1 != 2
"""
DECLARING = """
from lockstep.verdicts import unbounded, weaker

def hold_weaker():
    weaker("honoured for 300 s after sign-out", "ASVS 7.4.1")

def hold_unbounded():
    unbounded("still honoured after 60 s")
"""
WEAK = """*** Settings ***
Library    declaring.py

*** Test Cases ***
It Holds As Declared
    [Tags]    req:C01.1
    Hold Weaker

It Only Could Hold
    [Tags]    req:C01.2
    Hold Unbounded
"""


def test_what_is_weaker_or_without_a_bound_is_counted_and_shown_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "one.robot").write_text(WEAK)
    (tmp_path / "declaring.py").write_text(DECLARING)
    done = launch(tmp_path / "one.robot", tmp_path / "results")
    assert done.code == 0, done.output
    assert "WEAKER It Holds As Declared\n     honoured for 300 s after sign-out (ASVS 7.4.1)" in done.output
    assert "UNBOUNDED It Only Could Hold\n     still honoured after 60 s" in done.output
    assert "2 tests, 0 passed, 0 failed, 1 weaker than recommended, 1 without a bound in" in done.output
    assert done.summary["totals"]["executed"] == 1
    assert done.summary["requirements"]["C01.2"] == {
        "verdict": "UNBOUNDED",
        "tests": ["One.It Only Could Hold"],
        "reason": "still honoured after 60 s",
    }
    page = (done.results / "summary.html").read_text("utf-8")
    assert '<span class="verdict WEAKER">WEAKER</span> <b>It Holds As Declared</b>' in page


def test_what_is_not_run_because_of_an_unknown_is_unknown_too(tmp_path: Path) -> None:
    (tmp_path / "one.robot").write_text(UNJUDGED)
    done = launch(tmp_path / "one.robot", tmp_path / "results", "--exitonfailure")
    assert done.code == 3, done.output
    assert "UNKNOWN It Is Not Run Because Of That\n     Failure occurred and exit-on-failure mode" in done.output


@pytest.mark.parametrize(("options", "code"), [(["--exclude", "last"], 3), (["--exclude", "last", "--certified"], 1)])
def test_a_run_in_which_nothing_is_worse_than_unknown_ends_with_3(
    tmp_path: Path, options: list[str], code: int
) -> None:
    (tmp_path / "one.robot").write_text(UNJUDGED)
    done = launch(tmp_path / "one.robot", tmp_path / "results", *options)
    assert done.code == code, done.output
    assert "UNKNOWN It Cannot Be Judged" in done.output
    assert "the machine was busy (and 1 more cause)" in done.output
    assert "1 unknown" in done.output
    assert done.summary["run"]["exit_code"] == code
    tags = {test.get("name"): [tag.text for tag in test.iter("tag")] for test in _tests(done)}
    assert tags == {"It Passes": [], "It Cannot Be Judged": ["unknown"]}


def _tests(done: Finished) -> list[ET.Element]:
    return list(ET.parse(done.results / "output.xml").iter("test"))


@pytest.mark.req("H11")
def test_a_test_that_fails_is_not_tried_again(tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    (tmp_path / "suite.robot").write_text(
        "*** Settings ***\nLibrary    OperatingSystem\n\n*** Test Cases ***\nIt Fails The First Time\n"
        f"    Append To File    {tries}    x\n    Should Be True    len(open({str(tries)!r}).read()) > 1\n"
    )
    assert launch(tmp_path / "suite.robot", tmp_path / "results").code == 1
    assert tries.read_text() == "x"
