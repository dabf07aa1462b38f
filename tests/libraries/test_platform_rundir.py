"""Directories of hosts: who makes one keeps it, though others sweep at the same time."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PlatformLibrary.embedded import host, rundir
from PlatformLibrary.embedded.rundir import RunDirectory

from tests.libraries.platform_boot import own_place


@pytest.fixture
def sweepers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Three who sweep without a pause."""
    monkeypatch.setattr(tempfile, "tempdir", own_place(tmp_path)["TMPDIR"])
    place = rundir.base_directory()
    done = threading.Event()

    def sweep() -> None:
        while not done.is_set():
            rundir.sweep(place)

    threads = [threading.Thread(target=sweep) for _ in range(3)]
    for thread in threads:
        thread.start()
    yield
    done.set()
    for thread in threads:
        thread.join()


@pytest.mark.usefixtures("sweepers")
def test_a_directory_is_never_swept_while_it_is_being_made() -> None:
    for _ in range(300):
        directory = RunDirectory()
        kept = directory.path.is_dir() and directory.data.is_dir()
        directory.remove()
        assert kept


def test_what_was_left_before_it_was_marked_is_swept_when_it_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", own_place(tmp_path)["TMPDIR"])
    base = rundir.base_directory()
    young, old = base / "host-young", base / "host-old"
    for path in (young, old):
        path.mkdir()
    os.utime(old, (0, 0))
    rundir.sweep(base)
    assert list(base.iterdir()) == [young]


def test_a_host_that_cannot_listen_leaves_no_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", own_place(tmp_path)["TMPDIR"])
    taken = tmp_path / "host.sock"
    taken.touch()
    assert host.main(["--socket", str(taken)]) == 1
    assert capsys.readouterr().err == f"platform host: cannot listen on {taken}: File exists\n"
    assert list(tmp_path.iterdir()) == [taken]
