"""Keywords that use up a quota of the target, and judge what it refuses, says and does then."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from lockstep import machine, verdicts
from lockstep.dialect import Session
from lockstep.unknown import Unknown
from lockstep.waiting import wait_until
from QuotaLibrary import judge
from QuotaLibrary.asking import Answer
from QuotaLibrary.flooding import Flood, Party
from QuotaLibrary.form import Form
from robot.api import logger

from .base import Base
from .described import word
from .limited import Limited, answer_of, form_of, unused_address
from .signing import without_session

_TRIES = 5
_MORE = 3
_EVERY = 0.2
_LONGEST = 120.0
_REFUSALS = 10
_VISITS, _PACE = 15, 0.1
_BELOW = 1.5
"""Unaffected users ask so many times less often than their quota allows."""
_PATIENCE = 30.0
_OTHER_LETTERS = "email"
_STORED = timedelta(seconds=5)


@dataclass(frozen=True)
class Flooded:
    """A flood: who asked, what each was answered, and what unaffected users were, before and meanwhile."""

    attackers: Sequence[Limited]
    answers: Sequence[Sequence[Answer]]
    before: Sequence[Answer]
    meanwhile: Sequence[Answer]


class Quotas(Base):
    """Every Endpoint Should Hold Quota, Refusal Should End As Promised, and the like."""

    @word("quota", "assertion")
    def every_endpoint_should_hold_quota(self) -> None:
        """Passes when the rate limit holds: exactly ``limits.rate_limit`` requests of a user pass at each endpoint.

        What is limited is the word ``limited``, or where there is none, who the user is at each endpoint. Each refusal
        is of the class ``throttled``; fields count down, as ``promises.limits`` has them. What took longer than
        ``limits.rate_window`` proves nothing and is tried with another user.
        """
        limit, window = self._quota_rate()
        form = self._quota_form()
        for endpoint in self._limited_endpoints():
            self._quota_in_one_window(window, partial(self._quota_holds_at, endpoint, limit, window, form))
        self._quota_remark(form)

    def _quota_holds_at(self, endpoint: str, limit: int, window: float, form: Form) -> str:
        with closing(self._quota_fresh(endpoint)) as asker:
            answers = list(asker.ask([endpoint], limit + _MORE))
        wrong = judge.exactly(answers, limit, form)
        if not wrong and form.fields != "none" and not form.rate:
            names = [quota.name for quota in form.quotas(answers[limit]) if quota.remaining == 0]
            wrong = judge.counts_down(answers, names[0], limit, int(window)) if names else "no quota is named"
        return wrong

    @word("quota", "assertion")
    def refusal_should_end_as_promised(self) -> None:
        """Passes when a quota that is used up is whole again when a refusal has said, no later and a second earlier.

        A user is refused at one endpoint, and asks at another one until they are served: whoever was asked after the
        time that a refusal has told had to serve them. Another user waits exactly as long as told, and is served.
        """
        limit, window = self._quota_rate()
        form = self._quota_form()
        endpoints = self._limited_endpoints()
        with closing(self._quota_fresh(endpoints[0])) as asker:
            refusal = self._quota_until_refused(asker, endpoints[0], limit)
            answers = [refusal, *self._quota_until_served(asker, endpoints[-1], window)]
        _fail_where(judge.promises(answers, form))
        with closing(self._quota_fresh(endpoints[0])) as asker:
            refused = self._quota_until_refused(asker, endpoints[0], limit)
            told = form.told(refused)
            if told is None:
                raise AssertionError(f"a refusal does not say how long to wait: {judge.describe(refused)}")
            _wait_until(refused.answered + told + judge.ROUNDING)
            [after] = asker.ask([endpoints[-1]], 1)
        _fail_where(judge.waited(refused, after, told))
        self._quota_remark(form)

    @word("quota", "assertion")
    def failed_sign_ins_should_be_throttled(self) -> None:
        """Passes when ``limits.login_failure_limit`` wrong passwords make the right one be refused, too, for a while.

        It is so for an account, whichever way its e-mail is written, and for an address
        (``limits.address_login_failure_limit``, where that is described); other accounts, and the same
        one from another address, are served. Addresses are told apart where the target is on this machine. Who waits
        as long as told can sign in, and where nothing is told who waits for ``limits.login_failure_window``
        (``rate_window`` where that is left out).
        """
        own = "login_failure_window" in self.stage.dialect.limits
        window = float(self.stage.limit("login_failure_window" if own else "rate_window"))
        limit = int(self.stage.limit("login_failure_limit"))
        form = self._quota_form()
        if "address_login_failure_limit" in self.stage.dialect.limits and unused_address(self.stage):
            most = int(self.stage.limit("address_login_failure_limit"))
            self._quota_in_one_window(window, lambda: self._failures_of_address(most, form)[0])
        refused: list[tuple[Session, Answer]] = []

        def of_account() -> str:
            wrong, account, answer = self._failures_of_account(limit, form)
            refused[:] = [(account, answer)] if answer else []
            return wrong

        self._quota_in_one_window(window, of_account)
        account, answer = refused[0]
        _wait_until(answer.answered + (form.told(answer) or window) + judge.ROUNDING)
        _fail_where(judge.waited(answer, self._quota_sign_in(account), form.told(answer) or int(window)))
        self._quota_remark(form)

    def _failures_of_account(self, limit: int, form: Form) -> tuple[str, Session, Answer | None]:
        account = self._quota_account()
        bystander = self._quota_account()
        for number in range(limit):
            wrong_word = self._with_wrong_password(account)
            if number == 1 and isinstance(account.values.get(_OTHER_LETTERS), str):
                wrong_word = wrong_word.with_values({_OTHER_LETTERS: str(account.values[_OTHER_LETTERS]).upper()})
            if wrong := self._quota_must_be_wrong(wrong_word, unused_address(self.stage), number + 1):
                return wrong, account, None
        answer = self._quota_sign_in(account)
        if wrong := _not_throttled(answer, f"the right password after {limit} wrong ones of its account", form):
            return wrong, account, None
        if unused_address(self.stage) and (other := self._quota_sign_in(bystander)).status != 200:
            return f"another account is not served meanwhile: {judge.describe(other)}", account, None
        return "", account, answer

    def _failures_of_address(self, limit: int, form: Form) -> tuple[str, Answer | None]:
        account = self._quota_account()
        source = unused_address(self.stage)
        for number in range(limit):
            nobody = account.with_values(self.stage.accounts.new().values)
            if wrong := self._quota_must_be_wrong(nobody, source, number + 1):
                return wrong, None
        answer = self._quota_sign_in(account, source)
        if wrong := _not_throttled(answer, f"the right password after {limit} wrong ones from its address", form):
            return wrong, None
        elsewhere = self._quota_sign_in(account)
        return (
            "" if elsewhere.status == 200 else f"it is not served from elsewhere: {judge.describe(elsewhere)}",
            answer,
        )

    def _quota_must_be_wrong(self, account: Session, source: str | None, number: int) -> str:
        outcome = self._quota_outcome(account, source)
        if outcome.ok:
            return "a wrong password has signed in"
        if "throttled" in outcome.classes or not outcome.refused:
            return f"wrong password {number} was not refused as one, but: {outcome.why}"
        return ""

    def _quota_account(self) -> Session:
        library: Any = self
        return without_session(library.sign_up())

    def _with_wrong_password(self, account: Session) -> Session:
        library: Any = self
        wrong: Session = library.forget_password(account)
        return wrong

    def _quota_outcome(self, account: Session, source: str | None) -> Any:
        with closing(Limited(self.stage, account, source)) as asker:
            return self.stage.known(asker.driver.perform("sign_in", account))

    def _quota_sign_in(self, account: Session, source: str | None = None) -> Answer:
        sent = time.monotonic()
        outcome = self._quota_outcome(account, source or unused_address(self.stage))
        return answer_of(self.stage, outcome, "sign_in", sent)

    # --- floods

    @word("quota")
    def flood_endpoints(self, attackers: int = 5) -> Flooded:
        """So many users ask at every endpoint with a quota, without a pause, until each has refused them ten times.

        Meanwhile, and before, unaffected users ask each endpoint at a pace. Each comes from an address of their own,
        where the target is on this machine.
        """
        endpoints = self._limited_endpoints()
        flooding = [self._quota_asker() for _ in range(attackers)]
        quiet = [(name, self._quota_asker(who=True)) for name in self.stage.endpoints for _ in range(2)]
        parties = [Party([name], asker) for name, asker in quiet]
        limit, window = self._quota_rate()
        pace = max(_PACE, _BELOW * window / limit)
        before = self._quota_visits(parties, pace)
        flood = Flood(_VISITS, pace, _PATIENCE + 3 * window)
        answers, meanwhile = flood.run([Party(endpoints, one, _REFUSALS) for one in flooding], parties)
        return Flooded(flooding, answers, before, [answer for some in meanwhile for answer in some])

    def _quota_visits(self, parties: Sequence[Party], pace: float) -> list[Answer]:
        until = time.monotonic() + _PATIENCE
        with ThreadPoolExecutor(len(parties)) as pool:
            seen = list(pool.map(lambda one: one.asker.pace(one.urls, _VISITS, pace, until), parties))
        return [answer for answers in seen for answer in answers]

    @word("quota", "assertion")
    def flood_should_harm_no_other_user(self, flooded: Flooded) -> None:
        """Passes when unaffected users were all served during a flood, about as fast as before it.

        Nine of ten answers may take three times as long, the slowest five times; what is below 0.1 s, and 0.25 s, is
        fine: so much a flood on the same machine costs by its mere computing.
        """
        waiting = machine.test_waiting()
        logger.info(f"{judge.times(flooded.meanwhile)}; before: {judge.times(flooded.before)}")
        _fail_where(judge.unharmed(flooded.meanwhile, [flooded.before], 90, 3, 0.1, waiting))
        _fail_where(judge.unharmed(flooded.meanwhile, [flooded.before], 99, 5, 0.25, waiting))

    @word("quota", "assertion")
    def flood_should_be_throttled(self, flooded: Flooded) -> None:
        """Passes when each who flooded passed exactly as often as their quota allows, was refused at every endpoint,
        and is served again there once the time has passed that the refusals told.
        """
        limit, window = self._quota_rate()
        form = self._quota_form()
        for answers in flooded.answers:
            _fail_where(judge.throttled(answers, limit, window, form))
        for endpoint in self._limited_endpoints():
            _fail_where(judge.refuses(flooded.answers, endpoint))
        _wait_until(max(map(judge.when_whole, flooded.answers)) + judge.ROUNDING)
        for asker in flooded.attackers:
            for answer in asker.ask(self._limited_endpoints(), len(self._limited_endpoints())):
                if answer.status != 200:
                    raise AssertionError(f"who waited as asked is not served again: {judge.describe(answer)}")
            asker.close()

    # --- sockets

    @word("quota", "socket", "assertion")
    def flooding_socket_should_be_warned(self, socket: str, room: Any) -> float:
        """Sends ``limits.socket_rate_limit`` messages and one more: passes when that one is refused, with a warning.

        Returns the seconds after which the socket may send again: what the warning says, or ``limits.rate_window``.
        """
        limit = int(self.stage.limit("socket_rate_limit"))
        found = self.socket(socket)
        taken, refused = self._quota_sent(socket, room, limit + 1)
        if taken != limit or refused != 1:
            raise AssertionError(f"{taken} of {limit + 1} messages were taken and {refused} refused, not {limit} and 1")
        warning = found.wait_for(
            lambda: next((e for e in found.events if e.kind == "warning"), None), self._quota_window
        )
        if warning is None:
            raise AssertionError(f"{socket} was refused a message and not warned")
        told = warning.retry_after
        return float(told) if told is not None else self._quota_window

    @word("quota", "socket", "assertion")
    def flooding_socket_should_be_closed(self, socket: str, room: Any) -> None:
        """Sends twice ``limits.socket_rate_limit`` messages and one more: passes when the socket is closed as declared.

        As many as the limit allows are stored, and one warning came.
        """
        limit = int(self.stage.limit("socket_rate_limit"))
        found = self.socket(socket)
        codes = found.line.facts.closes.get("throttled", ())
        if not codes:
            raise self.stage.dialect.missing("socket.closes.throttled")
        self._quota_sent(socket, room, 2 * limit + 1)
        found.wait_for(lambda: None, self._quota_window)
        ended = found.connection.closing
        if ended is None or ended.code not in codes or not ended.by_peer:
            wanted = " or ".join(map(str, codes))
            raise AssertionError(f"{socket} should be closed with {wanted}, but it is {found.state}")
        warnings = sum(event.kind == "warning" for event in found.events)
        if warnings != 1:
            raise AssertionError(f"{socket} was warned {warnings} times, not once")
        if self.stage.dialect.knows("history"):
            # Which ones were taken was perhaps not said any more: the socket was closed.
            library: Any = self
            session = found.line.session
            wait_until(
                f"the number of messages stored of {2 * limit + 1}", str(limit),
                lambda: len(library.get_history(session, room)), lambda stored: stored == limit, _STORED,
            )  # fmt: skip

    def _quota_sent(self, socket: str, room: Any, count: int) -> tuple[int, int]:
        """How many of so many messages, sent at once, were taken, and how many refused."""
        found = self.socket(socket)
        frames = [
            found.line.outgoing("send", room=room, text=f"message {number}", key=str(uuid.uuid4()))
            for number in range(1, count + 1)
        ]
        for frame in frames:
            if found.connection.is_open:
                found.send(frame.content)
        opened = [found.answer_to(frame, "send") for frame in frames]
        return sum(one.ok for one in opened), sum(one.refused for one in opened)

    @word("quota")
    def wait_as_asked(self, seconds: float) -> None:
        """Waits so many seconds, from now on, and no longer."""
        _wait_until(time.monotonic() + seconds)

    # --- what all of them need

    @property
    def _quota_window(self) -> float:
        return float(self.stage.limit("rate_window"))

    def _quota_rate(self) -> tuple[int, float]:
        self.stage.dialect.refusal("throttled")
        return int(self.stage.limit("rate_limit")), self._quota_window

    def _quota_form(self) -> Form:
        self.stage.dialect.refusal("throttled")
        self.stage.expect_throttling()
        return form_of(self.stage)

    def _limited_endpoints(self) -> list[str]:
        """Where something has a quota; "" is the word's own place."""
        if "limited" in self.stage.dialect.absent:
            raise self.stage.dialect.missing("operations.limited")
        return [""] if self.stage.dialect.knows("limited") else self.stage.endpoints

    def _quota_asker(self, who: bool = False) -> Limited:
        library: Any = self
        return Limited(self.stage, library.sign_in(), unused_address(self.stage), who=who)

    def _quota_fresh(self, endpoint: str) -> Limited:
        """Somebody whose quota is whole: a new user; where it is nobody's, who has waited as told before."""
        asker = self._quota_asker()
        if not self._quota_by_user():
            limit, window = self._quota_rate()
            refused = self._quota_until_refused(asker, endpoint, limit)
            _wait_until(refused.answered + (self._quota_form().told(refused) or window) + judge.ROUNDING)
        return asker

    def _quota_by_user(self) -> bool:
        steps = self.stage.dialect.operations.get("limited", ())
        return all(step.role == "user" for step in steps)

    def _quota_until_refused(self, asker: Limited, endpoint: str, limit: int) -> Answer:
        answers: list[Answer] = []
        for answer in asker.ask([endpoint], 2 * limit + _MORE):
            if answer.refused:
                return answer
            if answer.failed:
                raise AssertionError(f"a request failed that was to be refused or served: {judge.describe(answer)}")
            answers.append(answer)
        text = f"not refused in {len(answers)} requests, the limit is {limit}; the last: {judge.describe(answers[-1])}"
        if judge.began_again(answers):
            raise Unknown(f"{text}; a window ended before its quota was used up")
        raise AssertionError(text)

    def _quota_until_served(self, asker: Limited, endpoint: str, window: float) -> list[Answer]:
        deadline = machine.Deadline(min(_LONGEST, 3 * window + 5))
        answers: list[Answer] = []
        pause = threading.Event()
        while not answers or answers[-1].refused:
            if answers:
                pause.wait(max(_EVERY, window / 50))
            answers += asker.ask([endpoint], 1)
            if not deadline.left(f"still refused: {judge.describe(answers[-1])}"):
                raise AssertionError(f"still refused after {deadline.elapsed:.1f} s: {judge.describe(answers[-1])}")
        return answers

    def _quota_in_one_window(self, window: float, check: Callable[[], str]) -> None:
        """Judges by what takes less than a window; UNKNOWN where five tries took longer."""
        taken = wrong = ""
        for _ in range(_TRIES):
            began = time.monotonic()
            wrong = check()
            if time.monotonic() - began < window:
                _fail_where(wrong)
                return
            taken = f"{time.monotonic() - began:.2f} s"
        raise Unknown(f"nothing was proved in a window of {window:g} s, in none of {_TRIES} tries: {taken}, {wrong}")

    def _quota_remark(self, form: Form) -> None:
        """What is declared below the recommendation."""
        for name in ("limits.fields", "limits.retry_after"):
            promise = self.stage.dialect.promises.choice(name)
            if promise.weaker:
                verdicts.weaker(f"{name} is {promise.value}, as declared", promise.reference)


def _not_throttled(answer: Answer, what: str, form: Form) -> str:
    if not answer.refused:
        return f"{what} should be refused as throttled: {judge.describe(answer)}"
    if form.retry_after and answer.retry_after is None:
        return f"the refusal of {what} does not say when it ends: {judge.describe(answer)}"
    return ""


def _wait_until(moment: float) -> None:
    """Waits for a moment of the monotonic clock."""
    threading.Event().wait(max(0.0, moment - time.monotonic()))


def _fail_where(wrong: str) -> None:
    if wrong:
        verdicts.fail(wrong)
