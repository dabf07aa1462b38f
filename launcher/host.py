"""The target of a run and the host of its platform, started while tests are planned, gone when the launcher is."""

from __future__ import annotations

import tempfile
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PlatformLibrary.embedded.client import HostClient, start_host
from PlatformLibrary.embedded.errors import PlatformError
from PlatformLibrary.profile import Profile, ProfileError, find, load

from launcher.console import LaunchError, complain, paint, say

_STOP_DEADLINE = 15.0


def profile_of(target: str) -> Profile:
    """The profile of ``target``.

    Raises ``LaunchError`` for an unknown target or a wrong profile, with file, line and reason.
    """
    try:
        return load(find(target))
    except ProfileError as error:
        raise LaunchError(str(error)) from error


def platform_options(profile: Profile) -> Mapping[str, Any] | None:
    """How ``profile`` wants its platform started; ``None`` where the target runs elsewhere."""
    return profile.platform if profile.kind == "embedded" else None


class Host:
    """The run's host, and the launcher's own lease on its shared platform, which keeps that one up between suites.

    The lease is a connection: it breaks when this process ends, even by ``kill -9``, and the host then cleans up.
    """

    def __init__(self, folder: Path, options: Mapping[str, Any] | None = None) -> None:
        """Start; ``options`` are those of the profile, so that the suites find the same shared platform."""
        self.socket_path = Path(tempfile.gettempdir()) / f"lockstep-{uuid.uuid4().hex[:12]}.sock"
        self.problem: str | None = None
        self._logs = folder / "platforms"
        self._options = dict(options or {})
        self._client: HostClient | None = None
        self._descriptor: dict[str, Any] = {}
        self._announced = False
        self._seconds = 0.0
        self._leaving: threading.Thread | None = None
        self._thread = threading.Thread(target=self._boot, daemon=True)
        self._thread.start()

    def _boot(self) -> None:
        begun = time.monotonic()
        try:
            self._client = start_host(self.socket_path, logs=self._logs)
            self._descriptor = self._client.lease(**self._options)
        except PlatformError as error:
            self.problem = f"The shared platform did not start: {error}"
        self._seconds = time.monotonic() - begun

    def announce(self) -> None:
        """Say once that the platform is ready, or why it is not."""
        if self._announced or self._thread.is_alive():
            return
        self._announced = True
        if self.problem:
            complain(self.problem.splitlines()[0])
        else:
            versions = ", ".join(f"{name} {version}" for name, version in self.versions().items())
            say(paint(f"platform ready in {self._seconds:.1f} s ({versions})", "grey"))

    def ready(self) -> dict[str, Any]:
        """Wait for the platform and return its descriptor; raises ``LaunchError`` where it did not start."""
        while self._thread.is_alive():
            self._thread.join(0.1)
        if self.problem:
            raise LaunchError(self.problem, code=1)
        return self._descriptor

    def versions(self) -> dict[str, str]:
        """Which servers run, as far as is known by now."""
        return {str(name): str(version) for name, version in (self._descriptor.get("versions") or {}).items()}

    def used(self) -> float:
        """Seconds of processors that the host and all its platforms have used; 0 where it does not say."""
        if self._client is None or self._thread.is_alive():
            return 0.0
        try:
            return float(self._client.call("used")["seconds"])
        except PlatformError:
            return 0.0

    def leave(self) -> threading.Thread:
        """Break the lease; the host cleans up beside what is done until `close`."""
        if self._leaving is None:
            self._leaving = threading.Thread(target=self._leave)
            self._leaving.start()
        return self._leaving

    def close(self) -> None:
        """Break the lease and wait until the host has cleaned up, also where it is still starting."""
        self.leave().join()

    def _leave(self) -> None:
        deadline = time.monotonic() + _STOP_DEADLINE
        while self._client is None and self._thread.is_alive() and time.monotonic() < deadline:
            self._thread.join(0.02)
        if self._client is not None:
            self._client.close_and_wait()
