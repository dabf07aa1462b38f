"""Latencies measured by any library in this process, in seconds, by name; `BudgetLibrary` judges and draws them."""

from __future__ import annotations

_recorded: dict[str, list[float]] = {}


def record(name: str, seconds: float) -> None:
    """Adds one measured latency."""
    _recorded.setdefault(name, []).append(seconds)


def recorded(name: str) -> list[float]:
    """All latencies of ``name`` so far, in the order in which they came."""
    return list(_recorded.get(name, ()))


def names() -> list[str]:
    """The names of which there are latencies."""
    return sorted(_recorded)


def forget(name: str | None = None) -> None:
    """Drops those of ``name``, or all."""
    if name is None:
        _recorded.clear()
    else:
        _recorded.pop(name, None)
