"""What a target promises for the time in which an instance or a store of it is away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lockstep.dialect.entries import Entries, Place, one_of, seconds, shown, text
from lockstep.dialect.errors import nearest

GO_ON, REFUSED, NO_ANSWER, END = "go_on", "refused", "no_answer", "end"
REFERENCE, REFUSAL_REFERENCE = "the project's own", "RFC 9110 §15.6.4"
_WITHOUT = (GO_ON, REFUSED, NO_ANSWER)
_TIMES = {"noticed": 5.0, "answered": 2.0, "waits": 1.0, "back": 10.0}

Reader = Callable[[Any, Place], Any]


@dataclass(frozen=True)
class PerEndpoint:
    """One value for all endpoints, and others for some."""

    everywhere: Any
    at: Mapping[str, Any] = field(default_factory=dict)

    def of(self, endpoint: str) -> Any:
        """The value of an endpoint."""
        return self.at.get(endpoint, self.everywhere)


@dataclass(frozen=True)
class Outage:
    """Of the instance ``of``, which signs users in, and ``without`` any other instance or store."""

    of: str = "auth"
    at: str | None = None
    existing: PerEndpoint = PerEndpoint(GO_ON)
    unknown: PerEndpoint = PerEndpoint(503)
    sign_in: int | str = 503
    noticed: float = _TIMES["noticed"]
    answered: float = _TIMES["answered"]
    waits: float = _TIMES["waits"]
    back: float = _TIMES["back"]
    without: Mapping[str, PerEndpoint] = field(default_factory=dict)

    @classmethod
    def from_yaml(cls, value: Any, place: Place, endpoints: Sequence[str] = ()) -> Outage:
        """From the part ``promises.outage`` of a dialect that has these ``endpoints``."""
        entries = Entries(value, place)

        def each(read: Reader, default: Any) -> Reader:
            return lambda part, where: _per_endpoint(part, where, endpoints, read, default)

        def without(part: Any, where: Place) -> dict[str, PerEndpoint]:
            return Entries(part, where).each(each(one_of(*_WITHOUT), GO_ON))

        found = cls(
            entries.take("of", text, "auth"),
            entries.take("at", _endpoint(endpoints), None),
            entries.take("existing", each(_existing, GO_ON), PerEndpoint(GO_ON)),
            entries.take("unknown", each(_status_or(GO_ON, NO_ANSWER), 503), PerEndpoint(503)),
            entries.take("sign_in", _status_or(NO_ANSWER), 503),
            without=entries.take("without", without, {}),
            **{name: entries.take(name, seconds, usual) for name, usual in _TIMES.items()},
        )
        entries.end()
        return found


def _per_endpoint(value: Any, place: Place, endpoints: Sequence[str], read: Reader, default: Any) -> PerEndpoint:
    if not isinstance(value, dict):
        return PerEndpoint(read(value, place))
    entries = Entries(value, place)
    at = entries.known(endpoints, read)
    entries.end()
    return PerEndpoint(default, at)


def _endpoint(endpoints: Sequence[str]) -> Reader:
    def read(value: Any, place: Place) -> str:
        name = text(value, place)
        if name not in endpoints:
            raise place.wrong(f"{shown(name)} is no endpoint{nearest(name, endpoints)}")
        return name

    return read


def _existing(value: Any, place: Place) -> float | str:
    return value if value in (GO_ON, END) and isinstance(value, str) else seconds(value, place)


def _status_or(*words: str) -> Reader:
    def read(value: Any, place: Place) -> int | str:
        if isinstance(value, str) and value in words:
            return value
        if isinstance(value, bool) or not isinstance(value, int) or not 100 <= value <= 599:
            raise place.wrong(f"an HTTP status or {' or '.join(words)} is needed, not {shown(value)}")
        return value

    return read
