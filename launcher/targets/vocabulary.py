"""What each keyword of TargetLibrary needs of a dialect, read from its source without running it.

A need is a set of dotted names of which any will do: ``{operations.refresh}``, ``{socket.send, operations.send}``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from launcher.paths import LIBRARIES

LIBRARY = LIBRARIES / "TargetLibrary"
Need = frozenset[str]
Bindings = Mapping[str, str | None]
_WORDS = ("needed", "perform")
_GOES_WITHOUT = "goes_without_socket"
"""The method that keywords ask which are left out where the target has no sockets."""
_SOCKET: Need = frozenset({"socket"})
WHERE_DECLARED = "absent."
"""Before what a test lacks only where the dialect declares it absent."""
_ALWAYS: Mapping[str, str] = {
    "endpoints": "endpoints.who",
    "who": "endpoints.who",
    "socket_endpoints": "socket",
    "needed_socket": "socket",
    "accounts": "accounts",
    "expiry": "expiry",
    "carry_out": "control",
}
"""Members of the stage, and of PlatformLibrary, that need something wherever they are used."""
_ANY_OF: Mapping[str, Sequence[str]] = {
    "expected_refusal": ("refusals.{reason}", "refusals.invalid", "refusals.unauthenticated")
}
"""Methods that need any of several entries."""
_BY_NAME: Mapping[str, str] = {
    "refusal": "refusals.{}",
    "limit": "limits.{}",
    "stores": "stores.{}",
    "asking": "socket.{}",
    "outgoing": "socket.{}",
}


@dataclass
class Needs:
    """What something needs, and which promises and limits it is judged by."""

    needed: set[Need] = field(default_factory=set)
    left_out: set[Need] = field(default_factory=set)
    """What is needed by steps that are left out where the target has no sockets."""
    judged: set[str] = field(default_factory=set)

    def add(self, other: Needs) -> None:
        """Those of another one, too."""
        self.needed |= other.needed
        self.left_out |= other.left_out
        self.judged |= other.judged


class Vocabulary:
    """The keywords of the library in a folder, by name without spaces and in lower case."""

    def __init__(self, folder: Path = LIBRARY) -> None:
        self._methods: dict[str, ast.FunctionDef] = {}
        self.keywords: dict[str, str] = {}
        for path in sorted(folder.glob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef):
                    self._take(node)

    def _take(self, node: ast.ClassDef) -> None:
        for method in node.body:
            if not isinstance(method, ast.FunctionDef):
                continue
            is_keyword = any(_called(decorator) in ("word", "keyword") for decorator in method.decorator_list)
            if is_keyword:
                self.keywords[method.name.replace("_", "")] = method.name
            if is_keyword or method.name not in self._methods:
                self._methods[method.name] = method

    def knows(self, keyword: str) -> bool:
        """Whether it is a keyword of the library."""
        return normal(keyword) in self.keywords

    def needs(self, keyword: str, args: Sequence[str | None]) -> Needs:
        """What a keyword needs with these arguments; None stands for one that nobody knows before it runs."""
        method = self._methods[self.keywords[normal(keyword)]]
        return self._of(method.name, tuple(sorted(_bound(method, args).items())))

    @cache  # noqa: B019 - there is one vocabulary
    def _of(self, name: str, bindings: tuple[tuple[str, str | None], ...], depth: int = 0) -> Needs:
        found = Needs()
        method = self._methods[name]
        known = dict(bindings)
        optional = {text for node in ast.walk(method) for text in _looked_up(node)}
        if name in _ANY_OF:
            found.needed.add(
                frozenset(text.format(**{key: value or "*" for key, value in known.items()}) for text in _ANY_OF[name])
            )
            return found
        where_absent = {id(node) for node in ast.walk(method) for node in _where_absent(node)}
        for node, certain in _reached(method.body, known):
            if isinstance(node, ast.Call) and _called(node) == _GOES_WITHOUT:
                continue
            if id(node) not in where_absent:
                self._node(node, known, optional, found, depth, certain=certain)
            elif isinstance(node, ast.Call) and node.args and (lacks := _text(node.args[0], known)):
                found.needed.add(frozenset({f"{WHERE_DECLARED}{lacks}"}))
        if any(isinstance(node, ast.Call) and _called(node) == _GOES_WITHOUT for node in ast.walk(method)):
            return Needs(set(), found.needed | found.left_out | {_SOCKET}, found.judged)
        return found

    def _node(
        self, node: ast.AST, known: Bindings, optional: set[str], found: Needs, depth: int, *, certain: bool
    ) -> None:
        if isinstance(node, ast.Attribute) and node.attr in _ALWAYS and certain:
            found.needed.add(frozenset({_ALWAYS[node.attr]}))
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return
        called, args = node.func.attr, [_text(arg, known) for arg in node.args]
        first = args[0] if args else None
        if called == "missing" and first:
            found.needed.add(frozenset({first}))
        elif not certain and not (called in _WORDS and first in optional):
            return
        elif called in _WORDS and first:
            either = {f"operations.{first}"} | ({f"socket.{first}"} if first in optional else set())
            found.needed.add(frozenset(either))
        elif called in _BY_NAME and first and not (called in ("asking", "outgoing") and first in optional):
            found.needed.add(frozenset({_BY_NAME[called].format(first)}))
        elif called == "socket" and _is_own(node.func.value):
            found.needed.add(_SOCKET)
        elif called == "ending" and len(args) > 1:
            found.judged.add(f"promises.ends.{first or '*'}.{args[1] or '*'}")
        elif called == "choice" and first:
            found.judged.add(f"promises.{first}")
        elif called in self._methods and depth < 6 and _is_own(node.func.value):
            method = self._methods[called]
            names = {word.arg: _text(word.value, known) for word in node.keywords if word.arg}
            bound = {**_bound(method, args), **names}
            found.add(self._of(called, tuple(sorted(bound.items())), depth + 1))


def normal(keyword: str) -> str:
    """A keyword's name as Robot compares it."""
    return keyword.rpartition(".")[2].replace(" ", "").replace("_", "").lower()


