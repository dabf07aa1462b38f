"""How parts of the proof are counted."""

from __future__ import annotations

import subprocess
from pathlib import Path

from launcher.proof import Tally, read_junit
from tests.launcher.launching import ROOT, command, launcher_environment


def test_a_junit_file_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_text('<testsuites><testsuite tests="10" failures="2" errors="1" skipped="3"/></testsuites>')
    assert read_junit(path) == Tally(passed=4, failed=3, skipped=3)


def test_a_missing_or_broken_junit_file_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "broken.xml").write_text("<testsuites>")
    assert read_junit(tmp_path / "none.xml") == read_junit(tmp_path / "broken.xml") == Tally(failed=1)


def test_an_unknown_part_is_refused_and_ci_still_gets_its_last_line() -> None:
    done = subprocess.run(
        command("test", "lnt"), cwd=ROOT, env=launcher_environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "There is no part 'lnt'; there are lint, pytest, suites." in done.stderr
    ci = subprocess.run(
        [ROOT / ".ci" / "run", "lnt"], env=launcher_environment(), capture_output=True, text=True, check=False
    )
    assert ci.returncode == 2
    assert ci.stdout.splitlines()[-1] == "0 passed, 1 failed"
