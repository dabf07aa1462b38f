"""``boot.yaml``: how a target is started on this machine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from launcher.console import LaunchError, did_you_mean

FILE = "boot.yaml"
SCHEMA = Path(__file__).with_name("boot.schema.json")
GIVEN = ("PYTHON", "NODE", "PACKAGES", "TARGET", "WORK")
"""Names that every recipe may use: two programs, and the folders of packages, of the recipe, and for its files."""
STORES = {"postgres": "POSTGRES_URL", "redis": "REDIS_URL"}
_READY_WITHIN = 120.0
_NAME = re.compile(r"\$\{([^}]*)\}")

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Process:
    """One instance: its command lines and environment hold ``${NAME}`` still."""

    name: str
    run: Sequence[str]
    ports: Sequence[str]
    ready: str
    first: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    within: float = _READY_WITHIN
    alone: bool = False


@dataclass(frozen=True)
class Recipe:
    """A ``boot.yaml``, checked; ``requirements`` and ``node`` are paths that exist."""

    name: str
    folder: Path
    processes: Sequence[Process]
    requirements: Path | None = None
    node: Path | None = None
    ports: Sequence[str] = ()
    secrets: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    database: str | None = None
    redis: bool = False
    prepare: Sequence[str] = ()

    @property
    def version(self) -> str:
        """Name and version of the package that is called as the target; "" where there is none."""
        pinned: dict[str, str] = {}
        if self.node:
            pinned |= json.loads((self.node / "package.json").read_text("utf-8")).get("dependencies", {})
        if self.requirements:
            found = re.findall(r"^([\w.-]+)==([\w.]+)", self.requirements.read_text("utf-8"), re.MULTILINE)
            pinned |= dict(found)
        return f"{self.name} {pinned[self.name]}" if self.name in pinned else ""

    @property
    def instances(self) -> list[str]:
        """What can be controlled: the stores, then the processes."""
        stores = [name for name, wanted in (("postgres", self.database), ("redis", self.redis)) if wanted]
        return [*stores, *(process.name for process in self.processes)]


def filled(text: str, facts: Mapping[str, str]) -> str:
    """``text`` with each ``${NAME}`` replaced; raises ``KeyError`` for a name that nothing is known of."""
    return _NAME.sub(lambda match: facts[match[1]], text)


def read(folder: Path) -> Recipe:
    """The recipe of the target in ``folder``, which another one's may be (``as``).

    Raises ``LaunchError`` with file, line and reason where it is wrong.
    """
    path = folder / FILE
    try:
        text = path.read_text("utf-8")
        entries, root = yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise LaunchError(f"{path} cannot be read: {error}.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise LaunchError(f"{path}{line}: not YAML: {getattr(error, 'problem', None) or error}.") from error
    lines = dict(_lines(root, ())) if root is not None else {}
    _check(path, entries, lines)
    if other := entries.get("as"):
        return read(_existing(path, lines, ("as",), f"../{other}/{FILE}").resolve().parent)
    packages, stores = entries.get("packages", {}), entries.get("stores", {})
    processes = [_process(name, given) for name, given in entries["instances"].items()]
    return Recipe(
        name=folder.name,
        folder=folder,
        processes=processes,
        requirements=_given(path, lines, packages, "python"),
        node=_given(path, lines, packages, "node"),
        ports=tuple(entries.get("ports", ())),
        secrets=tuple(entries.get("secrets", ())),
        facts={name: str(value) for name, value in entries.get("facts", {}).items()},
        database=stores["postgres"]["database"] if "postgres" in stores else None,
        redis="redis" in stores,
        prepare=_texts(entries.get("prepare", ())),
    )


def _process(name: str, given: Mapping[str, Any]) -> Process:
    return Process(
        name=name,
        run=_texts(given["run"]),
        ports=tuple(given["ports"]),
        ready=given["ready"],
        first=_texts(given.get("first", ())),
        environment={key: str(value) for key, value in given.get("environment", {}).items()},
        within=float(given.get("within", _READY_WITHIN)),
        alone=bool(given.get("alone", False)),
    )


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def _given(path: Path, lines: Mapping[Place, int], packages: Mapping[str, str], kind: str) -> Path | None:
    return _existing(path, lines, ("packages", kind), packages[kind]) if kind in packages else None


def _existing(path: Path, lines: Mapping[Place, int], place: Place, name: str) -> Path:
    found = path.parent / name
    if not found.exists():
        raise LaunchError(f"{path}:{lines[place]}: there is no {found}.")
    return found


def _check(path: Path, entries: Any, lines: Mapping[Place, int]) -> None:
    """Raise for the first thing that is wrong, with its line."""
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    errors = sorted(
        validator.iter_errors(entries),
        key=lambda error: ([str(part) for part in error.absolute_path], error.validator == "oneOf"),
    )
    wrong = [_wrong(error) for error in errors] or list(_wrong_names(entries))
    if wrong:
        place, message = wrong[0]
        while place and place not in lines:
            place = place[:-1]
        raise LaunchError(f"{path}:{lines.get(place, 1)}: {message}{'' if message.endswith('?') else '.'}")


def _wrong(error: jsonschema.ValidationError) -> tuple[Place, str]:
    place = tuple(error.absolute_path)
    shown = f"{'.'.join(map(str, place))}: " if place else ""
    schema, given = error.schema, error.instance
    known = list(schema.get("properties", {})) if isinstance(schema, dict) else []
    if error.validator == "oneOf":
        return place, "either `as` stands there alone, or instances are described"
    if error.validator == "additionalProperties" and known and isinstance(given, dict):
        extra = next(name for name in given if name not in known)
        near = did_you_mean(str(extra), known)
        return (
            *place,
            extra,
        ), f"{shown}unknown entry {extra!r}; known are {', '.join(known)}{'.' if near else ''}{near}"
    return place, shown + error.message


def _wrong_names(entries: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Names in ``${…}`` that stand for nothing, and ports that nobody declares."""
    ports = list(entries.get("ports", ()))
    stores = [name for store, name in STORES.items() if store in entries.get("stores", {})]
    known = [*GIVEN, *ports, *entries.get("secrets", ()), *stores]
    for name, value in entries.get("facts", {}).items():
        yield from _unknown(value, ("facts", name), known)
        known.append(name)
    for name, instance in entries.get("instances", {}).items():
        for port in instance["ports"]:
            if port not in ports:
                near = did_you_mean(port, ports)
                yield ("instances", name, "ports"), f"{port!r} is none of the ports{'.' if near else ''}{near}"
        for part in ("first", "run", "environment", "ready"):
            yield from _unknown(instance.get(part, ()), ("instances", name, part), known)
    yield from _unknown(entries.get("prepare", ()), ("prepare",), known)


def _unknown(value: Any, place: Place, known: Sequence[str]) -> Iterator[tuple[Place, str]]:
    if isinstance(value, Mapping):
        for name, entry in value.items():
            yield from _unknown(entry, (*place, name), known)
    elif isinstance(value, (list, tuple)):
        for index, entry in enumerate(value):
            yield from _unknown(entry, (*place, index), known)
    elif isinstance(value, str):
        for name in _NAME.findall(value):
            if name not in known:
                near = did_you_mean(name, known)
                yield place, f"nothing is known of ${{{name}}}; known are {', '.join(known)}{'.' if near else ''}{near}"


def _lines(node: yaml.Node, place: Place) -> Iterator[tuple[Place, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _lines(value, (*place, key.value))
            yield (*place, key.value), key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*place, index), value.start_mark.line + 1
            yield from _lines(value, (*place, index))
