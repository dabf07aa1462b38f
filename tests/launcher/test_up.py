"""A platform for use by hand: what its processes are, which end, and which are started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.launcher.launching import command, launcher_environment, wait_until


def asked(results: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        command("up", "--results", results, *words), env=launcher_environment(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def services(results: Path) -> dict[str, Any]:
    path = results / "up" / "status.json"
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))["services"] if path.exists() else {}
    return found


@pytest.mark.req("H01")
def test_processes_are_shown_and_a_death_is_reported_and_mended(tmp_path: Path) -> None:
    assert asked(tmp_path, "--status") == (1, f"Nothing is up: there is no living ./run up for {tmp_path / 'up'}.\n")
    log = tmp_path / "log"
    with log.open("w") as said:
        up = subprocess.Popen(
            command("up", "--keep", "--results", tmp_path), env=launcher_environment(), stdout=said, stderr=said
        )
    try:
        wait_until(lambda: "service " in log.read_text(), "the platform is up")
        before = services(tmp_path)
        assert {"auth", "backend-1", "backend-2", "frontend", "provider", "postgres", "redis"} <= set(before)
        assert all(one["port"] and psutil.pid_exists(one["pid"]) for one in before.values())
        code, table = asked(tmp_path, "--status")
        assert code == 0
        assert f"{before['auth']['pid']} {before['auth']['port']:>6}" in table
        os.kill(before["backend-2"]["pid"], signal.SIGKILL)
        wait_until(lambda: "backend-2 was started again" in log.read_text(), "backend-2 is there again")
        after = wait_until(lambda: (now := services(tmp_path))["backend-2"]["pid"] and now, "its pid is known")
        assert after["backend-2"]["pid"] != before["backend-2"]["pid"]
        assert after["backend-2"]["port"] == before["backend-2"]["port"]
        assert "backend-2" in log.read_text().partition("was started again")[0].splitlines()[-2]
        assert "backend-2" in asked(tmp_path, "--status")[1].splitlines()[-1]
    finally:
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 0, log.read_text()
    assert asked(tmp_path, "--status")[0] == 1
