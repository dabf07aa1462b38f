"""What a matcher asks of frames that no frame could ever answer: a field that none has had, a comparison that fails."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .journal import Frame
from .matching import Condition, Matcher

_OF_ANY_FRAME = ("text", "opcode")
_SHOWN_NAMES = 8


def flaw(wanted: Matcher, judged: Sequence[Frame], known: Callable[[], Iterable[Frame]]) -> str:
    """Why no frame could be the wanted one, whatever came, or "": a name in it that none of the ``known`` frames has.

    A condition counts only where one of the ``judged`` frames keeps all the others: else they decide alone.
    """
    missing = {field for condition in wanted.conditions for field in condition.fields if not _held_by(judged, field)}
    sound = [condition for condition in wanted.conditions if not missing.intersection(condition.fields)]
    deciding = [frame for frame in judged if frame.is_data and all(condition(frame) for condition in sound)]
    if missing and deciding:
        for field in sorted(missing):
            if not _held_by(known(), field):
                return f"no frame has had a field '{field}'{nearest(field, known())}"
        return ""
    return "" if missing else _never_judged(wanted, judged)


def _never_judged(wanted: Matcher, judged: Sequence[Frame]) -> str:
    for condition in wanted.conditions:
        others = [other for other in wanted.conditions if other is not condition]
        having = [
            frame
            for frame in judged
            if all(_holds(frame.json, field.split(".")) for field in condition.fields if not _of_any_frame(field))
            and all(other(frame) for other in others)
        ]
        errors = [error for frame in having if (error := _error(condition, frame))]
        if errors and len(errors) == len(having):
            return f"it cannot be decided of any frame: {errors[0]}"
    return ""


def _error(condition: Condition, frame: Frame) -> str:
    try:
        condition.test(frame)
    except (TypeError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"
    except LookupError:
        pass
    return ""


def _held_by(frames: Iterable[Frame], field: str) -> bool:
    return _of_any_frame(field) or any(_holds(frame.json, field.split(".")) for frame in frames)


def _of_any_frame(field: str) -> bool:
    return field.partition(".")[0] in _OF_ANY_FRAME


def _holds(document: Any, steps: Sequence[str]) -> bool:
    """Whether a document has that path; any place in a list counts, since a list may be shorter than another time."""
    if not steps:
        return True
    if isinstance(document, list):
        here = steps[0].removeprefix("-").isdecimal()
        return here and (len(steps) == 1 or any(_holds(item, steps[1:]) for item in document))
    if not isinstance(document, dict):
        return False
    return any(
        _holds(document[key], steps[end:])
        for end in range(1, len(steps) + 1)
        if (key := ".".join(steps[:end])) in document
    )


def nearest(field: str, frames: Iterable[Frame]) -> str:
    """The field of these frames that a misspelled one is most like, to be said in the same line."""
    names = dict.fromkeys(name for frame in frames for name in _names(frame.json))
    last = field.rpartition(".")[2]
    alike = [name for name in names if name.rpartition(".")[2] == last] or difflib.get_close_matches(field, names, 1)
    if alike:
        return f"; the nearest is '{alike[0]}'"
    shown = list(names)[:_SHOWN_NAMES]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"; there are {', '.join(shown)}{more}" if shown else "; no frame was JSON"


def _names(document: Any, before: str = "") -> Iterator[str]:
    if isinstance(document, dict):
        for key, value in document.items():
            yield f"{before}{key}"
            yield from _names(value, f"{before}{key}.")
    elif isinstance(document, list):
        for item in document:
            yield from _names(item, f"{before}0.")