def _called(node: ast.expr) -> str:
    target = node.func if isinstance(node, ast.Call) else node
    return target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else ""


def _is_own(node: ast.expr) -> bool:
    """Whether a method is called of the library itself: ``self``, or another name for it."""
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id == "self" and node.attr in ("stage", "_recognising")
    return isinstance(node, ast.Name) and node.id in ("self", "library")


def _bound(method: ast.FunctionDef, args: Sequence[str | None]) -> dict[str, str | None]:
    names = [arg.arg for arg in (*method.args.posonlyargs, *method.args.args) if arg.arg != "self"]
    defaults = [_text(node, {}) for node in method.args.defaults]
    bound = dict.fromkeys(names) | dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
    for name, value in zip(names, [arg for arg in args if not _is_named(arg, names)], strict=False):
        bound[name] = value
    for arg in args:
        if arg and _is_named(arg, names):
            name, _, value = arg.partition("=")
            bound[name] = value
    return bound


def _is_named(arg: str | None, names: Sequence[str]) -> bool:
    return arg is not None and arg.partition("=")[0] in names and "=" in arg


def _text(node: ast.expr, known: Bindings) -> str | None:
    """The text that an expression stands for; ``*`` for a part of it that nobody knows, None where nothing is known."""
    if isinstance(node, ast.Constant):
        return str(node.value) if isinstance(node.value, str | bool) else None
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.JoinedStr):
        parts = [
            str(part.value) if isinstance(part, ast.Constant) else _text(part.value, known) or "*"
            for part in node.values
            if isinstance(part, ast.Constant | ast.FormattedValue)
        ]
        return "".join(parts)
    if isinstance(node, ast.IfExp) and isinstance(node.test, ast.Compare) and isinstance(node.test.left, ast.Name):
        given, wanted = known.get(node.test.left.id), _text(node.test.comparators[0], known)
        if given is not None and wanted is not None and isinstance(node.test.ops[0], ast.Eq):
            return _text(node.body if given == wanted else node.orelse, known)
    # What is missing where the first is not.
    return _text(node.orelse, known) if isinstance(node, ast.IfExp) else None


