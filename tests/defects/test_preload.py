"""A fork server that is itself forked serves the copy's services, and ends with who asked for it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.forking import ForkServer
from launcher.workers import environment

SERVICE = """
BRANCHES, SHARED = (), ("colorsys",)
if __name__ == "__main__":
    import json, os, socket, sys
    end = socket.socket(fileno=os.dup(0))
    end.sendall(json.dumps([__file__, "colorsys" in sys.modules, sys.argv]).encode())
    while end.recv(9):
        pass
"""
DEADLINE = 30

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="abstract Unix sockets are Linux' own")


def tree(folder: Path) -> Path:
    (folder / "services").mkdir(parents=True)
    (folder / "services" / "__init__.py").write_text("")
    (folder / "services" / "preload.py").write_text(SERVICE)
    return folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ForkServer]:
    original = tree(tmp_path / "original")
    running = ForkServer("defects.preload", original, environment({}))
    yield running
    running.close()


def ask(address: str, copy: Path) -> tuple[subprocess.Popen[bytes], socket.socket]:
    ours, theirs = socket.socketpair()
    ours.settimeout(DEADLINE)
    env = environment({})
    with theirs:
        asked = subprocess.Popen(
            [sys.executable, "-S", "-m", "defects.preload", address],
            cwd=copy,
            env={**env, "PYTHONPATH": os.pathsep.join([str(copy), env["PYTHONPATH"]])},
            stdin=theirs.fileno(),
        )
    return asked, ours


def test_it_runs_the_copy_in_a_process_that_has_imported_what_it_needs(server: ForkServer, tmp_path: Path) -> None:
    copy = tree(tmp_path / "copy")
    asked, line = ask(server.address, copy)
    assert line.recv(4096).decode() == f'["{copy / "services" / "preload.py"}", true, ["services.preload"]]'
    line.close()
    assert asked.wait(DEADLINE) == 0


def test_it_ends_with_who_asked_for_it(server: ForkServer, tmp_path: Path) -> None:
    asked, line = ask(server.address, tree(tmp_path / "copy"))
    line.recv(4096)
    asked.kill()
    asked.wait()
    assert line.recv(4096) == b""
    line.close()


def test_without_that_process_it_is_the_fork_server_itself(tmp_path: Path) -> None:
    asked, line = ask("nobody-listens-here", tree(tmp_path / "copy"))
    assert b"preload.py" in line.recv(4096)
    line.close()
    assert asked.wait(DEADLINE) == 0
