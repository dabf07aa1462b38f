"""PlatformLibrary proved from outside: inner suites, their verdicts and messages, and what they leave behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.libraries.inner import INNER, ROOT, run_inner
from tests.libraries.platform_boot import boot_host, leftovers, own_place, places_of, processes_of, running
from tests.services.servers import wait_until

SUITES = INNER / "platform"
# Found on PATH, since pabot cuts its command at blanks, and the path of this Python may hold one.
PABOT = (sys.executable, "-m", "pabot.pabot", "--command", "python", "-m", "robot", "--end-command", "--no-pabotlib")
OUTSIDE = """\
kind: external
endpoints: {socket_url: "ws://127.0.0.1:1/ws"}
capabilities: [ws, redis]
control: {adapter: none}
"""


def test_every_keyword_gives_the_verdict_and_message_that_its_test_declares(tmp_path: Path) -> None:
    run = run_inner(SUITES / "keywords.robot", tmp_path, TMPDIR=own_place(tmp_path)["TMPDIR"])
    run.all_as_declared()
    token = [line for line in run.output.splitlines() if "token=***" in line]
    assert token
    assert leftovers(tmp_path) == []
    assert running(processes_of(tmp_path)) == []


@pytest.mark.req("H10")
def test_what_is_missing_is_na_before_its_setup(tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text(OUTSIDE)
    run = run_inner(SUITES / "verdicts.robot", tmp_path, variables={"TARGET": str(tmp_path / "outside.yaml")})
    assert run.verdicts == {
        "Undeclared": ("SKIP", "NA: control.kill: target 'outside' does not offer it"),
        "Declared But Missing": ("SKIP", "NA: redis: the profile gives no endpoints.redis_url"),
        "Offered": ("PASS", ""),
        "Mistyped": ("FAIL", "the tag needs:contrl.kill names no capability: did you mean control.kill?"),
    }
    assert "the setup of the suite ran" in run.output
    assert "the setup of Offered ran" in run.output
    assert "the setup of Undeclared ran" not in run.output


@pytest.mark.req("H10")
def test_a_certified_run_fails_what_the_profile_declares_and_the_target_lacks(tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text(OUTSIDE)
    target = str(tmp_path / "outside.yaml")
    run = run_inner(SUITES / "verdicts.robot", tmp_path, LOCKSTEP_TARGET=target, LOCKSTEP_CERTIFIED="1")
    assert run.verdicts["Undeclared"][0] == "SKIP"
    assert run.verdicts["Declared But Missing"] == (
        "FAIL",
        "NA: redis: the profile gives no endpoints.redis_url (declared by the profile, and this run is certified)",
    )


def test_a_suite_of_which_nothing_can_be_checked_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text(OUTSIDE)
    run = run_inner(SUITES / "unchecked.robot", tmp_path, variables={"TARGET": str(tmp_path / "outside.yaml")})
    assert {status for status, _ in run.verdicts.values()} == {"SKIP"}
    assert 'type="SETUP"' not in run.output


def test_an_unknown_target_fails_the_suite_with_the_known_ones(tmp_path: Path) -> None:
    run = run_inner(SUITES / "unchecked.robot", tmp_path, variables={"TARGET": "remoto"})
    assert "unknown target 'remoto': known are compose, embedded, remote" in run.message("Kill")


def test_a_failed_test_brings_its_lines_masked_and_a_passed_one_none(tmp_path: Path) -> None:
    run = run_inner(SUITES / "evidence.robot", tmp_path, TMPDIR=own_place(tmp_path)["TMPDIR"])
    assert run.verdicts["It Fails"] == ("FAIL", "on purpose")
    failed, _, passed = run.output.partition('name="It Passes"')
    assert "log of &lt;b&gt;backend-1&lt;/b&gt; during this test" in failed
    assert "path=/api/me status=401" in failed
    assert "&lt;details&gt;" not in passed
    assert run.output.count("Bearer") > 0
    assert "Bearer ***" in run.output


def test_a_failed_test_brings_lines_of_what_its_suite_had_opened(tmp_path: Path) -> None:
    run = run_inner(SUITES / "evidence_of_suite.robot", tmp_path, TMPDIR=own_place(tmp_path)["TMPDIR"])
    shown = run.output[run.output.index("log of &lt;b&gt;backend-1") :]
    assert re.findall(r"path=/api/(\w+)", shown) == ["conversations", "preferences", "me"]
    assert re.findall(r"for=(.*)", shown) == ["Evidence Of Suite", "Evidence Of Suite.Earlier Test"]


def test_a_suite_setup_that_fails_brings_its_lines_once(tmp_path: Path) -> None:
    run = run_inner(SUITES / "evidence_of_setup.robot", tmp_path, TMPDIR=own_place(tmp_path)["TMPDIR"])
    assert run.message("First") == "Parent suite setup failed:\non purpose"
    first, _, second = run.output.partition('name="Second"')
    assert "path=/api/me status=401" in first
    assert "log of &lt;b&gt;backend-1&lt;/b&gt; during the suite's setup" in first
    assert "log of" not in second


@pytest.fixture
def place() -> Iterator[Path]:
    """A short path: a Unix socket's may have 107 characters."""
    folder = Path("/tmp") / f"lockstep-test-{os.getpid()}"
    folder.mkdir(mode=0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def robots_environment(folder: Path) -> dict[str, str]:
    """This environment without what another run has set, platforms in ``folder``, and this Python first on PATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTEP_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**kept, **own_place(folder), "PATH": path}


def robot(folder: Path, suite: str, *launcher: str) -> subprocess.Popen[bytes]:
    command = [*(launcher or (sys.executable, "-m", "robot")), "--variable", f"SIGNAL:{folder / 'signal'}"]
    return subprocess.Popen(
        [*command, "--pythonpath", str(ROOT / "libraries"), "--outputdir", str(folder / "out"), str(SUITES / suite)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=robots_environment(folder),
        cwd=folder,
        start_new_session=True,
    )


@pytest.mark.req("H05")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_robot_that_is_interrupted_or_killed_leaves_nothing(place: Path, how: signal.Signals) -> None:
    process = robot(place, "held.robot")
    wait_until(lambda: (place / "signal").exists(), "the platform is in use")
    processes, places = processes_of(place), places_of(place)
    assert len(processes) > 8
    process.send_signal(how)
    process.wait(20)
    wait_until(lambda: not running(processes), "every process has ended")
    wait_until(lambda: not leftovers(place, *places), "all files are gone")


@pytest.mark.req("H06")
def test_robots_of_one_pabot_share_a_platform_and_end_with_it(place: Path) -> None:
    suites = place / "suites"
    suites.mkdir()
    for number in range(3):
        shutil.copy(SUITES / "shared.robot", suites / f"shared{number}.robot")
    shutil.copytree(suites, place / "all")
    process = subprocess.run(
        [*PABOT, "--processes", "2", "--variable", f"SIGNAL:{place / 'signal'}",
         "--pythonpath", str(ROOT / "libraries"), "--outputdir", str(place / "out"), str(suites)],
        env=robots_environment(place), capture_output=True, text=True, cwd=place, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stdout + process.stderr
    used = (place / "signal").read_text().split()
    assert len(used) == 3
    assert len(set(used)) == 1
    wait_until(lambda: not running(processes_of(place)), "every process has ended")
    wait_until(lambda: not leftovers(place), "all files are gone")


@pytest.mark.req("H05")
def test_robots_end_when_their_pabot_is_killed(place: Path) -> None:
    process = robot(place, "held.robot", *PABOT)
    wait_until(lambda: (place / "signal").exists(), "the platform is in use")
    processes, places = processes_of(place), places_of(place)
    assert any("robot" in psutil.Process(child.pid).cmdline() for child in processes if child.is_running())
    process.kill()
    process.wait()
    wait_until(lambda: not running(processes), "every process has ended")
    wait_until(lambda: not leftovers(place, *places), "all files are gone")


def test_a_host_that_is_given_is_used(place: Path, tmp_path: Path) -> None:
    host = boot_host(place)
    wanted = host.lease(shared=True)["platform_id"]
    run = run_inner(
        SUITES / "shared.robot", tmp_path, variables={"SIGNAL": str(place / "signal")}, LOCKSTEP_HOST=str(host.path)
    )
    assert run.verdicts["One"] == ("PASS", "")
    assert (place / "signal").read_text().split() == [wanted]
    assert host.call("status", platform=wanted)["instances"]["auth"] == "running"
    host.close_and_wait()
    assert leftovers(place) == []


def test_a_host_that_is_gone_is_an_error_that_says_so(tmp_path: Path) -> None:
    run = run_inner(SUITES / "shared.robot", tmp_path, LOCKSTEP_HOST=str(tmp_path / "gone.sock"))
    assert "no platform host answers on" in run.message("One")
