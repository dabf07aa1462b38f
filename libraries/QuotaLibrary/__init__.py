"""Keywords that use up quotas and judge what the services say and do about it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from json import dumps
from typing import Any

from lockstep import machine, masking, test_identity, verdicts
from lockstep.applicability import present
from lockstep.listeners import LISTENERS
from lockstep.unknown import Unknown
from robot.api import logger
from robot.api.deco import keyword, library
from robot.api.types import Secret
from robot.libraries.BuiltIn import BuiltIn

from QuotaLibrary import judge
from QuotaLibrary.asking import Answer, Asker
from QuotaLibrary.flooding import Flood, Party

__version__ = "1.0.0"


@dataclass(frozen=True)
class Promise:
    """That something will be so at ``due`` (seconds on the monotonic clock of this process)."""

    due: float


@library(scope="GLOBAL", version=__version__, auto_keywords=False, doc_format="ROBOT", listener=LISTENERS)
class QuotaLibrary:
    """Uses up quotas of HTTP services, and judges refusals and the fields that announce them.

    | ${answers} =    Ask    11    https://shop.test/api/me    token=${TOKEN}
    | `Exactly Should Pass`    ${answers}    10
    | `Quota Should Count Down`    ${answers}    user    limit=10    window=60

    The fields are those of draft-ietf-httpapi-ratelimit-headers-10: ``RateLimit-Policy: "user";q=10;w=60`` and
    ``RateLimit: "user";r=9;t=60``; a refusal is a 429 with ``Retry-After`` (RFC 6585) and the problem code
    ``rate_limited`` (RFC 9457). An *answer* has ``url``, ``status``, ``detail``, ``quotas`` (by name: ``limit``,
    ``window``, ``remaining``, ``reset``), ``retry_after``, ``sent`` and ``answered``. Whatever is neither refused nor a
    server error counts as passed, also a 401.
    """

    def __init__(self) -> None:
        self._addresses = itertools.count()

    @keyword(tags=("asking",))
    def ask(
        self,
        count: int,
        *urls: str,
        token: str | Secret | None = None,
        source: str | None = None,
        headers: Mapping[str, str] | None = None,
        ca_file: str | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> list[Answer]:
        """Gets the ``urls`` in turn, ``count`` requests in all, one after the other; returns the answers.

        ``source`` is the local address to come from, such as ``127.0.0.2``. With ``json``, a body, it posts that.
        No answer fails the keyword.
        """
        return self._ask(count, urls, token, source, headers, ca_file, json)

    @keyword(tags=("asking",))
    def unused_address(self) -> str:
        """A loopback address to come from that this library has not given before."""
        number = next(self._addresses)
        return f"127.3.{number // 250}.{number % 250 + 1}"

    @keyword(tags=("asking",))
    def flood(
        self,
        attackers: Sequence[Mapping[str, Any]],
        refusals: int,
        innocents: Sequence[Mapping[str, Any]] = (),
        answers: int = 15,
        every: timedelta = timedelta(milliseconds=50),
        at_most: timedelta = timedelta(seconds=30),
        ca_file: str | None = None,
    ) -> tuple[list[list[Answer]], list[list[Answer]]]:
        """All ``attackers`` ask at the same time, each until all his ``urls`` have refused him ``refusals`` times.

        An attacker is a dictionary with ``urls``, which he asks in turn, and ``token``, ``source`` and ``ca_file`` as
        in `Ask`, and ``refusals`` of his own where he is not one of many; with 0 he asks until the innocents are
        served. So is an innocent, who asks ``answers`` times, once ``every`` so long, from when each attacker has been
        refused for the first time, or from half of ``at_most``; before he is served no attacker ends. Returns the
        answers of each attacker and those of each innocent. After ``at_most`` they give up.
        """

        def party(one: Mapping[str, Any]) -> Party:
            asker = self._asker(one.get("token"), one.get("source"), None, one.get("ca_file", ca_file))
            return Party([*map(present, one["urls"])], asker, one.get("refusals", refusals))

        flood = Flood(answers, every.total_seconds(), at_most.total_seconds())
        return flood.run([party(one) for one in attackers], [party(one) for one in innocents])

    @keyword(tags=("asking",))
    def ask_until_it_is_refused(
        self,
        url: str,
        at_most: int,
        token: str | Secret | None = None,
        source: str | None = None,
        ca_file: str | None = None,
    ) -> Answer:
        """Gets ``url`` until it is refused, and returns the refusal; fails after ``at_most`` requests.

        It is UNKNOWN where a window ended meanwhile, before the quota was used up.
        """
        asker = self._asker(token, source, None, ca_file)
        answers: list[Answer] = []
        try:
            for answer in asker.ask([present(url)], at_most):
                if answer.refused:
                    return answer
                answers.append(answer)
        finally:
            asker.close()
        text = f"not refused in {at_most} requests; the last: {judge.describe(answers[-1])}"
        if judge.began_again(answers):
            raise Unknown(f"{text}; a window ended before its quota was used up")
        raise AssertionError(text)

    @keyword(tags=("asking",))
    def ask_until_it_passes(
        self,
        url: str,
        token: str | Secret | None = None,
        source: str | None = None,
        every: timedelta = timedelta(milliseconds=100),
        within: timedelta = timedelta(minutes=2),
        ca_file: str | None = None,
    ) -> list[Answer]:
        """Gets ``url`` every ``every`` until it is not refused; returns all answers, the one that passed included."""
        deadline = time.monotonic() + within.total_seconds()
        pause = threading.Event()
        asker = self._asker(token, source, None, ca_file)
        answers: list[Answer] = []
        try:
            while not answers or answers[-1].refused:
                if time.monotonic() > deadline:
                    raise AssertionError(f"still refused after {within}: {judge.describe(answers[-1])}")
                if answers:
                    pause.wait(every.total_seconds())
                answers += asker.ask([present(url)], 1)
        finally:
            asker.close()
        logger.info(f"{len(answers) - 1} refusals; then {judge.describe(answers[-1])}")
        return answers

    @keyword(tags=("waiting",))
    def promise(self, seconds: float) -> Promise:
        """A promise, heard just now, of what will be in so many ``seconds``: a socket's ``retry_after``."""
        return Promise(time.monotonic() + seconds)

    @keyword(tags=("waiting",))
    def wait_as_promised(self, *promises: Any) -> float:
        """Waits until all promises are due, and no longer; returns the seconds.

        A promise is what `Promise` returned, the answers to one asker, of which the last that names a quota tells when
        it is whole, or the answers of a `Flood`.
        """
        now = time.monotonic()
        due = max(map(_due, promises))
        threading.Event().wait(max(0.0, due - now))
        return max(0.0, due - now)

    @keyword(tags=("assertion",))
    def exactly_should_pass(self, answers: Sequence[Answer], limit: int) -> None:
        """Passes when the first ``limit`` requests passed and all later ones were refused in proper form."""
        _fail_where(judge.exactly(answers, limit))

    @keyword(tags=("assertion",))
    def quota_should_count_down(self, answers: Sequence[Answer], name: str, limit: int, window: int) -> None:
        """Passes when ``r`` of the quota ``name`` falls by one with each answer, from ``limit - 1`` to 0, ``t`` never
        rises, and the policy is ``limit`` in ``window`` seconds in every one.
        """
        _fail_where(judge.counts_down(answers, name, limit, window))

    @keyword(tags=("assertion",))
    def prove_within(self, window: timedelta, name: str, *arguments: Any) -> str:
        """Runs the keyword ``name``, whose verdict counts only if it took less than ``window``.

        For what is true only until a window ends that begins with the keyword's first request. A failure in time is
        the failure of this keyword. What took longer has proved nothing, whatever its verdict; returns how long it took
        and its verdict then, and an empty text where it was proved.
        """
        began = time.monotonic()
        status, message = BuiltIn().run_keyword_and_ignore_error(name, *arguments)
        taken = time.monotonic() - began
        if taken >= window.total_seconds():
            return f"took {taken:.2f} s: {f'FAIL {message}' if status == 'FAIL' else status}"
        if status == "FAIL":
            raise AssertionError(message)
        return ""

    @keyword(tags=("assertion",))
    def promises_should_be_kept(self, answers: Sequence[Answer]) -> None:
        """Passes when, in the answers of `Ask Until It Passes`, none was too early, or a second too long."""
        _fail_where(judge.promises(answers))

    @keyword(tags=("assertion",))
    def flood_should_be_throttled(
        self, floods: Sequence[Sequence[Answer]], limit: int, window: timedelta, *doors: str
    ) -> None:
        """Passes when each attacker passed exactly ``limit`` times a ``window``, nothing failed, and each of ``doors``
        (beginnings of URLs) refused somebody.
        """
        if not floods:
            raise AssertionError("there are no attackers' answers: nothing was proved")
        for answers in floods:
            _fail_where(judge.throttled(answers, limit, window.total_seconds()))
        for door in doors:
            _fail_where(judge.refuses(floods, door))

    @keyword(tags=("assertion",))
    def nobody_else_should_notice(
        self,
        innocents: Sequence[Sequence[Answer]],
        *yardsticks: Sequence[Sequence[Answer]],
        percent: float = 90,
        factor: float = 3,
        floor: timedelta = timedelta(milliseconds=800),
    ) -> None:
        """Passes when a flood's ``innocents`` were answered 200 only, and about as fast as the slowest yardstick.

        A yardstick are the answers that as many innocents get where nobody floods and as many others ask what is no
        quota's matter: best at the same time at another platform, since the machine is then as slow for both. A
        percentile of all times may be ``factor`` times the yardstick's; what is below ``floor`` is fine in any case. Of
        a hundred answers the 99th percentile would be the accident of one of them.
        """
        meanwhile, *otherwise = (
            [answer for answers in some for answer in answers] for some in (innocents, *yardsticks)
        )
        logger.info(f"{judge.times(meanwhile)}; yardstick: {'; '.join(map(judge.times, otherwise))}")
        waiting = machine.test_waiting()
        _fail_where(judge.unharmed(meanwhile, otherwise, percent, factor, floor.total_seconds(), waiting))

    def _ask(
        self,
        count: int,
        urls: Sequence[str],
        token: str | Secret | None,
        source: str | None,
        headers: Mapping[str, str] | None,
        ca_file: str | None,
        body: Mapping[str, Any] | None,
    ) -> list[Answer]:
        if not urls:
            raise ValueError("no URL: nothing would be asked")
        asker = self._asker(token, source, headers, ca_file, body)
        try:
            return list(asker.ask([*map(present, urls)], count))
        finally:
            asker.close()

    @staticmethod
    def _asker(
        token: str | Secret | None,
        source: str | None,
        headers: Mapping[str, str] | None,
        ca_file: str | None,
        body: Mapping[str, Any] | None = None,
    ) -> Asker:
        complete = test_identity.headers() | {name: str(value) for name, value in (headers or {}).items()}
        if token is not None:
            complete["Authorization"] = f"Bearer {masking.reveal(present(token))}"
        if body is None:
            return Asker(complete, source, ca_file)
        complete["Content-Type"] = "application/json"
        return Asker(complete, source, ca_file, dumps(body).encode())


def _due(promise: Any) -> float:
    if isinstance(promise, Promise):
        return promise.due
    if isinstance(promise[0], Answer):
        return judge.when_whole(promise)
    return max(map(_due, promise))


def _fail_where(wrong: str) -> None:
    if wrong:
        verdicts.fail(wrong)
