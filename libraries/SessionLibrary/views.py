"""What different places say of one session, and where they disagree: pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

LIVE = "live"
TIMES = ("created_at", "last_activity", "idle_expires_at", "absolute_expires_at", "expires_at", "revoked_at")
WIDEST = 60


@dataclass(frozen=True)
class View:
    """What one place says of a session.

    ``live`` is ``None`` where the place does not tell; ``facts`` holds only what it states, times as seconds since the
    epoch, which ``tolerance`` (seconds) may be off. ``error`` says why the place could not be asked. ``refused`` means
    that it would not let the session in, whatever the reason; ``ended`` that it says how the session ended.
    """

    place: str
    live: bool | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    error: str = ""
    tolerance: float = 0.001
    refused: bool = False
    ended: bool = False

    @property
    def knew(self) -> bool:
        """Whether the place has ever known the session: it states something of it, or says how it ended."""
        return not self.error and (self.live is True or self.ended or (self.live is False and bool(self.facts)))

    @property
    def gone(self) -> bool:
        """Whether the session has ended for this place; that its token has expired does not say so."""
        return not self.error and self.live is False

    def stated(self) -> dict[str, Any]:
        """All that takes part in a comparison."""
        return {**({} if self.live is None else {LIVE: self.live}), **self.facts}


@dataclass(frozen=True)
class Difference:
    """One fact with its different values, and the places that state each."""

    fact: str
    values: tuple[tuple[Any, tuple[str, ...]], ...]


def differences(views: Iterable[View], ignore: Collection[str] = ()) -> list[Difference]:
    """The facts that two places or more state differently, those of most weight first."""
    found = []
    known = list(views)
    names = dict.fromkeys(name for view in known for name in view.stated() if name not in ignore)
    for name in sorted(names, key=lambda name: (name not in (LIVE, "status"), name)):
        groups: list[tuple[Any, float, list[str]]] = []
        for view in known:
            if name in view.stated():
                _sort_in(groups, name, view)
        if len(groups) > 1:
            found.append(Difference(name, tuple((value, tuple(places)) for value, _, places in groups)))
    return found


def _sort_in(groups: list[tuple[Any, float, list[str]]], name: str, view: View) -> None:
    value = view.stated()[name]
    for index, (other, tolerance, places) in enumerate(groups):
        if same(name, value, other, max(tolerance, view.tolerance)):
            # The exact statement stays the one that later ones are compared with.
            better = (value, view.tolerance) if view.tolerance < tolerance else (other, tolerance)
            groups[index] = (*better, [*places, view.place])
            return
    groups.append((value, view.tolerance, [view.place]))


def same(name: str, one: Any, other: Any, tolerance: float) -> bool:
    """Whether two values state the same: times may be ``tolerance`` seconds apart, all else is equal."""
    if name in TIMES and isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= tolerance
    return bool(one == other)


def table(session_id: str, views: Sequence[View], found: Sequence[Difference]) -> str:
    """The differences for a reader, one value a line, with the places that state it."""
    rows: list[tuple[str, str, str]] = []
    for difference in found:
        for index, (value, places) in enumerate(difference.values):
            rows.append((difference.fact if index == 0 else "", shown(difference.fact, value), ", ".join(places)))
    rows += [("(no answer)", view.error, view.place) for view in views if view.error]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)] if rows else [0, 0]
    lines = [f"  {fact:<{widths[0]}}  {value:<{widths[1]}}  in {places}" for fact, value, places in rows]
    notes = [f"{view.place}: {view.note}" for view in views if view.note]
    head = f"the views of session {session_id} do not agree: {_headline(views, found)}"
    return "\n".join([head, *lines, *([f"  ({'; '.join(notes)})"] if notes else [])])


def _headline(views: Sequence[View], found: Sequence[Difference]) -> str:
    """The first difference in one line, or the first place that did not answer."""
    if not found:
        return next(f"{view.place} did not answer: {view.error}" for view in views if view.error)
    first = found[0]
    values = ", ".join(f"{shown(first.fact, value)} in {' and '.join(places)}" for value, places in first.values)
    more = f" (and {len(found) - 1} more facts)" if len(found) > 1 else ""
    return f"{first.fact} is {values}{more}"


def shown(name: str, value: Any) -> str:
    """A value for the table; times as RFC 3339."""
    if name == LIVE:
        return "yes" if value else "no"
    if name in TIMES and isinstance(value, float):
        return datetime.fromtimestamp(value).astimezone().isoformat(timespec="milliseconds")
    text = repr(value)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def normalised(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Facts in one form: times as seconds since the epoch, lists as tuples, ids as texts."""
    return {name: _plain(name, value) for name, value in entries.items()}


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    if name in TIMES and isinstance(value, str):
        return datetime.fromisoformat(value).timestamp()
    if isinstance(value, list):
        return tuple(value)
    return value
