"""Keywords that take instances and stores of the target away, and bring them back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from .base import Base
from .described import word
from .stage import platform_library


class Instances(Base):
    """Kill, stop, pause, resume, start, restart and replace."""

    @word("control")
    def kill_instance(self, instance: str) -> float:
        """Kills an instance with all its processes; returns the seconds until nothing of it was left.

        ``instance`` is the name of an endpoint, an instance or a store. What a test leaves away is given back by itself
        at the test's end, whatever became of the test. Needs `Use Private Target`; NA where the target gives no way.
        """
        return self._on_instance("kill", instance)

    @word("control")
    def stop_instance(self, instance: str) -> float:
        """Asks an instance to end, as an operator does; as `Kill Instance`."""
        return self._on_instance("stop", instance)

    @word("control")
    def pause_instance(self, instance: str) -> float:
        """Freezes an instance: it keeps its connections and answers nothing; as `Kill Instance`."""
        return self._on_instance("pause", instance)

    @word("control")
    def resume_instance(self, instance: str) -> float:
        """Lets a frozen instance go on."""
        return self._on_instance("resume", instance)

    @word("control")
    def start_instance(self, instance: str) -> float:
        """Starts an instance that was killed or stopped and waits until it is ready; returns the seconds."""
        return self._on_instance("start", instance)

    @word("control")
    def replace_instance(self, instance: str) -> float:
        """Starts a successor that serves before the instance ends; NA where the target gives no way for that."""
        return self._on_instance("replace", instance)

    @word("control")
    def get_instances(self) -> list[str]:
        """The instances that serve the endpoints; NA where the dialect names none."""
        found = dict.fromkeys(self.instance_of(name) for name in self.stage.speaker.endpoints)
        named = [name for name in found if name]
        if not named:
            raise self.stage.dialect.missing("endpoints.instance")
        return named

    @word("control")
    def get_instance_that_signs_in(self) -> str:
        """The instance without which nobody can sign in (``promises.outage.of``); NA where there is none such."""
        instance = self.stage.dialect.promises.outage.of
        served = {known for name in self.stage.speaker.endpoints if (known := self.instance_of(name))}
        if instance not in served:
            names = ", ".join(sorted(served))
            way = f"set it to the one of {names} that signs users in" if served else "endpoints name no instance"
            reason = f"no endpoint is served by an instance {instance!r}; {way}"
            raise self.stage.dialect.missing("promises.outage.of", reason)
        return instance

    @word("control")
    def get_front_instance(self) -> str:
        """The instance in front of the others (that of ``promises.outage.at``); NA where there is none."""
        front = self.stage.dialect.promises.outage.at
        if front is None:
            raise self.stage.dialect.missing("promises.outage.at", "no endpoint is declared to stand before others")
        return self.instance_of(front) or self._missing_instance(front)

    @word("control")
    def get_replicas(self) -> list[str]:
        """The endpoints of the instances that serve sockets and stand in for one another; NA where there are not two.

        An endpoint's name stands for its instance, too: `Kill Instance`, `Open Socket`.
        """
        front = self.stage.dialect.promises.outage.at
        known = {self.instance_of(front)} if front else set()
        found = []
        for name in self.stage.socket_endpoints:
            if (instance := self.instance_of(name)) and instance not in known:
                known.add(instance)
                found.append(name)
        if len(found) < 2:
            raise self.stage.dialect.missing("second_replica", f"sockets are served by {len(found)} instance alone")
        return found

    @word("control")
    def get_store(self, role: str) -> str:
        """The instance that is the target's ``database`` or ``cache``; NA where the dialect names none."""
        stores = self.stage.dialect.control.stores
        if role not in stores:
            raise self.stage.dialect.missing(f"control.stores.{role}")
        return stores[role]

    @word("control")
    def get_gentlest_restart(self) -> str:
        """``replace`` where a successor can serve before an instance ends, else ``restart``."""
        platform = platform_library()
        if platform is None:
            raise self.stage.dialect.missing("control", "PlatformLibrary, which controls targets, is not imported")
        return "replace" if platform.can("replace") else "restart"

    @word("control")
    def restart_each_instance(
        self, how: Literal["stop", "kill", "restart", "replace"], instances: Sequence[str] = ()
    ) -> list[float]:
        """Restarts instances (all) in turn, in this way; returns the seconds that each took."""
        return [self._restarted(how, name) for name in instances or self.get_instances()]

    def _restarted(self, how: str, instance: str) -> float:
        if how in ("replace", "restart"):
            return self._on_instance(how, instance)
        return self._on_instance(how, instance) + self._on_instance("start", instance)

    def instance_of(self, endpoint: str) -> str:
        """What control calls the process behind an endpoint; "" where the dialect does not say it."""
        return self.stage.dialect.endpoint(endpoint).instance or ""

    def _on_instance(self, verb: str, name: str) -> float:
        dialect = self.stage.dialect
        instance = dialect.control.stores.get(name, name)
        if name in dialect.endpoints:
            instance = self.instance_of(name) or self._missing_instance(name)
        return self.stage.breaking.carry_out(verb, instance, platform_library())

    def _missing_instance(self, endpoint: str) -> str:
        raise self.stage.dialect.missing(f"endpoints.{endpoint}.instance")
