"""Target profiles: what a target is, what it offers, and how it is controlled; one YAML file each."""

from __future__ import annotations

import difflib
import functools
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .embedded.errors import PlatformError

SCHEMA = Path(__file__).with_name("profile.schema.json")
_ROOT = Path(__file__).resolve().parents[2]
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


_ENDPOINTS = (
    "public_url",
    "auth_url",
    "backend_urls",
    "socket_url",
    "backend_socket_urls",
    "provider_url",
    "auth_db_url",
    "main_db_url",
    "redis_url",
    "ca_file",
    "signing_key_file",
    "signing_kid",
    "issuer",
    "audience",
)


class ProfileError(PlatformError):
    """A profile that cannot be used; the message has the file, the line and the reason."""


@dataclass(frozen=True)
class Profile:
    """One target profile, checked against the schema, with environment variables filled in."""

    path: Path
    name: str
    kind: str
    capabilities: tuple[str, ...]
    endpoints: Mapping[str, Any] = field(default_factory=dict)
    service_token: str | None = field(default=None, repr=False)
    control: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    mapping: Mapping[str, Any] = field(default_factory=dict)
    login: Mapping[str, Any] = field(default_factory=dict)
    platform: Mapping[str, Any] = field(default_factory=dict)
    not_offered: Mapping[str, str] = field(default_factory=dict)
    adapter: str | None = None
    lines: Mapping[tuple[str | int, ...], int] = field(default_factory=dict, repr=False)

    def place(self, *path: str | int) -> str:
        """File and line of an entry, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.path}:{self.lines.get(path, 1)}"

    def file(self, name: str) -> Path:
        """A path that the profile gives; a relative one starts at the profile's folder."""
        return (self.path.parent / name).resolve()


@functools.cache
def known_capabilities() -> tuple[str, ...]:
    """Every capability that a target may have."""
    return tuple(json.loads(SCHEMA.read_text("utf-8"))["$defs"]["capability"]["enum"])


def folders() -> list[Path]:
    """Where profiles are looked for by name: ``LOCKSTEP_TARGETS``, the working directory's, the project's."""
    named = os.environ.get("LOCKSTEP_TARGETS")
    places = [Path(named)] if named else []
    return [*places, Path.cwd() / "variables" / "targets", _ROOT / "variables" / "targets"]


