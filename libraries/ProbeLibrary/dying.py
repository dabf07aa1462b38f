"""How long a credential was honoured after it was ended: pure functions, without network or clock."""

from __future__ import annotations

from collections.abc import Sequence

from lockstep.machine import Waiting
from lockstep.unknown import UNKNOWN

from ProbeLibrary.judge import Answer, Report

FEWEST = 3


def honoured(report: Report, since: float) -> float:
    """Seconds from ``since`` (seconds since the epoch) to the sending of the last request that was honoured, or 0."""
    good = [answer.sent for answer in report.answers if answer.kind == "good"]
    return max(0.0, max(good, default=since) - since)


def is_dead(answers: Sequence[Answer], since: float, steady: float) -> bool:
    """Whether the last answers, three or more over ``steady`` seconds, are refusals of requests sent at ``since`` or
    later.
    """
    last: list[Answer] = []
    for answer in reversed(answers):
        if not answer.refused or answer.sent < since:
            break
        last.append(answer)
    return len(last) >= FEWEST and last[0].answered - last[-1].sent >= steady


def judge_death(report: Report, since: float, within: float, waiting: Waiting) -> str:
    """What is wrong unless every request that was sent more than ``within`` seconds after ``since`` was refused, or "".

    Until then an answer may be anything. ``waiting`` tells for which share of the time the machine was away.
    """
    after = [answer for answer in report.answers if answer.sent >= since]
    if not after:
        return f"{UNKNOWN}{report.url} was asked nothing after the end of the credential"
    lasted = honoured(report, since)
    if (verdict := waiting.judge(lasted, within)) != "PASS":
        prefix = UNKNOWN if verdict == "UNKNOWN" else ""
        return f"{prefix}{report.url} honoured the credential until {_ended(after, lasted)} after, not {within:g} s"
    if not after[-1].refused and after[-1].sent - since <= within:
        return f"{UNKNOWN}{report.url} was asked nothing later than {within:g} s after; the last answer is {after[-1]}"
    others = [answer for answer in after if answer.kind == "other" and answer.sent - since > within]
    if others:
        return (
            f"{report.url} answered {others[0]} {others[0].sent - since:.2f} s after, "
            "which neither honours nor refuses the credential"
        )
    return ""


def _ended(after: Sequence[Answer], lasted: float) -> str:
    """How long it was honoured, in words: at least so long where nothing came after."""
    return f"{lasted:.2f} s" if after[-1].refused else f"{lasted:.2f} s or longer"
