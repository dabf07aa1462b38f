"""Whether Redis has heard everything: it counts what it is told, and whoever tells it remembers how far it had counted.

A Redis that went back in time, by an older copy that took over or an old dump that was loaded, has counted less.
"""

from __future__ import annotations

import secrets
from typing import Any

_KEPT_SECONDS = 7 * 86400


class Period:
    """A time in which Redis is trusted, beginning when it was up to date; its name is used by one process, once."""

    def __init__(self, name: str = "") -> None:
        self.name = name or secrets.token_hex(16)
        self.told = 0

    @property
    def key(self) -> str:
        """Where Redis counts."""
        return f"auth:heard:{self.name}"

    def count(self, pipe: Any) -> None:
        """Let Redis count what stands before this in the pipeline: two more answers, first the count."""
        pipe.incr(self.key)
        pipe.expire(self.key, _KEPT_SECONDS)

    def has_counted(self, counted: object, told: int) -> bool:
        """Whether ``counted``, as Redis said, is no less than it had been ``told``."""
        try:
            number = int(str(counted)) if counted is not None else 0
        except ValueError:
            return False
        self.told = max(self.told, number)
        return number >= told
