"""Keywords that ask across the expiry of a token: good up to it, refused from then on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lockstep import target, verdicts
from lockstep.dialect import Driver, Outcome, Session
from lockstep.dialect.driving import send
from lockstep.dialect.performing import claims
from lockstep.masking import mask
from lockstep.unknown import UNKNOWN
from robot.api import logger

from .base import Base, same
from .described import word
from .recognising import Recognising
from .stage import LONGEST_WAIT

_EVERY = 0.05
_NEAR = 1.5
_LONGER = 0.5


@dataclass(frozen=True)
class _Asked:
    """When an endpoint was asked and had answered, in seconds since the epoch, and what it answered."""

    sent: float
    answered: float
    outcome: Outcome


class _Asking(threading.Thread):
    """Asks one endpoint again and again until it is stopped."""

    def __init__(self, endpoint: str, ask: Callable[[], Outcome]) -> None:
        super().__init__(name=f"asks {endpoint}", daemon=True)
        self.endpoint = endpoint
        self.asked: list[_Asked] = []
        self._ask = ask
        self._ended = threading.Event()

    def run(self) -> None:
        due = time.monotonic()
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            due = max(due + _EVERY, time.monotonic())
            sent = time.time()
            outcome = self._ask()
            self.asked.append(_Asked(sent, time.time(), outcome))

    def stop(self) -> None:
        self._ended.set()
        self.join()


class Expiring(Base):
    """Every Endpoint Should Honour Token Until Expiry."""

    @word("promise", "assertion")
    def every_endpoint_should_honour_token_until_expiry(self, session: Session) -> None:
        """Asks each endpoint without a pause across the expiry of the access token, and judges each answer.

        Answered before the expiry, it must recognise the user. Sent later than ``promises.ends.expiry.access`` after
        it, it must be refused as ``expired``; where that bound is longer than a minute, `Access Should End` judges it.
        There is no verdict where an endpoint has answered nothing in the last 1.5 s before the expiry.
        """
        expiry = self.stage.expiry(session)
        self._lifetime_is_declared(session)
        promise = self.stage.dialect.promises.ending("expiry", "access")
        bounds = {name: promise.bound(name).seconds for name in self.stage.endpoints}
        judged = {name: bound for name, bound in bounds.items() if bound is not None and bound <= _longest()}
        ca_file = target.current().ca_file if target.in_use() else None
        driver = Driver(self.stage.speaker, partial(send, ca_file=ca_file), self.stage.call)
        asking = [_Asking(name, partial(self._who, driver, name, session)) for name in self.stage.endpoints]
        for thread in asking:
            thread.start()
        latest = self.stage.latest_expiry(session)
        threading.Event().wait(max(0.0, latest + max(judged.values(), default=0.0) + _LONGER - time.time()))
        for thread in asking:
            thread.stop()
        wrong = [
            line
            for thread in asking
            for line in self._wrong(thread, session, expiry, judged.get(thread.endpoint), latest)
        ]
        for unknown in (False, True):
            # What cannot be judged comes last.
            if found := [line for line in wrong if line.startswith(UNKNOWN) is unknown]:
                verdicts.fail("; ".join(found))

    def _lifetime_is_declared(self, session: Session) -> None:
        """Of a JWT: its expiry lies as far from its issue as ``limits`` has it."""
        facts = self.stage.dialect.token
        if facts.form != "jwt":
            return
        known = claims(str(session.access))
        name = "short_access_ttl" if session.values.get("is_short") else "access_ttl"
        issued = known.get(facts.claims.get("issued", "iat"))
        if issued is None or name not in self.stage.dialect.limits:
            return
        lifetime, declared = self.stage.expiry(session) - float(issued), self.stage.dialect.limit(name)
        if abs(lifetime - declared) > 1:
            raise AssertionError(f"the token lives for {lifetime:g} s, declared are {declared:g} s")

    def _who(self, driver: Driver, endpoint: str, session: Session) -> Outcome:
        return driver.drive(self.stage.speaker.who(endpoint, session))

    def _wrong(self, asking: _Asking, session: Session, expiry: float, bound: float | None, latest: float) -> list[str]:
        """What is wrong with the answers of one endpoint; the token expires between ``expiry`` and ``latest``."""
        name = asking.endpoint
        before = [one for one in asking.asked if one.answered < expiry]
        after = [one for one in asking.asked if bound is not None and one.sent >= latest + bound]
        logger.info(f"{name}: {len(before)} answers before the expiry, {len(after)} when it had to refuse")
        wrong = []
        early = next((one for one in before if not _recognised(one.outcome, session)), None)
        if early is not None:
            wrong.append(
                f"{name} did not honour the token {expiry - early.answered:.3f} s before the expiry: "
                f"{mask(early.outcome.why) or 'it named another user'}"
            )
        assert isinstance(self, Recognising)
        for one in after:
            if one.outcome.ok:
                wrong.append(f"{name} honoured the token {one.sent - latest:.3f} s after the expiry")
                break
            if other := self.not_refused_as(one.outcome, self.expected_refusal("expired")):
                wrong.append(f"{name} {other}")
                break
        if not any(expiry - one.answered <= _NEAR for one in before):
            wrong.append(f"{UNKNOWN}{name} gave no answer in the last {_NEAR:g} s before the expiry")
        if bound is not None and not after:
            wrong.append(f"{UNKNOWN}{name} was asked nothing after the expiry")
        return wrong


def _recognised(outcome: Outcome, session: Session) -> bool:
    return outcome.ok and same(outcome.read.get("user"), session.user)


def _longest() -> float:
    return LONGEST_WAIT.total_seconds()
