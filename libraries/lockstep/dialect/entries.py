"""A dialect's file as it is read: strict, since an entry that nobody asks for is an error with its line."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml

from lockstep.dialect.errors import DialectError, nearest

T = TypeVar("T")
Names = tuple[str | int, ...]

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")
_TIME = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|m|min|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SECRET_VARIABLE = re.compile(r"TOKEN|SECRET|PASSWORD|CREDENTIAL|KEY", re.IGNORECASE)
REQUIRED: Any = object()
"""In the place of a default: the entry must be there."""


@dataclass(frozen=True)
class Source:
    """A file with the line of each entry, and the environment's values that were filled in, by entry."""

    file: str
    lines: Mapping[Names, int] = field(default_factory=dict, repr=False)
    environment: Mapping[Names, tuple[tuple[str, str], ...]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Place:
    """Where an entry stands."""

    source: Source = field(repr=False, compare=False)
    path: Names = ()

    def __str__(self) -> str:
        path = self.path
        while path and path not in self.source.lines:
            path = path[:-1]
        return f"{self.source.file}:{self.source.lines.get(path, 1)}"

    @property
    def dotted(self) -> str:
        """The entry's name, such as ``operations.refresh.0.json``."""
        return ".".join(map(str, self.path))

    def at(self, name: str | int) -> Place:
        """Where an entry of this one stands."""
        return Place(self.source, (*self.path, name))

    def wrong(self, what: str) -> DialectError:
        """An error that says ``what`` is wrong here."""
        return DialectError(f"{self}: {f'{self.dotted}: ' if self.path else ''}{what}")

    def secrets(self) -> frozenset[str]:
        """The environment's values in this entry and below it."""
        found = self.source.environment.items()
        return frozenset(
            value for path, values in found if path[: len(self.path)] == self.path for _, value in values if value
        )


class _PlainLoader(yaml.SafeLoader):
    """As YAML 1.2 has it, but for ``yes`` and ``no``: ``on`` and ``12:30`` and dates are texts, and so is each name."""

    yaml_implicit_resolvers: ClassVar[dict[Any, Any]] = {}  # type: ignore[misc]


for _tag, _form, _first in (
    ("bool", r"yes|no|true|false|True|False", "ynftTF"),
    ("null", r"~|null|", ["~", "n", ""]),
    ("int", r"[-+]?\d+", "-+0123456789"),
    ("float", r"[-+]?\d+\.\d+(?:[eE][-+]?\d+)?", "-+0123456789."),
    ("merge", r"<<", "<"),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_form})$"), list(_first))

_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SAFE):  # type: ignore[misc]
    """The same in C, where PyYAML was built with it: every robot reads a dialect."""

    yaml_implicit_resolvers = _PlainLoader.yaml_implicit_resolvers


def _texts_as_names(loader: Any, node: yaml.MappingNode) -> dict[str, Any]:
    loader.flatten_mapping(node)
    return {key.value: loader.construct_object(value, deep=True) for key, value in node.value}


for _kind in (_PlainLoader, _Loader):
    _kind.add_constructor("tag:yaml.org,2002:map", _texts_as_names)


def read_file(path: Path) -> tuple[Any, Place]:
    """What a YAML file holds, with ``${NAME}`` and ``${NAME:-default}`` filled in from the environment.

    Raises ``DialectError`` for a file that is no YAML, has an entry twice, or names a variable that is not set.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DialectError(f"{path}: cannot be read: {error}") from error
    return read_text(text, str(path))


def read_unfilled(path: Path) -> Any:
    """What a YAML file that `read_file` takes holds, with ``${NAME}`` as it stands."""
    return yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 - it is a safe one


def read_text(text: str, file: str) -> tuple[Any, Place]:
    """As `read_file`, for a text that stands in ``file``."""
    lines: dict[Names, int] = {}
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
    except (yaml.YAMLError, ValueError) as error:
        raise _no_yaml(_explained(error, text), file) from error
    if root is None:
        return None, Place(Source(file))
    # Building what it holds mixes the entries of merged mappings into its nodes.
    _note(root, (), lines, file)
    try:
        entries = loader.construct_document(root)
    except (yaml.YAMLError, ValueError) as error:
        raise _no_yaml(error, file) from error
    environment: dict[Names, tuple[tuple[str, str], ...]] = {}
    source = Source(file, lines, environment)
    return _filled(entries, Place(source), environment), Place(source)


def _explained(error: Exception, text: str) -> Exception:
    """What the parser in Python says of ``text``: it names what it met, and the one in C does not."""
    try:
        _PlainLoader(text).get_single_node()
    except (yaml.YAMLError, ValueError) as plain:
        return plain
    return error


def _no_yaml(error: Exception, file: str) -> DialectError:
    mark = getattr(error, "problem_mark", None)
    where = f"{file}:{mark.line + 1}" if mark else file
    hint = "a text that holds any of { } [ ] , ? # or a colon and a blank needs quotes"
    return DialectError(f"{where}: not YAML: {getattr(error, 'problem', None) or error}; {hint}")


def _note(node: yaml.Node, path: Names, lines: dict[Names, int], file: str) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = (*path, str(key.value))
            if name in lines:
                raise DialectError(f"{file}:{key.start_mark.line + 1}: {'.'.join(map(str, name))} is there twice")
            lines[name] = key.start_mark.line + 1
            _note(value, name, lines, file)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _note(value, (*path, index), lines, file)


def _filled(value: Any, place: Place, environment: dict[Names, tuple[tuple[str, str], ...]]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(entry, place.at(name), environment) for name, entry in value.items()}
    if isinstance(value, list):
        return [_filled(entry, place.at(index), environment) for index, entry in enumerate(value)]
    if not isinstance(value, str):
        return value
    found: list[tuple[str, str]] = []

    def replace(match: re.Match[str]) -> str:
        name = match["name"]
        text = os.environ.get(name, match["default"])
        if text is None:
            raise place.wrong(
                f"the environment variable {name} is not set; set it, or write ${{{name}:-default}} for a default"
            )
        found.append((name, text))
        return text

    text = _VARIABLE.sub(replace, value)
    if found:
        environment[place.path] = tuple(found)
    return text


def secrets_by_name(source: Source) -> frozenset[str]:
    """The environment's values whose variables are called like a secret (``…_TOKEN``, ``…_PASSWORD``)."""
    return frozenset(
        value
        for values in source.environment.values()
        for name, value in values
        if value and _SECRET_VARIABLE.search(name)
    )


