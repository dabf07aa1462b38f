"""Target profiles: what a target is, what it offers, and how it is controlled; one YAML file each."""

from __future__ import annotations

import difflib
import functools
import importlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from lockstep import reasons
from lockstep.dialect.entries import Names, read_file
from lockstep.dialect.errors import DialectError
from lockstep.home import target_folders

from . import checking
from .embedded.errors import PlatformError

_NEEDED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_COMMENT = re.compile(r"(^|\s)#.*")
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
    """A profile that cannot be used, which ends a run; the message has the file, the line and the reason."""

    ROBOT_EXIT_ON_FAILURE = True
    ROBOT_SUPPRESS_NAME = True


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
    platform: Mapping[str, Any] = field(default_factory=dict)
    not_offered: Mapping[str, str] = field(default_factory=dict)
    adapter: type | None = None
    lines: Mapping[Names, int] = field(default_factory=dict, repr=False)

    def place(self, *path: str | int) -> str:
        """File and line of an entry, or of the nearest one around it."""
        return f"{self.path}:{_line(path, self.lines)}"

    def file(self, name: str) -> Path:
        """A path that the profile gives; a relative one starts at the profile's folder."""
        return (self.path.parent / name).resolve()


@functools.cache
def known_capabilities() -> tuple[str, ...]:
    """Every capability that a target may have."""
    return tuple(checking.schema()["$defs"]["capability"]["enum"])


def folders() -> list[Path]:
    """Where profiles are looked for by name: ``LOCKSTEP_TARGETS``, the working directory's, the project's."""
    return target_folders()


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
    """Read and check a profile, with environment variables filled in.

    Raises ``ProfileError`` with file, line and reason: of what is no YAML, is there twice, is unknown, is read by
    nobody, or cannot be imported.
    """
    _must_be_set(path)
    try:
        entries, place = read_file(path)
    except DialectError as error:
        raise ProfileError(str(error)) from error
    lines = place.source.lines
    if wrong := [f"{path}:{_line(where, lines)}: {what}" for where, what in checking.wrong(entries)]:
        raise ProfileError("\n".join(wrong))
    variable = entries.get("service_token_env")
    return Profile(
        path=path,
        name=entries.get("name", path.stem),
        kind=entries["kind"],
        capabilities=tuple(entries["capabilities"]),
        endpoints={name: value for name, value in _given(entries.get("endpoints", {})).items() if value},
        service_token=os.environ.get(variable) or None if variable else None,
        adapter=_adapter(entries["control"]["adapter"], path, _line(("control", "adapter"), lines)),
        lines=lines,
        **{
            name: entries[name]
            for name in ("control", "limits", "mapping", "platform", "not_offered")
            if name in entries
        },
    )


def _must_be_set(path: Path) -> None:
    """All environment variables that are missing, at once."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    missing = [
        f"{path}:{number}: the environment variable {name} is not set"
        for number, line in enumerate(lines, 1)
        for name in _NEEDED.findall(_COMMENT.sub("", line))
        if name not in os.environ
    ]
    if missing:
        raise ProfileError("\n".join([*missing, "Set what is missing, or write ${NAME:-default} for a default."]))


def _line(where: Names, lines: Mapping[Names, int]) -> int:
    while where and where not in lines:
        where = where[:-1]
    return lines.get(where, 1)


def _given(endpoints: Mapping[str, Any]) -> dict[str, Any]:
    """The endpoints, without the addresses that a list leaves empty."""
    return {
        name: [url for url in value if url] if isinstance(value, list) else value for name, value in endpoints.items()
    }


def _adapter(name: str, path: Path, line: int) -> type | None:
    """The class that controls the target, where the profile names one of its own; it may stand beside the profile."""
    if name in checking.ADAPTERS:
        return None
    module, _, kind = name.rpartition(".")
    sys.path.insert(0, str(path.resolve().parent))
    try:
        found = getattr(importlib.import_module(module), kind)
    except Exception as error:
        raise ProfileError(f"{path}:{line}: control.adapter: {name} cannot be imported: {reasons.of(error)}") from error
    finally:
        sys.path.pop(0)
    lacking = [part for part in ("do", "verbs") if not hasattr(found, part)]
    if not isinstance(found, type) or lacking:
        what = f"it has no {' and no '.join(lacking)}" if lacking else "it is no class"
        raise ProfileError(
            f"{path}:{line}: control.adapter: {name} controls nothing: {what}; derive it from "
            "PlatformLibrary.control.NoControl"
        )
    return found


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
