"""A Python expression about a frame: what it says of one, and which fields of the JSON it reads."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any, Final

from .journal import Frame

# What an expression may call besides the names of the frame: enough to compare, nothing that reaches outside.
_BUILTINS: Final = {
    function.__name__: function
    for function in (abs, all, any, bool, dict, float, int, isinstance, len, list, max, min, set, sorted, str, sum)
}
NO_SUCH_FIELD: Final = (LookupError, AttributeError, TypeError, NameError)
"""What the evaluation of an expression raises for a frame of another kind."""

_NO_FIELDS: Final = frozenset({"frame", "body", "re"})


@dataclass(frozen=True)
class Expression:
    """One expression; ``fields`` are the dotted paths that it reads.

    ``parts`` are the operands of an ``and``, or (``any_part``) of an ``or``: one that reads a field which a frame lacks
    is not true of it, and the others decide. ``equals`` is a path and the constant that it is compared with, where that
    is all that the expression says.
    """

    source: str
    code: CodeType
    fields: tuple[str, ...]
    equals: tuple[str, Any] | None = None
    parts: tuple[Expression, ...] = ()
    any_part: bool = False

    def holds(self, frame: Frame) -> bool:
        """Whether it is true of a frame; where that is open, since the frame is of another kind, it is not."""
        return self._holds(_names(frame))

    def evaluate(self, frame: Frame) -> bool:
        """The same, but raises what made it impossible to decide, as far as no part decides."""
        names = _names(frame)
        return self._holds(names) if self.parts else self._evaluate(names)

    def _holds(self, names: Mapping[str, Any]) -> bool:
        if self.parts:
            return (any if self.any_part else all)(part._holds(names) for part in self.parts)
        try:
            return self._evaluate(names)
        except NO_SUCH_FIELD:
            return False

    def _evaluate(self, names: Mapping[str, Any]) -> bool:
        # The expression is written by the author of the test, who may run any code anyway.
        return bool(eval(self.code, {"__builtins__": _BUILTINS}, names))  # noqa: S307


def parsed(source: str) -> Expression:
    """Raises ``ValueError`` for what is no expression."""
    try:
        return _expression(source, ast.parse(source.strip(), "<where>", "eval").body)
    except SyntaxError as error:
        raise ValueError(f"'{source}' is not a Python expression: {error.msg}") from error


def _expression(source: str, tree: ast.expr) -> Expression:
    operands = tree.values if isinstance(tree, ast.BoolOp) else []
    return Expression(
        source,
        compile(ast.Expression(tree), "<where>", "eval"),
        tuple(dict.fromkeys(_fields(tree, frozenset()))),
        _equality(tree),
        tuple(_expression(ast.unparse(operand), operand) for operand in operands),
        isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.Or),
    )


def _names(frame: Frame) -> dict[str, Any]:
    names = dict(frame.json) if isinstance(frame.json, dict) else {}
    names |= {"frame": frame, "json": frame.json, "text": frame.text, "body": frame.body}
    names |= {"opcode": frame.type_name, "re": re}
    return {key: _dotted(value) for key, value in names.items()}


def _equality(tree: ast.expr) -> tuple[str, Any] | None:
    if not (isinstance(tree, ast.Compare) and len(tree.ops) == 1 and isinstance(tree.ops[0], ast.Eq)):
        return None
    for one, other in ((tree.left, tree.comparators[0]), (tree.comparators[0], tree.left)):
        steps = _steps(one)
        if steps and isinstance(other, ast.Constant):
            return (".".join(steps), other.value) if steps[0] not in _BUILTINS else None
    return None


def _fields(tree: ast.AST, bound: frozenset[str]) -> Iterator[str]:
    """The paths that a tree reads; ``bound`` are the names that it has given itself."""
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute):
        # What is called is a method of the value, and no field.
        for child in (tree.func.value, *tree.args, *tree.keywords):
            yield from _fields(child, bound)
        return
    steps = _steps(tree)
    if steps:
        if steps[0] not in bound and steps[0] not in _BUILTINS:
            yield ".".join(steps)
        return
    bound |= {name.id for name in ast.walk(tree) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
    if isinstance(tree, ast.Lambda):
        bound |= {argument.arg for argument in tree.args.args}
    for child in ast.iter_child_nodes(tree):
        yield from _fields(child, bound)


def _steps(tree: ast.AST) -> list[str]:
    """``payload.items[0].id`` as its steps; nothing for what is no path into the JSON."""
    found: list[str] = []
    while not isinstance(tree, ast.Name):
        if isinstance(tree, ast.Attribute):
            found.append(tree.attr)
        elif isinstance(tree, ast.Subscript) and isinstance(step := _constant(tree.slice), str | int):
            found.append(str(step))
        else:
            return []
        tree = tree.value
    if tree.id in _NO_FIELDS or not isinstance(tree.ctx, ast.Load):
        return []
    return found[::-1] if tree.id == "json" else [tree.id, *found[::-1]]


def _constant(tree: ast.expr) -> Any:
    try:
        return ast.literal_eval(tree)
    except ValueError:
        return None


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