class Entries:
    """One mapping while it is read: every entry has to be asked for, `end` objects to the others."""

    def __init__(self, value: Any, place: Place, what: str = "a mapping") -> None:
        if not isinstance(value, dict):
            raise place.wrong(f"{what} is needed, not {shown(value)}")
        self.place = place
        self._value: dict[str, Any] = value
        self._known: dict[str, None] = {}

    @property
    def names(self) -> list[str]:
        """The entries that there are."""
        return list(self._value)

    def has(self, *names: str) -> bool:
        """Whether any of them is there."""
        self._known.update(dict.fromkeys(names))
        return any(name in self._value for name in names)

    def take(self, name: str, read: Callable[[Any, Place], T], default: Any = REQUIRED) -> T:
        """The entry ``name`` as ``read`` makes it; ``default`` where it is missing."""
        self._known[name] = None
        if name not in self._value:
            if default is REQUIRED:
                raise self.place.wrong(f"{name} is missing")
            value: T = default
            return value
        return read(self._value[name], self.place.at(name))

    def one_of(self, *names: str) -> str | None:
        """Which one of ``names`` is there, None where none is; several are an error."""
        self._known.update(dict.fromkeys(names))
        found = [name for name in names if name in self._value]
        if len(found) > 1:
            raise self.place.at(found[1]).wrong(f"{found[0]} is there already, and only one of {_listed(names)} may")
        return found[0] if found else None

    def each(self, read: Callable[[Any, Place], T]) -> dict[str, T]:
        """All entries, whatever they are called."""
        self._known.update(self._value)
        return {name: read(value, self.place.at(name)) for name, value in self._value.items()}

    def known(self, names: Iterable[str], read: Callable[[Any, Place], T]) -> dict[str, T]:
        """Those of ``names`` that are there, in the order of ``names``."""
        wanted = dict.fromkeys(names)
        self._known.update(wanted)
        return {name: self.take(name, read) for name in wanted if name in self._value}

    def end(self) -> None:
        """Objects to the first entry that nobody has asked for."""
        for name in self._value:
            if name not in self._known:
                raise self.place.at(name).wrong(f"unknown entry{nearest(name, self._known)}")


def shown(value: Any) -> str:
    """``value`` for a message, by its kind where it is large."""
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else "nothing" if value is None else repr(value)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


# --- readers: from YAML's value to ours


def anything(value: Any, place: Place) -> Any:
    """The value as it is."""
    return value


def text(value: Any, place: Place) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        hint = "; write it in quotes" if isinstance(value, int | float) else ""
        raise place.wrong(f"a text is needed, not {shown(value)}{hint}")
    return value


def flag(value: Any, place: Place) -> bool:
    """``yes`` or ``no``."""
    if not isinstance(value, bool):
        raise place.wrong(f"yes or no is needed, not {shown(value)}")
    return value


def number(value: Any, place: Place) -> float:
    """A number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise place.wrong(f"a number of at least 0 is needed, not {shown(value)}")
    return value


def seconds(value: Any, place: Place) -> float:
    """A time: ``300ms``, ``2s``, ``5m``, ``1h``, ``1d``, or a number of seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    if isinstance(value, str) and (found := _TIME.fullmatch(value.strip())):
        return float(found["number"]) * _UNITS[found["unit"]]
    raise place.wrong(f"a time such as 300ms, 2s, 5m or 1h is needed, not {shown(value)}")


def one_of(*words: str) -> Callable[[Any, Place], str]:
    """One of these words."""

    def read(value: Any, place: Place) -> str:
        if value not in words:
            near = nearest(str(value), words) if isinstance(value, str) else ""
            raise place.wrong(f"{shown(value)} is none of {_listed(words)}{near if 'mean' in near else ''}")
        return str(value)

    return read


def listed(read: Callable[[Any, Place], T]) -> Callable[[Any, Place], tuple[T, ...]]:
    """A list of such values; a single one stands for a list of one."""

    def reader(value: Any, place: Place) -> tuple[T, ...]:
        if not isinstance(value, list):
            return (read(value, place),)
        return tuple(read(entry, place.at(index)) for index, entry in enumerate(value))

    return reader


def known(names: Iterable[str], read: Callable[[Any, Place], T]) -> Callable[[Any, Place], dict[str, T]]:
    """A mapping of some of ``names``, and of no other, to such values."""

    def reader(value: Any, place: Place) -> dict[str, T]:
        entries = Entries(value, place)
        found = entries.known(names, read)
        entries.end()
        return found

    return reader


def mapped(read: Callable[[Any, Place], T]) -> Callable[[Any, Place], dict[str, T]]:
    """A mapping of names to such values."""
    return lambda value, place: Entries(value, place).each(read)
