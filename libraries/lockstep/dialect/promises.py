"""What a target promises: a value for each promise, its default from the standards, and how the two compare.

The defaults are those that the standards recommend: ends by ASVS 5.0 §7.4 and §9.2, refresh by RFC 9700 §4.14.2, limits
by RFC 9110 §10.2.3 and draft-ietf-httpapi-ratelimit-headers-10, cookies by ASVS 5.0 §3.3, origin by ASVS 5.0 §4.4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lockstep.dialect.entries import Entries, Place, flag, number, one_of, seconds, shown
from lockstep.dialect.outage import Outage

AT_EXPIRY, NEVER, NEXT_FRAME = "at_expiry", "never", "next_frame"
_ENDS_REFERENCE = "ASVS 5.0 §7.4"
_ALL = ("access", "refresh", "sockets")
ENDS: Mapping[str, Mapping[str, float | str]] = {
    "sign_out": dict.fromkeys(_ALL, 1.0),
    "revoke_session": dict.fromkeys(_ALL, 1.0),
    "revoke_all": dict.fromkeys(_ALL, 1.0),
    "change_password": dict.fromkeys(_ALL, 1.0),
    "change_role": {"rights": 1.0, "sockets": NEXT_FRAME},
    "deactivate": dict.fromkeys(_ALL, 1.0),
    "delete_account": dict.fromkeys(_ALL, 1.0),
    "expiry": {"access": 2.0, "sockets": 1.0},
    "refresh_reuse": {"access": 1.0, "sockets": 1.0},
}
"""What each word ends, and within how many seconds by default."""


@dataclass(frozen=True)
class Bound:
    """When something has ended: within ``seconds``, or at the expiry, with the next frame, never (``word``)."""

    seconds: float | None = None
    word: str = ""

    @property
    def rank(self) -> tuple[int, float]:
        """Later is greater."""
        if self.seconds is not None:
            return (0, self.seconds)
        return ((NEXT_FRAME, AT_EXPIRY, NEVER).index(self.word) + 1, 0.0)

    def __str__(self) -> str:
        return self.word or f"{self.seconds:g} s"


@dataclass(frozen=True)
class Ending:
    """The bounds of one thing that ends: one for all endpoints, or one for each."""

    recommended: Bound
    everywhere: Bound
    at: Mapping[str, Bound] = field(default_factory=dict)
    reference: str = _ENDS_REFERENCE
    subject: str = "access"

    def bound(self, endpoint: str = "") -> Bound:
        """The bound that is declared for an endpoint."""
        return self.at.get(endpoint, self.everywhere)

    def is_weaker(self, endpoint: str = "") -> bool:
        """Whether what is declared is below the recommendation."""
        return self.bound(endpoint).rank > self.recommended.rank


@dataclass(frozen=True)
class Choice:
    """A promise that is one of several words, numbers or times; ``weaker`` and ``unbounded`` as it is declared."""

    value: Any
    default: Any
    reference: str
    weaker: bool = False
    unbounded: bool = False


@dataclass(frozen=True)
class _Kind:
    default: Any
    reference: str
    read: Callable[[Any, Place], Any]
    order: Sequence[Any] = ()
    more_is_weaker: bool = False
    less_is_weaker: bool = False
    unbounded: Sequence[Any] = ()

    def choice(self, value: Any) -> Choice:
        weaker = value != self.default and bool(
            (self.order and value in self.order and self.order.index(value) > self.order.index(self.default))
            or (self.more_is_weaker and value > self.default)
            or (self.less_is_weaker and value < self.default)
        )
        return Choice(value, self.default, self.reference, weaker, value in self.unbounded)


def _words(default: Any, reference: str, *order: Any, unbounded: Sequence[Any] = ()) -> _Kind:
    return _Kind(default, reference, one_of(*order), order, unbounded=unbounded)


def _yes(reference: str) -> _Kind:
    return _Kind(True, reference, flag, (True, False))


def _share_or_any(value: Any, place: Place) -> float:
    """A number, or ``any``, which nothing exceeds."""
    return float("inf") if value == "any" else number(value, place)


def _seconds_or_use(value: Any, place: Place) -> float:
    """A time, or ``until_used``: for ever, if nobody uses the successor."""
    return UNTIL_USED if value == "until_used" else seconds(value, place)


def _percent(value: Any, place: Place) -> float:
    if number(value, place) > 100:
        raise place.wrong(f"a share in percent, at most 100, is needed, not {shown(value)}")
    return float(value)


UNTIL_USED = float("inf")
_REFRESH, _LIMITS, _COOKIES = "RFC 9700 §4.14.2", "RFC 9110 §10.2.3", "ASVS 5.0 §3.3"
CHOICES: Mapping[str, Mapping[str, _Kind]] = {
    "refresh": {
        "rotation": _yes(_REFRESH),
        "reuse": _words("ends_family", _REFRESH, "ends_family", "refused", "accepted", unbounded=("accepted",)),
        "parallel": _words("one_wins", _REFRESH, "one_wins", "same_answer", "last_wins"),
        "grace": _Kind(0.0, _REFRESH, _seconds_or_use, more_is_weaker=True),
    },
    "revocation": {"foreign": _words("refused", "RFC 9110 §15.5.5", "refused", "ignored")},
    "accounts": {
        "activated": _words("ended", "ASVS 5.0 §7.4", "ended", "go_on"),
        "deleted": _words("free", "the project's own", "free", "taken"),
    },
    "delivery": {
        "order": _words("per_room", "the project's own", "per_room", "none", unbounded=("none",)),
        "loss": _words("none", "the project's own", "none", "while_away"),
        "repeats": _words("by_id", "the project's own", "none", "by_id", "possible", unbounded=("possible",)),
    },
    "delays": {
        "first_message": _Kind(5.0, "the project's own", seconds, more_is_weaker=True),
        "other_device": _Kind(1.0, "the project's own", seconds, more_is_weaker=True),
    },
    "load": {
        "settled": _Kind(60.0, "the project's own", seconds, more_is_weaker=True),
        "slower": _Kind(10.0, "the project's own", _share_or_any, more_is_weaker=True, unbounded=(float("inf"),)),
        "ahead": _Kind(25.0, "the project's own", _share_or_any, more_is_weaker=True, unbounded=(float("inf"),)),
    },
    "recovery": {
        "by": _words("position", "the project's own", "position", "session", "snapshot", "none", unbounded=("none",)),
        "within": _Kind(86400.0, "the project's own", seconds, less_is_weaker=True),
    },
    "changes": {"within": _Kind(10.0, "the project's own", seconds, more_is_weaker=True)},
    "restart": {
        "sessions": _words("survive", "the project's own", "survive", "end"),
        "sockets": _words("declared_code", "RFC 6455 §7.4", "declared_code", "any", unbounded=("any",)),
        "takes": _Kind(5.0, "the project's own", seconds, more_is_weaker=True),
        "reconnect": _Kind(5.0, "the project's own", seconds, more_is_weaker=True),
        "recovery": _Kind(10.0, "the project's own", seconds, more_is_weaker=True),
        "answered": _Kind(99.9, "the project's own", _percent, less_is_weaker=True),
    },
    "limits": {
        "retry_after": _yes(_LIMITS),
        "refill": _Kind("at_once", "the project's own", one_of("at_once", "steady")),
        "fields": _words(
            "draft10", "draft-ietf-httpapi-ratelimit-headers-10", "draft10", "x-ratelimit", "none", unbounded=("none",)
        ),
    },
    "reauthentication": {
        "token": _words("own_session", "the project's own", "own_session", "own_user", "any", unbounded=("any",))
    },
    "cookies": {
        "secure": _yes(f"{_COOKIES}.1"),
        "http_only": _yes(f"{_COOKIES}.4"),
        "same_site": _words("lax", f"{_COOKIES}.2", "strict", "lax", "none"),
    },
}
"""Each group of promises but ``ends``, ``outage`` and ``origin``."""
ORIGIN = _words("refused", "ASVS 5.0 §4.4.2", "refused", "any", unbounded=("any",))


@dataclass(frozen=True)
class Promises:
    """All of them, those that a dialect leaves out with their defaults."""

    endings: Mapping[str, Ending]
    choices: Mapping[str, Choice]
    outage: Outage = field(default_factory=Outage)

    def ending(self, word: str, subject: str) -> Ending:
        """When ``subject`` (``access``, ``refresh``, ``sockets``, ``rights``) ends after ``word``; else KeyError."""
        return self.endings[f"{word}.{subject}"]

    def choice(self, name: str) -> Choice:
        """What is declared of ``refresh.reuse``, say; KeyError for a name that there is not."""
        return self.choices[name]

    @classmethod
    def from_yaml(cls, value: Any, place: Place, endpoints: Sequence[str] = ()) -> Promises:
        """From the part ``promises`` of a dialect that has these ``endpoints``."""
        entries = Entries(value, place)
        ends = entries.take("ends", lambda part, where: _ends(part, where, endpoints), _ends({}, place, endpoints))
        choices: dict[str, Choice] = {}
        for group, kinds in CHOICES.items():
            inner = Entries(entries.take(group, lambda part, where: part, {}), place.at(group))
            for name, kind in kinds.items():
                choices[f"{group}.{name}"] = kind.choice(inner.take(name, kind.read, kind.default))
            inner.end()
        choices["origin"] = ORIGIN.choice(entries.take("origin", ORIGIN.read, ORIGIN.default))
        outage = entries.take("outage", lambda part, where: Outage.from_yaml(part, where, endpoints), Outage())
        entries.end()
        return cls(ends, choices, outage)


def _ends(value: Any, place: Place, endpoints: Sequence[str]) -> dict[str, Ending]:
    entries = Entries(value, place)
    found = {}
    for word, subjects in ENDS.items():
        inner = Entries(entries.take(word, lambda part, where: part, {}), place.at(word))
        for subject, default in subjects.items():
            best = _bound(default, place.at(word), subject)
            everywhere, at = inner.take(subject, _declared(subject, endpoints, best), (best, {}))
            reference = "ASVS 5.0 §9.2" if word == "expiry" else _ENDS_REFERENCE
            found[f"{word}.{subject}"] = Ending(best, everywhere, at, reference, subject)
        inner.end()
    entries.end()
    return found


def _declared(
    subject: str, endpoints: Sequence[str], best: Bound
) -> Callable[[Any, Place], tuple[Bound, Mapping[str, Bound]]]:
    def read(value: Any, place: Place) -> tuple[Bound, Mapping[str, Bound]]:
        if not isinstance(value, dict):
            return _bound(value, place, subject), {}
        entries = Entries(value, place)
        at = entries.known(endpoints, lambda part, where: _bound(part, where, subject))
        entries.end()
        return best, at

    return read


def _bound(value: Any, place: Place, subject: str) -> Bound:
    words = (AT_EXPIRY, NEVER, *((NEXT_FRAME,) if subject == "sockets" else ()))
    if isinstance(value, str) and value in words:
        return Bound(word=value)
    try:
        return Bound(seconds(value, place))
    except ValueError:
        raise place.wrong(f"a time such as 1s, or one of {', '.join(words)}, is needed, not {shown(value)}") from None
