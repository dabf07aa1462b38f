"""How a target says no: classes of refusals, each by what can be seen of an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lockstep.dialect.entries import Entries, Place, listed, shown, text
from lockstep.dialect.messages import Answer
from lockstep.dialect.paths import json_path, look_up

CLASSES = (
    "unauthenticated", "invalid", "expired", "revoked", "forbidden", "throttled", "unavailable", "misplaced",
    "wrong_session", "foreign_origin", "too_large", "not_found",
)  # fmt: skip
"""No credential; a bad one; one past its expiry; one that was ended; not allowed; too many; cannot answer now; a token
where none may travel; one of a session that is another user's, or none; a page of another origin; more than is taken;
nothing of the kind, or another user's."""


def status(value: Any, place: Place) -> range:
    """An HTTP status (404), or a class of them (``4xx``)."""
    if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599:
        return range(value, value + 1)
    if isinstance(value, str) and re.fullmatch("[1-5]xx", value):
        return range(int(value[0]) * 100, int(value[0]) * 100 + 100)
    raise place.wrong(f"an HTTP status such as 404 or 4xx is needed, not {shown(value)}")


statuses = listed(status)


def pattern(value: Any, place: Place) -> re.Pattern[str]:
    """A regular expression."""
    try:
        return re.compile(text(value, place))
    except re.error as error:
        raise place.wrong(f"{shown(value)} is no regular expression: {error}") from None


@dataclass(frozen=True)
class Refusal:
    """What one kind of refusal looks like: all that is described has to be so."""

    place: Place
    status: tuple[range, ...] = ()
    location: re.Pattern[str] | None = None
    headers: tuple[tuple[str, re.Pattern[str]], ...] = ()
    code_at: str | None = None
    codes: tuple[Any, ...] = ()

    @classmethod
    def read(cls, value: Any, place: Place) -> Refusal:
        """From a mapping with any of ``status``, ``location``, ``header``, and ``code_at`` with ``codes``."""
        entries = Entries(value, place, "status, location, header, or code_at and codes")
        found = cls(
            place,
            entries.take("status", statuses, ()),
            entries.take("location", pattern, None),
            entries.take("header", _headers, ()),
            entries.take("code_at", json_path, None),
            entries.take("codes", listed(lambda code, where: code), ()),
        )
        entries.end()
        if bool(found.code_at) != bool(found.codes):
            raise place.wrong("code_at says where the code stands and codes which ones it may be: both, or neither")
        if not (found.status or found.location or found.headers or found.code_at):
            raise place.wrong("nothing is described: any answer would be this refusal")
        return found

    def fits(self, answer: Answer) -> bool:
        """Whether an answer looks like this."""
        if answer.status is None or (self.status and not any(answer.status in known for known in self.status)):
            return False
        if self.location and not self.location.search(answer.header("location") or ""):
            return False
        if any(not wanted.search(answer.header(name) or "") for name, wanted in self.headers):
            return False
        return not self.code_at or look_up(answer.json, self.code_at) in self.codes

    def fits_frame(self, frame: Any) -> bool:
        """Whether a frame carries one of the codes."""
        return bool(self.code_at) and look_up(frame, self.code_at or "") in self.codes

    def __str__(self) -> str:
        parts = [" or ".join(_shown_range(known) for known in self.status)] if self.status else []
        parts += [f"{self.code_at} {' or '.join(map(str, self.codes))}"] if self.code_at else []
        parts += [f"to {self.location.pattern}"] if self.location else []
        parts += [f"{name}: {wanted.pattern}" for name, wanted in self.headers]
        return ", ".join(parts)


def _headers(value: Any, place: Place) -> tuple[tuple[str, re.Pattern[str]], ...]:
    if isinstance(value, str):
        return ((text(value, place), re.compile("")),)
    return tuple(Entries(value, place, "a header's name, or names with patterns").each(pattern).items())


def _shown_range(known: range) -> str:
    return str(known.start) if len(known) == 1 else f"{known.start // 100}xx"


Alternatives = tuple[Refusal, ...]
alternatives = listed(Refusal.read)


def classes_of_frame(refusals: Mapping[str, Alternatives], frame: Any) -> tuple[str, ...]:
    """The classes that a frame belongs to, by its code."""
    return tuple(name for name, known in refusals.items() if any(refusal.fits_frame(frame) for refusal in known))


def classes(refusals: Mapping[str, Alternatives], answer: Answer) -> tuple[str, ...]:
    """The classes that an answer belongs to."""
    return tuple(name for name, known in refusals.items() if any(refusal.fits(answer) for refusal in known))
