"""What can be asked of a platform, and which hops it has."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lockstep.home import HOME

from . import disks
from .errors import PlatformError
from .redis_server import SENTINELS
from .toxics import meant

# One entry per hop: who connects, to whom.
HOPS = (
    ("client", "frontend"),
    ("client", "backend"),
    ("frontend", "auth"),
    ("frontend", "backend"),
    ("backend", "auth"),
    ("backend", "redis"),
    ("backend", "postgres"),
    ("auth", "backend"),
    ("auth", "redis"),
    ("auth", "postgres"),
    ("auth", "provider"),
)
_MOST_BACKENDS = 8
_SWITCHES = ("redis_replica", "sentinel", "clocks", "durable", "small_disk")
_STANDBYS = ("", "sync", "async")


def project_root() -> Path:
    """Where ``services/`` is looked for by default: where Lockstep lies, or where ``LOCKSTEP_SERVICES`` points."""
    return Path(os.environ.get("LOCKSTEP_SERVICES") or HOME)


@dataclass(frozen=True)
class Options:
    """A platform as it is asked for.

    ``env`` goes to every service, ``instance_env`` to one (`{"backend-2": {…}}`); ``proxies`` names hops such as
    ``backend->redis`` or ``backend-1->redis`` (``db`` means ``postgres``); ``services_dir`` holds ``services/``. Each
    replica in ``own_redis`` has a Redis that nobody else uses, as in a region of its own: ``backend-2`` ``redis-2``.
    With ``redis_replica`` a second server follows Redis, instance ``redis-replica``; with ``sentinel`` three Sentinels
    promote it, and services ask them where to connect. With ``clocks`` the wall clock of each service can be set.
    A ``standby``, ``sync`` or ``async``, follows PostgreSQL, instance ``postgres-standby``; with ``durable`` PostgreSQL
    waits for the disk, as in life. With ``small_disk`` its tables lie on a disk of their own that is soon full.
    """

    backends: int = 2
    env: Mapping[str, str] = field(default_factory=dict)
    instance_env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    proxies: tuple[str, ...] = ()
    services_dir: Path = field(default_factory=project_root)
    redis_server: str | None = None
    own_redis: tuple[str, ...] = ()
    redis_replica: bool = False
    sentinel: bool = False
    clocks: bool = False
    standby: str = ""
    durable: bool = False
    small_disk: bool = False

    @classmethod
    def from_json(cls, entries: Mapping[str, Any]) -> Options:
        """Options from a request; a PlatformError names what is wrong with them."""
        known = [entry.name for entry in fields(cls)]
        for name in entries:
            if name not in known:
                raise PlatformError(f"a platform has no option {name!r}; there are {', '.join(known)}")
        try:
            given: dict[str, Any] = {name: value for name, value in entries.items() if value is not None}
            given["backends"] = int(given.get("backends", 2))
            given["env"] = _texts(given.get("env", {}))
            given["instance_env"] = {k: _texts(v) for k, v in given.get("instance_env", {}).items()}
            given["proxies"] = tuple(_hop(name) for name in given.get("proxies", ()))
            given["own_redis"] = tuple(given.get("own_redis", ()))
            for name in _SWITCHES:
                given[name] = _switch(name, given.get(name, False))
            given["redis_replica"] = given["redis_replica"] or given["sentinel"]
            given["services_dir"] = Path(given.get("services_dir") or project_root()).resolve()
        except (TypeError, ValueError, AttributeError) as error:
            raise PlatformError(f"bad options {dict(entries)!r}: {error}") from error
        options = cls(**given)
        if not 1 <= options.backends <= _MOST_BACKENDS:
            raise PlatformError(f"backends={options.backends}: a platform has 1 to {_MOST_BACKENDS} backend replicas")
        if strangers := set(options.own_redis) - set(options.backend_names):
            raise PlatformError(f"own_redis: there is no replica {', '.join(sorted(strangers))}")
        if options.small_disk and (why := disks.why_missing()):
            raise PlatformError(f"small_disk=True: {why}")
        if options.standby not in _STANDBYS:
            raise PlatformError(f"standby={options.standby}: it is sync or async")
        if options.sentinel and any(link.on(hop) for hop in options.proxies for link in _to_redis(options)):
            raise PlatformError("services that ask Sentinel for Redis are on no proxied hop to it: leave out ->redis")
        if not (options.services_dir / "services").is_dir():
            raise PlatformError(f"services_dir {options.services_dir} holds no folder 'services'")
        return options

    @property
    def key(self) -> str:
        """Equal for options that give equal platforms."""
        entries = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return json.dumps(entries, sort_keys=True, default=str)

    @property
    def backend_names(self) -> list[str]:
        """Instances of backend."""
        return [f"backend-{number}" for number in range(1, self.backends + 1)]

    @property
    def sentinel_names(self) -> list[str]:
        """Instances of Sentinel."""
        return [f"sentinel-{number}" for number in range(1, SENTINELS + 1)] if self.sentinel else []

    @property
    def redis_names(self) -> list[str]:
        """Instances of Redis that services use from the start, that of most services first."""
        return ["redis", *(self.redis_of(name) for name in self.own_redis)]

    def redis_of(self, instance: str) -> str:
        """The instance of Redis that this instance uses."""
        return instance.replace("backend", "redis") if instance in self.own_redis else "redis"


@dataclass(frozen=True)
class Link:
    """One instance that connects to another one."""

    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source}->{self.target}"

    @property
    def carries_websockets(self) -> bool:
        """Whether WebSockets pass here in the clear; those of clients to frontend are encrypted."""
        return self.source in ("client", "frontend") and _service(self.target) == "backend"

    def on(self, hop: str) -> bool:
        """Whether it belongs to ``hop``, whose ends are instances or services; ``*`` is every hop."""
        if hop == "*":
            return True
        source, _, target = _hop(hop).partition("->")
        return source in (self.source, _service(self.source)) and target in (self.target, _service(self.target))


def links(backend_names: list[str]) -> list[Link]:
    """Every link of a platform with these replicas."""
    found = []
    for source, target in HOPS:
        for one in backend_names if source == "backend" else [source]:
            found += [Link(one, other) for other in (backend_names if target == "backend" else [target])]
    return found


def _service(instance: str) -> str:
    return "backend" if instance.startswith("backend-") else instance


def _hop(name: str) -> str:
    if name == "*":
        return name
    source, arrow, target = name.replace("→", "->").replace(" ", "").partition("->")
    target = {"db": "postgres"}.get(target, target)
    if not arrow or (_service(source), _service(target)) not in HOPS:
        known = ["->".join(hop) for hop in HOPS]
        raise PlatformError(f"there is no hop {name!r}; hops are {', '.join(known)}{meant(name, known)}")
    return f"{source}->{target}"


def _to_redis(options: Options) -> list[Link]:
    return [link for link in links(options.backend_names) if link.target == "redis"]


def _switch(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "yes", "false", "no"):
        return str(value).lower() in ("true", "yes")
    raise PlatformError(f"{name}={value}: it is on (True) or off (False)")


def _texts(entries: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in entries.items()}
