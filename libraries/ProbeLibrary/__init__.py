"""Keywords that ask many times, in the background or all at once, and judge the answers together."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from http.cookiejar import CookieJar
from typing import Any, Literal

from lockstep import machine, verdicts
from lockstep.applicability import present
from lockstep.dialect.messages import Answer as Seen
from lockstep.listeners import LISTENERS
from lockstep.unknown import Unknown
from lockstep.waiting import listed, wait_until
from robot.api import logger
from robot.api.deco import keyword, library
from robot.api.types import Secret

from ProbeLibrary import jars, raw, volley
from ProbeLibrary.credentials import Credentials
from ProbeLibrary.expecting import Expected, Told
from ProbeLibrary.holding import HeldReply, HeldRequest
from ProbeLibrary.judge import Report, judge_times
from ProbeLibrary.probing import Probe
from ProbeLibrary.raw import RawReply
from ProbeLibrary.request import BEARER, NOTHING, Request
from ProbeLibrary.volley import Reply


@library(scope="GLOBAL", auto_keywords=False, doc_format="ROBOT", listener=LISTENERS)
class ProbeLibrary(Credentials):
    """Keywords that probe URLs in the background while the test does something else.

    A single request near a deadline proves little and fails by chance; many requests across it, judged by the time at
    which each was sent and answered, prove it without chance.

    | Start Probe       shop    https://shop.test/api/me    token=${TOKEN}    every=50ms
    | Restart Service   backend-1
    | ${report} =       Stop Probe    shop
    | Availability Should Be At Least    ${report}    99.9

    = Answers =

    What a good answer is (``good``), and what one that refuses (``refused``), is a status (``200``), a class of them
    (``2xx``), a dictionary, or a list of any of these. A dictionary has one or more of ``status``, ``location`` (a
    regular expression), ``header`` (a name, or names with regular expressions), and ``code_at`` (a dotted path into the
    JSON) with ``codes``; all of it has to be so. An answer that is described as both refuses. Where nothing is told,
    whatever is below 400 is good: 401, 403, 404 and 429 to a good credential are failures.

    | VAR    &{expired}    status=401    code_at=errors.0.extensions.code    codes=TOKEN_EXPIRED
    | Start Probe    shop    https://shop.test/api/me    token=${TOKEN}    good=200    refused=${expired}

    = Credentials =

    ``credential`` is the header that carries the token, ``Authorization: Bearer {token}`` unless told otherwise:
    ``Cookie: session={token}``. Further ``headers`` are a dictionary. ``json`` or ``form`` is the body where a
    ``method`` other than GET needs one.
    """

    def __init__(self) -> None:
        self._probes: dict[str, Probe] = {}

    @keyword
    def start_probe(
        self,
        name: str,
        url: str,
        token: str | Secret | None = None,
        every: timedelta = timedelta(milliseconds=50),
        ca_file: str | None = None,
        source: str | None = None,
        good: Told = None,
        refused: Told = None,
        method: str = "GET",
        credential: str = BEARER,
        headers: Mapping[str, Any] | None = None,
        json: Any = None,
        form: Mapping[str, Any] | None = None,
        hold: timedelta = timedelta(0),
        carry: str | None = None,
    ) -> None:
        """Starts to get ``url`` every ``every``, one request at a time, until `Stop Probe`.

        ``source`` is the local address to connect from, such as ``127.0.0.2``. ``good`` and ``refused`` say how answers
        are judged, see `Answers`; ``method`` and the rest what is sent, see `Credentials`.

        All requests use one connection; one that the server closes just as the next request is sent is no failure, as
        for a browser: it is sent once more. What must not be sent twice (POST, PATCH; RFC 9110 §9.2.2) goes on a new
        connection each time. What was sent twice is ``resent`` in the report.

        ``hold`` sends as slow clients do, each request on a connection of its own and never twice: the connection is
        open for so long before a part of the request is sent, and as long again before the rest; the part ends within
        the head and within the body in turn. ``carry`` is a member of the JSON that each request takes from the answer
        before it, such as ``refresh_token``.
        """
        if name in self._probes:
            raise AssertionError(f"probe {name!r} is running already")
        request = Request.made(url, method, token, credential, headers, NOTHING if json is None else json, form)
        pace, pause = every.total_seconds(), hold.total_seconds()
        expected = Expected.read(good, refused)
        self._probes[name] = Probe(request, pace, expected, ca_file, source, hold=pause, carry=carry)

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
        """Stops a probe and returns its report: ``answers``, ``availability`` (percent), ``failures``, ``refusals`` and
        ``longest_outage`` (seconds from sending a request that failed until the next good answer).
        """
        report = self._running(name).stop()
        del self._probes[name]
        logger.info(report.summary())
        return report

    @keyword
    def stop_probes(self) -> dict[str, Report]:
        """Stops every probe; returns the report of each, as of `Stop Probe`, by its name."""
        return {name: self.stop_probe(name) for name in list(self._probes)}

    @keyword
    def stop_all_probes(self) -> None:
        """Stops every probe; for a teardown."""
        for name in list(self._probes):
            self._probes.pop(name).stop()

    @keyword
    def availability_should_be_at_least(self, report: Report, percent: float) -> None:
        """Passes when at least ``percent`` of the answers were good; shows the first that were not.

        Good is what the probe was told, and where it was told nothing, whatever is below 400. See `Answers`.
        """
        if not report.answers:
            raise Unknown(f"the probe of {report.url} has no answers")
        if report.availability < percent:
            raise AssertionError(
                f"{report.url} was available for {report.availability:.3f} % of {len(report.answers)} requests, "
                f"not {percent} %; its failures: {report.describe(report.failures)}"
            )

    @keyword
    def every_answer_should_be(self, report: Report, status: int | str, *others: int | str) -> None:
        """Passes when there are answers and every one has ``status`` or one of the ``others``; shows the first that do
        not. ``2xx`` is any status of that class.
        """
        if not report.answers:
            raise Unknown(f"the probe of {report.url} has no answers")
        expected = Expected.read([status, *others])
        wrong = [answer for answer in report.answers if expected.kind(Seen(answer.status)) != "good"]
        if wrong:
            raise AssertionError(
                f"{report.url} gave {len(wrong)} of {len(report.answers)} answers that are not "
                f"{' or '.join(map(str, (status, *others)))}: {report.describe(wrong)}"
            )

    @keyword
    def no_request_should_have_been_sent_twice(self, report: Report) -> None:
        """Passes when the server closed no connection under a request that was on its way to it."""
        if not report.answers:
            raise Unknown(f"the probe of {report.url} has no answers")
        if report.resent:
            raise AssertionError(
                f"{len(report.resent)} of {len(report.answers)} requests to {report.url} had to be sent twice, since "
                f"their connection was closed: {report.describe(report.resent)}"
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
    def send_at_once(self, requests: Sequence[Mapping[str, Any]], ca_file: str | None = None) -> list[Reply]:
        """Sends all ``requests`` at one instant, each on a connection of its own; returns the replies in their order.

        A request is a dictionary with ``url`` and, where needed, ``method`` (GET), ``token`` (bearer, or as
        ``credential`` says), ``json`` or ``form`` (the body), ``headers`` and ``cookies``. A reply has ``status``,
        ``headers`` (names in lower case), ``text``, ``json``, ``code`` (of a problem), ``sent`` (seconds since the
        epoch) and ``seconds``. Without an answer ``status`` is None and ``error`` says why; nothing is retried and no
        status fails the keyword.

        ``cookies`` are a dictionary, or a cookie jar: of `Make Cookie Jar`, or of a session of RequestsLibrary
        (``${session.cookies}``). Of a jar each request takes what a browser would send there, and afterwards the jar
        has what the replies set, in the order of the requests. The ``Set-Cookie`` fields of a reply are its
        ``set_cookies``.

        | VAR    @{writers}    ${{ [dict(method='PUT', url=$url, token=$token, json={'n': n}) for n in range(20)] }}
        | ${replies} =    Send At Once    ${writers}
        | Should Be Equal    ${{ [reply.status for reply in $replies].count(200) }}    ${1}
        """
        volleys = [Request.read(request) for request in requests]
        replies = volley.fire(volleys, ca_file)
        for request, reply in zip(volleys, replies, strict=True):
            if request.jar is not None:
                jars.take_over(request.jar, request.url, reply.set_cookies)
        logger.info(volley.summary(replies))
        return replies

    @keyword
    def hold_request(
        self,
        url: str,
        part: Literal["half head", "head", "half body"] = "half head",
        finish: bool = True,
        method: str = "GET",
        token: str | Secret | None = None,
        ca_file: str | None = None,
        json: Any = None,
        within: timedelta = timedelta(seconds=20),
    ) -> HeldRequest:
        """Sends a ``part`` of a request now, and the rest once its server has begun to leave; returns the request.

        That it leaves is seen by an idle connection beside it, which a server that ends closes first (RFC 9112 §9.6).
        ``head`` is all but the body, ``half body`` all but the last byte. With ``finish=False`` the rest never comes.

        | ${held} =     Hold Request    ${URL}/orders    half body    method=POST    json=${order}
        | Stop Service    shop
        | ${reply} =    Get Held Reply    ${held}
        """
        request = Request.made(url, method, token, json=NOTHING if json is None else json)
        return HeldRequest(request, part, finish=finish, ca_file=ca_file, patience=within.total_seconds())

    @keyword
    def get_held_reply(self, held: HeldRequest) -> HeldReply:
        """What came of `Hold Request`: ``status`` (None where nothing came; ``error`` says why), ``headers`` (names in
        lower case), ``code`` (of a problem), ``seconds`` since the server began to leave.
        """
        reply = held.reply()
        logger.info(f"{held.name}: {reply}")
        return reply

    @keyword
    def send_bytes(
        self,
        url: str,
        data: str | bytes,
        ca_file: str | None = None,
        within: timedelta = timedelta(seconds=10),
    ) -> RawReply:
        """Sends ``data``, just these bytes, to the server of ``url``; returns what comes back until it closes.

        For requests that no HTTP client would send. A text is sent in Latin-1. After ``within`` the keyword ends
        whether the server has closed or not. The reply has ``status`` (None without an answer), ``headers`` (names in
        lower case), ``text``, ``json``, ``code`` (of a problem), ``closed`` and ``seconds``.

        | ${reply} =    Send Bytes    ${URL}    GET / HTTP/1.1\\r\\n\\r\\n
        | Should Be Equal    ${reply.status}    ${400}
        """
        return raw.exchange(
            str(present(url)),
            data.encode("latin-1") if isinstance(data, str) else data,
            ca_file,
            within.total_seconds(),
        )

    @keyword
    def make_cookie_jar(self) -> CookieJar:
        """An empty cookie jar for `Send At Once`: one browser's. Loopback counts as secure, as browsers have it.

        | ${jar} =    `Make Cookie Jar`
        | VAR    &{form}    username=alice    password=${PASSWORD}
        | VAR    &{login}    method=POST    url=https://shop.test/login    form=${form}    cookies=${jar}
        | `Send At Once`    ${{ [$login] }}
        """
        return jars.new_jar()

    def _running(self, name: str) -> Probe:
        if name not in self._probes:
            raise AssertionError(f"no probe {name!r} is running; running: {', '.join(self._probes) or 'none'}")
        return self._probes[name]