def _reached(body: Sequence[ast.AST], known: Bindings, certain: bool = True) -> Iterator[tuple[ast.AST, bool]]:
    """What is reached of some statements, and whether it is reached in any case.

    A branch whose condition is known by the arguments is taken or left out; after one that returns nothing is reached.
    """
    for node in body:
        if not isinstance(node, ast.If):
            yield from _below(node, known, certain)
            continue
        yield from _below(node.test, known, certain)
        holds = _holds(node.test, known)
        if holds is not False:
            yield from _reached(node.body, known, certain and holds is True)
        if holds is not True:
            yield from _reached(node.orelse, known, certain and holds is False)
        if holds is True and isinstance(node.body[-1], ast.Return | ast.Raise):
            return


def _below(node: ast.AST, known: Bindings, certain: bool) -> Iterator[tuple[ast.AST, bool]]:
    yield node, certain
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        yield from _below(node.values[0], known, certain)
        for below in node.values[1:]:
            yield from _below(below, known, certain=False)
        return
    attempt = isinstance(node, ast.Try) and any(_swallows(handler) for handler in node.handlers)
    for name, value in ast.iter_fields(node):
        if isinstance(value, list) and value and all(isinstance(below, ast.AST) for below in value):
            if isinstance(value[0], ast.stmt):
                yield from _reached(value, known, certain and not (attempt and name == "body"))
            else:
                for below in value:
                    yield from _below(below, known, certain)
        elif isinstance(value, ast.AST):
            yield from _below(value, known, certain)


def _swallows(handler: ast.ExceptHandler) -> bool:
    """Whether what a dialect lacks is done without there; what is kept (``lacks.append(lacking)``) is raised later."""
    kept = handler.name is not None and any(
        isinstance(node, ast.Call) and _called(node) == "append" and handler.name in map(_name, node.args)
        for statement in handler.body
        for node in ast.walk(statement)
    )
    return "NotDescribed" in ast.dump(handler) and not kept


def _name(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) else None


def _holds(test: ast.expr, known: Bindings) -> bool | None:
    """Whether ``name == "text"`` holds, ``!=``, or a switch ``name``; None where that is not known before it runs."""
    if isinstance(test, ast.Name):
        return {"true": True, "false": False}.get((known.get(test.id) or "").lower())
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return False if any(_holds(part, known) is False for part in test.values) else None
    if not (isinstance(test, ast.Compare) and isinstance(test.left, ast.Name)):
        return None
    given, wanted = known.get(test.left.id), _text(test.comparators[0], known)
    if given is None or wanted is None or not isinstance(test.ops[0], ast.Eq | ast.NotEq):
        return None
    return (given == wanted) is isinstance(test.ops[0], ast.Eq)


def _where_absent(node: ast.AST) -> Iterator[ast.AST]:
    """What is done only where the dialect declares something absent: ``if "limited" in dialect.absent``."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Compare) and isinstance(node.test.ops[0], ast.In):
        target = node.test.comparators[0]
        if isinstance(target, ast.Attribute) and target.attr == "absent":
            for statement in node.body:
                yield from ast.walk(statement)


def _looked_up(node: ast.AST) -> Iterator[str]:
    """The words whose presence is asked for: ``"send" not in facts.out``."""
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
        target = node.comparators[0]
        if isinstance(target, ast.Attribute) and target.attr == "out" and isinstance(node.left, ast.Constant):
            yield str(node.left.value)
