"""What bench.refreshes counts is true: lost answers sign clients out under one policy and under no other."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bench import refreshes
from tests.launcher.launching import ROOT, command, launcher_environment


def test_a_small_run_has_every_figure(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    ran = subprocess.run(
        command("bench", "refreshes", "--quick", "--json", str(file)), cwd=ROOT, env=launcher_environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    figures = json.loads(file.read_text("utf-8"))["figures"]["lost_answers"]
    values = {label: figure["values"][0] for label, figure in figures.items()}
    assert values["strict: lost answers"] > 0
    assert values["strict: signed out"] == values["strict: lost answers"]
    assert values["strict, key: signed out"] == values["grace: signed out"] == 0


def test_a_policy_that_signs_honest_clients_out_misses_its_goal(monkeypatch: pytest.MonkeyPatch) -> None:
    strict = refreshes.POLICIES["strict"]
    monkeypatch.setattr(refreshes, "POLICIES", {"grace": refreshes._Policy(strict.environment, goal=0.0)})
    monkeypatch.setattr("sys.argv", ["refreshes", "--quick"])
    assert refreshes.main() == 1
