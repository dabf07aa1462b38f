"""Keywords that stop and start the parts of a platform."""

from __future__ import annotations

import abc
import time
from datetime import timedelta
from typing import Any

from lockstep import applicability
from robot.api import logger
from robot.api.deco import keyword

from .control import NotNamedError
from .embedded.errors import PlatformError
from .targets import Platform


class ControlKeywords(abc.ABC):
    """The nemesis: what a suite does to the platform in use."""

    @abc.abstractmethod
    def _platform(self, alias: str | None = None) -> Platform:
        """The platform in use, or the one of that alias."""

    @keyword(tags=("control",))
    def start_service(self, instance: str) -> float:
        """Starts a stopped or killed instance, on its old port; returns the seconds until it was ready."""
        return self._control("start", instance)

    @keyword(tags=("control",))
    def stop_service(self, instance: str) -> float:
        """Asks an instance to end, as an operator does; its port refuses connections then. Returns the seconds."""
        return self._control("stop", instance)

    @keyword(tags=("control",))
    def kill_service(self, instance: str) -> float:
        """Kills an instance and all its processes (SIGKILL); returns the seconds until nothing of it was left."""
        return self._control("kill", instance)

    @keyword(tags=("control",))
    def pause_service(self, instance: str) -> float:
        """Freezes an instance (SIGSTOP): it keeps its connections and answers nothing."""
        return self._control("pause", instance)

    @keyword(tags=("control",))
    def resume_service(self, instance: str) -> float:
        """Lets a frozen instance go on (SIGCONT)."""
        return self._control("resume", instance)

    @keyword(tags=("control",))
    def restart_service(self, instance: str) -> float:
        """Stops an instance and starts it again on the same port; returns the seconds until it was ready."""
        return self._control("restart", instance)

    @keyword(tags=("control",))
    def restart_service_without_gap(self, instance: str) -> float:
        """Starts a successor on the same socket, then lets the old process drain and end; returns the seconds."""
        return self._control("restart", instance, gapless=True)

    @keyword(tags=("control",))
    def set_clock(self, instance: str, ahead: timedelta) -> None:
        """Sets the wall clock of a service so far ahead of the machine's (below zero: behind it), in one step.

        Its monotonic clock goes on as it does; other services and the stores keep their time. The platform has to be
        one with ``clocks=True``. A successor of the service has the same clock; `Reset Clock` sets it right again.
        """
        self._control("clock", instance, ahead=ahead.total_seconds())

    @keyword(tags=("control",))
    def reset_clock(self, *instances: str) -> None:
        """Sets the clocks of these services to the machine's again."""
        for instance in instances:
            self._control("clock", instance, ahead=0.0)

    @keyword(tags=("control",))
    def follow_other_database(self, instance: str) -> None:
        """Starts a PostgreSQL that has ended, ``postgres`` or ``postgres-standby``, as a copy that follows the other.

        What it held is lost, as of a primary that comes back to a standby that was promoted.
        """
        self._control("follow", instance)

    def can(self, verb: str) -> bool:
        """Whether the target in use gives a way to do this: a verb, or ``replace``."""
        return verb in self._platform().control.verbs

    def _control(self, verb: str, instance: str, **options: Any) -> float:
        platform = self._platform()
        if platform.shared and platform.descriptor["kind"] == "embedded":
            raise PlatformError(f"{verb} {instance} would disturb other suites: call Use Private Platform first")
        wanted = "replace" if options.get("gapless") else verb
        if wanted not in platform.control.verbs:
            reason = f"target {platform.descriptor['target']!r} gives no way to {wanted} {instance}"
            applicability.lacking(f"control.{wanted}", reason)
        begun = time.monotonic()
        try:
            platform.control.do(verb, instance, **options)
        except NotNamedError as error:
            applicability.lacking(f"control.pids.{instance}", str(error))
        taken = time.monotonic() - begun
        logger.info(f"{verb} {instance}: {taken:.3f} s")
        return taken
