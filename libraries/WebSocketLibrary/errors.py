"""Which frames are errors, and which of them come in the place of what a wait wants."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .journal import DATA_OPCODES, Direction, Frame, Journal
from .matching import Matcher, equal, look_up, matcher

NO_FRAMES: Final = "none"
DEFAULT: Final = "type=error"
# Texts that have one spelling in JSON and are no other value of it: these bytes are in each frame that has them.
_WORD: Final = re.compile(r"(?!(?:None|True|False)$)[A-Za-z_][\w .-]*", re.ASCII)
_OF_ANY_FRAME: Final = ("text", "opcode")


@dataclass(frozen=True)
class ErrorFrames:
    """What an error looks like on one platform, and where a frame names the request that it answers."""

    wanted: Matcher | None
    request_id: str
    fields: frozenset[str] = frozenset()
    hints: tuple[bytes, ...] = ()

    @classmethod
    def described(cls, where: str | Mapping[str, Any] = DEFAULT, request_id: str = "id") -> ErrorFrames:
        """Errors are what `where` says, as in the waits; `none` is no frame. `request_id` is a dotted path."""
        if where == NO_FRAMES:
            return cls(None, request_id)
        wanted = matcher(where)
        values = [value for condition in wanted.conditions if condition.equals for value in condition.equals[1:]]
        return cls(
            wanted,
            request_id,
            frozenset(field for condition in wanted.conditions for field in condition.fields),
            tuple(value.encode() for value in values if isinstance(value, str) and _WORD.fullmatch(value)),
        )

    def __call__(self, frame: Frame) -> bool:
        return self.wanted is not None and frame.is_data and self.may_be(frame.body) and self.wanted(frame)

    def may_be(self, body: bytes) -> bool:
        """False where the bytes alone show that this is no error, which is cheap to ask of each frame of a load."""
        for hint in self.hints:
            if hint not in body:
                return False
        return self.wanted is not None

    def named_by(self, frame: Frame) -> str | float | None:
        """The id of the request that a frame answers, or of a request itself; None where it has none."""
        try:
            name = look_up(frame.json, self.request_id)
        except LookupError:
            return None
        return name if name is None or isinstance(name, str | int | float) else json.dumps(name)


class ErrorLog:
    """The errors that one socket has received. For one thread, like the journal's look-ups."""

    def __init__(self, journal: Journal, definition: ErrorFrames) -> None:
        self.definition = definition
        self._journal = journal
        self._looked_at = 0
        self._found: list[Frame] = []
        self._known: set[int] = set()

    def frames(self) -> list[Frame]:
        """All errors received so far, in order."""
        journal = self._journal
        for index in range(self._looked_at, len(journal)):
            _, kind, body = journal.entries[index]
            if kind in DATA_OPCODES and self.definition.may_be(body) and self.definition(journal[index]):
                self._found.append(journal[index])
            self._looked_at = index + 1
        return self._found

    def unknown(self) -> list[Frame]:
        """Those that no keyword has returned or reported."""
        return [f for f in self.frames() if f.index not in self._known and self._journal.is_untaken(f.index)]

    def is_newest(self) -> bool:
        """Whether the entry that was journaled last is an error; for the loop thread."""
        _, kind, body = self._journal.entries[-1]
        return kind in DATA_OPCODES and self.definition.may_be(body) and self.definition(self._journal.newest())

    def note(self, frames: Iterable[Frame]) -> None:
        """The test has been given these frames, so that no later wait fails because of them."""
        self._known.update(frame.index for frame in frames if self.definition(frame))


