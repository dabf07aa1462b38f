"""Each command that fails notifies once, and names what failed: real commands of a small project."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.launcher.conftest import Receiver
from tests.launcher.launching import ROOT, command, launcher_environment, small_project

SUITE = "*** Test Cases ***\nIt Adds Up\n    Should Be Equal As Integers    {}    4\n"
TEST = """import os

def test_secrets_stay_with_the_launcher():
    assert not {{"LOCKSTEP_WEBHOOK", "LOCKSTEP_PAGERDUTY_KEY"}} & set(os.environ)

def test_it_adds_up():
    assert {} == 4, "it does not add up"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The launcher in a project of one suite, one folder of pytest and one benchmark, in all of which 2 + 2 is 5."""
    folder = small_project(tmp_path)
    for name in ("suites/sums", "tests/sums", "bench"):
        (folder / name).mkdir(parents=True)
    wrong(folder)
    return folder


def wrong(project: Path) -> None:
    write(project, 5)


def right(project: Path) -> None:
    write(project, 4)


def write(project: Path, total: int) -> None:
    (project / "suites" / "sums" / "sums.robot").write_text(SUITE.format(total))
    (project / "tests" / "sums" / "test_sums.py").write_text(TEST.format(total))
    (project / "bench" / "sums.py").write_text(f"import sys\nsys.exit({total} != 4)\n")


def launch(project: Path, *words: str, webhook: Receiver, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words), cwd=project, capture_output=True, text=True, check=False,
        env=launcher_environment(
            PYTHONPATH=f"{project}:{ROOT / 'libraries'}", LOCKSTEP_WEBHOOK=webhook.url,
            LOCKSTEP_CACHE=str(project / "cache"), **environment),
    )  # fmt: skip


def texts(webhook: Receiver) -> list[str]:
    """Each message that came, as one text."""
    return ["\n".join(block["text"]["text"] for block in body["blocks"]) for body in webhook.bodies]


@pytest.mark.req("H14")
def test_a_failed_proof_notifies_once_and_names_what_failed_in_each_part(project: Path, webhook: Receiver) -> None:
    done = launch(project, "test", webhook=webhook)
    assert done.returncode == 1, done.stdout + done.stderr
    (text,) = texts(webhook)
    assert "Lockstep test on embedded: NOT WELL" in text
    assert "• lint: ruff" in text
    assert "• tests.sums.test_sums.test_it_adds_up: AssertionError: it does not add up" in text
    assert "• FAIL Suites.Sums.Sums.It Adds Up: 5 != 4" in text
    assert "hidden-key" not in done.stdout + done.stderr


def test_a_part_alone_and_the_linters_alone_notify_too(project: Path, webhook: Receiver) -> None:
    assert launch(project, "test", "pytest", webhook=webhook).returncode == 1
    assert launch(project, "lint", "ruff", webhook=webhook).returncode == 1
    of_pytest, of_lint = texts(webhook)
    assert "Lockstep test pytest on embedded: NOT WELL" in of_pytest
    assert "test_it_adds_up" in of_pytest
    assert "Lockstep lint ruff on embedded: NOT WELL" in of_lint
    assert "• ruff" in of_lint


def test_a_benchmark_that_misses_its_goal_notifies(project: Path, webhook: Receiver) -> None:
    assert launch(project, "bench", webhook=webhook).returncode == 1
    (text,) = texts(webhook)
    assert "Lockstep bench on embedded: NOT WELL" in text
    assert "• bench sums ended with 1" in text


def test_a_benchmark_that_was_killed_has_failed(project: Path, webhook: Receiver) -> None:
    (project / "bench" / "sums.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    (project / "bench" / "well.py").write_text("")
    assert launch(project, "bench", webhook=webhook).returncode == 137
    assert "• bench sums ended with 137" in texts(webhook)[0]


@pytest.mark.req("H14")
@pytest.mark.parametrize("words", [("sums",), ("test", "pytest", "suites"), ("bench", "sums")])
def test_pagerduty_is_triggered_once_and_resolved_by_the_next_good_run(
    project: Path, webhook: Receiver, words: tuple[str, ...]
) -> None:
    asked = {"LOCKSTEP_WEBHOOK_KIND": "pagerduty", "LOCKSTEP_PAGERDUTY_KEY": "integration-key"}
    assert launch(project, *words, webhook=webhook, **asked).returncode == 1
    right(project)
    done = launch(project, *words, webhook=webhook, **asked)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [(body["event_action"], body["dedup_key"]) for body in webhook.bodies] == [
        ("trigger", f"lockstep/{' '.join(words)}/embedded"),
        ("resolve", f"lockstep/{' '.join(words)}/embedded"),
    ]


def test_a_run_that_cannot_begin_notifies_with_the_reason(project: Path, webhook: Receiver) -> None:
    done = launch(project, "sums", "--target", "nowhere", webhook=webhook)
    assert done.returncode == 2
    (text,) = texts(webhook)
    assert "Lockstep sums on nowhere: NOT WELL — it could not run" in text
    assert "• unknown target 'nowhere'" in text


def test_a_command_that_breaks_off_notifies_with_its_error(project: Path, webhook: Receiver) -> None:
    (project / "launcher" / "proof.py").write_text("def conduct(argv):\n    raise ValueError('beyond repair')\n")
    assert launch(project, "test", webhook=webhook).returncode == 1
    assert "• ValueError: beyond repair" in texts(webhook)[0]


def test_what_judges_nothing_notifies_nobody(project: Path, webhook: Receiver) -> None:
    assert launch(project, "list", "nothing", webhook=webhook).returncode == 2
    assert webhook.bodies == []


def test_a_webhook_that_fails_changes_no_exit_code(project: Path, webhook: Receiver) -> None:
    webhook.status = 500
    done = launch(project, "bench", webhook=webhook)
    assert done.returncode == 1
    assert "Not notified: the webhook answered 500" in done.stderr
