"""Keywords that look at the parts of a platform: readiness and logs."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from assertionengine import AssertionOperator
from lockstep import applicability, asserting, masking
from lockstep.waiting import wait_until
from robot.api import logger
from robot.api.deco import keyword
from robot.api.types import Secret

from . import evidence, health, metrics, processes
from .embedded.errors import PlatformError
from .memory import Memory, MemoryWatch
from .processes import ServerProcess
from .targets import Platform

_PATIENCE = timedelta(seconds=10)


class ObservationKeywords(abc.ABC):
    """What a suite can see of the platform in use."""

    _memory_watch: MemoryWatch | None = None

    @abc.abstractmethod
    def _platform(self, alias: str | None = None) -> Platform:
        """The platform in use, or the one of that alias."""

    @keyword(tags=("assertion",))
    def service_should_be_ready(self, instance: str, within: timedelta = timedelta(seconds=5)) -> dict[str, Any]:
        """Passes once the service's ``/health`` answers 200, and returns that answer."""
        url, ca_file = health.where(self._platform().descriptor, instance), self._platform().descriptor.get("ca_file")
        answer = wait_until(
            f"/health of {instance}", "200", lambda: health.ask(url, ca_file), lambda it: it.status == 200, within
        )
        return dict(answer.body)

    @keyword(tags=("assertion",))
    def service_should_not_answer(self, instance: str, within: timedelta = timedelta(seconds=2)) -> None:
        """Passes once connections to the service are refused or get no answer within a second."""
        url, ca_file = health.where(self._platform().descriptor, instance), self._platform().descriptor.get("ca_file")
        wait_until(
            f"/health of {instance}", "silent", lambda: health.ask(url, ca_file), lambda it: it.status == 0, within
        )

    @keyword(tags=("getter",))
    def get_process(self, instance: str, within: timedelta = timedelta(seconds=10)) -> ServerProcess:
        """Which process serves as ``instance`` now: ``instance``, ``start_id`` (another for each start) and ``pid``.

        Services are asked for their ``/health``, Redis and PostgreSQL (``redis``, ``postgres``) in their own words,
        over and over until they answer.
        """
        return self._serving(instance, within)

    @keyword(tags=("assertion",))
    def process_should_have_been_replaced(
        self, before: ServerProcess, within: timedelta = timedelta(seconds=10)
    ) -> None:
        """Passes when another process serves now than ``before`` (see `Get Process`), which is gone.

        | ${before} =    `Get Process`    backend-1
        | `Restart Service`    backend-1
        | `Process Should Have Been Replaced`    ${before}

        That the former one is gone can be seen on this machine only; elsewhere another ``start_id`` must do. ``within``
        is how long who serves now may take to say who it is.
        """
        now = self._serving(before.instance, within)
        if now.start_id == before.start_id or (before.local is not None and now.pid == before.pid):
            raise AssertionError(f"{before.instance} was not restarted: process {before.pid} serves as before")
        if before.lives:
            raise AssertionError(f"{before.instance} is served by process {now.pid}, but {before.pid} lives on")

    def _serving(self, instance: str, within: timedelta) -> ServerProcess:
        descriptor = self._platform().descriptor
        return wait_until(
            f"who serves as {instance}",
            "known",
            lambda: processes.serving(descriptor, instance),
            lambda found: True,
            within,
            tolerate=(PlatformError,),
        )

    @keyword(tags=("getter", "assertion"))
    def get_service_metric(
        self,
        instance: str,
        metric: str,
        assertion_operator: AssertionOperator | None = None,
        assertion_expected: Any = None,
        within: timedelta | None = None,
        message: str | None = None,
    ) -> Any:
        """The value of ``metric`` at the service's ``/metrics``, summed over the samples that carry the labels given.

        | `Get Service Metric`    backend-1    circuit_breaker_state{state="open"}    ==    1    within=5s
        """
        url, ca_file = health.address(self._platform().descriptor, instance), self._platform().descriptor.get("ca_file")
        return asserting.checked(
            f"{metric} of {instance}",
            lambda: metrics.read(metrics.ask(url, ca_file), metric),
            assertion_operator,
            assertion_expected,
            within,
            message,
        )

    @keyword(tags=("memory",))
    def start_memory_watch(self, *instances: str) -> None:
        """Begins to watch what the processes of these services occupy (RSS); they run on this machine."""
        if self._platform().descriptor["kind"] != "embedded":
            applicability.lacking("platform.processes", "only processes that the run has started can be watched")
        pids = {name: int(self.service_should_be_ready(name)["pid"]) for name in instances}
        self._memory_watch = MemoryWatch(pids)

    @keyword(tags=("memory",))
    def stop_memory_watch(self) -> dict[str, Memory]:
        """Ends `Start Memory Watch`: for each service ``before``, ``peak``, ``after`` and ``growth`` in MB (10⁶ bytes).

        Fails where a service has ended meanwhile.
        """
        if self._memory_watch is None:
            raise PlatformError("no memory watch was started")
        watch, self._memory_watch = self._memory_watch, None
        found = watch.stop()
        for name, memory in found.items():
            logger.info(f"{name}: {memory}")
        return found

    @keyword(tags=("evidence",))
    def get_service_log(self, instance: str) -> str:
        """The end of an instance's log, in whole lines: at most 256 KiB."""
        return masking.mask(self._logs(self._platform(), instance))

    @keyword(tags=("assertion", "evidence"))
    def no_service_log_should_contain(self, text: str | Secret, *instances: str) -> None:
        """Fails where any log holds ``text``, a token for example; the message names the log, not the text.

        Fails, too, where no service has written anything: that would prove nothing. ``instances`` says whose logs they
        are on a target that calls its services by other names.
        """
        wanted = masking.reveal(text)
        if not wanted:
            raise PlatformError("an empty text is in every log")
        platform = self._platform()
        files = platform.descriptor.get("logs") or {}
        if files:
            written = any(evidence.offsets(files.values()).values())
            found = [instance for instance, path in files.items() if evidence.holds(path, wanted)]
        else:
            named = instances or _instances(platform.descriptor)
            logs = {name: self._logs(platform, name) for name in named}
            written = any(logs.values())
            found = [name for name, log in logs.items() if wanted in log]
        if found:
            raise AssertionError(f"the text is in the log of {', '.join(found)}")
        if not written:
            raise AssertionError("no service has written a log: that a text is in none proves nothing")

    @staticmethod
    def _logs(platform: Platform, instance: str) -> str:
        if "logs" not in platform.control.verbs:
            reason = f"target {platform.descriptor['target']!r} does not show the log of {instance}"
            applicability.lacking("control.logs", reason)
        return platform.control.logs(instance)


def _instances(descriptor: Mapping[str, Any]) -> list[str]:
    replicas = [f"backend-{number}" for number in range(1, len(descriptor.get("backend_urls", ())) + 1)]
    return ["auth", *replicas, "frontend"]
