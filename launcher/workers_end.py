"""How the workers of a run came to an end, and what that says of the tests that none of them reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lockstep.causes import reason


@dataclass(frozen=True)
class WorkersEnd:
    """What the launcher saw of the end."""

    code: int = 0
    """pabot's exit code, negative for a signal."""
    interrupted: bool = False
    lost: str = ""
    """Why no test could have a platform any more."""
    robots: str = ""
    """What ended the process that forks the robots."""
    platform: tuple[str, ...] = ()
    """What was wrong with the shared platform."""
    unfinished: tuple[str, ...] = ()
    """Tests that had begun, by what people are shown of them."""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def early(self) -> bool:
        """Whether the launcher ended the workers, so that what Robot reports as not run was not planned so."""
        return self.interrupted or bool(self.lost)

    @property
    def cause(self) -> str:
        """What ended the run, or a part of it, as one line; "" where nothing did."""
        if self.lost:
            return reason(self.lost)
        if self.robots:
            return f"the process that forks the robots has ended ({self.robots})"
        return f"pabot was ended by signal {-self.code}" if self.code < 0 else ""

    @property
    def why_missing(self) -> str:
        """Why a planned test was not reported."""
        if self.interrupted:
            return "not run: the run was interrupted"
        if self.cause:
            return self.cause
        inside = f"; a worker ended in the middle of {', '.join(map(repr, self.unfinished))}" if self.unfinished else ""
        return f"planned, but no worker reported it{inside}; see pabot.log and pabot_results/"

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps the run from being well, whatever its tests say."""
        return (*self.platform, *([self.cause] if self.cause else []))
