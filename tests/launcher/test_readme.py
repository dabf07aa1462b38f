"""What the README tells to type works."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from tests.launcher.launching import ROOT, launcher_environment

SUITE = "suites/critical/04_jwt_across_services.robot"


def test_plain_robot_and_pabot_work_in_a_path_with_a_blank_and_without_robot_on_path(tmp_path: Path) -> None:
    section = (ROOT / "README.md").read_text("utf-8").partition("## Plain robot, plain pabot")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith(".venv/bin/")]
    assert len(lines) == 2
    project = tmp_path / "a project"
    (project / SUITE).parent.mkdir(parents=True)
    (project / SUITE).write_text("*** Test Cases ***\nIt Passes\n    No Operation\n")
    (project / ".venv").symlink_to(sys.prefix)
    for line in lines:
        done = subprocess.run(
            shlex.split(line), cwd=project, env=launcher_environment(PATH="/usr/bin:/bin"), capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert (project / "results/mine/output.xml").read_text("utf-8").count('status="PASS"') >= 2
