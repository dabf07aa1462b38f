"""What a suite breaks of its target: which instances are away, since when, and how each is given back."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lockstep import target
from lockstep.dialect import Session
from lockstep.dialect.driving import Driver, send
from lockstep.machine import Deadline
from robot.api import logger

if TYPE_CHECKING:
    from .stage import Stage

BACK = {"kill": "start", "stop": "start", "pause": "resume"}
"""What undoes each verb that takes an instance away."""
_READY = 30.0
_UNAWARE = ("commands", "compose")
"""Adapters whose programs may end before what they have started serves anybody."""
_PAUSE = 0.1


@dataclass
class Away:
    """An instance or store was away from ``began`` until ``ended`` (seconds since the epoch); None while it is."""

    instance: str
    verb: str
    began: float
    ended: float | None = None

    def during(self, sent: float, answered: float, grace: float = 0.0) -> bool:
        """Whether a request was under way in that time, or came within ``grace`` seconds after it."""
        return answered >= self.began and (self.ended is None or sent <= self.ended + grace)


class Breaking:
    """Control of the instances of a target that a suite has for itself."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.away: list[Away] = []

    def carry_out(self, verb: str, instance: str, platform: Any) -> float:
        """Carries out a verb on an instance or store; raises ``NotDescribed``, ``RuntimeError`` on a shared target."""
        self._must_be_able(verb, instance, platform)
        began = time.time()
        if verb in (*BACK, "restart"):
            self.away.append(Away(instance, verb, began))
        method = "restart_service_without_gap" if verb == "replace" else f"{verb}_service"
        taken = float(getattr(platform, method)(instance))
        if verb in ("start", "restart") and self._stage.dialect.control.adapter in _UNAWARE:
            self._wait_until_ready(instance)
            taken = time.time() - began
        if verb in ("start", "resume", "restart"):
            self.is_back(instance)
        return taken

    def is_back(self, instance: str) -> None:
        """From now on an instance is there again."""
        for known in self.away:
            if known.instance == instance and known.ended is None:
                known.ended = time.time()

    def restore(self) -> None:
        """Gives back whatever is away, whatever the test was doing; what cannot be is an error in the log."""
        left = [known for known in self.away if known.ended is None]
        broken = {known.instance for known in self.away}
        self.away.clear()
        for known in reversed(left):
            undo = BACK.get(known.verb, "start")
            try:
                platform = self._stage.platform
                getattr(platform, f"{undo}_service")(known.instance)
                self._wait_until_ready(known.instance)
            except Exception as error:
                logger.error(f"{known.instance} cannot be given back: {undo} {type(error).__name__}: {error}")
        if broken:
            self._start_what_has_died(broken)

    def _start_what_has_died(self, broken: Collection[str]) -> None:
        """Starts instances that have ended because another one was away: a target may have nobody who does it."""
        served = {name: self._stage.dialect.endpoint(name).instance for name in self._stage.speaker.endpoints}
        for instance in sorted({instance for instance in served.values() if instance} - set(broken)):
            if self._is_there(instance):
                continue
            logger.warn(f"{instance} has ended while {', '.join(sorted(broken))} was away, and is started again")
            try:
                self._stage.platform.start_service(instance)
                self._wait_until_ready(instance)
            except Exception as error:
                logger.error(f"{instance} cannot be started again: {type(error).__name__}: {error}")

    def _is_there(self, instance: str) -> bool:
        """Whether somebody takes connections at each endpoint of an instance."""
        driver = Driver(self._stage.speaker, send)
        for endpoint in self._stage.speaker.endpoints:
            facts = self._stage.dialect.endpoint(endpoint)
            if facts.instance == instance and (steps := facts.ready or facts.who):
                answer = driver.drive(self._stage.speaker.take(steps, Session(), endpoint, {})).answer
                if answer is not None and answer.error.startswith(ConnectionRefusedError.__name__):
                    return False
        return True

    def _wait_until_ready(self, instance: str) -> None:
        ca_file = target.current().ca_file if target.in_use() else None
        driver = Driver(self._stage.speaker, lambda request: send(request, ca_file))
        for endpoint in self._stage.speaker.endpoints:
            facts = self._stage.dialect.endpoint(endpoint)
            deadline = Deadline(_READY)
            steps = facts.ready or facts.who
            while facts.instance == instance and deadline.left():
                outcome = driver.drive(self._stage.speaker.take(steps, Session(), endpoint, {}))
                if outcome.ok or (not facts.ready and outcome.answer and outcome.answer.status is not None):
                    break
                time.sleep(_PAUSE)

    def _must_be_able(self, verb: str, instance: str, platform: Any) -> None:
        if platform is None:
            reason = "PlatformLibrary, which controls targets, is not imported"
            raise self._stage.dialect.missing("control", reason)
        if not self._stage.is_private:
            raise RuntimeError(f"{verb} {instance} would disturb other suites: call Use Private Target first")
        if verb == "replace" and not platform.can(verb):
            raise self._stage.dialect.missing("control.replace", "the target gives no way to replace an instance")
        needed = f"control.{verb}"
        if verb in (*BACK, "restart") and needed not in target.current().capabilities:
            raise self._stage.dialect.missing(needed, f"target {target.current().target!r} gives no way to {verb}")
