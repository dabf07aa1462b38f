"""Targets that have a dialect in the place of a profile: the profile that follows from it."""

from __future__ import annotations

from typing import Any

from lockstep.dialect import Dialect, DialectError, is_dialect
from lockstep.dialect import find as find_dialect
from lockstep.dialect import load as load_dialect

from . import profile
from .offer import PRIVATE
from .profile import Profile, ProfileError

_CAPABILITIES = {
    "control.stop": ("stop", "start"),
    "control.kill": ("kill", "start"),
    "control.pause": ("pause", "resume"),
    "control.restart": ("restart",),
    "control.logs": ("logs",),
}
_VERBS = {
    "none": (),
    "pids": ("stop", "kill", "pause", "resume"),
    "compose": ("start", "stop", "kill", "pause", "resume", "restart", "logs"),
}


def profile_of(target: str) -> Profile:
    """The profile of a target, given by name or path; where it has a dialect alone, the one that follows from that.

    Raises ``ProfileError``.
    """
    try:
        path = profile.find(target)
    except ProfileError as error:
        try:
            path = find_dialect(target)
        except DialectError:
            raise error from None
    if not is_dialect(path):
        return profile.load(path)
    try:
        dialect = load_dialect(path)
    except DialectError as error:
        raise ProfileError(str(error)) from error
    if dialect.control.adapter == "embedded":
        return profile.load(profile.find(dialect.name))
    return made_from(dialect)


def made_from(dialect: Dialect) -> Profile:
    """What a dialect says of capabilities, control and limits; endpoints are in its own words."""
    control = dialect.control
    facts: dict[str, Any] = {"adapter": control.adapter, "instances": dict(control.instances)}
    if control.commands:
        facts["commands"] = {verb: list(argv) for verb, argv in control.commands.items()}
    if control.pids:
        facts["pids"] = dict(control.pids)
    if control.compose_file:
        facts |= {"compose_file": control.compose_file, "project": control.project}
    verbs = set(control.commands) if control.adapter == "commands" else set(_VERBS[control.adapter])
    offered = tuple(name for name, needed in _CAPABILITIES.items() if verbs.issuperset(needed))
    return Profile(
        path=dialect.path,
        name=dialect.name,
        kind="external",
        capabilities=offered,
        not_offered={
            name: _lacking(name, dialect)
            for name in profile.known_capabilities()
            if name not in offered and name != PRIVATE
        },
        endpoints={"address": next(iter(dialect.endpoints.values())).url},
        control=facts,
        limits=dict(dialect.limits),
    )


def _lacking(capability: str, dialect: Dialect) -> str:
    """Why a target does not offer a capability: which entry of its dialect would give it, or that none does."""
    if capability in _CAPABILITIES:
        return f"not described in {dialect.path}: control, with the verbs {' and '.join(_CAPABILITIES[capability])}"
    return "no entry of a dialect gives it: such a test proves the reference platform's own contract (docs/protocol.md)"
