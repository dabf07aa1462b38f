"""Which frame is wanted, decided by content alone. Pure: no socket, no clock."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .journal import Frame, Opcode

_SINGLE_PATH: Final = re.compile(r"\s*(?P<path>[\w.-]+)=(?!=)(?P<value>.*)", re.DOTALL)
_PYTHON_SPELLINGS: Final = {"None": None, "True": True, "False": False}
# What an expression may call besides the names of the frame: enough to compare, nothing that reaches outside.
_BUILTINS: Final = {
    function.__name__: function
    for function in (abs, all, any, bool, dict, float, int, isinstance, len, list, max, min, set, sorted, str, sum)
}


@dataclass(frozen=True)
class Matcher:
    """Says whether a frame is the wanted one, and in words which one is wanted."""

    description: str
    test: Callable[[Frame], bool]

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
    )


def _path_matcher(path: str, expected: Any) -> Matcher:
    def test(frame: Frame) -> bool:
        try:
            return equal(look_up(_view(frame, path), path), expected)
        except (LookupError, ValueError):
            return False

    return Matcher(f"{path} = {expected!r}", test)


def _view(frame: Frame, path: str) -> Any:
    if path not in ("text", "opcode"):
        if frame.json is not None:
            return frame.json
    # Parsing is most of the time of a match, and only an object can have a key of that name.
    elif b"{" in frame.body and isinstance(frame.json, Mapping) and path in frame.json:
        return frame.json
    return {"text": frame.text, "opcode": frame.type_name}


def _expression_matcher(expression: str) -> Matcher:
    try:
        code = compile(expression.strip(), "<where>", "eval")
    except SyntaxError as error:
        raise ValueError(f"'{expression}' is not a Python expression: {error.msg}") from error

    def test(frame: Frame) -> bool:
        names = dict(frame.json) if isinstance(frame.json, dict) else {}
        names |= {"frame": frame, "json": frame.json, "text": frame.text, "body": frame.body}
        names |= {"opcode": frame.type_name, "re": re}
        try:
            # The expression is written by the author of the test, who may run any code anyway.
            return bool(eval(code, {"__builtins__": _BUILTINS}, {key: _dotted(v) for key, v in names.items()}))  # noqa: S307
        except (LookupError, AttributeError, TypeError, NameError):
            return False  # another kind of frame, which has no such field

    return Matcher(f"[{expression}]", test)


class _Dotted(dict[str, Any]):
    """A JSON object whose keys can be read as attributes in an expression."""

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_") and name in self:
            return _dotted(self[name])
        return super().__getattribute__(name)


def _dotted(value: Any) -> Any:
    if isinstance(value, list):
        return [_dotted(item) for item in value]
    return _Dotted(value) if isinstance(value, dict) else value


def only_opcode(opcode: Opcode, inner: Matcher) -> Matcher:
    """The same matcher, narrowed to frames of one type."""
    return Matcher(
        f"{opcode.name.lower()} frame with {inner.description}",
        lambda frame: frame.opcode == opcode and inner(frame),
    )
