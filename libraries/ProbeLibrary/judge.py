"""What the answers of a probe say: pure functions, without network or clock."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lockstep.machine import Waiting
from lockstep.statistics import percentile
from lockstep.unknown import UNKNOWN

NEAR = 1.5
FEWEST = 10
_SHOWN = 3


@dataclass(frozen=True)
class Answer:
    """One request: when it was sent (seconds since the epoch), how long it took (seconds), what came.

    ``status`` is None when no answer came; ``detail`` is then the error, else the problem code. ``kind`` is what the
    probe was told of such answers: ``good``, ``refused`` or ``other``; None where it was told nothing.
    """

    sent: float
    seconds: float
    status: int | None
    detail: str = ""
    kind: str | None = None
    resent: bool = False
    """Whether the request was sent a second time, since the kept connection was closed as it was sent."""

    def __str__(self) -> str:
        return f"{self.status or 'no answer'} {self.detail}".strip()

    @property
    def answered(self) -> float:
        """When the answer came, in seconds since the epoch."""
        return self.sent + self.seconds

    @property
    def late(self) -> bool:
        """No answer in time, or 503 (RFC 9110 §15.6.4): a limit of time was missed, here or behind the service."""
        return self.status == 503 or (self.status is None and self.detail.startswith("TimeoutError"))

    @property
    def failed(self) -> bool:
        """Not good, or where the probe was not told what is: no answer, or an error of client or server."""
        if self.kind is not None:
            return self.kind != "good"
        return self.status is None or self.status >= 400

    @property
    def refused(self) -> bool:
        """Whether it is what the probe was told to be a refusal."""
        return self.kind == "refused"


@dataclass(frozen=True)
class Report:
    """All the answers of one probe; ``marks`` are instants that somebody noted meanwhile (seconds since the epoch)."""

    url: str
    answers: tuple[Answer, ...]
    marks: tuple[float, ...] = ()

    @property
    def failures(self) -> list[Answer]:
        """The answers that failed."""
        return [answer for answer in self.answers if answer.failed]

    @property
    def refusals(self) -> list[Answer]:
        """The answers that refuse, as the probe was told what a refusal is."""
        return [answer for answer in self.answers if answer.refused]

    @property
    def resent(self) -> list[Answer]:
        """The answers to requests that were sent twice."""
        return [answer for answer in self.answers if answer.resent]

    @property
    def availability(self) -> float:
        """Percent of the requests that did not fail; 0 without any request."""
        return 100.0 * (1 - len(self.failures) / len(self.answers)) if self.answers else 0.0

    @property
    def longest_outage(self) -> float:
        """Seconds from sending a request that failed until the next good answer, where that was longest; 0 without
        failures, infinite where nothing good came any more.
        """
        longest, since = 0.0, None
        for answer in self.answers:
            if answer.failed:
                since = answer.sent if since is None else since
            elif since is not None:
                longest, since = max(longest, answer.answered - since), None
        return longest if since is None else math.inf

    def percentile(self, percent: float) -> float:
        """The response time, in seconds, that ``percent`` of the answers do not exceed (nearest rank)."""
        if not self.answers:
            raise ValueError(f"the probe of {self.url} has no answers")
        return percentile([answer.seconds for answer in self.answers], percent)

    def parts(self) -> tuple[Report, Report]:
        """What was answered before the first mark, and all that was sent later or was under way then."""
        first = self.marks[0]
        before = tuple(answer for answer in self.answers if answer.answered <= first)
        return Report(self.url, before), Report(self.url, self.answers[len(before) :])

    def describe(self, answers: Sequence[Answer]) -> str:
        """Some answers in words, with their time since the first one; of many the first two and the last."""
        first = self.answers[0].sent if self.answers else 0.0
        words = [f"{answer} (+{answer.sent - first:.2f} s)" for answer in answers]
        if len(words) > _SHOWN:
            words[_SHOWN - 1 : -1] = [f"… ({len(words) - _SHOWN} more) …"]
        return ", ".join(words)

    def summary(self) -> str:
        """One line for the log."""
        if not self.answers:
            return f"{self.url}: no answers"
        statuses = sorted({str(answer.status or "no answer") for answer in self.answers})
        return (
            f"{self.url}: {len(self.answers)} answers ({', '.join(statuses)}), available {self.availability:.3f} %, "
            f"{len(self.resent)} sent twice, "
            f"p50 {self.percentile(50) * 1000:.1f} ms, p99 {self.percentile(99) * 1000:.1f} ms"
        )


def judge_expiry(report: Report, expiry: float, expired: str = "401 token_expired") -> list[str]:
    """What is wrong with how a URL honoured a token that expires at ``expiry``; an empty list when nothing is.

    ``expired`` says in words what a refusal is.
    """
    before = [answer for answer in report.answers if answer.answered < expiry]
    after = [answer for answer in report.answers if answer.sent >= expiry]
    early = [answer for answer in before if answer.kind != "good"]
    late = [answer for answer in after if not answer.refused]
    wrong = []
    if early:
        first = early[0]
        wrong.append(f"{report.url} answered {first} {expiry - first.answered:.3f} s before the expiry")
    if late:
        first = late[0]
        wrong.append(
            f"{report.url} answered {first} to a request sent "
            f"{first.sent - expiry:.3f} s after the expiry, not {expired}"
        )
    if not any(expiry - answer.answered <= NEAR for answer in before):
        wrong.append(f"{UNKNOWN}{report.url} gave no answer in the last {NEAR:g} s before the expiry")
    if not after:
        wrong.append(f"{UNKNOWN}{report.url} was asked nothing after the expiry")
    return wrong


def judge_times(report: Report, percent: float, factor: float, floor: float, waiting: Waiting) -> str:
    """What is wrong with the response times after the first mark, or "".

    Their percentile may be ``factor`` times the one before the mark, or ``floor`` seconds where that is more.
    ``waiting`` tells for which share of the time the machine was away.
    """
    if not report.marks:
        return f"the probe of {report.url} has no mark: nothing can be compared"
    before, after = report.parts()
    if min(len(before.answers), len(after.answers)) < FEWEST:
        return (
            f"{UNKNOWN}the probe of {report.url} has {len(before.answers)} answers before the mark and "
            f"{len(after.answers)} after it, {FEWEST} of each are needed"
        )
    was, became = before.percentile(percent), after.percentile(percent)
    allowed = max(factor * was, floor)
    verdict = waiting.judge(became, allowed)
    if verdict == "PASS":
        return ""
    times = f"was {was * 1000:.1f} ms and became {became * 1000:.1f} ms, more than the {allowed * 1000:.1f} ms allowed"
    return f"{UNKNOWN if verdict == 'UNKNOWN' else ''}p{percent:g} of {report.url} {times}"
