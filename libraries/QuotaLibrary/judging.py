"""The keywords that judge answers."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from lockstep import machine, verdicts
from robot.api import logger
from robot.api.deco import keyword
from robot.libraries.BuiltIn import BuiltIn

from QuotaLibrary import judge
from QuotaLibrary.asking import Answer
from QuotaLibrary.form import Fields, Form


class Judging:
    """Keywords that take answers as they are."""

    @keyword(tags=("assertion",))
    def exactly_should_pass(
        self,
        answers: Sequence[Answer],
        limit: int,
        fields: Fields = "draft10",
        code: str | None = "rate_limited",
        retry_after: bool = True,
    ) -> None:
        """Passes when the first ``limit`` requests passed and all later ones were refused in proper form.

        ``fields``, ``code`` and ``retry_after`` say what the form is. See `Refusals`.

        | `Exactly Should Pass`    ${answers}    10    fields=x-ratelimit    code=${None}
        """
        fail_where(judge.exactly(answers, limit, Form(fields, retry_after, code)))

    @keyword(tags=("assertion",))
    def quota_should_count_down(self, answers: Sequence[Answer], name: str, limit: int, window: int) -> None:
        """Passes when ``r`` of the quota ``name`` falls by one with each answer, from ``limit - 1`` to 0, ``t`` never
        rises, and the policy is ``limit`` in ``window`` seconds in every one.

        The quota of ``X-RateLimit-*`` is named ``x-ratelimit``; these fields do not say the window.
        """
        fail_where(judge.counts_down(answers, name, limit, window))

    @keyword(tags=("assertion",))
    def run_within_window(self, window: timedelta, name: str, *arguments: Any) -> str:
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
    def promises_should_be_kept(
        self,
        answers: Sequence[Answer],
        fields: Fields = "draft10",
        code: str | None = "rate_limited",
        retry_after: bool = True,
    ) -> None:
        """Passes when, in the answers of `Ask Until It Passes`, none was too early, or a second too long.

        ``fields``, ``code`` and ``retry_after`` as in `Refusals`.
        """
        fail_where(judge.promises(answers, Form(fields, retry_after, code)))

    @keyword(tags=("assertion",))
    def flood_should_be_throttled(
        self,
        floods: Sequence[Sequence[Answer]],
        limit: int,
        window: timedelta,
        *endpoints: str,
        fields: Fields = "draft10",
        code: str | None = "rate_limited",
        retry_after: bool = True,
    ) -> None:
        """Passes when each attacker passed exactly ``limit`` times a ``window``, nothing failed, and each of
        ``endpoints`` (beginnings of URLs) refused somebody. ``fields``, ``code`` and ``retry_after`` as in `Refusals`.
        """
        form = Form(fields, retry_after, code)
        if not floods:
            raise AssertionError("there are no attackers' answers: nothing was proved")
        for answers in floods:
            fail_where(judge.throttled(answers, limit, window.total_seconds(), form))
        for endpoint in endpoints:
            fail_where(judge.refuses(floods, endpoint))

    @keyword(tags=("assertion",))
    def no_other_user_should_notice(
        self,
        unaffected: Sequence[Sequence[Answer]],
        *yardsticks: Sequence[Sequence[Answer]],
        percent: float = 90,
        factor: float = 3,
        floor: timedelta = timedelta(milliseconds=50),
        ceiling: timedelta | None = None,
    ) -> None:
        """Passes when ``unaffected`` users of a flood got 200 only, and about as fast as the slowest yardstick.

        A yardstick are the answers that as many of them get where nobody floods and as many others ask what is no
        quota's matter: best at the same time at another platform, since the machine is then as slow for both. A
        percentile of all times may be ``factor`` times the yardstick's; what is below ``floor`` is fine in any case. Of
        a hundred answers the 99th percentile would be the accident of one of them. No verdict is given beyond
        ``ceiling``: where the yardstick is so slow, too, no slowness of the platform could be seen.
        """
        meanwhile, *otherwise = (
            [answer for answers in some for answer in answers] for some in (unaffected, *yardsticks)
        )
        logger.info(f"{judge.times(meanwhile)}; yardstick: {'; '.join(map(judge.times, otherwise))}")
        waiting = machine.test_waiting()
        most = ceiling.total_seconds() if ceiling else math.inf
        fail_where(judge.unharmed(meanwhile, otherwise, percent, factor, floor.total_seconds(), waiting, most))

    @keyword(tags=("assertion",))
    def flood_should_be_refused_at(self, url: str, answers: Sequence[Answer]) -> None:
        """Passes when ``url`` refused any of a flood's requests or sockets for its quota.

        It is UNKNOWN where the machine was away for half of the test: the flood was slower than the quota.
        """
        statuses = sorted({str(answer.status) for answer in answers if answer.url == url})
        if "429" not in statuses:
            machine.missed(f"{url} refused nothing of a flood: it answered {', '.join(statuses) or 'nothing'}")


def fail_where(wrong: str) -> None:
    """Fail with what is ``wrong``, unless it is ""."""
    if wrong:
        verdicts.fail(wrong)
