"""The target of a run and the platforms that this process has of it."""

from __future__ import annotations

import math
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lockstep import applicability
from lockstep.machine import PlatformUse

from . import control, lifeline, offer, reach
from .control import Control, EmbeddedControl
from .dialects import profile_of
from .embedded import rundir
from .embedded.client import HostClient, join_host, start_host
from .lease import LeaseWatch
from .profile import Profile, limits_of

DEFAULT_TARGET = "embedded"
_LOOPBACK = re.compile(r"localhost$|127\.|::1$")
# Whoever gives a host has started it before.
_GIVEN_HOST_DEADLINE = 2.0


@dataclass(frozen=True)
class Platform:
    """A platform in use: what is known of it, and how it is controlled."""

    descriptor: Mapping[str, Any]
    control: Control
    shared: bool
    suite: str

    @property
    def id(self) -> str:
        """What the host, or the profile, calls it."""
        return str(self.descriptor["platform_id"])

    def use(self, since: float) -> PlatformUse:
        """For how long its processes have waited for a processor since then, and whether other suites used it.

        Where nobody knows, they may have waited always on this machine, and never on another one.
        """
        known = self.control.use(since)
        if known is not None:
            return known
        host = urlsplit(str(self.descriptor.get("public_url") or self.descriptor.get("address"))).hostname or ""
        return PlatformUse(math.inf if _LOOPBACK.match(host) else 0.0)


class Targets:
    """Opens the target by its profile and leases platforms of it; one for a process."""

    def __init__(self) -> None:
        self._profiles: dict[str, Profile] = {}
        self._client: HostClient | None = None
        self._watch = LeaseWatch()
        self._external: Platform | None = None

    def profile(self, target: str | None) -> Profile:
        """The profile of ``target``, by default of ``LOCKSTEP_TARGET``; read once."""
        name = target or os.environ.get("LOCKSTEP_TARGET") or DEFAULT_TARGET
        if name not in self._profiles:
            self._profiles[name] = profile_of(name)
        return self._profiles[name]

    def lease(self, profile: Profile, suite: str, *, shared: bool, options: Mapping[str, Any]) -> Platform:
        """A ready platform of the target; NA where it is to be private and the target is one platform for all."""
        if profile.kind == "external":
            return self._external_platform(profile, suite, shared)
        asked = {**profile.platform, **options}
        asked["env"] = {**profile.platform.get("env", {}), **options.get("env", {})}
        client = self._host()
        found = client.lease(shared=shared, **asked)
        backends = len(found["backend_urls"])
        offered = [name for name in profile.capabilities if not (name == "replicas.2" and backends < 2)]
        descriptor = {
            **found,
            "target": profile.name,
            "capabilities": [name for name in offered if offer.missing(profile, name) is None],
            "limits": limits_of(profile, found["env"]),
            "mapping": dict(profile.mapping),
        }
        return Platform(descriptor, EmbeddedControl(client, found["platform_id"]), shared, suite)

    def release(self, platform: Platform) -> None:
        """Give a platform back; a private one has ended then."""
        if isinstance(platform.control, EmbeddedControl) and self._client is not None:
            self._client.release(platform.id)

    def end_of_host(self) -> str:
        """Why the host of the leased platforms has ended; "" while it lives, or where there is none."""
        return self._client.why_ended() if self._client is not None else ""

    def close(self) -> None:
        """Give everything back; a host that this process alone had has ended then."""
        client, self._client = self._client, None
        self._watch.end()
        if client is not None:
            client.close_and_wait() if _has_own_host() else client.close()

    def _host(self) -> HostClient:
        if self._client is None:
            self._client = _open_host()
            self._watch.begin(self._client)
        return self._client

    def _external_platform(self, profile: Profile, suite: str, shared: bool) -> Platform:
        if not shared:
            lacks = offer.missing(profile, offer.PRIVATE)
            assert lacks is not None
            applicability.not_applicable(lacks.capability, lacks.reason)
        if self._external is None:
            self._external = Platform(
                _describe(profile, reach.check(profile)), control.for_profile(profile), True, suite
            )
        return self._external


def _has_own_host() -> bool:
    """Whether the host ends with this process, and is not one that a launcher or pabot keeps."""
    return not os.environ.get("LOCKSTEP_HOST") and lifeline.pabot_parent() is None


def _open_host() -> HostClient:
    given = os.environ.get("LOCKSTEP_HOST")
    run = os.environ.get("LOCKSTEP_RUN_DIR")
    logs = Path(run) / "platforms" if run else None
    if given:
        return HostClient(given, within=_GIVEN_HOST_DEADLINE)
    if pabot := lifeline.pabot_parent():
        return join_host(f"pabot-{pabot}", keep_while=pabot, logs=logs)
    with rundir.base_directory_held() as folder:
        return start_host(folder / f"robot-{os.getpid()}-{secrets.token_hex(3)}.sock", logs=logs)


def _describe(profile: Profile, versions: Mapping[str, str]) -> dict[str, Any]:
    endpoints = dict(profile.endpoints)
    for name in ("ca_file", "signing_key_file"):
        if name in endpoints:
            endpoints[name] = str(profile.file(endpoints[name]))
    public = endpoints.get("public_url")
    return {
        "target": profile.name,
        "kind": profile.kind,
        "platform_id": profile.name,
        "shared": True,
        "frontend_url": public,
        "issuer": public,
        **endpoints,
        "service_token": profile.service_token,
        "capabilities": [name for name in profile.capabilities if offer.missing(profile, name) is None],
        "limits": dict(profile.limits),
        "mapping": dict(profile.mapping),
        "versions": dict(versions),
    }
