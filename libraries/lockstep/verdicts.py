"""What a failure message says: its causes, and whether it is a verdict at all.

Robot puts several failures into one message and says first where they happened. The parts that say what went wrong are
its causes. A cause that begins with ``UNKNOWN: `` judges nothing: the machine was busy, or a precondition was missed.
"""

from __future__ import annotations

import re
from typing import Any

UNKNOWN = "UNKNOWN: "
UNKNOWN_TAG = "unknown"

_HTML = "*HTML*"
# What Robot says of where a failure happened, each on a line of its own (robot.running.status, robot.errors).
_WHERE = re.compile(
    r"^(?:(?:Parent suite|Suite|Keyword|Test)? ?(?:setup|teardown) failed:"
    r"|Also (?:parent suite |suite |keyword )?teardown failed:"
    r"|Also failures? occurred:"
    r"|Several failures occurred:"
    r"|Skipped in (?:parent suite |suite )?(?:setup|teardown):"
    r"|Earlier message:)$",
    re.MULTILINE | re.IGNORECASE,
)
_NUMBERED = re.compile(r"^\d+\) ", re.MULTILINE)


class Unknown(AssertionError):
    """No verdict can be had; the message says why. Robot counts it as a failure, the launcher as UNKNOWN."""

    ROBOT_SUPPRESS_NAME = True

    def __init__(self, reason: str) -> None:
        super().__init__(reason if reason.startswith(UNKNOWN) else f"{UNKNOWN}{reason}")


def causes(message: str) -> list[str]:
    """The parts of ``message`` that say what went wrong, in their order; several lines each."""
    text = message.removeprefix(_HTML).strip()
    found: list[str] = []
    for part in _WHERE.split(text):
        numbered = _NUMBERED.split(part) if _NUMBERED.match(part.lstrip()) else [part]
        found += [cause.strip() for cause in numbered if cause.strip()]
    return found


def is_unknown(message: str) -> bool:
    """True where each cause says that nothing could be judged."""
    found = causes(message)
    return bool(found) and all(cause.startswith(UNKNOWN) for cause in found)


class VerdictListener:
    """Marks tests that could not be judged by the tag ``unknown``, in plain robot too."""

    ROBOT_LISTENER_API_VERSION = 3

    def end_test(self, data: Any, result: Any) -> None:
        if result.failed and is_unknown(result.message):
            result.tags.add(UNKNOWN_TAG)


LISTENER = VerdictListener()
