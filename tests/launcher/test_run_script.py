"""The ``run`` script itself: finding Python, installing once, working from anywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.launcher.launching import ROOT, launcher_environment

NEEDED = ("bash", "dirname", "readlink", "cmp", "cp", "flock", "env", "sh")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The script in a folder with a blank in its name, with nothing to install."""
    folder = tmp_path / "a project"
    folder.mkdir()
    shutil.copy(ROOT / "run", folder)
    (folder / "requirements.txt").write_text("# nothing\n")
    (folder / "launcher").mkdir()
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
        timeout=120,
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
    assert "Installing requirements.txt" in run(project).stderr
    assert run(project).stderr == ""

    (project / "requirements-dev.txt").write_text("# more\n")
    assert run(project, "critical").stderr == ""
    assert "Installing requirements-dev.txt" in run(project, "test").stderr
    assert run(project, "lint").stderr == ""


def test_two_at_once_both_work(project: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda word: run(project, word), ("one", "two")))
    assert [done.stdout for done in both] == ["launched ['one'] 3\n", "launched ['two'] 3\n"]
    assert sum("Installing" in done.stderr for done in both) == 1


def test_no_python_is_said_clearly(project: Path, bare_path: Path) -> None:
    done = run(project, PATH=str(bare_path))
    assert done.returncode == 2
    assert "Python 3.11 or newer is needed, and none was found on PATH." in done.stderr
    assert "LOCKSTEP_PYTHON=" in done.stderr


def test_an_old_python_is_named_with_its_version(project: Path, bare_path: Path) -> None:
    fake_python(bare_path, ["python3", "python"])
    done = run(project, PATH=str(bare_path))
    assert done.returncode == 2
    assert "Python 3.11 or newer is needed; found only" in done.stderr
    assert "(Python 3.9.2)" in done.stderr
    assert not (project / ".venv").exists()


def test_a_failed_installation_says_what_to_do_and_is_tried_again(project: Path) -> None:
    (project / "requirements.txt").write_text("no-such-package-at-all==1\n")
    done = run(project)
    assert done.returncode == 2
    assert "Installing requirements.txt failed" in done.stderr
    assert "PIP_INDEX_URL" in done.stderr
    (project / "requirements.txt").write_text("# nothing\n")
    assert run(project).returncode == 0
