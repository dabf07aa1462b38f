"""Keywords that restart a part of the target."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from lockstep import verdicts
from lockstep.dialect import Session
from lockstep.masking import mask
from lockstep.waiting import wait_until
from robot.api import logger

from .base import Base
from .described import word
from .stage import platform_library

_READY = timedelta(seconds=30)


class Restarting(Base):
    """Restart Instance, and what has to survive it."""

    @word("control")
    def restart_instance(self, endpoint: str) -> float:
        """Restarts the process that serves an endpoint and waits until it is ready; returns the seconds.

        Needs `Use Private Target`; NA where the dialect names no instance, or the target cannot be controlled.
        """
        facts = self.stage.dialect.endpoint(endpoint)
        if facts.instance is None:
            raise self.stage.dialect.missing(f"endpoints.{facts.name}.instance")
        began = time.monotonic()
        self.stage.breaking.carry_out("restart", facts.instance, platform_library())
        self.endpoint_should_be_ready(facts.name)
        return time.monotonic() - began

    @word("control", "assertion")
    def endpoint_should_be_ready(self, endpoint: str, within: timedelta = _READY) -> None:
        """Passes when an endpoint says that it is ready, or, where the dialect has no word for that, answers."""
        facts = self.stage.dialect.endpoint(endpoint)
        steps = facts.ready or facts.who

        def answers() -> str:
            outcome = self.stage.driver.drive(self.stage.speaker.take(steps, Session(), facts.name, {}))
            there = outcome.ok if facts.ready else outcome.answer is not None and outcome.answer.status is not None
            return "" if there else outcome.why or "no answer"

        wait_until(f"endpoint {endpoint}", "ready", answers, lambda wrong: not wrong, within, describe=mask)

    @word("control", "assertion")
    def socket_should_close_for_restart(self, socket: str, within: timedelta = timedelta(seconds=15)) -> None:
        """Passes when the restart has closed a socket with the code that is declared for it."""
        found = self.socket(socket)
        found.wait_for(lambda: None, within.total_seconds())
        closing = found.connection.closing
        if closing is None:
            raise AssertionError(f"{socket} should be closed by the restart, but it is {found.state}")
        promise = self.stage.dialect.promises.choice("restart.sockets")
        if promise.unbounded:
            verdicts.weaker(f"the restart closed the socket with {closing.code}, as declared", promise.reference)
            return
        codes = self.stage.dialect.needed_socket().closes.get("restart", ())
        if not codes:
            raise self.stage.dialect.missing("socket.closes.restart")
        if closing.code not in codes:
            raise AssertionError(f"{socket} should be closed with {' or '.join(map(str, codes))}, was {found.state}")

    @word("control", "assertion")
    def session_should_survive(self, session: Session) -> None:
        """Passes when each endpoint still recognises the session, unless sessions are declared to end."""
        promise = self.stage.dialect.promises.choice("restart.sessions")
        library: Any = self
        if promise.value == "survive":
            library.every_endpoint_should_recognise_user(session)
            return
        outcomes = [self.stage.who(endpoint, session) for endpoint in self.stage.endpoints]
        if all(outcome.ok for outcome in outcomes):
            logger.info("the session survived though it is declared to end: declare more (promises.restart.sessions)")
            return
        verdicts.weaker("the session has ended with the restart, as declared", promise.reference)
