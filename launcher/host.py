"""The target of a run and the host of its platform, started while tests are planned, gone when the launcher is."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PlatformLibrary import dialects, reach
from PlatformLibrary.embedded import rundir
from PlatformLibrary.embedded.client import HostClient, start_host
from PlatformLibrary.embedded.errors import HostEndedError, PlatformError
from PlatformLibrary.profile import Profile, ProfileError

from launcher import interrupts
from launcher.console import LaunchError, complain, paint, say

_STOP_DEADLINE = 15.0
_TICK = 0.1


def profile_of(target: str) -> Profile:
    """The profile of ``target``.

    Raises ``LaunchError`` for an unknown target or a wrong profile, with file, line and reason.
    """
    try:
        return dialects.profile_of(target)
    except ProfileError as error:
        raise LaunchError(str(error)) from error


def ready_profile_of(target: str) -> Profile:
    """As `profile_of`, of a target that is there and is what its profile says.

    Raises ``LaunchError`` with a line for each endpoint that is not, and what to change.
    """
    profile = profile_of(target)
    if profile.kind == "external":
        try:
            reach.check(profile)
        except PlatformError as error:
            raise LaunchError(f"No suite was started: {error}") from error
    return profile


def platform_options(profile: Profile) -> Mapping[str, Any] | None:
    """How ``profile`` wants its platform started; ``None`` where the target runs elsewhere."""
    return profile.platform if profile.kind == "embedded" else None


class HostLostError(Exception):
    """No test of the run can have a platform any more; the message says why."""


class Host:
    """The run's host, and the launcher's own lease on its shared platform, which keeps that one up between suites.

    The lease is a connection: it breaks when this process ends, even by ``kill -9``, and the host then cleans up.
    """

    def __init__(self, folder: Path, options: Mapping[str, Any] | None = None) -> None:
        """Start; ``options`` are those of the profile, so that the suites find the same shared platform."""
        try:
            base = rundir.base_directory()
        except PlatformError as error:
            raise LaunchError(f"The platform cannot be started: {error}") from error
        self.socket_path = base / f"run-{os.getpid()}-{secrets.token_hex(3)}.sock"
        self.problem: str | None = None
        self._lost: str | None = None
        self._gone = threading.Event()
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
            self._client = client = start_host(self.socket_path, logs=self._logs)
        except PlatformError as error:
            self._lose(str(error))
        else:
            client.watch(self._lose)
            try:
                self._descriptor = client.lease(**self._options)
            except PlatformError as error:
                self.problem = f"The shared platform did not start: {error}"
            except HostEndedError as ended:
                self._lose(ended.reason)
        self._seconds = time.monotonic() - begun

    def _lose(self, reason: str) -> None:
        self._lost = reason
        self._gone.set()

    def wait_for_its_end(self, each_tick: Callable[[], object] = lambda: None) -> None:
        """Raises ``HostLostError`` when the host ends; calls ``each_tick`` until then."""
        while not self._gone.wait(_TICK):
            interrupts.must_go_on()
            each_tick()
        self.must_live()

    def must_live(self) -> None:
        """Raises ``HostLostError`` where the host did not start, or has ended."""
        if self._lost is None and self._client is not None and (reason := self._client.why_ended()):
            self._lose(reason)
        if self._lost is not None:
            raise HostLostError(self._lost)

    def announce(self) -> None:
        """Say once that the platform is ready, or why it is not."""
        if self._announced or self._thread.is_alive() or self._lost is not None:
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
            interrupts.must_go_on()
            self._thread.join(_TICK)
        if problem := self._lost or self.problem:
            raise LaunchError(problem, code=1)
        return self._descriptor

    def problems(self) -> list[str]:
        """What was wrong with the shared platform: why it did not start, or which of its processes ended untold."""
        if self.problem:
            return [self.problem]
        if self._client is None or self._lost is not None or not self._descriptor:
            return []
        try:
            status = self._client.call("status", platform=self._descriptor["platform_id"])
        except (PlatformError, HostEndedError):
            return []
        return [f"{end} (on the shared platform)" for end in status["ended"]]

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """What the host answers about the platform; empty where it has ended, which `must_live` tells.

        Raises ``PlatformError`` with the host's words where it refuses.
        """
        assert self._client is not None
        try:
            return self._client.call(do, platform=self._descriptor["platform_id"], **arguments)
        except HostEndedError:
            return {}

    def versions(self) -> dict[str, str]:
        """Which servers run, as far as is known by now."""
        return {str(name): str(version) for name, version in (self._descriptor.get("versions") or {}).items()}

    def used(self) -> float:
        """Seconds of processors that the host and all its platforms have used; 0 where it does not say."""
        if self._client is None or self._thread.is_alive():
            return 0.0
        try:
            return float(self._client.call("used")["seconds"])
        except (PlatformError, HostEndedError):
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
