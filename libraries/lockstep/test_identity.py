"""Which Robot test is running: the value of the ``X-Test-Id`` header, by which services' log lines are found again."""

from __future__ import annotations

from robot.running.context import EXECUTION_CONTEXTS

HEADER = "X-Test-Id"
LONGEST = 200


def current() -> str:
    """The long name of the running test, of the suite in its setup and teardown, or "" outside of a run.

    At most 200 printable ASCII characters, because that is what a header may carry; the end of a long name is kept.
    """
    context = EXECUTION_CONTEXTS.current
    if context is None:
        return ""
    running = context.test or context.suite
    return printable(running.full_name) if running else ""


def printable(name: str) -> str:
    """``name`` in the characters of a header, cut to its last 200."""
    return "".join(sign if " " <= sign <= "~" else "?" for sign in name)[-LONGEST:].strip()


def headers() -> dict[str, str]:
    """``{"X-Test-Id": …}`` for a request made on behalf of the running test; empty outside of a run."""
    name = current()
    return {HEADER: name} if name else {}
