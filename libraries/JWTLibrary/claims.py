"""Which claim holds what: platforms name the user, the session and the roles otherwise than RFC 7519 and RFC 9068."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

MISSING = object()


@dataclass(frozen=True)
class ClaimNames:
    """The name of the claim for each purpose; the defaults are those of RFC 7519 §4.1 and RFC 9068 §2.2."""

    user: str = "sub"
    session: str = "sid"
    roles: str = "roles"
    issuer: str = "iss"
    audience: str = "aud"
    expiry: str = "exp"
    issued: str = "iat"

    @classmethod
    def read(cls, given: Mapping[str, str], usual: ClaimNames | None = None) -> ClaimNames:
        """``usual`` (default: the standards' names) with the ``given`` ones; ``ValueError`` for an unknown purpose."""
        known = [entry.name for entry in fields(cls)]
        if wrong := [name for name in given if name not in known]:
            raise ValueError(f"no claim is known as '{wrong[0]}'; known are: {', '.join(known)}")
        if empty := [name for name, claim in given.items() if not isinstance(claim, str) or not claim]:
            raise ValueError(f"the claim for '{empty[0]}' needs a name")
        defaults = usual or cls()
        return cls(**{name: given.get(name, getattr(defaults, name)) for name in known})


def get(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of this ``name``, or ``MISSING``.

    A name that is no claim itself is a dotted path: ``realm_access.roles``.
    """
    holder, last = _holder(claims, name)
    return holder.get(last, MISSING) if isinstance(holder, Mapping) else MISSING


def changed(claims: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of ``claims`` with ``changes``, by names as in `get`; one that is changed to ``None`` goes.

    What is not there yet is added under its whole name.
    """
    result = copy.deepcopy(dict(claims))
    for name, value in changes.items():
        holder, last = _holder(result, name)
        if not isinstance(holder, dict) or last not in holder:
            holder, last = result, name
        if value is None:
            holder.pop(last, None)
        else:
            holder[last] = value
    return result


def _holder(claims: Any, name: str) -> tuple[Any, str]:
    """What has the claim directly, and its name in there."""
    if name in claims or "." not in name:
        return claims, name
    *path, last = name.split(".")
    here = claims
    for part in path:
        here = here.get(part) if isinstance(here, Mapping) else None
    return here, last
