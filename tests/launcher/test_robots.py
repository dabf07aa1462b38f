"""A forked robot is like any other: what it says and returns, and that it ends with whoever started it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from launcher.robots import Robots
from tests.launcher.launching import launcher_environment, wait_until

SUITE = """*** Test Cases ***
It Passes
    Log To Console    pid %{WHERE} ${EXECDIR}

It Fails
    Fail    as told

It Takes Long
    [Tags]    slow
    Evaluate    pathlib.Path('running').write_text(str(os.getpid()))    modules=os,pathlib
    Sleep    60s

It Kills Its Robot
    [Tags]    deadly
    Evaluate    os.kill(os.getpid(), 9)    modules=os
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="abstract Unix sockets are Linux' own")


@pytest.fixture(scope="module")
def robots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Robots]:
    running = Robots(tmp_path_factory.mktemp("run"), launcher_environment())
    yield running
    running.close()


def start(folder: Path, address: str, *options: str) -> subprocess.Popen[str]:
    (folder / "one.robot").write_text(SUITE, "utf-8")
    env = launcher_environment(LOCKSTEP_ROBOTS=address, WHERE="here", PATH=f"{Path(sys.executable).parent}:/usr/bin")
    options = (*options, "--outputdir", str(folder), "--report", "NONE", "--log", "NONE")
    command = [sys.executable, "-S", "-m", "launcher.robot", *options, "one.robot"]
    return subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def running_robot(folder: Path) -> psutil.Process:
    told = folder / "running"
    return psutil.Process(int(wait_until(lambda: told.exists() and told.read_text(), "the slow test")))


def gone(robot: psutil.Process) -> bool:
    return not robot.is_running() or robot.status() == psutil.STATUS_ZOMBIE


def test_output_environment_folder_and_exit_code_are_the_robots(robots: Robots, tmp_path: Path) -> None:
    asked = start(tmp_path, robots.address, "--exclude", "slow", "--exclude", "deadly")
    said, _ = asked.communicate()
    assert asked.returncode == 1, said
    assert f"pid here {tmp_path}" in said
    assert (tmp_path / "output.xml").exists()


def test_without_the_process_that_forks_it_is_a_robot_itself(tmp_path: Path) -> None:
    asked = start(tmp_path, "nobody-listens-here", "--test", "It Fails")
    said, _ = asked.communicate()
    assert asked.returncode == 1, said
    assert "as told" in said


def test_a_terminated_robot_writes_what_it_has(robots: Robots, tmp_path: Path) -> None:
    asked = start(tmp_path, robots.address, "--include", "slow")
    running_robot(tmp_path)
    asked.terminate()
    said, _ = asked.communicate()
    assert asked.returncode == 1, said
    assert "Execution terminated by signal" in (tmp_path / "output.xml").read_text("utf-8")


def test_a_killed_robot_ends_as_killed(robots: Robots, tmp_path: Path) -> None:
    asked = start(tmp_path, robots.address, "--include", "deadly")
    asked.communicate()
    assert asked.returncode == -signal.SIGKILL


def test_a_robot_ends_with_whoever_asked_for_it(robots: Robots, tmp_path: Path) -> None:
    asked = start(tmp_path, robots.address, "--include", "slow")
    robot = running_robot(tmp_path)
    asked.kill()
    asked.communicate()
    wait_until(lambda: gone(robot), "the robot's end")


def test_a_robot_ends_when_pabot_has_gone(robots: Robots, tmp_path: Path) -> None:
    (tmp_path / "one.robot").write_text(SUITE, "utf-8")
    ask = [sys.executable, "-S", "-m", "launcher.robot", "--include", "slow", "one.robot"]
    env = launcher_environment(LOCKSTEP_ROBOTS=robots.address)
    pabot = subprocess.Popen([sys.executable, "-c", f"import subprocess; subprocess.run({ask})"], cwd=tmp_path, env=env)
    robot = running_robot(tmp_path)
    pabot.kill()
    pabot.wait()
    wait_until(lambda: gone(robot), "the robot's end")


def test_robots_end_with_the_process_that_forks_them(tmp_path: Path) -> None:
    robots = Robots(tmp_path, launcher_environment())
    asked = start(tmp_path, robots.address, "--include", "slow")
    robot = running_robot(tmp_path)
    robots.close()
    asked.communicate()
    assert asked.returncode == 255
    wait_until(lambda: gone(robot), "the robot's end")
