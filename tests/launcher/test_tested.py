"""What was tested stands in every result of a run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from robot.api import ExecutionResult

from launcher import ended, notify, tested
from launcher.outcome import JudgedTest, Outcome
from launcher.verdicts import Verdict
from tests.launcher.launching import launch

SUITE = "*** Test Cases ***\nIt Passes\n    No Operation\n"


def git(folder: Path, *words: str) -> None:
    given = ["-c", "user.name=a", "-c", "user.email=a@example.test", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *given, *words], check=True, capture_output=True)


@pytest.mark.req("E06")
def test_a_commit_is_clean_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(tested.COMMIT, raising=False)
    assert tested.commit(tmp_path) == ""
    monkeypatch.setenv(tested.COMMIT, "1a2b3c (from the image)")
    assert tested.commit(tmp_path) == "1a2b3c (from the image)"
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    assert tested.commit(tmp_path).endswith(" (clean)")
    (tmp_path / "a").write_text("2")
    assert tested.commit(tmp_path).endswith(" (1 file changed)")
    (tmp_path / "b").write_text("2")
    assert tested.commit(tmp_path).endswith(" (2 files changed)")


@pytest.mark.req("E06")
def test_every_report_of_a_run_says_what_was_tested(tmp_path: Path) -> None:
    suite = tmp_path / "one.robot"
    suite.write_text(SUITE)
    run = launch(suite, tmp_path / "results", "--seed", "4711", "--metadata", "Machine:mine")
    assert run.code == 0, run.output
    facts = run.summary["run"]["tested"]
    assert {"Commit", "Versions", "Target", "Seed", "Machine"} <= set(facts)
    assert facts["Seed"] == "4711"
    assert facts["Versions"].startswith("lockstep ")
    assert f"commit {facts['Commit']}" in run.output
    metadata = dict(ExecutionResult(run.results / "output.xml").suite.metadata)
    assert metadata == {**facts, "Machine": "mine"}
    for name in ("log.html", "report.html", "summary.html"):
        assert facts["Commit"] in (run.results / name).read_text("utf-8"), name


@pytest.mark.req("E06")
def test_a_notification_says_what_was_tested() -> None:
    subject = tested.Subject("1a2b3c4d5e (clean)", {"robot": "7.5"}, "shop (external) at https://shop.test", "box")
    failed = (JudgedTest("A.B", Verdict.FAIL, "wrong"),)
    outcome = Outcome("critical", "shop", "77", 1.0, failed, tested=subject)
    sent = str(notify.slack(notify.Job("critical", "shop"), ended.of_run(outcome), ""))
    for words in ("commit 1a2b3c4d5e (clean)", "robot 7.5", "https://shop.test", "machine box", "seed 77"):
        assert words in sent
