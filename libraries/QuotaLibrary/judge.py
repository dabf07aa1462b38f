"""What answers say of the quota behind them: pure functions, without network or clock. "" means nothing is wrong."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import groupby, pairwise

from lockstep.machine import Waiting
from lockstep.statistics import percentile
from lockstep.unknown import UNKNOWN

from QuotaLibrary.asking import Answer
from QuotaLibrary.fields import UNSTANDARDISED
from QuotaLibrary.form import DRAFT10, Form

# Two clocks are compared only by their rates; this much is allowed for rounding.
ROUNDING = 0.05
FEWEST = 10
_MOST_RUNS = 20


def exactly(answers: Sequence[Answer], limit: int, form: Form = DRAFT10) -> str:
    """What is wrong unless the first ``limit`` requests passed and every later one was refused as it should be."""
    if len(answers) <= limit:
        return f"{len(answers)} requests cannot show a limit of {limit}: nothing was proved"
    if failed := [answer for answer in answers if answer.failed]:
        return f"{len(failed)} of {len(answers)} requests failed, the first: {describe(failed[0])}"
    if form.rate:
        return _steadily(answers, limit, form)
    passed = next((number for number, answer in enumerate(answers) if answer.refused), len(answers))
    if passed != limit:
        return f"{passed} requests passed before the first refusal, not {limit}: {_statuses(answers)}"
    if late := [answer for answer in answers[limit:] if not answer.refused]:
        return f"{len(late)} requests passed after the quota of {limit} was used up: {_statuses(answers)}"
    return next((wrong for answer in answers[limit:] if (wrong := refusal(answer, form))), "")


def _steadily(answers: Sequence[Answer], limit: int, form: Form) -> str:
    """What is wrong unless ``limit`` requests passed at once, and after them as many as have come back meanwhile."""
    began, passed = answers[0].sent, 0
    for answer in answers:
        if answer.refused:
            if passed < limit:
                return f"{passed} requests passed before the first refusal, not {limit}: {_statuses(answers)}"
            if wrong := refusal(answer, form):
                return wrong
            continue
        passed += 1
        most = limit + math.floor((answer.answered - began + ROUNDING) * form.rate)
        if passed > most:
            return (
                f"{passed} requests passed in {answer.answered - began:.2f} s, where {limit} and {form.rate:g} a "
                f"second may: {_statuses(answers)}"
            )
    if not any(answer.refused for answer in answers):
        return f"{UNKNOWN}no request was refused: they were slower than {form.rate:g} a second"
    return ""


def refusal(answer: Answer, form: Form = DRAFT10) -> str:
    """What is wrong with a refusal: problem code, ``Retry-After``, and that it is not before any quota is whole."""
    if form.code is not None and answer.detail != form.code:
        code = f"the problem code {answer.detail!r}" if answer.detail else "no problem code"
        return f"a refusal has {code}, not {form.code!r}: {describe(answer)}"
    if wrong := form.malformed(answer):
        return wrong
    if form.retry_after and answer.retry_after is None:
        return f"a refusal has no Retry-After: {describe(answer)}"
    if form.fields == "none":
        return ""
    used_up = [quota for quota in form.quotas(answer) if quota.remaining == 0]
    if not used_up:
        return f"a refusal names no quota that is used up: {describe(answer)}"
    longest = max(quota.reset - quota.rounding for quota in used_up)
    if answer.retry_after is not None and answer.retry_after < longest:
        return f"Retry-After {answer.retry_after} is before t={longest}: {describe(answer)}"
    return ""


def waited(refused: Answer, after: Answer, told: int) -> str:
    """What is wrong unless the answer to a request sent as long after a refusal as it ``told`` (s) passed."""
    if after.failed:
        return f"a request failed that was sent {told} s after a refusal, as asked: {describe(after)}"
    if after.refused:
        return (
            f"a request was refused that was sent {after.sent - refused.answered:.2f} s after a refusal that asked to "
            f"wait {told} s: {describe(after)}"
        )
    return ""


def counts_down(answers: Sequence[Answer], name: str, limit: int, window: int) -> str:
    """What is wrong unless ``r`` falls by one a request from ``limit - 1`` to 0, and ``t`` never rises.

    Fields that do not say the window (``X-RateLimit-*``) are not asked for it.
    """
    own = Form("x-ratelimit") if name == UNSTANDARDISED else DRAFT10
    if not answers:
        return "there are no answers: nothing was proved"
    standings = []
    for number, answer in enumerate(answers):
        if wrong := own.malformed(answer):
            return wrong
        quota = answer.quotas.get(name)
        if quota is None:
            return f"answer {number + 1} has no quota {name!r}: {describe(answer)}"
        if quota.limit != limit or quota.window not in (window, None):
            policy = f"q={quota.limit}" if quota.window is None else f"q={quota.limit};w={quota.window}"
            return f"the policy is {policy}, not q={limit};w={window}: {describe(answer)}"
        standings.append(quota)
    seen = [quota.remaining for quota in standings]
    wanted = [max(0, limit - used) for used in range(1, len(answers) + 1)]
    if seen != wanted:
        place = next(place for place, (is_, ought) in enumerate(zip(seen, wanted, strict=True)) if is_ != ought)
        return f"r of quota {name!r} was {seen[place]} in answer {place + 1}, not {wanted[place]}: it went {runs(seen)}"
    times = [quota.reset for quota in standings]
    if times[0] > window or any(later > earlier for earlier, later in pairwise(times)):
        return f"t of quota {name!r} must start at {window} at most and never rise: it went {runs(times)}"
    return ""


def promises(answers: Sequence[Answer], form: Form = DRAFT10) -> str:
    """What is wrong unless every refusal's ``Retry-After`` held, and was not more than a second too long.

    The answers end with the first that passed. A request sent after a promised instant must pass; an instant lies at
    most one second (the unit) after the real end of the window, which is before the passing answer.
    """
    if len(answers) < 2 or answers[-1].refused or not all(answer.refused for answer in answers[:-1]):
        return f"refusals and then one that passed are needed, not {_statuses(answers)}: nothing was proved"
    for number, answer in enumerate(answers[:-1]):
        if wrong := refusal(answer, form):
            return wrong
        told = form.told(answer)
        if told is None:
            return f"a refusal does not say how long to wait: {describe(answer)}"
        word = "a reset of" if answer.retry_after is None else "Retry-After"
        promised = answer.answered + told + ROUNDING
        for later in answers[number + 1 : -1]:
            if later.sent > promised:
                return (
                    f"{word} {told} promised too early: a request sent "
                    f"{later.sent - answer.answered:.2f} s after that answer was still refused"
                )
        too_long = answer.sent + told - answers[-1].answered - 1
        if too_long > ROUNDING:
            return (
                f"{word} {told} was too long: a request answered "
                f"{answers[-1].answered - answer.sent:.2f} s after that one was sent has passed"
            )
    return ""


def throttled(answers: Sequence[Answer], limit: int, window: float, form: Form = DRAFT10) -> str:
    """What is wrong unless a flood of one user or address passed ``limit`` times for each window that it touched."""
    if failed := [answer for answer in answers if answer.failed]:
        return f"{len(failed)} of {len(answers)} requests failed, the first: {describe(failed[0])}"
    if not answers:
        return f"{UNKNOWN}an attacker asked nothing"
    span = answers[-1].answered - answers[0].sent + ROUNDING
    passed = sum(not answer.refused for answer in answers)
    if form.rate:
        most = limit + math.floor(span * form.rate)
        if not limit <= passed <= most:
            return f"{passed} of {len(answers)} requests passed in {span:.2f} s, not {limit} to {most}"
        return next((wrong for answer in answers if answer.refused and (wrong := refusal(answer, form))), "")
    windows = 1 + math.floor(span / window)
    if not limit <= passed <= limit * windows:
        return f"{passed} of {len(answers)} requests passed in {windows} windows, not {limit} in each"
    return next((wrong for answer in answers if answer.refused and (wrong := refusal(answer, form))), "")


def refuses(floods: Sequence[Sequence[Answer]], endpoint: str) -> str:
    """What is wrong unless ``endpoint`` (the beginning of URLs) refused somebody.

    A request that passed says something only where another of that attacker had just been refused, in one window.
    """
    asked = [answer for answers in floods for answer in answers if answer.url.startswith(endpoint)]
    if any(answer.refused for answer in asked):
        return ""
    for answers in floods:
        closed_from = closed_until = 0.0
        for answer in answers:
            if answer.refused:
                # Retry-After is rounded up to whole seconds.
                closed_from, closed_until = answer.answered, answer.sent + (answer.retry_after or 0) - 1 - ROUNDING
            elif answer.url.startswith(endpoint) and closed_from < answer.sent and answer.answered < closed_until:
                return f"{endpoint} refused nobody in {len(asked)} requests, and served one whose quota was used up"
    return f"{UNKNOWN}no request to {endpoint} came while a quota was used up: the flood was too slow"


def began_again(answers: Sequence[Answer]) -> bool:
    """Whether some quota had more left than in the answer before: a new window had begun."""
    return any(
        quota.remaining > earlier.quotas[name].remaining
        for earlier, later in pairwise(answers)
        for name, quota in later.quotas.items()
        if name in earlier.quotas
    )


def unharmed(
    meanwhile: Sequence[Answer],
    otherwise: Sequence[Sequence[Answer]],
    percent: float,
    factor: float,
    floor: float,
    waiting: Waiting,
    ceiling: float = math.inf,
) -> str:
    """What is wrong unless all answers are 200, and a percentile of the times ``meanwhile`` is at most ``factor`` times
    the highest of those ``otherwise``, or ``floor`` seconds where that is more. ``waiting`` tells for which share
    of the time the machine was away. Beyond ``ceiling`` seconds everything was so slow that likeness proves nothing.
    """
    counts = [len(answers) for answers in (meanwhile, *otherwise)]
    if len(counts) < 2 or min(counts) < FEWEST:
        return f"{UNKNOWN}{counts} answers, {FEWEST} of each are needed"
    every = [answer for answers in (meanwhile, *otherwise) for answer in answers]
    if others := [answer for answer in every if answer.status != 200]:
        return f"there are {len(others)} answers that are not 200, the first: {describe(others[0])}"
    became, *was = (
        percentile([answer.answered - answer.sent for answer in answers], percent)
        for answers in (meanwhile, *otherwise)
    )
    allowed = max(factor * max(was), floor)
    verdict = waiting.judge(became, allowed)
    if verdict == "PASS" and became > ceiling:
        return f"{UNKNOWN}p{percent:g} is {became:.1f} s, and as slow where nobody floods: {waiting}"
    if verdict == "PASS":
        return ""
    times = f"is {became * 1000:.1f} ms and otherwise {max(was) * 1000:.1f} ms"
    prefix = UNKNOWN if verdict == "UNKNOWN" else ""
    return f"{prefix}p{percent:g} {times}, more than the {allowed * 1000:.1f} ms allowed"


def when_whole(answers: Sequence[Answer]) -> float:
    """When, by the answers to one asker, every quota that they name is whole again (s, monotonic clock).

    The last answer that names a quota tells. It counts from its own moment, which is before it came; so nothing is
    promised for any instant before that.
    """
    promised = {name: one.answered + quota.reset for one in answers for name, quota in one.quotas.items()}
    return max(answers[-1].answered + (answers[-1].retry_after or 0), *promised.values(), 0.0)


def times(answers: Sequence[Answer]) -> str:
    """How long the answers took, in words."""
    if not answers:
        return "no answers"
    taken = [answer.answered - answer.sent for answer in answers]
    values = ", ".join(f"p{percent} {percentile(taken, percent) * 1000:.1f} ms" for percent in (50, 90, 99))
    return f"{len(answers)} answers, {values}"


def describe(answer: Answer) -> str:
    """One answer in words."""
    quotas = ", ".join(f"{q.name}: r={q.remaining};t={q.reset}" for q in answer.quotas.values())
    retry = "" if answer.retry_after is None else f" Retry-After {answer.retry_after}"
    came = f"{answer.status or 'no answer'} {answer.detail}".strip()
    return f"{answer.url} {came} [{quotas or 'no RateLimit'}]{retry}"


def _statuses(answers: Sequence[Answer]) -> str:
    kinds = Counter(f"{answer.status or 'no answer'} {answer.detail}".strip() for answer in answers)
    order = runs([answer.status or "no answer" for answer in answers])
    return f"{', '.join(f'{count} x {kind}' for kind, count in kinds.items())} (in order: {order})"


def runs(values: Sequence[object]) -> str:
    """Values in their order, equal neighbours counted; of very many runs the first and the last."""
    counted = [(value, sum(1 for _ in run)) for value, run in groupby(values)]
    shown = [f"{count} x {value}" if count > 1 else f"{value}" for value, count in counted]
    if len(shown) > _MOST_RUNS:
        half = _MOST_RUNS // 2
        shown = [*shown[:half], f"… ({len(shown) - 2 * half} more) …", *shown[-half:]]
    return ", ".join(shown)
