"""How the processes of a target are controlled: one small protocol, five ways to keep it, and any of a user's own."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from lockstep import reasons
from lockstep.machine import PlatformUse

from .embedded import system
from .embedded.client import HostClient
from .embedded.errors import PlatformError
from .profile import Profile

VERBS = ("start", "stop", "kill", "pause", "resume", "restart", "logs")
_COMMAND_TIMEOUT = 60.0
_STOP_DEADLINE = 10.0
_POLL = 0.01


class NotNamedError(PlatformError):
    """The profile names no process for an instance."""


class Control(Protocol):
    """The processes of one target; every failure is a PlatformError that says what to do."""

    verbs: frozenset[str]
    faults: bool

    def do(self, verb: str, instance: str, **options: Any) -> None:
        """Carry out a verb and return when it is done."""

    def logs(self, instance: str) -> str:
        """The end of an instance's log."""

    def use(self, since: float) -> PlatformUse | None:
        """What its processes have waited for a processor since then, and for whom; None where nobody knows."""

    def ended(self) -> Sequence[str]:
        """The processes that ended though nobody had asked for that, as far as is known: when and how, a line each."""

    def disturb(self, do: str, hop: str, **options: Any) -> Mapping[str, Any]:
        """Do to a hop what `embedded.hops` can; the ``links`` it held for, and the ``toxics`` that are on them now."""


class NoControl:
    """A target whose processes the run cannot touch."""

    verbs: frozenset[str] = frozenset()
    faults = False

    def __init__(self, target: str) -> None:
        self._target = target

    def do(self, verb: str, instance: str, **options: Any) -> None:
        raise PlatformError(f"target {self._target!r} cannot {verb} {instance}: its processes are not ours to control")

    def logs(self, instance: str) -> str:
        raise PlatformError(f"target {self._target!r} does not show the log of {instance}")

    def use(self, since: float) -> PlatformUse | None:
        return None

    def ended(self) -> Sequence[str]:
        return ()

    def disturb(self, do: str, hop: str, **options: Any) -> Mapping[str, Any]:
        raise PlatformError(
            f"target {self._target!r} has no fault proxies: only a private embedded platform has. Tag the test with "
            "needs:net.faults, then it is NA here"
        )


class EmbeddedControl(NoControl):
    """One leased platform of a host."""

    verbs = frozenset((*VERBS, "replace", "clock", "version", "migrate", "follow"))
    faults = True

    def __init__(self, client: HostClient, platform: str) -> None:
        super().__init__("embedded")
        self._client = client
        self._platform = platform

    def do(self, verb: str, instance: str, **options: Any) -> None:
        self._client.call(verb, platform=self._platform, instance=instance, **options)

    def logs(self, instance: str) -> str:
        return str(self._client.call("logs", platform=self._platform, instance=instance)["log"])

    def ended(self) -> Sequence[str]:
        found: list[str] = self._client.call("status", platform=self._platform)["ended"]
        return found

    def use(self, since: float) -> PlatformUse | None:
        # On a connection of its own: it is asked for by any thread, also while a verb is in work.
        with contextlib.closing(HostClient(self._client.path, within=0)) as client:
            answer = client.call("waited", platform=self._platform, since=since)
        return PlatformUse(float(answer["seconds"]), bool(answer["shared"]))

    def disturb(self, do: str, hop: str, **options: Any) -> Mapping[str, Any]:
        return self._client.call(do, platform=self._platform, hop=hop, **options)


