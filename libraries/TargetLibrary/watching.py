"""Keywords that ask every endpoint on and on while something breaks, and judge how well users were served."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import timedelta

from BudgetLibrary.sheet import Figure, running, write
from lockstep import machine, target, verdicts
from lockstep.dialect import NotDescribed, Session
from lockstep.dialect.outage import END, GO_ON, NO_ANSWER, REFERENCE
from lockstep.masking import mask
from lockstep.unknown import UNKNOWN, Unknown
from lockstep.waiting import wait_until
from ProbeLibrary.judge import Answer, Report
from robot.api import logger

from .base import Base
from .breaking import Away
from .described import word
from .watch import Probe, Watch

_FIRST = 20
_SLOWER = 3
_PERCENTILE = 99
_MOST_WAIT = timedelta(seconds=30)


class Watching(Base):
    """Watch Endpoints, and what is judged of it."""

    @word("endpoint")
    def watch_endpoints(self, session: Session, every: timedelta = timedelta(milliseconds=40)) -> Watch:
        """From now on each endpoint is asked who the user of ``session`` is, on and on; it ends with the test.

        Returns once each has answered twenty times: that is how it was before anything broke.
        """
        ca_file = target.current().ca_file if target.in_use() else None
        pace = every.total_seconds()
        speaker = self.stage.speaker
        for name in self.stage.endpoints:
            if any(step.kind != "request" for step in speaker.dialect.endpoint(name).who):
                raise NotDescribed(f"endpoints.{name}.who", "only requests can be sent on and on, and this is none")
        probes = {name: Probe(speaker, name, session, pace, ca_file) for name in self.stage.endpoints}
        watch = Watch(probes, session)
        self.stage.to_end.append(watch.stop)
        self.wait_for_answers(watch, _FIRST)
        watch.marks.append(time.time())
        return watch

    @word("endpoint")
    def wait_for_answers(self, watch: Watch, count: int) -> None:
        """Waits until each endpoint has been asked so many times more, but for those that need what is away now."""
        gone = [known.instance for known in self.stage.breaking.away if known.ended is None]
        wanted = {
            name: known + count
            for name, known in watch.counts().items()
            if all(self._meanwhile(name, instance) == GO_ON for instance in gone)
        }
        wait_until(
            "the number of answers of each endpoint", f"{count} more", watch.counts,
            lambda now: all(now[name] >= least for name, least in wanted.items()), _MOST_WAIT,
        )  # fmt: skip

    @word("endpoint")
    def wait_until_instance_is_missed(self, watch: Watch, instance: str) -> None:
        """Waits until an endpoint that needs this instance or store has not served somebody who asked."""
        name = self.stage.dialect.control.stores.get(instance, instance)
        if name in self.stage.dialect.endpoints:
            name = self.stage.dialect.endpoint(name).instance or name
        endpoints = [known for known in watch.probes if self._meanwhile(known, name) != GO_ON]
        if not endpoints:
            raise self.stage.dialect.missing("promises.outage.without", f"no endpoint needs {instance}")
        before = watch.counts()

        def missed() -> list[str]:
            return [one for one in endpoints if any(a.failed for a in watch.probes[one].answers[before[one] :])]

        wait_until(f"{instance}, which is away", "missed", missed, bool, _MOST_WAIT)

    @word("promise", "assertion")
    def endpoints_should_have_gone_on(self, watch: Watch) -> None:
        """Ends a watch: passes when sessions went on as ``promises.outage.existing`` has it, and nobody waited long.

        Each answer had to recognise the user, at each endpoint that is declared to go on; the slowest hundredth may
        have taken as long as ``promises.outage.waits``, or three times as long as before.
        """
        watch.stop()
        outage = self.stage.dialect.promises.outage
        judged = 0
        for endpoint in watch.probes:
            how = outage.existing.of(endpoint)
            report = watch.report(endpoint)
            logger.info(report.summary())
            if how == END or self.stage.dialect.endpoint(endpoint).instance == outage.of:
                continue
            until = math.inf if how == GO_ON else min(a.began for a in self._times_away(outage.of)) + float(how)
            self._all_served(endpoint, [answer for answer in report.answers if answer.sent < until])
            self._quick_enough(report, outage.waits)
            judged += 1
            if how != GO_ON:
                verdicts.weaker(f"{endpoint} goes on for {how:g} s, as declared", REFERENCE)
        if not judged:
            verdicts.unbounded("no endpoint is declared to go on")

    def _all_served(self, endpoint: str, answers: Sequence[Answer]) -> None:
        failed = [answer for answer in answers if answer.failed]
        if len(answers) <= _FIRST:
            raise Unknown(f"{endpoint} has given {len(answers)} answers only")
        if failed:
            shown = Report(endpoint, tuple(answers)).describe(failed)
            raise AssertionError(f"{endpoint} failed {len(failed)} of {len(answers)} requests: {mask(shown)}")

    def _quick_enough(self, report: Report, waits: float) -> None:
        before, after = report.parts()
        was, became = before.percentile(_PERCENTILE), after.percentile(_PERCENTILE)
        allowed = max(_SLOWER * was, waits)
        in_time(f"the slowest hundredth of the answers of {report.url}", became, allowed)

    @word("promise", "assertion")
    def endpoints_should_have_been_available(self, watch: Watch, while_: str, percent: float | None = None) -> None:
        """Ends a watch: passes when endpoints served as promised while instances or stores were away, one or several.

        Which ones need what is away says ``promises.outage.without``: they fail as it says, and serve again within
        ``promises.restart.recovery``. All others answer the share ``promises.restart.answered``, or ``percent``.
        ``while_`` is how the result sheet calls it.
        """
        watch.stop()
        share = self.stage.dialect.promises.choice("restart.answered").value if percent is None else percent
        missed = [self._judge_availability(watch.report(endpoint), while_, share) for endpoint in watch.probes]
        if any(asked for asked, _ in missed) and not any(failed for _, failed in missed):
            raise Unknown("no request failed, though what some endpoint needs was away")

    def _judge_availability(self, report: Report, while_: str, share: float) -> tuple[int, int]:
        """Judges an endpoint; how many requests came since what it needs was away, and how many of them failed."""
        recovery = self.stage.dialect.promises.choice("restart.recovery").value
        own: list[Answer] = []
        rest: list[Answer] = []
        for answer in report.answers:
            expected = self._failure_expected(report.url, answer, recovery)
            (own if expected else rest).append(answer)
            if answer.failed and expected and not _fails_as(answer, expected):
                how = "" if expected == NO_ANSWER else f", not {' or '.join(map(str, self._shown_unavailable()))}"
                raise AssertionError(
                    f"{report.url} failed otherwise than declared{how}: {mask(report.describe([answer]))}"
                )
        _record(rest, while_)
        _record(own, f"{while_}: {report.url}")
        logger.info(f"{report.summary()}; {len(own)} of its answers while it missed something")
        failed = [answer for answer in rest if answer.failed]
        if turned_away := [answer for answer in failed if answer.status is not None and 400 <= answer.status < 500]:
            # A share may be lost with whoever served it; nobody with a good token may be turned away.
            raise AssertionError(
                f"{report.url} turned a good token away while {while_}: {mask(report.describe(turned_away))}"
            )
        if rest and 100 * (1 - len(failed) / len(rest)) < share:
            raise AssertionError(
                f"{report.url} answered {100 * (1 - len(failed) / len(rest)):.3f} % of {len(rest)} requests while "
                f"{while_}, not {share:g} %: {mask(report.describe(failed))}"
            )
        still = [known.instance for known in self.stage.breaking.away if known.ended is None]
        if any(self._meanwhile(report.url, instance) != GO_ON for instance in still):
            return len(own), sum(answer.failed for answer in own)
        if report.longest_outage == math.inf:
            raise AssertionError(f"{report.url} does not serve again: {mask(report.describe(report.failures[-1:]))}")
        in_time(f"the longest outage of {report.url}", report.longest_outage, recovery)
        if own:
            figure("longest session recovery", report.longest_outage, "s")
        return len(own), sum(answer.failed for answer in own)

    def _shown_unavailable(self) -> Sequence[object]:
        return self.stage.dialect.refusals.get("unavailable", ())

    def _failure_expected(self, endpoint: str, answer: Answer, grace: float) -> str:
        """How an answer may fail by what was away then; "" where it may not."""
        found = [
            self._meanwhile(endpoint, known.instance)
            for known in self.stage.breaking.away
            if known.during(answer.sent, answer.answered, grace)
        ]
        worse = [how for how in found if how != GO_ON]
        return NO_ANSWER if NO_ANSWER in worse else worse[0] if worse else ""

    def _meanwhile(self, endpoint: str, instance: str) -> str:
        """What is declared of an endpoint while an instance or store is away."""
        dialect = self.stage.dialect
        if dialect.endpoint(endpoint).instance == instance:
            return NO_ANSWER
        outage = dialect.promises.outage
        if instance == outage.of and outage.existing.of(endpoint) == END:
            return NO_ANSWER
        roles = {name: role for role, name in dialect.control.stores.items()}
        declared = outage.without.get(roles.get(instance, instance))
        return str(declared.of(endpoint)) if declared else GO_ON

    def _times_away(self, instance: str) -> list[Away]:
        found = [known for known in self.stage.breaking.away if known.instance == instance]
        if not found:
            raise Unknown(f"{instance} was never away: nothing was proved")
        return found

    @word("promise", "assertion")
    def restarts_should_be_quick(self, seconds: Sequence[float]) -> None:
        """Passes when no restart took longer than ``promises.restart.takes``."""
        promise = self.stage.dialect.promises.choice("restart.takes")
        for taken in seconds:
            in_time("the restart of an instance", taken, promise.value)
        figure("longest restart of a service", max(seconds), "s")
        if promise.weaker:
            verdicts.weaker(
                f"restarts took up to {max(seconds):.1f} s, declared are {promise.value:g} s", promise.reference
            )


def in_time(what: str, taken: float, limit: float, waiting: machine.Waiting | None = None) -> None:
    """Passes when ``what`` took no longer than the limit; no verdict where the machine was too busy to tell.

    ``waiting`` is for how long it was away meanwhile; by default for which share of the test.
    """
    verdict = (waiting or machine.test_waiting()).judge(taken, limit)
    if verdict != "PASS":
        verdicts.fail(f"{UNKNOWN if verdict == 'UNKNOWN' else ''}{what} took {taken:.2f} s, more than {limit:g} s")


def _fails_as(answer: Answer, expected: str) -> bool:
    """Whether a failure is as declared; who says that it is unavailable does better than who gives no answer."""
    return answer.refused or (expected == NO_ANSWER and answer.status is None)


def _record(answers: Sequence[Answer], while_: str) -> None:
    if answers:
        figure(f"asked while {while_}", len(answers), "")
        figure(f"answered while {while_}", sum(not answer.failed for answer in answers), "")


def figure(name: str, value: float, unit: str) -> None:
    """Puts a measured number on record for the result summary."""
    write(Figure(name, value, unit, *running()))
