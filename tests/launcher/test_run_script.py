"""The ``run`` script itself: finding Python, installing once, working from anywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from launcher.ended import Ended
from launcher.notify import Job, pagerduty, plain, slack, teams
from tests.launcher.conftest import Receiver
from tests.launcher.launching import ROOT, launcher_environment

NEEDED = ("bash", "dirname", "readlink", "cmp", "cp", "flock", "env", "sh", "cat", "mktemp", "rm")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The script in a folder with a blank in its name, with nothing to install."""
    folder = tmp_path / "a project"
    folder.mkdir()
    shutil.copy(ROOT / "run", folder)
    (folder / "requirements.txt").write_text("# nothing\n")
    (folder / "launcher").mkdir()
    for name in ("notify.sh", "help.sh"):
        shutil.copy(ROOT / "launcher" / name, folder / "launcher")
    (folder / "launcher" / "__init__.py").touch()
    (folder / "launcher" / "__main__.py").write_text(
        "import sys\nprint('launched', sys.argv[1:], sys.version_info[0])\n"
    )
    return folder


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A folder to be PATH, with what the script needs and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        if found:
            (folder / name).symlink_to(found)
    return folder


def run(project: Path, *words: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script to its end."""
    return subprocess.run(
        [str(project / "run"), *words],
        cwd=cwd or project,
        env=launcher_environment(**{"PYTHONPATH": "", "PIP_NO_INDEX": "1", "UV_OFFLINE": "1", **environment}),
        capture_output=True,
        text=True,
        check=False,
    )


def fake_python(folder: Path, names: Sequence[str]) -> None:
    """A Python 3.9, as far as the script can see."""
    for name in names:
        (folder / name).write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
        (folder / name).chmod(0o755)


def test_it_installs_once_and_then_works_from_anywhere(project: Path, tmp_path: Path) -> None:
    first = run(project, "critical", "--test", "One *", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stdout == "launched ['critical', '--test', 'One *'] 3\n"
    assert "Installing requirements.txt" in first.stderr
    again = run(project, "list", cwd=ROOT)
    assert (again.returncode, again.stdout, again.stderr) == (0, "launched ['list'] 3\n", "")
    (link,) = project.glob(".venv/lib/python3.*/site-packages/lockstep.pth")
    roots = [os.path.normpath(link.parent / line) for line in link.read_text().splitlines()]
    assert roots == [str(project / "libraries"), str(project / "resources")]

    (project / "requirements.txt").write_text("# something else\n")
    assert "Installing requirements.txt" in run(project, "list").stderr
    assert run(project).stderr == ""

    (project / "requirements-dev.txt").write_text("# more\n")
    assert run(project, "critical").stderr == ""
    assert run(project, "test", "--help").stderr == ""
    assert run(project, "help", "lint").stderr == ""
    assert "Installing requirements-dev.txt" in run(project, "test").stderr
    assert run(project, "lint").stderr == ""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "{run}"),
        (["--help"], 0, "{run}"),
        (["help"], 0, "{run}"),
        (["target", "--help"], 0, "{target}"),
        (["target", "check", "-h"], 0, "{target}"),
        (["help", "test"], 0, "{test}"),
        (["critical", "--seed", "5", "--HELP"], 0, "{area}"),
        (["soak", "--help"], 0, "{options/soak}"),
        (["help", "lint"], 0, "{options/lint}"),
        (["provee", "--help"], 2, "There is no command, area or suite provee. Did you mean 'prove'?"),
        (["nothing", "--help"], 2, "There is no command, area or suite nothing. More:"),
    ],
)
def test_help_needs_no_installation(project: Path, bare_path: Path, words: list[str], code: int, said: str) -> None:
    for name in ("grep", "cat"):
        (bare_path / name).unlink(missing_ok=True)
        (bare_path / name).symlink_to(str(shutil.which(name)))
    shutil.copytree(ROOT / "launcher" / "help", project / "launcher" / "help")
    (project / "suites" / "critical").mkdir(parents=True)
    (project / "lint").mkdir()
    (project / "requirements.txt").write_text("no-such-package-at-all==1\n")
    done = run(project, *words, PATH=str(bare_path))
    assert done.returncode == code, done.stderr
    if said.startswith("{"):
        assert done.stdout == (ROOT / "launcher" / "help" / f"{said[1:-1]}.txt").read_text("utf-8")
    else:
        assert said in done.stdout + done.stderr
    assert not (project / ".venv").exists()


def test_two_at_once_both_work(project: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda word: run(project, word), ("one", "two")))
    assert [done.stdout for done in both] == ["launched ['one'] 3\n", "launched ['two'] 3\n"]
    assert sum("Installing" in done.stderr for done in both) == 1


def test_no_python_is_said_clearly(project: Path, bare_path: Path) -> None:
    done = run(project, "list", PATH=str(bare_path))
    assert done.returncode == 2
    assert "Python 3.11 or newer is needed, and none was found on PATH." in done.stderr
    assert "LOCKSTEP_PYTHON=" in done.stderr


def test_an_old_python_is_named_with_its_version(project: Path, bare_path: Path) -> None:
    fake_python(bare_path, ["python3", "python"])
    done = run(project, "list", PATH=str(bare_path))
    assert done.returncode == 2
    assert "Python 3.11 or newer is needed; found only" in done.stderr
    assert "(Python 3.9.2)" in done.stderr
    assert not (project / ".venv").exists()


def test_a_failed_installation_says_what_to_do_and_is_tried_again(project: Path) -> None:
    (project / "requirements.txt").write_text("no-such-package-at-all==1\n")
    done = run(project, "list")
    assert done.returncode == 2
    assert "Installing requirements.txt failed" in done.stderr
    assert "PIP_INDEX_URL" in done.stderr
    (project / "requirements.txt").write_text("# nothing\n")
    assert run(project, "list").returncode == 0


# --- what cannot be set up notifies

WORDS = ("critical", "state_recovery", "--include", "p0", "--target", "staging.yaml")
BROKEN = "Installing requirements.txt failed; the installer's own words are above."
JOB: dict[str, Any] = {"LOCKSTEP_JOB": "python 3.14"}
ENDED = Ended(2, "it could not be set up", (BROKEN,))


@pytest.fixture
def broken(project: Path) -> Path:
    """The project with something to install that is not there."""
    (project / "requirements.txt").write_text("no-such-package-at-all==1\n")
    return project


@pytest.mark.req("H14")
def test_a_failed_installation_notifies_slack_as_a_failed_run_does(
    broken: Path, bare_path: Path, webhook: Receiver
) -> None:
    """By Python's own means, too, where there is no curl."""
    (bare_path / "python3").symlink_to(Path(sys.executable).resolve())
    link = "https://ci.example.test/7?a=1&b=2"
    asked: dict[str, Any] = {"PATH": str(bare_path), "LOCKSTEP_WEBHOOK": webhook.url, "LOCKSTEP_RUN_URL": link}
    done = [run(broken, *WORDS, **asked)]
    (bare_path / "curl").symlink_to(str(shutil.which("curl")))
    done.append(run(broken, *WORDS, **asked))
    for one in done:
        assert one.returncode == 2
        assert "hidden-key" not in one.stdout + one.stderr
        assert "Not notified" not in one.stderr
    assert webhook.bodies == [slack(Job.of(WORDS, {}), ENDED, link)] * 2
    assert {headers["content-type"] for headers in webhook.headers} == {"application/json"}


def test_a_failed_installation_triggers_what_the_next_good_run_of_the_job_resolves(
    broken: Path, webhook: Receiver
) -> None:
    asked: dict[str, Any] = {"LOCKSTEP_WEBHOOK_KIND": "pagerduty", "LOCKSTEP_PAGERDUTY_KEY": "integration-key"}
    all_words: list[tuple[str, ...]] = [
        WORDS, ("test", "--certified"), ("all", "--target=a b"), ("--seed", "5", "all"), ("bench", 'quo"te\\d')
    ]  # fmt: skip
    for words in all_words:
        run(broken, *words, LOCKSTEP_WEBHOOK=webhook.url, **asked, **JOB)
        job = Job.of(words, JOB)
        assert webhook.bodies[-1] == pagerduty(job, ENDED, "integration-key", "")
        assert webhook.bodies[-1]["dedup_key"] == pagerduty(job, Ended(0, ""), "", "")["dedup_key"]
    assert len(webhook.bodies) == len(all_words)


@pytest.mark.req("H14")
def test_an_installation_that_fails_notifies_teams_and_plain_json_as_the_launcher_does(
    broken: Path, webhook: Receiver
) -> None:
    job, link = Job("list", "embedded"), "https://ci.example.test/7"
    for kind in ("teams", "json"):
        run(broken, "list", LOCKSTEP_WEBHOOK=webhook.url, LOCKSTEP_WEBHOOK_KIND=kind, LOCKSTEP_RUN_URL=link)
    card, told = webhook.bodies
    failure = told["failures"][0]
    ended = Ended(2, "it could not be set up", (failure,))
    assert told == plain(job, ended, link)
    assert card == teams(job, ended, link)


def test_no_python_notifies_too(project: Path, bare_path: Path, webhook: Receiver) -> None:
    (bare_path / "curl").symlink_to(str(shutil.which("curl")))
    run(project, "critical", PATH=str(bare_path), LOCKSTEP_WEBHOOK=webhook.url)
    assert (
        "Python 3.11 or newer is needed, and none was found on PATH." in webhook.bodies[0]["blocks"][1]["text"]["text"]
    )


def test_a_webhook_that_refuses_is_a_warning_that_keeps_its_secret(broken: Path, webhook: Receiver) -> None:
    webhook.status = 500
    for url in (webhook.url, "http://127.0.0.1:9/services/hidden-key", "file:///hidden-key"):
        done = run(broken, "list", LOCKSTEP_WEBHOOK=url)
        assert done.returncode == 2
        assert "Not notified: " in done.stderr
        assert "hidden-key" not in done.stderr
    done = run(broken, "list", LOCKSTEP_WEBHOOK=webhook.url, LOCKSTEP_WEBHOOK_KIND="fax")
    assert "LOCKSTEP_WEBHOOK_KIND is 'fax'; there are slack, teams, pagerduty, json" in done.stderr
    assert len(webhook.bodies) == 1


def test_what_is_installed_notifies_nobody(project: Path, webhook: Receiver) -> None:
    assert run(project, "critical", LOCKSTEP_WEBHOOK=webhook.url).returncode == 0
    assert webhook.bodies == []
