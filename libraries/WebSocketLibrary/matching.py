"""Which frame is wanted, decided by content alone. Pure: no socket, no clock."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .expressions import NO_SUCH_FIELD, Expression, parsed
from .journal import Frame, Opcode

_SINGLE_PATH: Final = re.compile(r"\s*(?P<path>[\w.-]+)=(?!=)(?P<value>.*)", re.DOTALL)
_PYTHON_SPELLINGS: Final = {"None": None, "True": True, "False": False}


@dataclass(frozen=True)
class Condition:
    """One of the things that a matcher wants, all of which have to hold: the fields that it reads, and the test.

    ``equals`` is a path and its wanted value, where that is what it wants. The test may raise what an expression
    raises, such as ``NameError``.
    """

    fields: tuple[str, ...]
    test: Callable[[Frame], bool]
    equals: tuple[str, Any] | None = None

    def __call__(self, frame: Frame) -> bool:
        try:
            return self.test(frame)
        except NO_SUCH_FIELD:
            return False


@dataclass(frozen=True)
class Matcher:
    """Says whether a frame is the wanted one, in words which one is wanted, and by which conditions."""

    description: str
    test: Callable[[Frame], bool]
    conditions: tuple[Condition, ...] = ()

    def __call__(self, frame: Frame) -> bool:
        return self.test(frame)


def look_up(document: Any, path: str) -> Any:
    """The value at a dotted path (`payload.items.0.id`); `LookupError` where the path leads nowhere.

    A key that itself contains dots is found when it is spelled whole.
    """
    if isinstance(document, Mapping) and path in document:
        return document[path]
    head, _, rest = path.partition(".")
    if isinstance(document, Mapping) and head in document:
        value = document[head]
    elif isinstance(document, list) and re.fullmatch(r"-?\d+", head):
        value = document[int(head)]
    else:
        raise LookupError(path)
    return look_up(value, rest) if rest else value


def equal(actual: Any, expected: Any) -> bool:
    """Equality that forgives what Robot data cannot spell: `3`, `true`, `${null}` or `[1, 2]` as text mean the JSON
    values.
    """
    if isinstance(expected, str) and not isinstance(actual, str):
        if expected in _PYTHON_SPELLINGS:
            expected = _PYTHON_SPELLINGS[expected]
        else:
            try:
                expected = json.loads(expected)
            except ValueError:
                return False
    return isinstance(actual, bool) == isinstance(expected, bool) and bool(actual == expected)


def matcher(where: str | Mapping[str, Any] | None = None, fields: Mapping[str, Any] | None = None) -> Matcher:
    """Builds the matcher of one keyword call.

    `where` is a mapping of dotted paths to values, or a Python expression that sees the top-level keys of a JSON
    frame and `json`, `text`, `body`, `opcode` and `frame`; `fields` are dotted paths too. All must hold. With
    neither, any data frame matches. A faulty expression is a `ValueError` at once, not a wait that cannot end well.
    """
    paths = {**(where if isinstance(where, Mapping) else {}), **(fields or {})}
    expression = where if isinstance(where, str) else None
    if expression is not None and (single := _SINGLE_PATH.fullmatch(expression)):
        if re.search(r"\s(and|or)\s|[<>]|==", single["value"]):
            raise ValueError(f"'{expression}' mixes a path with an expression: in an expression equality is ==")
        paths[single["path"]] = single["value"]
        expression = None
    parts = [_path_matcher(path, value) for path, value in paths.items()]
    if expression is not None:
        parts.append(_expression_matcher(expression))
    if not parts:
        return Matcher("any data frame", lambda frame: frame.is_data)
    if len(parts) == 1:
        return parts[0]
    return Matcher(
        " and ".join(part.description for part in parts),
        lambda frame: all(part.test(frame) for part in parts),
        tuple(condition for part in parts for condition in part.conditions),
    )


def _path_matcher(path: str, expected: Any) -> Matcher:
    def test(frame: Frame) -> bool:
        try:
            return equal(look_up(_view(frame, path), path), expected)
        except (LookupError, ValueError):
            return False

    return Matcher(f"{path} = {expected!r}", test, (Condition((path,), test, (path, expected)),))


def _view(frame: Frame, path: str) -> Any:
    if path not in ("text", "opcode"):
        if frame.json is not None:
            return frame.json
    # Parsing is most of the time of a match, and only an object can have a key of that name.
    elif b"{" in frame.body and isinstance(frame.json, Mapping) and path in frame.json:
        return frame.json
    return {"text": frame.text, "opcode": frame.type_name}


def _expression_matcher(expression: str) -> Matcher:
    whole = parsed(expression)
    conditions = whole.parts if whole.parts and not whole.any_part else (whole,)
    return Matcher(f"[{expression}]", whole.holds, tuple(map(_condition, conditions)))


def _condition(part: Expression) -> Condition:
    return Condition(part.fields, part.evaluate, part.equals)


def only_opcode(opcode: Opcode, inner: Matcher) -> Matcher:
    """The same matcher, narrowed to frames of one type."""
    name = opcode.name.lower()
    kind = Condition(("opcode",), lambda frame: frame.opcode == opcode, ("opcode", name))
    return Matcher(
        f"{name} frame with {inner.description}",
        lambda frame: frame.opcode == opcode and inner(frame),
        (kind, *inner.conditions),
    )
