"""Keywords that ask many times, in the background or all at once, and judge the answers together."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from lockstep import machine, masking, reasons, test_identity, verdicts
from lockstep.applicability import present
from lockstep.listeners import LISTENERS
from lockstep.unknown import UNKNOWN, Unknown
from lockstep.waiting import listed, wait_until
from lockstep.wire import connection_to, problem_code
from robot.api import logger
from robot.api.deco import keyword, library
from robot.api.types import Secret

from ProbeLibrary import volley
from ProbeLibrary.judge import Answer, Report, judge_expiry, judge_times
from ProbeLibrary.volley import Reply, Request

_TIMEOUT = 10.0


class _Probe:
    """One thread that gets one URL, at a pace, and keeps every answer."""

    def __init__(
        self, url: str, headers: dict[str, str], ca_file: str | None, every: float, source: str | None = None
    ) -> None:
        self.url = url
        self._source = source
        self._headers = headers
        self._ca_file = ca_file
        self._every = every
        self._ended = threading.Event()
        self.answers: list[Answer] = []
        self._marks: list[float] = []
        self._thread = threading.Thread(target=self._run, name=f"probe {url}", daemon=True)
        self._thread.start()

    def stop(self) -> Report:
        """Lets the request under way finish, and reports."""
        self._ended.set()
        self._thread.join(_TIMEOUT + 1)
        return Report(self.url, tuple(self.answers), tuple(self._marks))

    @property
    def count(self) -> int:
        """How many answers there are."""
        return len(self.answers)

    @property
    def state(self) -> str:
        """How many answers there are, and the last one."""
        last = f", the last {self.answers[-1]}" if self.answers else ""
        return f"{self.url} {self.count} answers{last}"

    def mark(self, instant: float) -> None:
        """Note an instant (seconds since the epoch)."""
        self._marks.append(instant)

    def _run(self) -> None:
        with closing(_UserAgent(self.url, self._headers, self._ca_file, self._source)) as agent:
            due = time.monotonic()
            while not self._ended.wait(max(0.0, due - time.monotonic())):
                due = max(due + self._every, time.monotonic())
                self.answers.append(_ask(agent))


class _UserAgent:
    """Gets one URL on one connection, as a browser does.

    A server may close a connection between two requests, and the next request may be on its way by then: it is sent
    again, once, on a new connection (RFC 9110 §9.2.2, RFC 9112 §9.3.1). On a connection that has not served before, or
    when an answer has begun, the request has failed.
    """

    def __init__(self, url: str, headers: Mapping[str, str], ca_file: str | None, source: str | None) -> None:
        parts = urlsplit(url)
        self._target = parts._replace(scheme="", netloc="", path=parts.path or "/").geturl()
        self._headers = dict(headers)
        self._connection = connection_to(url, _TIMEOUT, ca_file, source)
        self._has_served = False

    def get(self) -> tuple[int, bytes]:
        """Status and body; `OSError` or `HTTPException` where none come."""
        try:
            return self._get()
        except (ConnectionResetError, BrokenPipeError):  # http.client's RemoteDisconnected is a reset
            if not self._has_served:
                raise
            self._has_served = False
            return self._get()

    def _get(self) -> tuple[int, bytes]:
        try:
            self._connection.request("GET", self._target, headers=self._headers)
            response = self._connection.getresponse()
            body = response.read()
        except BaseException:
            self.close()
            raise
        self._has_served = not response.will_close
        return response.status, body

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()


def _ask(agent: _UserAgent) -> Answer:
    sent, began = time.time(), time.monotonic()
    try:
        status, body = agent.get()
    except (OSError, HTTPException) as error:
        return Answer(sent, time.monotonic() - began, None, reasons.of(error))
    return Answer(sent, time.monotonic() - began, status, "" if status < 400 else _code(body))


def _code(body: bytes) -> str:
    code = problem_code(body)
    return body.decode("utf-8", "replace")[:80] if code is None else code


@library(scope="GLOBAL", auto_keywords=False, doc_format="ROBOT", listener=LISTENERS)
class ProbeLibrary:
    """Keywords that probe URLs in the background while the test does something else.

    A single request near a deadline proves little and fails by chance; many requests across it, judged by the time at
    which each was sent and answered, prove it without chance.

    | Start Probe       shop    https://shop.test/api/me    token=${TOKEN}    every=50ms
    | Restart Service   backend-1
    | ${report} =       Stop Probe    shop
    | Availability Should Be At Least    ${report}    99.9
    """

    def __init__(self) -> None:
        self._probes: dict[str, _Probe] = {}

    @keyword
    def start_probe(
        self,
        name: str,
        url: str,
        token: str | Secret | None = None,
        every: timedelta = timedelta(milliseconds=50),
        ca_file: str | None = None,
        source: str | None = None,
    ) -> None:
        """Starts to get ``url`` every ``every``, one request at a time, until `Stop Probe`.

        ``source`` is the local address to connect from, such as ``127.0.0.2``. All requests use one connection; one
        that the server closes just as the next request is sent is no failure, as for a browser: it is sent once more.
        """
        if name in self._probes:
            raise AssertionError(f"probe {name!r} is running already")
        headers = test_identity.headers()
        if token is not None:
            headers["Authorization"] = f"Bearer {masking.reveal(present(token))}"
        self._probes[name] = _Probe(present(url), headers, ca_file, every.total_seconds(), source)

    @keyword
    def mark_probes(self) -> None:
        """Notes in every running probe that something begins; `Response Times Should Stay Bounded` compares by it."""
        instant = time.time()
        for probe in self._probes.values():
            probe.mark(instant)

    @keyword
    def wait_for_probe_answers(self, count: int, within: timedelta = timedelta(seconds=30)) -> None:
        """Waits until every running probe has ``count`` answers more than now."""
        wanted = {name: probe.count + count for name, probe in self._probes.items()}
        if not wanted:
            raise AssertionError("no probe is running: nothing can be waited for")
        wait_until(
            "the number of answers of each probe",
            f"{count} more",
            lambda: [self._probes[name] for name, least in wanted.items() if self._probes[name].count < least],
            lambda behind: not behind,
            within,
            describe=lambda behind: (
                f"{len(behind)} of {len(wanted)} have fewer: {listed([probe.state for probe in behind])}"
            ),
        )

    @keyword
    def wait_for_probe_failure(self, name: str, within: timedelta = timedelta(seconds=30)) -> None:
        """Waits until a request of this probe fails that had no answer yet: what it asks is away, and is noticed to be.

        | Kill Service              auth
        | Wait For Probe Failure    shop
        | Start Service             auth
        """
        probe = self._running(name)
        known = probe.count
        wait_until(
            f"what the probe of {probe.url} was answered",
            "a failure",
            lambda: dict(Counter("failed" if one.failed else one.status for one in probe.answers[known:])),
            lambda answers: "failed" in answers,
            within,
        )

    @keyword
    def stop_probe(self, name: str) -> Report:
        """Stops a probe and returns its report: ``answers``, ``availability`` (percent), ``failures`` and
        ``longest_outage`` (seconds from sending a request that failed until the next good answer).
        """
        report = self._running(name).stop()
        del self._probes[name]
        logger.info(report.summary())
        return report

    @keyword
    def stop_all_probes(self) -> None:
        """Stops every probe; for a teardown."""
        for name in list(self._probes):
            self._probes.pop(name).stop()

    @keyword
    def availability_should_be_at_least(self, report: Report, percent: float) -> None:
        """Passes when at least ``percent`` of the requests were answered below 500; shows the first that were not."""
        if not report.answers:
            raise Unknown(f"the probe of {report.url} has no answers")
        if report.availability < percent:
            raise AssertionError(
                f"{report.url} was available for {report.availability:.3f} % of {len(report.answers)} requests, "
                f"not {percent} %; its failures: {report.describe(report.failures)}"
            )

    @keyword
    def every_answer_should_be(self, report: Report, status: int) -> None:
        """Passes when there are answers and every one has ``status``; shows the first that have another."""
        if not report.answers:
            raise Unknown(f"the probe of {report.url} has no answers")
        others = [answer for answer in report.answers if answer.status != status]
        if others:
            raise AssertionError(
                f"{report.url} gave {len(others)} of {len(report.answers)} answers that are not {status}: "
                f"{report.describe(others)}"
            )

    @keyword
    def failures_should_be(self, report: Report, *codes: str) -> None:
        """Passes when some requests failed, each with a problem of one of these ``codes``; ``no answer`` is one, too.

        | `Failures Should Be`    ${report}    auth_unavailable
        """
        if not report.failures:
            raise Unknown(f"no request to {report.url} failed")
        others = [one for one in report.failures if ("no answer" if one.status is None else one.detail) not in codes]
        if others:
            raise AssertionError(
                f"{len(others)} requests to {report.url} failed otherwise than with {' or '.join(codes)}: "
                f"{report.describe(others)}"
            )

    @keyword
    def response_times_should_stay_bounded(
        self, report: Report, percent: float = 99, factor: float = 10, floor: timedelta = timedelta(milliseconds=500)
    ) -> None:
        """Passes when a percentile of the times after the first mark is at most ``factor`` times the one before it.

        What is below ``floor`` is fine in any case: on a busy machine a few milliseconds easily become many.
        """
        if wrong := judge_times(report, percent, factor, floor.total_seconds(), machine.test_waiting()):
            verdicts.fail(wrong)

    @keyword
    def token_should_be_honoured_until(
        self, expiry: float, token: str | Secret, *urls: str, ca_file: str | None = None
    ) -> None:
        """Probes every URL with ``token`` across ``expiry`` (seconds since the epoch) and judges each answer.

        Answered before the expiry: must be 200. Sent at the expiry or later: must be 401 with problem code
        ``token_expired``. In flight at the expiry: may be either. Each URL needs answers on both sides, the last good
        one in the last 1.5 s, or nothing was proved and the keyword fails.
        """
        if not urls:
            raise ValueError("no URL: nothing would be proved")
        for url in urls:
            self.start_probe(url, url, token, timedelta(milliseconds=100), ca_file)
        threading.Event().wait(max(0.0, expiry + 0.5 - time.time()))
        reports = [self.stop_probe(url) for url in urls]
        wrong = [line for report in reports for line in judge_expiry(report, expiry)]
        for unknown in (False, True):
            if found := [line for line in wrong if line.startswith(UNKNOWN) is unknown]:
                verdicts.fail("; ".join(found))

    @keyword
    def send_at_once(self, requests: Sequence[Mapping[str, Any]], ca_file: str | None = None) -> list[Reply]:
        """Sends all ``requests`` at one instant, each on a connection of its own; returns the replies in their order.

        A request is a dictionary with ``url`` and, where needed, ``method`` (GET), ``token`` (bearer), ``json`` (the
        body) and ``headers``. A reply has ``status``, ``headers`` (names in lower case), ``text``, ``json``, ``code``
        (of a problem), ``sent`` (seconds since the epoch) and ``seconds``. Without an answer ``status`` is None and
        ``error`` says why; nothing is retried and no status fails the keyword.

        | VAR    @{writers}    ${{ [dict(method='PUT', url=$url, token=$token, json={'n': n}) for n in range(20)] }}
        | ${replies} =    Send At Once    ${writers}
        | Should Be Equal    ${{ [reply.status for reply in $replies].count(200) }}    ${1}
        """
        replies = volley.fire([Request.read(request) for request in requests], ca_file)
        logger.info(volley.summary(replies))
        return replies

    def _running(self, name: str) -> _Probe:
        if name not in self._probes:
            raise AssertionError(f"no probe {name!r} is running; running: {', '.join(self._probes) or 'none'}")
        return self._probes[name]
