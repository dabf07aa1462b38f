"""Starts Locust: a master and its workers, as processes that end with this one."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lockstep import masking

from .plan import Plan

HOW_TO_INSTALL = "./run load installs it, and so does pip install -r requirements-load.txt"
LOCUSTFILE = Path(__file__).with_name("locustfile.py")
_LIBRARIES = Path(__file__).resolve().parents[1]
_LAST = 2000
_UNPATCHED = {"LOCUST_SKIP_MONKEY_PATCH": "1"}
"""Of workers: their sockets live on an event loop in a thread, which gevent must not turn into a greenlet."""


def is_installed() -> bool:
    """Whether Locust is there."""
    return importlib.util.find_spec("locust") is not None


class EngineError(RuntimeError):
    """Locust ended badly; the message has the end of what it wrote."""


@dataclass(frozen=True)
class Where:
    """Where a load runs. ``elsewhere``: so many workers are started by hand on other machines; ``web``: the port of
    Locust's page, 0 for none; ``bind``: the address and port on which the master waits for workers.
    """

    elsewhere: int = 0
    web: int = 0
    bind: str = "127.0.0.1"
    port: int = 0


def play(plan: Plan, folder: Path, where: Where, within: float) -> None:
    """Runs the plan to its end; raises ``EngineError``. What Locust leaves is in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    port = where.port or _free_port(where.bind)
    with _secret_file(plan.as_json()) as secret:
        env = _environment(folder)
        master = [*_locust(), "--master", "--master-bind-host", where.bind, "--master-bind-port", str(port)]
        master += ["--expect-workers", str(plan.workers), "--expect-workers-max-wait", "60"]
        master += ["--csv", str(folder / "locust"), "--csv-full-history", "--html", str(folder / "locust.html")]
        master += ["--web-port", str(where.web), "--autostart", "--autoquit", "1"] if where.web else ["--headless"]
        processes = [_start(master, {**env, "LOCKSTEP_LOAD_PLAN": str(secret)}, folder / "master.log")]
        worker = be_worker("127.0.0.1", port)
        here = plan.workers - where.elsewhere
        processes += [_start(worker, {**env, **_UNPATCHED}, folder / f"worker-{number}.log") for number in range(here)]
        try:
            _wait(processes, folder, within)
        finally:
            _end(processes)
    if not (folder / "result.json").exists():
        raise EngineError(f"the load has no result; {_last_words(folder)}")


def be_worker(master: str, port: int) -> list[str]:
    """The command of a worker."""
    return [*_locust(), "--worker", "--master-host", master, "--master-port", str(port), "--loglevel", "WARNING"]


def worker_environment() -> dict[str, str]:
    """The environment of a worker whose master is on another machine, and hands out everything else."""
    return {**_environment(None), **_UNPATCHED}


def _locust() -> list[str]:
    return [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE)]


def _environment(folder: Path | None) -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(_LIBRARIES), os.environ.get("PYTHONPATH", "")]))
    known = {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **known, **({"LOCKSTEP_LOAD_FOLDER": str(folder)} if folder else {})}


def _start(command: Sequence[str], env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=log.parent)


def _wait(processes: Sequence[subprocess.Popen[bytes]], folder: Path, within: float) -> None:
    """Until the master has ended; a worker that ends before it ends the load."""
    master, *workers = processes
    deadline = time.monotonic() + within
    while master.poll() is None:
        if gone := [worker for worker in workers if worker.poll() not in (None, 0)]:
            raise EngineError(f"a worker ended with {gone[0].returncode}; {_last_words(folder)}")
        if time.monotonic() > deadline:
            raise EngineError(f"the load did not end within {within:.0f} s; {_last_words(folder)}")
        with contextlib.suppress(subprocess.TimeoutExpired):
            master.wait(0.1)


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _last_words(folder: Path) -> str:
    logs = [*folder.glob("master.log"), *folder.glob("worker-*.log")]
    texts = [f"{log.name}: {log.read_text('utf-8', 'replace')[-_LAST:].strip()}" for log in logs]
    return masking.mask("\n".join(texts)) or "it wrote nothing"


@contextlib.contextmanager
def _secret_file(text: str) -> Iterator[Path]:
    """A file that only its owner can read, outside of the run's folder: it has tokens."""
    file, name = tempfile.mkstemp(prefix="lockstep-load-")
    try:
        with os.fdopen(file, "w", encoding="utf-8") as opened:
            opened.write(text)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
