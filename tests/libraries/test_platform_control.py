"""Control adapters on real processes, and the checks of a target that is there already."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from PlatformLibrary import control, profile, reach
from PlatformLibrary.embedded.errors import PlatformError
from PlatformLibrary.profile import Profile

from tests.services.servers import MakeDatabase, Redis, free_port, wait_until


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def make_profile(tmp_path: Path) -> Callable[..., Profile]:
    def make(endpoints: dict[str, Any], **more: Any) -> Profile:
        path = tmp_path / "mine.yaml"
        entries = {
            "kind": "external",
            "endpoints": endpoints,
            "capabilities": [],
            "control": {"adapter": "none"},
            **more,
        }
        path.write_text(json.dumps(entries, indent=1))
        return profile.load(path)

    return make


def test_processes_named_by_pid_are_paused_resumed_and_killed(
    sleeper: subprocess.Popen[bytes], tmp_path: Path, make_profile: Callable[..., Profile]
) -> None:
    (tmp_path / "auth.pid").write_text(f"{sleeper.pid}\n")
    chosen = control.for_profile(
        make_profile({}, control={"adapter": "pids", "pids": {"auth": "auth.pid", "db": 999999}})
    )
    process = psutil.Process(sleeper.pid)
    chosen.do("pause", "auth")
    wait_until(lambda: process.status() == psutil.STATUS_STOPPED, "the process is stopped")
    chosen.do("resume", "auth")
    wait_until(lambda: process.status() != psutil.STATUS_STOPPED, "the process goes on")
    chosen.do("kill", "auth")
    assert sleeper.wait(1) == -9
    with pytest.raises(PlatformError, match=r"cannot kill db \(process 999999\): No such process"):
        chosen.do("kill", "db")
    with pytest.raises(PlatformError, match="names no process for 'backend-1'"):
        chosen.do("kill", "backend-1")
    with pytest.raises(PlatformError, match="start auth is not possible"):
        chosen.do("start", "auth")


def test_commands_get_the_instance_and_their_failure_is_told(
    tmp_path: Path, make_profile: Callable[..., Profile]
) -> None:
    commands = {
        "restart": ["touch", str(tmp_path / "restarted {instance}")],
        "stop": ["sh", "-c", "echo no such unit >&2; exit 5"],
        "logs": ["echo", "{verb} of {instance}"],
        "kill": ["/no/such/program"],
    }
    settings = {"adapter": "commands", "commands": commands, "instances": {"auth": "auth.service"}}
    chosen = control.for_profile(make_profile({}, control=settings))
    chosen.do("restart", "auth")
    assert (tmp_path / "restarted auth.service").exists()
    assert chosen.logs("auth") == "logs of auth.service\n"
    with pytest.raises(PlatformError, match="ended with status 5: no such unit"):
        chosen.do("stop", "auth")
    with pytest.raises(PlatformError, match="/no/such/program cannot be run"):
        chosen.do("kill", "auth")
    with pytest.raises(PlatformError, match="has no command to pause auth"):
        chosen.do("pause", "auth")


def test_compose_runs_docker_compose_on_the_file_of_the_profile(
    tmp_path: Path, make_profile: Callable[..., Profile], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"adapter": "compose", "compose_file": "compose.yaml", "project": "mine"}
    loaded = make_profile({}, control=settings)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PlatformError, match="needs the program docker on PATH"):
        control.for_profile(loaded)
    program = tmp_path / "docker"
    program.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/calls"\n')
    program.chmod(0o755)
    control.for_profile(loaded).do("pause", "backend-2")
    assert (tmp_path / "calls").read_text() == f"compose -f {tmp_path}/compose.yaml -p mine pause backend-2\n"


def test_a_target_without_control_says_so(make_profile: Callable[..., Profile]) -> None:
    chosen = control.for_profile(make_profile({}))
    with pytest.raises(PlatformError, match="target 'mine' cannot kill auth: its processes are not ours"):
        chosen.do("kill", "auth")
    with pytest.raises(PlatformError, match="has no fault proxies"):
        chosen.disturb("disable", "backend->redis")


def test_a_dead_or_wrong_redis_is_named_with_a_way_out(
    make_profile: Callable[..., Profile], make_redis: Callable[[], Redis]
) -> None:
    with pytest.raises(
        PlatformError, match=r"no Redis at redis://127.0.0.1:\d+/0: .*refused.*take redis_url and redis out"
    ):
        reach.check(make_profile({"redis_url": f"redis://:pass@127.0.0.1:{free_port()}/0"}))
    with socket.create_server(("127.0.0.1", free_port())) as wrong:
        threading.Thread(target=_talk_ssh, args=(wrong,), daemon=True).start()
        with pytest.raises(PlatformError, match=r"mine\.yaml:4: no Redis at"):
            reach.check(make_profile({"redis_url": f"redis://127.0.0.1:{wrong.getsockname()[1]}/0"}))
    assert reach.check(make_profile({"redis_url": make_redis().url}))["redis"].startswith(("valkey ", "redis "))


def test_a_dead_or_wrong_postgresql_is_named_with_a_way_out(
    make_profile: Callable[..., Profile], make_database: MakeDatabase
) -> None:
    dead = f"postgresql://postgres@127.0.0.1:{free_port()}/auth"
    with pytest.raises(PlatformError, match=r"mine.yaml:4: no PostgreSQL at .*take auth_db_url and db.auth out"):
        reach.check(make_profile({"auth_db_url": dead}))
    with pytest.raises(PlatformError, match="is the wrong one: it has no table auth_users"):
        reach.check(make_profile({"auth_db_url": make_database("wrong", migrate="backend")}))
    assert reach.check(make_profile({"auth_db_url": make_database("right", migrate="auth")}))["postgresql"]


def _talk_ssh(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        connection.recv(1 << 10)


def test_the_password_of_a_url_is_never_shown() -> None:
    assert reach._shown("redis://user:secret@10.0.0.1:6379/0") == "redis://10.0.0.1:6379/0"