class PidControl(NoControl):
    """Processes on this machine that somebody else started: they can be signalled, not started."""

    verbs = frozenset({"stop", "kill", "pause", "resume"})

    def __init__(self, target: str, pids: Mapping[str, int | Path]) -> None:
        super().__init__(target)
        self._pids = pids

    def do(self, verb: str, instance: str, **options: Any) -> None:
        signals = {
            "stop": signal.SIGTERM,
            "kill": signal.SIGKILL,
            "pause": signal.SIGSTOP,
            "resume": signal.SIGCONT,
        }
        if verb not in signals:
            raise PlatformError(f"target {self._target!r} can only be signalled: {verb} {instance} is not possible")
        pid = self._pid(instance)
        try:
            os.kill(pid, signals[verb])
        except OSError as error:
            raise PlatformError(f"cannot {verb} {instance} (process {pid}): {error.strerror}") from error
        if verb in ("stop", "kill"):
            _until(
                lambda: system.status(pid) in system.ENDED,
                f"{instance} (process {pid}) did not end within {_STOP_DEADLINE:g} s of {verb}",
            )

    def _pid(self, instance: str) -> int:
        given = self._pids.get(instance)
        if given is None:
            raise NotNamedError(f"target {self._target!r} names no process for {instance!r} (control.pids)")
        if isinstance(given, int):
            return given
        try:
            return int(given.read_text())
        except (OSError, ValueError) as error:
            raise PlatformError(
                f"the pid file of {instance}, {given}, cannot be used: {reasons.text(error)}"
            ) from error


class CommandControl(NoControl):
    """Verbs are command lines of the profile, such as ``systemctl restart {instance}``."""

    def __init__(self, target: str, commands: Mapping[str, Sequence[str]], names: Mapping[str, str]) -> None:
        super().__init__(target)
        self._commands = commands
        self._names = names
        self.verbs = frozenset(commands)

    def do(self, verb: str, instance: str, **options: Any) -> None:
        self._run("replace" if options.get("gapless") else verb, instance)

    def logs(self, instance: str) -> str:
        return self._run("logs", instance)

    def _run(self, verb: str, instance: str) -> str:
        if verb not in self._commands:
            raise PlatformError(f"target {self._target!r} has no command to {verb} {instance} (control.commands)")
        name = self._names.get(instance, instance)
        return _output([part.replace("{instance}", name).replace("{verb}", verb) for part in self._commands[verb]])


class ComposeControl(CommandControl):
    """Containers of a compose file; an instance is a compose service."""

    def __init__(self, target: str, file: Path, project: str | None, names: Mapping[str, str]) -> None:
        if shutil.which("docker") is None:
            raise PlatformError("control adapter 'compose' needs the program docker on PATH")
        base = ["docker", "compose", "-f", str(file), *(["-p", project] if project else [])]
        commands = {
            "start": [*base, "up", "--detach", "--wait", "--no-deps", "--no-recreate", "{instance}"],
            "stop": [*base, "stop", "{instance}"],
            "kill": [*base, "kill", "{instance}"],
            "pause": [*base, "pause", "{instance}"],
            "resume": [*base, "unpause", "{instance}"],
            "restart": [*base, "restart", "{instance}"],
            "logs": [*base, "logs", "--no-color", "--no-log-prefix", "--tail", "2000", "{instance}"],
        }
        super().__init__(target, commands, names)


def for_profile(profile: Profile) -> Control:
    """The control adapter of an external target; one of the profile's own is made with the target's name."""
    control = profile.control
    if profile.adapter is not None:
        own: Control = profile.adapter(profile.name)
        return own
    names = control.get("instances", {})
    if control["adapter"] == "pids":
        pids = {name: pid if isinstance(pid, int) else profile.file(pid) for name, pid in control["pids"].items()}
        return PidControl(profile.name, pids)
    if control["adapter"] == "commands":
        return CommandControl(profile.name, control["commands"], names)
    if control["adapter"] == "compose":
        return ComposeControl(profile.name, profile.file(control["compose_file"]), control.get("project"), names)
    return NoControl(profile.name)


def _output(command: Sequence[str]) -> str:
    shown = shlex.join(command)
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_COMMAND_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PlatformError(f"{shown} did not end within {_COMMAND_TIMEOUT:g} s") from error
    except OSError as error:
        raise PlatformError(f"{shown} cannot be run: {reasons.text(error)}") from error
    if ended.returncode != 0:
        raise PlatformError(
            f"{shown} ended with status {ended.returncode}: {reasons.given(ended.stderr or ended.stdout)}"
        )
    return ended.stdout + ended.stderr


def _until(holds: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + _STOP_DEADLINE
    while not holds():
        if time.monotonic() > deadline:
            raise PlatformError(otherwise)
        time.sleep(_POLL)
