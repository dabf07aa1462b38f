"""Faults that a test can set, for everyone or for one e-mail address."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class TokenFault(BaseModel):
    """The token endpoint waits ``delay`` seconds, then answers ``status`` in place of its own answer."""

    model_config = ConfigDict(extra="forbid")

    status: Annotated[int, Field(ge=400, le=599)] | None = None
    delay: Annotated[float, Field(ge=0, le=60)] = 0.0


class IdTokenFault(BaseModel):
    """Claims put in place of the true ones; ``null`` leaves the claim out, ``exp`` is seconds from now."""

    model_config = ConfigDict(extra="forbid")

    nonce: str | None = None
    aud: str | list[str] | None = None
    iss: str | None = None
    exp: float | None = None
    email_verified: bool | str | None = None
    signature: Literal["broken", "foreign_key"] | None = None


class Fault(BaseModel):
    """One entry; ``once`` removes it after its first use at the token endpoint."""

    model_config = ConfigDict(extra="forbid")

    email: str | None = None
    token: TokenFault | None = None
    id_token: IdTokenFault | None = None
    once: bool = False


NO_FAULT = Fault()


class Faults:
    """The entries, one per e-mail address and one for everyone; the one for the address wins."""

    def __init__(self) -> None:
        self._entries: dict[str | None, Fault] = {}

    def put(self, fault: Fault) -> None:
        """Set the entry of this address, or of everyone."""
        self._entries[_key(fault.email)] = fault

    def clear(self, email: str | None) -> None:
        """Remove the entry of ``email``, or all entries where it is None."""
        if email is None:
            self._entries.clear()
        else:
            self._entries.pop(_key(email), None)

    def take(self, email: str | None) -> Fault:
        """The entry that holds for ``email`` now."""
        key = _key(email) if _key(email) in self._entries else None
        fault = self._entries.get(key, NO_FAULT)
        if fault.once:
            del self._entries[key]
        return fault


def spoiled(claims: dict[str, Any], fault: IdTokenFault | None, now: int) -> dict[str, Any]:
    """``claims`` with what the fault sets; only members that were sent count."""
    if fault is None:
        return claims
    changes = {name: value for name, value in fault.model_dump(exclude_unset=True).items() if name != "signature"}
    if changes.get("exp") is not None:
        changes["exp"] = now + int(changes["exp"])
    return {name: value for name, value in (claims | changes).items() if name not in changes or value is not None}


def _key(email: str | None) -> str | None:
    return email.strip().casefold() if email else None
