"""What a failure message says: its causes, whether they judge anything, and the line that says why.

Robot puts several failures into one message and says first where they happened. The parts that say what went wrong are
its causes. A cause that begins with ``UNKNOWN: `` judges nothing: the machine was busy, or a precondition was missed.
"""

from __future__ import annotations

import re

from lockstep.unknown import UNKNOWN

NOT_APPLICABLE = "NA: "
LONGEST_REASON = 300
_CUT = " … "
# What Robot puts between its own word and the message of a failure that --skiponfailure made a skip.
_SKIPPED_FAILURE = "\n\nOriginal failure:\n"

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
_AFTERWARDS = re.compile(r"\n\nAlso (?:parent suite |suite |keyword )?teardown failed:\n", re.IGNORECASE)
_SKIPPED_IN_TEARDOWN = re.compile(r"Skipped in teardown:\n.*?\n\nEarlier message:\n", re.DOTALL)
# What a test that held was given as its message (lockstep.verdicts); Robot puts a failure of its suite behind it.
_REMARKS = re.compile(r"(?:weaker|unbounded): [^\n]*(?:\n(?:weaker|unbounded): [^\n]*)*")
_NUMBERED = re.compile(r"^\d+\) ", re.MULTILINE)
# What Robot says of a test that it did not run, or not to its end (robot.running.status, robot.running.signalhandler).
_NOT_RUN = frozenset(
    {
        "Execution terminated by signal",
        "Test execution stopped due to a fatal error.",
        "Failure occurred and exit-on-failure mode is in use.",
        "Error occurred and exit-on-error mode is in use.",
    }
)


def causes(message: str) -> list[str]:
    """The parts of ``message`` that say what went wrong, in their order; several lines each.

    Remarks, such as ``weaker: …``, are none, unless there is nothing else.
    """
    text = message.removeprefix(_HTML).strip()
    found: list[str] = []
    for part in _WHERE.split(text):
        numbered = _NUMBERED.split(part) if _NUMBERED.match(part.lstrip()) else [part]
        found += [cause.strip() for cause in numbered if cause.strip()]
    return [cause for cause in found if not _REMARKS.fullmatch(cause)] or found


def is_not_applicable(message: str) -> bool:
    """True where the first cause says that the target lacks something."""
    found = causes(message)
    return bool(found) and found[0].startswith(NOT_APPLICABLE)


def before_teardowns(message: str) -> str:
    """The part of ``message`` that stood there before any teardown failed."""
    return _AFTERWARDS.split(message, maxsplit=1)[0]


def before_skipped_teardown(message: str) -> str:
    """What ``message`` was before the teardown of the test was skipped."""
    found = _SKIPPED_IN_TEARDOWN.match(message)
    return message[found.end() :] if found else ""


def is_unknown(message: str) -> bool:
    """True where each cause says that nothing could be judged, or that the test was not run."""
    found = causes(message)
    return bool(found) and all(map(_judges_nothing, found))


def _judges_nothing(cause: str) -> bool:
    return cause.startswith(UNKNOWN) or cause in _NOT_RUN


def reason(message: str, longest: int = LONGEST_REASON) -> str:
    """The line of ``message`` that says why, of at most ``longest`` characters; "" where it says nothing.

    Of several causes the first real one is shown before those that judge nothing, with the number of the others. What
    judges nothing is shown without its ``UNKNOWN: ``, which the verdict says already.
    """
    found = causes(message.replace(_SKIPPED_FAILURE, " Original failure: "))
    if not found:
        return ""
    shown = next((cause for cause in found if not _judges_nothing(cause)), found[0])
    others = len(found) - 1
    more = f" (and {others} more cause{'' if others == 1 else 's'})" if others else ""
    return cut(_one_line(shown.removeprefix(UNKNOWN)), longest - len(more)) + more


def cut(line: str, longest: int) -> str:
    """``line``, without its middle where it is longer: its subject stands at the beginning, its cause at the end."""
    if len(line) <= longest:
        return line
    kept = max(0, longest - len(_CUT))
    end = kept - kept // 2
    return f"{line[: kept // 2]}{_CUT}{line[len(line) - end :]}"


def _one_line(cause: str) -> str:
    """The first line; one that ends in a colon says nothing without the next."""
    lines = [line.strip() for line in cause.splitlines() if line.strip()]
    shown = lines[0]
    for line in lines[1:]:
        if not shown.endswith(":"):
            break
        shown = f"{shown} {line}"
    return shown
