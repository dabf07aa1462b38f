"""Keywords for the time in which nobody can sign in: what is refused, how soon, and that all is well afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from lockstep import machine, target, verdicts
from lockstep.dialect import Driver, Outcome, Session
from lockstep.dialect.driving import send
from lockstep.dialect.outage import GO_ON, NO_ANSWER, REFUSAL_REFERENCE
from lockstep.masking import mask
from lockstep.waiting import wait_until
from robot.api import logger

from .base import Base, same
from .described import word
from .signing import tampered, without_session
from .watching import in_time

_TIMES_THE_LIMIT = 4.0


class Outages(Base):
    """Sign Ins Should Fail Fast, and what is asked of sessions that an endpoint does not know yet."""

    @word("promise", "assertion")
    def sign_ins_should_fail_fast(self, account: Session, at_first: bool = False) -> None:
        """Passes when nobody can sign in or refresh, and each is refused in time in the dialect's words.

        Where users sign in, a known account, an unknown one and a refresh are answered with ``promises.outage.sign_in``
        and as the class ``unavailable``, within ``promises.outage.answered``; with ``at_first``, when the target
        may have to find out that an instance is silent, within ``promises.outage.noticed``.
        """
        outage = self.stage.dialect.promises.outage
        limit = outage.noticed if at_first else outage.answered
        nobody = account.with_values(self.stage.accounts.new().values)
        asked = [("sign_in", account), ("sign_in", nobody)]
        if "refresh" in account.values:
            # One that buys nothing, so that the session stays as it is whatever comes of it.
            asked.append(("refresh", account.with_values({"refresh": tampered(str(account.refresh))})))
        for name, session in asked:
            waiting, outcome = self._sign_in_meanwhile(name, session, outage.at or "", limit)
            what = f"{name}, until it was refused,"
            came = outcome.answer is not None and outcome.answer.status is not None
            if not came and not outcome.ok and outage.sign_in != NO_ANSWER and waiting.elapsed >= limit:
                in_time(what, waiting.elapsed, limit, waiting)
            self._must_be_unavailable(f"{name} at {outage.at or 'its own place'}", outcome, outage.sign_in)
            if came:
                in_time(what, waiting.elapsed, limit, waiting)

    @word("promise", "assertion")
    def unknown_session_should_be_handled(self, session: Session) -> None:
        """Passes when endpoints treat a session that they have not seen as ``promises.outage.unknown`` has it.

        They serve it (``go_on``), or refuse it in the dialect's words for ``unavailable``, in time.
        """
        outage = self.stage.dialect.promises.outage
        for endpoint in self.stage.endpoints:
            if self.stage.dialect.endpoint(endpoint).instance == outage.of:
                continue
            expected = outage.unknown.of(endpoint)
            limit = outage.waits if expected == GO_ON else outage.answered
            waiting, outcome = self._who_meanwhile(endpoint, session, limit)
            if expected == GO_ON and not (outcome.ok and same(outcome.read.get("user"), session.user)):
                raise AssertionError(f"{endpoint} does not serve a session that is new to it: {mask(outcome.why)}")
            if expected != GO_ON and not outcome.ok:
                self._must_be_unavailable(f"a new session at {endpoint}", outcome, expected)
            if expected != NO_ANSWER or outcome.ok:
                in_time(f"the answer of {endpoint} to a session that is new to it", waiting.elapsed, limit, waiting)

    def _must_be_unavailable(self, what: str, outcome: Outcome, expected: int | str) -> None:
        if outcome.ok:
            raise AssertionError(f"{what} should be refused, as what it needs is away, but has succeeded")
        status = outcome.answer.status if outcome.answer else None
        if expected == NO_ANSWER and status is None:
            verdicts.weaker(f"{what} got no answer, as declared", REFUSAL_REFERENCE)
            return
        wanted = self.stage.dialect.refusals.get("unavailable", ())
        if (status != expected and expected != NO_ANSWER) or (wanted and "unavailable" not in outcome.classes):
            words = " or ".join(map(str, wanted))
            raise AssertionError(
                f"{what} should be refused as unavailable ({expected}{f': {words}' if words else ''}), but: "
                f"{mask(str(outcome.answer or outcome.why))}"
            )

    def _sign_in_meanwhile(
        self, name: str, session: Session, endpoint: str, limit: float
    ) -> tuple[machine.Waiting, Outcome]:
        kept = session if name == "refresh" else without_session(session)
        return self._done_meanwhile(limit, lambda driver: driver.perform(name, kept, endpoint))

    def _who_meanwhile(self, endpoint: str, session: Session, limit: float) -> tuple[machine.Waiting, Outcome]:
        return self._done_meanwhile(limit, lambda driver: driver.drive(driver.speaker.who(endpoint, session)))

    def _done_meanwhile(self, limit: float, do: Callable[[Driver], Outcome]) -> tuple[machine.Waiting, Outcome]:
        ca_file = target.current().ca_file if target.in_use() else None
        patience = _TIMES_THE_LIMIT * limit
        driver = Driver(self.stage.speaker, lambda request: send(request, ca_file, patience), self.stage.call)
        began = machine.Mark.now()
        outcome = do(driver)
        waiting = began.waiting()
        logger.info(
            f"{outcome.request or 'no request'} in {waiting.elapsed:.3f} s: {mask(str(outcome.answer or outcome.why))}"
        )
        return waiting, self.stage.known(outcome)

    @word("promise", "assertion")
    def front_should_refuse_fast(self, session: Session) -> None:
        """Passes when the endpoint before the others, which has nobody left to ask, refuses in time as unavailable.

        That is within ``promises.outage.noticed``; NA where no endpoint stands before others (``promises.outage.at``).
        """
        outage = self.stage.dialect.promises.outage
        if outage.at is None:
            raise self.stage.dialect.missing("promises.outage.at", "no endpoint is declared to stand before others")
        waiting, outcome = self._who_meanwhile(outage.at, session, outage.noticed)
        self._must_be_unavailable(f"a request at {outage.at}", outcome, outage.sign_in)
        in_time(f"a request at {outage.at}, until it was refused,", waiting.elapsed, outage.noticed, waiting)

    @word("promise", "assertion")
    def sign_ins_should_work_again(self, account: Session) -> Session:
        """Passes when the account can sign in again within ``promises.outage.back``, wherever users sign in.

        Every endpoint then recognises the new session, which is returned.
        """
        outage = self.stage.dialect.promises.outage
        kept = without_session(account)
        found: list[Session] = []

        for endpoint in dict.fromkeys(("", outage.at or "")):
            outcome = wait_until(
                f"sign_in{f' at {endpoint}' if endpoint else ''}", "possible again",
                partial(self.stage.perform, "sign_in", kept, endpoint), lambda one: one.ok,
                timedelta(seconds=outage.back), describe=lambda one: mask(one.why),
            )  # fmt: skip
            found.append(outcome.session.with_values({"signed_in_at": time.time(), "user": account.user}))
        for session in found:
            for endpoint in self.stage.endpoints:
                self._recognised_again(endpoint, session, outage.back)
        return found[0]

    def _recognised_again(self, endpoint: str, session: Session, within: float) -> None:
        wait_until(
            endpoint, "one that recognises a new session", lambda: self.stage.who(endpoint, session),
            lambda outcome: outcome.ok and same(outcome.read.get("user"), session.user), timedelta(seconds=within),
            describe=lambda outcome: mask(outcome.why or f"it sees user {outcome.read.get('user')}"),
        )  # fmt: skip

    @word("control")
    def get_endpoints_that_go_on(self) -> list[str]:
        """The endpoints with sockets that go on while who signs users in is away; NA where none does."""
        outage = self.stage.dialect.promises.outage
        found = [
            name
            for name in self.stage.socket_endpoints
            if self.stage.dialect.endpoint(name).instance != outage.of and outage.existing.of(name) == GO_ON
        ]
        if not found:
            raise self.stage.dialect.missing("promises.outage.existing", "no socket is declared to go on")
        return found
