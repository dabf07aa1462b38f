"""Keywords that use up quotas and judge what the services say and do about it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from lockstep import masking, test_identity
from robot.api import logger
from robot.api.deco import keyword, library
from robot.api.types import Secret

from QuotaLibrary import judge
from QuotaLibrary.asking import Answer, Asker

__version__ = "1.0.0"


@library(scope="GLOBAL", version=__version__, auto_keywords=False, doc_format="ROBOT", listener=masking.LISTENER)
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

    @keyword(tags=("asking",))
    def ask(
        self,
        count: int,
        *urls: str,
        token: str | Secret | None = None,
        source: str | None = None,
        headers: Mapping[str, str] | None = None,
        ca_file: str | None = None,
    ) -> list[Answer]:
        """Gets the ``urls`` in turn, ``count`` requests in all, one after the other; returns the answers.

        ``source`` is the local address to come from, such as ``127.0.0.2``. No answer fails the keyword.
        """
        return self._ask(count, urls, token, source, headers, ca_file)

    @keyword(tags=("asking",))
    def flood(
        self,
        attackers: Sequence[Mapping[str, Any]],
        refusals: int,
        at_most: timedelta = timedelta(seconds=30),
        ca_file: str | None = None,
    ) -> list[list[Answer]]:
        """All ``attackers`` ask at the same time, each until all his ``urls`` have refused him ``refusals`` times.

        An attacker is a dictionary with ``urls``, which he asks in turn, and ``token`` and ``source`` as in `Ask`.
        Returns the answers of each. After ``at_most`` they give up.
        """
        if not attackers:
            raise ValueError("no attackers: nothing would be proved")

        began = time.monotonic()

        def attack(one: Mapping[str, Any]) -> list[Answer]:
            asker = self._asker(one.get("token"), one.get("source"), None, ca_file)
            try:
                return asker.insist(one["urls"], refusals, began + at_most.total_seconds())
            finally:
                asker.close()

        with ThreadPoolExecutor(len(attackers), "flood") as pool:
            answers = list(pool.map(attack, attackers))
        taken = time.monotonic() - began
        logger.info(f"{sum(map(len, answers))} requests of {len(attackers)} attackers in {taken:.2f} s")
        return answers

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
        asker, deadline, pause = (
            self._asker(token, source, None, ca_file),
            time.monotonic() + within.total_seconds(),
            threading.Event(),
        )
        answers: list[Answer] = []
        try:
            while not answers or answers[-1].refused:
                if time.monotonic() > deadline:
                    raise AssertionError(f"still refused after {within}: {judge.describe(answers[-1])}")
                if answers:
                    pause.wait(every.total_seconds())
                answers += asker.ask([url], 1)
        finally:
            asker.close()
        logger.info(f"{len(answers) - 1} refusals; then {judge.describe(answers[-1])}")
        return answers

    @keyword(tags=("waiting",))
    def wait_as_promised(self, *promises: Any) -> float:
        """Waits until all promises are due, and no longer; returns the seconds.

        A promise is a number of seconds from now (a socket's ``retry_after``), an answer, or a list of answers.
        """
        now = time.monotonic()
        due = max(_due(promise, now) for promise in promises)
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
        for answers in floods:
            _fail_where(judge.throttled(answers, limit, window.total_seconds()))
        for door in doors:
            if not any(answer.refused for answers in floods for answer in answers if answer.url.startswith(door)):
                raise AssertionError(f"{door} refused nobody")

    def _ask(
        self,
        count: int,
        urls: Sequence[str],
        token: str | Secret | None,
        source: str | None,
        headers: Mapping[str, str] | None,
        ca_file: str | None,
    ) -> list[Answer]:
        if not urls:
            raise ValueError("no URL: nothing would be asked")
        asker = self._asker(token, source, headers, ca_file)
        try:
            return list(asker.ask(urls, count))
        finally:
            asker.close()

    @staticmethod
    def _asker(
        token: str | Secret | None, source: str | None, headers: Mapping[str, str] | None, ca_file: str | None
    ) -> Asker:
        complete = test_identity.headers() | {name: str(value) for name, value in (headers or {}).items()}
        if token is not None:
            complete["Authorization"] = f"Bearer {masking.reveal(token)}"
        return Asker(complete, source, ca_file)


def _due(promise: Any, now: float) -> float:
    if isinstance(promise, Answer):
        return promise.answered + (promise.retry_after or 0)
    if isinstance(promise, list | tuple):
        return max((_due(one, now) for one in promise), default=now)
    return now + float(promise)


def _fail_where(wrong: str) -> None:
    if wrong:
        raise AssertionError(wrong)
