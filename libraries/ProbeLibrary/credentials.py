"""The keywords that probe across the end of a credential: its expiry, or an act that ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from lockstep import verdicts
from lockstep.machine import Mark
from lockstep.unknown import UNKNOWN, Unknown
from lockstep.waiting import seconds
from robot.api import logger
from robot.api.deco import keyword
from robot.api.types import Secret
from robot.libraries.BuiltIn import BuiltIn

from ProbeLibrary import dying
from ProbeLibrary.expecting import EXPIRED, Expected, Told, shown
from ProbeLibrary.judge import judge_expiry
from ProbeLibrary.probing import TIMEOUT, Probe
from ProbeLibrary.request import BEARER, NOTHING, Request

_EXPIRY_EVERY = 0.1


class Credentials:
    """Keywords about how long a credential is honoured."""

    @keyword
    def token_should_be_honoured_until(
        self,
        expiry: float,
        token: str | Secret,
        *urls: str,
        ca_file: str | None = None,
        good: Told = 200,
        expired: Told = None,
        method: str = "GET",
        credential: str = BEARER,
        headers: Mapping[str, Any] | None = None,
    ) -> None:
        """Probes every URL with ``token`` across ``expiry`` (seconds since the epoch) and judges each answer.

        Answered before the expiry: must be ``good``. Sent at the expiry or later: must be ``expired``, by default 401
        with problem code ``token_expired``. In flight at the expiry: may be either. Each URL needs answers on both
        sides, the last good one in the last 1.5 s, or nothing was proved and the keyword fails. See `Answers` and
        `Credentials` for the rest.
        """
        if not urls:
            raise ValueError("no URL: nothing would be proved")
        expected = Expected.read(good, dict(EXPIRED) if expired is None else expired)
        words = "401 token_expired" if expired is None else shown(expected.refused)
        requests = [Request.made(url, method, token, credential, headers) for url in urls]
        probes = [Probe(request, _EXPIRY_EVERY, expected, ca_file) for request in requests]
        threading.Event().wait(max(0.0, expiry + 0.5 - time.time()))
        reports = [probe.stop() for probe in probes]
        for report in reports:
            logger.info(report.summary())
        _fail_where([line for report in reports for line in judge_expiry(report, expiry, words)])

    @keyword
    def credential_should_be_dead_within(
        self,
        within: timedelta,
        token: str | Secret,
        urls: list[str] | str,
        name: str | None = None,
        *arguments: Any,
        since: float | None = None,
        good: Told = "2xx",
        refused: Told = 401,
        method: str = "GET",
        credential: str = BEARER,
        headers: Mapping[str, Any] | None = None,
        json: Any = None,
        form: Mapping[str, Any] | None = None,
        every: timedelta = timedelta(milliseconds=50),
        steady: timedelta = timedelta(milliseconds=500),
        longer: timedelta = timedelta(seconds=2),
        ca_file: str | None = None,
    ) -> float:
        """Passes when no URL honours ``token`` any more ``within`` this time after the keyword ``name`` has ended it.

        Each URL is asked ``every`` so often. First each has to honour the token (or the verdict is UNKNOWN), then
        ``name`` runs with its ``arguments``, and from its end the time counts: a request sent later than ``within`` has
        to be ``refused``. Without ``name`` the time counts from ``since`` (seconds since the epoch, default: now), and
        whoever calls has seen that the token was honoured before. See `Answers` and `Credentials` for the rest.

        It ends as soon as each URL has refused for ``steady``, three times or more, and otherwise ``longer`` after
        ``within``, so that the failure can say for how long the token was honoured: "honoured the credential until
        1.83 s after, not 1 s". Returns that time in seconds, the longest of all URLs; 0 where no request sent after the
        end was honoured. It is measured at the sending of the last honoured request, so ``every`` is its precision.

        | ${honoured} =    `Credential Should Be Dead Within`    1s    ${TOKEN}    ${urls}    Sign Out    ${user}
        | `Credential Should Be Dead Within`    300s    ${TOKEN}    ${hub}    refused=[401, 403]
        | ...    credential=Authorization: token {token}
        """
        each = [urls] if isinstance(urls, str) else urls
        if not each:
            raise ValueError("no URL: nothing would be proved")
        if name is not None and since is not None:
            raise ValueError("the time counts from a keyword's end or from an instant: give name or since, not both")
        expected = Expected.read(good, refused)
        if not expected.good or not expected.refused:
            raise ValueError("good and refused are both needed, to set an honoured token and a dead one apart")
        requests = [
            Request.made(url, method, token, credential, headers, NOTHING if json is None else json, form)
            for url in each
        ]
        watch = _Watch(requests, every.total_seconds(), expected, ca_file)
        try:
            if name is not None:
                watch.wait_for_life(name)
                BuiltIn().run_keyword(name, *arguments)
            ended = time.time() if since is None else since
            mark = Mark.now()
            watch.wait_for_death(ended, within.total_seconds() + longer.total_seconds(), steady.total_seconds())
        finally:
            reports = watch.stop()
        lasted = max(dying.honoured(report, ended) for report in reports)
        logger.info(f"honoured until {lasted:.2f} s after, {seconds(within)} are allowed")
        waiting = mark.waiting()
        _fail_where(
            [wrong for one in reports if (wrong := dying.judge_death(one, ended, within.total_seconds(), waiting))]
        )
        return lasted


class _Watch:
    """Probes of several URLs, and waiting for what their answers say."""

    def __init__(self, requests: Sequence[Request], every: float, expected: Expected, ca_file: str | None) -> None:
        self._news = threading.Condition()
        self._probes = [Probe(request, every, expected, ca_file, news=self._news) for request in requests]

    def wait_for_life(self, name: str) -> None:
        """Until each URL has honoured the credential once; raises ``Unknown`` where one does not."""
        with self._news:
            self._news.wait_for(lambda: all(probe.answers for probe in self._probes), TIMEOUT)
        for probe in self._probes:
            if not probe.answers or probe.answers[0].kind != "good":
                raise Unknown(f"the credential was not honoured before '{name}' was to end it: {probe.state}")

    def wait_for_death(self, since: float, at_most: float, steady: float) -> None:
        """Until each URL steadily refuses, or so many seconds after ``since`` (seconds since the epoch)."""
        with self._news:
            self._news.wait_for(
                lambda: all(dying.is_dead(probe.answers, since, steady) for probe in self._probes),
                max(0.0, since + at_most - time.time()),
            )

    def stop(self) -> list[Any]:
        """Ends the probes; their reports."""
        reports = [probe.stop() for probe in self._probes]
        for report in reports:
            logger.info(report.summary())
        return reports


def _fail_where(wrong: Sequence[str]) -> None:
    """Fail with what is wrong; what cannot be judged comes last."""
    for unknown in (False, True):
        if found := [line for line in wrong if line.startswith(UNKNOWN) is unknown]:
            verdicts.fail("; ".join(found))
