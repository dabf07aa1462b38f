"""A fork server that is itself forked serves the copy's services, and ends with who asked for it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launcher.forking import ForkServer
from launcher.workers import environment

SERVICE = """
BRANCHES, SHARED = (), ("colorsys", "services.uses", "services.apart")
if __name__ == "__main__":
    import json, os, socket, sys
    known = {name: sys.modules[name].LOADED for name in SHARED if name in sys.modules and "." in name}
    import services.apart, services.uses
    end = socket.socket(fileno=os.dup(0))
    told = {"file": __file__, "colorsys": "colorsys" in sys.modules, "argv": sys.argv, "known": sorted(known),
            "value": services.uses.value(), "apart": services.apart.LOADED}
    end.sendall(json.dumps(told).encode())
    while end.recv(9):
        pass
"""
METRIC = "from prometheus_client import Counter\nSEEN = Counter('seen', 'A name that a process knows once')\n"
USES = """
from services import base
from services.base import SEEN
LOADED = __file__
def value():
    return base.VALUE
"""
DEADLINE = 120

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="abstract Unix sockets are Linux' own")


def tree(folder: Path) -> Path:
    (folder / "services").mkdir(parents=True)
    (folder / "services" / "__init__.py").write_text("")
    (folder / "services" / "preload.py").write_text(SERVICE)
    (folder / "services" / "base.py").write_text(f"{METRIC}VALUE = 'as it was'\n")
    (folder / "services" / "uses.py").write_text(USES)
    (folder / "services" / "apart.py").write_text("LOADED = __file__\n")
    (folder / "services" / "page.html").write_text("read by whoever shows it")
    return folder


def copied(original: Path, target: Path) -> Path:
    shutil.copytree(original, target)
    return target


@pytest.fixture
def original(tmp_path: Path) -> Path:
    return tree(tmp_path / "original")


@pytest.fixture
def server(original: Path) -> Iterator[ForkServer]:
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


def told_by(address: str, copy: Path) -> dict[str, Any]:
    asked, line = ask(address, copy)
    told: dict[str, Any] = json.loads(line.recv(4096))
    line.close()
    assert asked.wait(DEADLINE) == 0
    return told


def test_it_runs_the_copy_in_a_process_that_has_imported_what_it_needs(
    server: ForkServer, original: Path, tmp_path: Path
) -> None:
    copy = copied(original, tmp_path / "copy")
    told = told_by(server.address, copy)
    assert told["file"] == str(copy / "services" / "preload.py")
    assert told["argv"] == ["services.preload"]
    assert told["colorsys"]
    assert told["known"] == ["services.apart", "services.uses"]


def test_what_differs_in_the_copy_and_what_uses_it_is_imported_again(
    server: ForkServer, original: Path, tmp_path: Path
) -> None:
    copy = copied(original, tmp_path / "copy")
    (copy / "services" / "base.py").write_text(f"{METRIC}VALUE = 'seeded here'\n")
    told = told_by(server.address, copy)
    assert told["value"] == "seeded here"
    assert told["known"] == ["services.apart"]
    assert told["apart"] == str(original / "services" / "apart.py")


@pytest.mark.parametrize("file", ["page.html", "__init__.py"])
def test_where_nobody_knows_who_uses_what_differs_all_is_imported_again(
    server: ForkServer, original: Path, tmp_path: Path, file: str
) -> None:
    copy = copied(original, tmp_path / "copy")
    (copy / "services" / file).write_text("# changed")
    told = told_by(server.address, copy)
    assert told["known"] == []
    assert told["apart"] == str(copy / "services" / "apart.py")


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
