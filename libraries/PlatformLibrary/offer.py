"""Which capabilities a target offers, and why it lacks the others; known before anything is started."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lockstep import applicability

from .embedded import clocks, disks
from .profile import Profile, known_capabilities

NEEDS = "needs:"
PRIVATE = "platform.private"
CLOCK = "control.clock"
DISK = "control.disk"
_VERBS = {
    "control.stop": ("stop", "start"),
    "control.kill": ("kill", "start"),
    "control.pause": ("pause", "resume"),
    "control.restart": ("restart",),
    "control.logs": ("logs",),
}
_ADAPTER_VERBS: Mapping[str, Sequence[str]] = {
    "none": (),
    "pids": ("stop", "kill", "pause", "resume"),
    "compose": ("start", "stop", "kill", "pause", "resume", "restart", "logs"),
}
_ENDPOINTS = {
    "oauth.provider": ("provider_url",),
    "db.auth": ("auth_db_url",),
    "db.main": ("main_db_url",),
    "redis": ("redis_url",),
    "jwt.signing_key": ("signing_key_file",),
    "ws": ("socket_url",),
    "ws.resume": ("socket_url",),
}
_OF_MACHINE: Mapping[str, Callable[[], str | None]] = {CLOCK: clocks.why_missing, DISK: disks.why_missing}
_REPLICA = re.compile(r"backend(?:_(?P<number>\d+))?_(?P<kind>url|socket_url)")
# What is derived where the profile does not give it.
_FALLBACKS = {"frontend_url": "public_url", "issuer": "public_url"}
_NEED_CREDENTIAL = ("session.admin", "oauth.provider")


@dataclass(frozen=True)
class Missing:
    """A capability that the target lacks; ``declared`` where its profile says that it has it."""

    capability: str
    reason: str
    declared: bool

    @property
    def verdict(self) -> str:
        """How the report says it."""
        return applicability.verdict(self.capability, self.reason)

    @property
    def allowed(self) -> bool:
        """False where the run is certified and the profile declares what the target lacks."""
        return not (self.declared and applicability.certified())


def unknown_capability(tags: Sequence[str]) -> str | None:
    """What is wrong with the first of ``tags`` that asks for a capability which no target can have."""
    known = known_capabilities()
    for name in needed(tags):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            return f"the tag {NEEDS}{name} names no capability: {hint}"
    return None


def needed(tags: Sequence[str]) -> list[str]:
    """The capabilities that a test asks for by its tags."""
    return [str(tag).partition(":")[2].strip() for tag in tags if str(tag).lower().startswith(NEEDS)]


def first_missing(profile: Profile, tags: Sequence[str]) -> Missing | None:
    """The first capability of ``tags`` that the target lacks."""
    return next((found for found in (missing(profile, name) for name in needed(tags)) if found), None)


def missing(profile: Profile, capability: str) -> Missing | None:
    """Why ``capability``, or a word such as ``endpoints.redis_url`` or ``limits.access_ttl``, is missing.

    None where it is offered.
    """
    if capability not in known_capabilities() and _described(profile, capability):
        return None
    if capability not in profile.capabilities:
        unsaid = "is one platform for all" if capability == PRIVATE else "does not offer it"
        undeclared = profile.not_offered.get(capability, f"target {profile.name!r} {unsaid}")
        return Missing(capability, undeclared, declared=False)
    if capability in _OF_MACHINE and (why := _why_not_here(profile, capability)):
        # Of what this machine lacks no profile can say that it is there.
        return Missing(capability, why, declared=False)
    reason = _contradiction(profile, capability)
    return Missing(capability, reason, declared=True) if reason else None


def _why_not_here(profile: Profile, capability: str) -> str | None:
    if profile.kind != "embedded":
        return "only the embedded platform has it"
    return _OF_MACHINE[capability]()


def _described(profile: Profile, word: str) -> bool:
    """Whether the profile says what a keyword found it to lack; of words that no profile has, it does not."""
    kind, _, name = word.partition(".")
    if kind == "endpoints":
        return profile.kind == "embedded" or not _lacks_endpoint(profile, name)
    if kind == "limits":
        return name in profile.limits
    if kind == "platform":
        return profile.kind == "embedded"
    if word == "mapping.paths.health":
        return profile.mapping.get("paths", {}).get("health", word) is not None
    if kind == "control":
        return name.removeprefix("pids.") in profile.control.get("pids", {}) or not _lacking_verbs(profile, [name])
    return False


def _lacks_endpoint(profile: Profile, name: str) -> bool:
    if numbered := _REPLICA.fullmatch(name):
        return len(profile.endpoints.get(f"backend_{numbered['kind']}s", ())) < int(numbered["number"] or 1)
    if name == "service_token":
        return not profile.service_token
    return _FALLBACKS.get(name, name) not in profile.endpoints


def _contradiction(profile: Profile, capability: str) -> str | None:
    """What the profile lacks of a capability that it declares."""
    if capability in _VERBS:
        return _lacking_verbs(profile, _VERBS[capability])
    if capability == PRIVATE:
        return None if profile.kind == "embedded" else "it is one platform for all, since others have started it"
    if profile.kind == "embedded":
        replicas = int(profile.platform.get("backends", 2))
        return f"the profile asks for {replicas} backend" if capability == "replicas.2" and replicas < 2 else None
    return _lacking_endpoint(profile, capability)


def _lacking_verbs(profile: Profile, wanted: Sequence[str]) -> str | None:
    adapter = profile.control["adapter"]
    if adapter == "embedded":
        return None
    commands: Mapping[str, object] = profile.control.get("commands", {})
    if profile.adapter is not None:
        verbs = tuple(getattr(profile.adapter, "verbs", ()))
    else:
        verbs = tuple(commands) if adapter == "commands" else tuple(_ADAPTER_VERBS[adapter])
    lacking = [verb for verb in wanted if verb not in verbs]
    return f"the control adapter {adapter!r} cannot {' or '.join(lacking)}" if lacking else None


def _lacking_endpoint(profile: Profile, capability: str) -> str | None:
    for endpoint in _ENDPOINTS.get(capability, ()):
        if endpoint not in profile.endpoints:
            return f"the profile gives no endpoints.{endpoint}"
    if capability == "replicas.2" and len(profile.endpoints.get("backend_urls", ())) < 2:
        return "the profile gives fewer than two endpoints.backend_urls"
    if capability in _NEED_CREDENTIAL and not profile.service_token:
        return "no service credential: the variable of service_token_env is not set"
    if capability == "net.faults":
        return "only the embedded platform has fault proxies"
    return None