def find(target: str) -> Path:
    """The file of a target, given by name or by path; a ProfileError that lists the known names."""
    if target.endswith((".yaml", ".yml")) or os.sep in target:
        path = Path(target).expanduser()
        if path.is_file():
            return path
        raise ProfileError(f"there is no target profile {path}")
    for folder in folders():
        if (folder / f"{target}.yaml").is_file():
            return folder / f"{target}.yaml"
    known = sorted({path.stem for folder in folders() for path in folder.glob("*.yaml")})
    near = difflib.get_close_matches(target, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ProfileError(f"unknown target {target!r}: known are {', '.join(known) or 'none'}, or give a path{hint}")


def load(path: Path) -> Profile:
    """Read, check and fill in a profile."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path}: cannot be read: {error}") from error
    lines: dict[tuple[str | int, ...], int] = {}
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        entries = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ProfileError(f"{where}: not YAML: {getattr(error, 'problem', None) or error}") from error
    if root is not None:
        _note_lines(root, (), lines)
    _check(entries, path, lines)
    filled = _fill_in(entries, (), path, lines)
    variable = filled.get("service_token_env")
    token = os.environ.get(variable) if variable else None
    return Profile(
        path=path,
        name=filled.get("name", path.stem),
        kind=filled["kind"],
        capabilities=tuple(filled["capabilities"]),
        endpoints={name: value for name, value in filled.get("endpoints", {}).items() if value},
        service_token=token,
        lines=lines,
        **{
            name: filled[name]
            for name in ("control", "limits", "mapping", "login", "platform", "not_offered", "adapter")
            if name in filled
        },
    )


def _check(entries: Any, path: Path, lines: Mapping[tuple[str | int, ...], int]) -> None:
    if not isinstance(entries, dict):
        raise ProfileError(f"{path}:1: a profile is a mapping with kind, capabilities and control")
    import jsonschema  # a tenth of a second that only readers of profiles pay

    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    errors = sorted(
        validator.iter_errors(entries), key=lambda error: (list(map(str, error.absolute_path)), error.message)
    )
    if errors:
        said = [_said(error, path, lines) for error in errors]
        raise ProfileError("\n".join(said))


def _said(error: Any, path: Path, lines: Mapping[tuple[str | int, ...], int]) -> str:
    where = tuple(error.absolute_path)
    message = error.message
    if error.validator == "additionalProperties":
        extra = [name for name in error.instance if name not in error.schema.get("properties", {})]
        known = ", ".join(sorted(error.schema.get("properties", {})))
        message = f"unknown entry {', '.join(map(repr, extra))}; known are {known}"
        where = (*where, extra[0]) if extra else where
    elif error.validator == "enum":
        near = difflib.get_close_matches(str(error.instance), [str(value) for value in error.validator_value], n=1)
        message = f"{error.instance!r} is none of {', '.join(map(str, error.validator_value))}"
        message += f"; did you mean {near[0]}?" if near else ""
    elif error.validator == "not":
        message = f"{', '.join(error.validator_value['required'])} does not go with kind {error.instance.get('kind')!r}"
        where = (*where, error.validator_value["required"][0])
    shown = ".".join(map(str, error.absolute_path))
    while where and where not in lines:
        where = where[:-1]
    return f"{path}:{lines.get(where, 1)}: {f'{shown}: ' if shown else ''}{message}"


def _note_lines(node: yaml.Node, path: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int]) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines[(*path, key.value)] = key.start_mark.line + 1
            _note_lines(value, (*path, key.value), lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _note_lines(value, (*path, index), lines)


def _fill_in(value: Any, where: tuple[str | int, ...], path: Path, lines: Mapping[tuple[str | int, ...], int]) -> Any:
    """``value`` with ``${NAME}`` and ``${NAME:-default}`` replaced from the environment."""
    if isinstance(value, dict):
        return {name: _fill_in(entry, (*where, name), path, lines) for name, entry in value.items()}
    if isinstance(value, list):
        filled = [_fill_in(entry, (*where, index), path, lines) for index, entry in enumerate(value)]
        return [entry for entry in filled if entry != ""]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        found = os.environ.get(match["name"], match["default"])
        if found is None:
            raise ProfileError(
                f"{path}:{lines.get(where, 1)}: the environment variable {match['name']} is not set; "
                f"set it, or write ${{{match['name']}:-default}}"
            )
        return found

    return _VARIABLE.sub(replace, value)


def write_remote_profile(descriptor: Mapping[str, Any], path: Path) -> None:
    """Write a profile by which the suites reach a running platform from outside: endpoints only, no control.

    The service credential is not written; whoever uses the profile sets ``LOCKSTEP_SERVICE_TOKEN`` to it.
    """
    embedded = load(find("embedded"))
    profile = {
        "name": path.stem,
        "kind": "external",
        "endpoints": {name: descriptor[name] for name in _ENDPOINTS if descriptor.get(name)},
        "service_token_env": "LOCKSTEP_SERVICE_TOKEN",
        "capabilities": _seen_from_outside(embedded, descriptor),
        "control": {"adapter": "none"},
        "limits": limits_of(embedded, descriptor.get("env") or {}),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(profile, sort_keys=False, allow_unicode=True), "utf-8")


def limits_of(profile: Profile, env: Mapping[str, str]) -> dict[str, float]:
    """The limits of a platform made from ``profile``: the profile's, but for those that its ``env`` sets."""
    return {name: float(env.get(name.upper(), value)) for name, value in profile.limits.items()}


def _seen_from_outside(embedded: Profile, descriptor: Mapping[str, Any]) -> list[str]:
    inside = (
        "platform.private",
        "control.",
        "net.faults",
        *(() if len(descriptor.get("backend_urls", ())) > 1 else ("replicas.2",)),
    )
    return [name for name in embedded.capabilities if not name.startswith(inside)]
