"""The failure that judges nothing."""

from __future__ import annotations

from lockstep import reasons

UNKNOWN = "UNKNOWN: "


class Unknown(AssertionError):  # noqa: N818 - the word of the table of verdicts
    """No verdict can be had; the message says why. Robot counts it as a failure, the launcher as UNKNOWN."""

    ROBOT_SUPPRESS_NAME = True

    def __init__(self, reason: str) -> None:
        self.reason = reasons.given(reason.removeprefix(UNKNOWN))
        super().__init__(f"{UNKNOWN}{self.reason}")


def within(where: str, error: AssertionError) -> AssertionError:
    """The same failure, with where it happened before its message; one that judges nothing stays one."""
    return Unknown(f"{where}: {error.reason}") if isinstance(error, Unknown) else AssertionError(f"{where}: {error}")
