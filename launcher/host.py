"""The platform host of a run: started at once, warmed by the launcher's own lease, gone when the launcher is."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launcher.console import LaunchError, complain, paint, say
from launcher.workers import environment

_START_DEADLINE = 20.0
_STOP_DEADLINE = 10.0
_LOG_TAIL = 15


class Host:
    """One ``PlatformLibrary.embedded.host`` process and the connection that is the launcher's lease on it.

    The host leaves when its last lease breaks, so it needs no signal, not even after ``kill -9`` of the launcher.
    """

    def __init__(self, run: Path, env: Mapping[str, str] | None = None) -> None:
        self.socket_path = Path(tempfile.gettempdir()) / f"lockstep-{uuid.uuid4().hex[:12]}.sock"
        self._log = run / "host.log"
        self._connection: socket.socket | None = None
        self._replies: Any = None
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "PlatformLibrary.embedded.host", "--socket", str(self.socket_path)],
                env=environment(env or {}), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip

    def connect(self) -> None:
        """Take the launcher's connection; raises ``LaunchError`` with the end of the host's log where it does not come up."""
        deadline = time.monotonic() + _START_DEADLINE
        while self._connection is None:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(self.socket_path))
            except OSError:
                connection.close()
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise LaunchError(f"The platform host did not start:\n{self.log_tail()}", code=1) from None
                time.sleep(0.01)
            else:
                self._connection = connection
        self._replies = self._connection.makefile("rb")

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send one request and wait for its answer; an answer of failure is returned, not raised."""
        if self._connection is None:
            raise LaunchError("The platform host is not connected.")
        try:
            self._connection.sendall(json.dumps(request).encode() + b"\n")
            line = self._replies.readline()
        except OSError as error:
            return {"ok": False, "error": f"the platform host is gone: {error}"}
        if not line:
            return {"ok": False, "error": f"the platform host ended:\n{self.log_tail()}"}
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """Break the lease and wait until the host has cleaned up; end it where it does not within 10 s."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
            self._connection.close()
        else:
            self._process.terminate()
        try:
            self._process.wait(_STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket_path)

    def log_tail(self) -> str:
        """The last lines that the host wrote."""
        lines = self._log.read_text("utf-8", "replace").splitlines() if self._log.exists() else []
        return "\n".join(f"  {line}" for line in lines[-_LOG_TAIL:]) or "  (it wrote nothing)"


class Warming:
    """The shared platform, leased in the background while tests are planned and workers start."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._answer: dict[str, Any] | None = None
        self._seconds = 0.0
        self._announced = False
        self._thread = threading.Thread(target=self._lease, daemon=True)
        self._thread.start()

    def _lease(self) -> None:
        begun = time.monotonic()
        answer = self._host.ask(do="lease", shared=True, options={})
        self._seconds = time.monotonic() - begun
        self._answer = answer

    def announce(self) -> None:
        """Say once that the platform is ready, or why it is not."""
        if self._announced or self._answer is None:
            return
        self._announced = True
        if self.problem:
            complain(self.problem)
        else:
            versions = ", ".join(f"{name} {version}" for name, version in self.versions().items())
            say(paint(f"platform ready in {self._seconds:.1f} s ({versions})", "grey"))

    @property
    def problem(self) -> str | None:
        """Why the platform did not start; ``None`` while it is starting, too."""
        if self._answer is None or self._answer.get("ok"):
            return None
        return f"The shared platform did not start: {self._answer.get('error')}"

    def versions(self) -> dict[str, str]:
        """Which servers run, as far as is known by now."""
        descriptor = (self._answer or {}).get("descriptor") or {}
        return {str(name): str(version) for name, version in (descriptor.get("versions") or {}).items()}
