"""``./run prove`` that is told to end, from outside and for real."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.launcher.launching import command, launcher_environment, processes_of, wait_until


@pytest.mark.parametrize("to_all", [False, True], ids=["the launcher alone", "every process of the terminal"])
def test_an_interrupted_proof_says_so_and_leaves_nothing(tmp_path: Path, to_all: bool) -> None:
    temporary, results = tmp_path / "temporary", tmp_path / "results"
    temporary.mkdir()
    proof = subprocess.Popen(
        command("prove", "C01-48", "--fresh", "--results", results),
        env={**launcher_environment(), "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: any(temporary.glob("lockstep-defect-*")), "a copy of the platform")
    if to_all:
        os.killpg(proof.pid, signal.SIGINT)
    else:
        proof.send_signal(signal.SIGTERM)
    output, _ = proof.communicate()
    assert proof.returncode == (130 if to_all else 143), output
    assert "interrupted after 0 of 1 runs" in output
    assert "Interrupted." not in output, "it is said once"
    assert "Traceback" not in output
    assert list(temporary.glob("lockstep-*")) == []
    wait_until(lambda: not processes_of(results), "the end of what ran")
