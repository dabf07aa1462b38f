"""Failures that only say that something was not done in time, on a machine that was away for half of the test.

A service that has no connection to its database in time answers 503 (RFC 9110 §15.6.4), a login then ends with
``temporarily_unavailable`` (RFC 6749 §4.1.2.1), a client that got no answer in time gives up: these are limits of time,
whichever library notices. Whatever else a test says is a failure.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from lockstep import machine
from lockstep.causes import causes
from lockstep.machine import Waiting
from lockstep.unknown import UNKNOWN

_LATE = re.compile(
    r"(?:Expected status: 503 != \d+|answered by .* with 503|was (?:refused|answered) with 503"
    r"|^(?:(?!!= ).)*\(503, ['\"]|got error 'temporarily_unavailable'|\btemporarily_unavailable != "
    r"|got no answer|[Rr]ead timed out|ReadTimeout|ConnectTimeout|TimeoutError)"
)
_AWAY = 1 - 1 / machine.STRETCH


def excused(message: str, waiting: Waiting) -> str:
    """``message``, as one that judges nothing where all its causes are such and the machine was away for so long."""
    found = causes(message)
    late = [bool(_LATE.search(cause.partition("\n")[0])) for cause in found]
    if waiting.share < _AWAY or not any(late):
        return message
    if not all(is_late or cause.startswith(UNKNOWN) for cause, is_late in zip(found, late, strict=True)):
        return message
    texts = [cause if cause.startswith(UNKNOWN) else f"{UNKNOWN}{cause}\n{waiting}" for cause in found]
    if len(texts) == 1:
        return texts[0]
    numbered = [f"{number}) {text}" for number, text in enumerate(texts, 1)]
    return "\n\n".join(["Several failures occurred:", *numbered])


class LatenessListener:
    """Comes first, so that each other listener and every report is given the verdict that counts."""

    ROBOT_LISTENER_API_VERSION = 3
    ROBOT_LISTENER_PRIORITY = 1000

    _ended: ClassVar[Any] = None

    def end_test(self, data: Any, result: Any) -> None:
        if result is LatenessListener._ended or not result.failed:
            return
        LatenessListener._ended = result
        if _LATE.search(result.message):
            result.message = excused(result.message, machine.test_waiting())


LISTENER = LatenessListener()
