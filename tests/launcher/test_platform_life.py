"""The launcher and the real platform: for use by hand, and gone with the launcher."""

from __future__ import annotations

import re
import signal
import ssl
import subprocess
from pathlib import Path

import httpx
import psutil
import pytest

from tests.launcher.launching import command, launcher_environment, wait_until

ON_THE_PLATFORM = """*** Settings ***
Library    PlatformLibrary
Library    OperatingSystem
Suite Setup    Use Shared Platform

*** Test Cases ***
It Stays
    Create File    {marker}    %{{LOCKSTEP_HOST}}
    Sleep    60s
"""


def processes_under(host_socket: str) -> list[psutil.Process]:
    """The host that listens on the socket, and every process under it."""
    hosts = [one for one in psutil.process_iter(["cmdline"]) if host_socket in (one.info["cmdline"] or ())]
    return hosts + [child for host in hosts for child in host.children(recursive=True)]


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended."""
    return [one for one in processes if _lives(one)]


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.req("H05")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_however_the_launcher_ends_its_platform_ends_too(tmp_path: Path, number: signal.Signals) -> None:
    marker = tmp_path / "host"
    (tmp_path / "stays.robot").write_text(ON_THE_PLATFORM.format(marker=marker))
    run = subprocess.Popen(
        command(tmp_path / "stays.robot", "--results", tmp_path / "results"),
        env=launcher_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: marker.exists() and marker.read_text(), "the test on the platform")
    platform = processes_under(marker.read_text())
    assert len(platform) > 5
    run.send_signal(number)
    run.communicate(timeout=30)
    assert run.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    wait_until(lambda: not living(platform), "the end of the platform", within=5)
    assert not Path(marker.read_text()).exists()


@pytest.mark.req("H01")
def test_up_gives_urls_and_a_login_and_takes_all_of_it_away(tmp_path: Path) -> None:
    run = subprocess.Popen(
        command("up", "--results", tmp_path), env=launcher_environment(), stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    said = {}
    for line in run.stdout:
        label, _, value = line.strip().partition("  ")
        said[label] = value.strip()
        if label == "suites":
            break
    login = re.fullmatch(r"(\S+) with password (\S+): POST (\S+)", said["by API"])
    assert login is not None
    trusted = ssl.create_default_context(cafile=said["CA"])
    with httpx.Client(verify=trusted) as client:
        assert client.get(f"{said['open']}/health").json()["service"] == "frontend"
        answer = client.post(login[3], json={"email": login[1], "password": login[2]})
        token = answer.json()["access_token"]
        me = client.get(f"{said['open']}/api/me", headers={"Authorization": f"Bearer {token}"})
        assert (me.status_code, me.json()["email"]) == (200, login[1])
    profile = tmp_path / "up" / "target.yaml"
    operator = Path(said["suites"].split()[1])
    assert f"auth_url: {said['auth']}" in profile.read_text()
    assert operator.stat().st_mode & 0o777 == 0o600
    assert operator.read_text().split("=")[1].strip() not in profile.read_text()
    run.send_signal(signal.SIGINT)
    assert run.wait(20) == 0
    assert not profile.exists()
    assert not operator.parent.exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{said['auth']}/health")
