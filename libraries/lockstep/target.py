"""The target in use: what `PlatformLibrary` leased, for every library that talks to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from lockstep.masking import register


@dataclass(frozen=True)
class Descriptor:
    """Where everything of one target is; ``None`` or empty where it does not have it (docs/architecture.md)."""

    target: str = ""
    kind: str = ""
    platform_id: str = ""
    shared: bool = False
    dir: str | None = None
    public_url: str | None = None
    auth_url: str | None = None
    backend_urls: tuple[str, ...] = ()
    socket_url: str | None = None
    backend_socket_urls: tuple[str, ...] = ()
    provider_url: str | None = None
    auth_db_url: str | None = None
    main_db_url: str | None = None
    redis_url: str | None = None
    service_token: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    signing_key_file: str | None = None
    signing_kid: str | None = None
    issuer: str | None = None
    audience: str | None = None
    capabilities: tuple[str, ...] = ()
    limits: Mapping[str, Any] = field(default_factory=dict)
    mapping: Mapping[str, Any] = field(default_factory=dict)
    logs: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, entries: Mapping[str, Any]) -> Descriptor:
        """A descriptor from its JSON form; entries that it does not know are kept in ``extra``."""
        known = {entry.name for entry in fields(cls)}
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in entries.items()
            if name in known and not (value is None and name in _NEVER_NONE)
        }
        values["extra"] = {**entries.get("extra", {}), **{k: v for k, v in entries.items() if k not in known}}
        descriptor = cls(**values)
        if descriptor.service_token:
            register(descriptor.service_token)
        return descriptor

    def needed(self, name: str) -> Any:
        """The entry ``name``. Where others run the target and it has none, what needs it ends as NA.

        Raises ``RuntimeError`` that names entry and target where the run has made the platform itself.
        """
        value = getattr(self, name)
        if value is None or value == () or value == "":
            reason = f"target '{self.target or self.kind}' has no {name}"
            if self.kind != "external":
                raise RuntimeError(reason)
            # It asks this module for the target in use.
            from lockstep import applicability

            applicability.not_applicable(f"endpoints.{name}", reason)
        return value


_NEVER_NONE = ("backend_urls", "backend_socket_urls", "capabilities", "limits", "mapping", "logs", "versions", "extra")
_in_use: list[Descriptor] = []


def set_current(descriptor: Descriptor | Mapping[str, Any] | None) -> None:
    """Makes ``descriptor`` the target of all libraries in this process; ``None`` when its lease has ended."""
    _in_use.clear()
    if descriptor is not None:
        _in_use.append(descriptor if isinstance(descriptor, Descriptor) else Descriptor.from_dict(descriptor))


def in_use() -> bool:
    """Whether there is a target in use."""
    return bool(_in_use)


def current() -> Descriptor:
    """The target in use; raises ``RuntimeError`` where there is none."""
    if not _in_use:
        raise RuntimeError("no platform is in use: call Use Shared Platform first")
    return _in_use[0]