class Refusals:
    """Errors that come in the place of what one wait wants.

    An error that names a request stands for that request alone. Any request since the frame that was taken last may
    bring what is wanted, unless the wait names an id, or a value that the request contradicts; so may an earlier one
    that is not answered yet. The wait has failed when too few of them are left.
    """

    def __init__(self, journal: Journal, log: ErrorLog, wanted: Matcher, count: int = 1, since: int = 0) -> None:
        self._journal = journal
        self._log = log
        self._wanted = wanted
        self._count = count
        self._since = since
        self._judged = 0
        self._wants_data = all(
            condition.equals is None or condition.equals[0] != "opcode" or condition.equals[1] in ("text", "binary")
            for condition in wanted.conditions
        )

    def __call__(self, found: Iterable[Frame] = ()) -> Frame | None:
        """The error because of which too few frames will come; ``found`` are those that have come."""
        if not self._wants_data or len(self._log.frames()) == self._judged:
            return None
        self._judged = len(self._log.frames())
        errors = [f for f in self._log.unknown() if f.index >= self._since and not self._is_awaited(f)]
        return self._in_place(errors, list(found)) if errors else None

    def _is_awaited(self, error: Frame) -> bool:
        """Whether the wait is for errors, this one or another: what it says of the kind of the frame is true of it."""
        if self._wanted(error):
            return True
        kinds = [c for c in self._wanted.conditions if self._log.definition.fields.intersection(c.fields)]
        return bool(kinds) and all(condition(error) for condition in kinds)

    def _in_place(self, errors: list[Frame], found: list[Frame]) -> Frame | None:
        named = self._log.definition.named_by
        sent = list(self._journal.frames(Direction.SENT))
        begin = self._begin(sent)
        if (wanted_id := self._wanted_id()) is not None:
            own = [request for request in sent if equal(named(request), wanted_id)]
            after = own[-1].index if own else -1
            answers = [error for error in errors if error.index > after and equal(named(error), wanted_id)]
            if answers or after < begin:
                return next(iter(answers), None)
        recent = [request for request in sent if request.index >= begin and self._may_bring(request)]
        names = {named(request) for request in recent}
        ours = [error for error in errors if named(error) is not None and named(error) in names]
        nameless = [error for error in errors if named(error) is None and error.index >= begin]
        left = len(recent) + self._open_before(sent, begin) - len(ours) - len(nameless)
        missing = self._count - sum(frame.index < begin for frame in found)
        relevant = nameless if wanted_id is not None else sorted([*ours, *nameless], key=lambda error: error.index)
        return relevant[0] if relevant and left < missing else None

    def _wanted_id(self) -> Any:
        path = self._log.definition.request_id
        return next((c.equals[1] for c in self._wanted.conditions if c.equals and c.equals[0] == path), None)

    def _begin(self, sent: list[Frame]) -> int:
        """The index from which on requests and errors are news: behind the request whose answer was taken last."""
        taken = self._journal.last_taken
        begin = taken + 1
        if taken >= 0 and (name := self._log.definition.named_by(self._journal[taken])) is not None:
            answered = [r.index for r in sent if r.index < taken and self._log.definition.named_by(r) == name]
            begin = answered[-1] + 1 if answered else begin
        return max(begin, self._since)

    def _open_before(self, sent: list[Frame], begin: int) -> int:
        """How many earlier requests with an id were not answered yet at that place, nor by an error since."""
        named = self._log.definition.named_by
        before = [r for r in sent if r.index < begin and named(r) is not None and self._may_bring(r)]
        if not before:
            return 0
        end = max(begin, self._journal.last_taken + 1)
        answered = {named(frame) for frame in self._journal.frames() if frame.is_data and frame.index < end}
        answered.update(map(named, self._log.frames()))
        return sum(named(request) not in answered for request in before)

    def _may_bring(self, request: Frame) -> bool:
        ignored = {*self._log.definition.fields, self._log.definition.request_id, *_OF_ANY_FRAME}
        for condition in self._wanted.conditions:
            if condition.equals is None or condition.equals[0] in ignored:
                continue
            try:
                if not equal(look_up(request.json, condition.equals[0]), condition.equals[1]):
                    return False
            except LookupError:
                continue
        return request.is_data


def is_temporary(error: Frame) -> bool:
    """Whether an error says that the same request may succeed later: ``retryable`` in the frame, or in its payload."""
    for path in ("retryable", "payload.retryable"):
        try:
            if look_up(error.json, path) is True:
                return True
        except LookupError:
            continue
    return False
