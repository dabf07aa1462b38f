"""What an attack is made of, and what it is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from JWTLibrary import claims as claim_names
from JWTLibrary import needs, tokens
from JWTLibrary.claims import ClaimNames
from JWTLibrary.tokens import PrivateKey, SigningKey, Token


def changed(entries: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``entries`` with ``changes``; an entry changed to ``None`` goes."""
    return {name: value for name, value in {**entries, **changes}.items() if value is not None}


class Key(Enum):
    """Whether an attack is made with the platform's real signing key."""

    UNUSED = "unused"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True)
class Material:
    """What a forger has: a genuine token, keys of their own, and perhaps the real one.

    ``attacker_key`` is of the genuine token's kind; ``published_key`` is the key pair that a header may point to.
    """

    text: str
    token: Token
    attacker_key: SigningKey
    published_key: PrivateKey
    attacker_kid: str
    url: str
    by: float
    real_key: SigningKey | None = None
    kid: str | None = None
    public_pem: bytes | None = None
    other_user: str | None = None
    names: ClaimNames = field(default_factory=ClaimNames)

    def resigned(self, header: Mapping[str, Any] | None = None, claims: Mapping[str, Any] | None = None) -> str:
        """The genuine token with these entries changed (``None`` removes one), signed as well as can be."""
        payload = tokens.to_json(claim_names.changed(self.token.claims, claims or {}))
        return self.signed(changed(self.header, header or {}), payload)

    def signed(self, header: Mapping[str, Any], payload: bytes) -> str:
        """These parts under the real key, or under the attacker's where there is none."""
        return self.signed_as(tokens.to_json({**header, "alg": self.algorithm}), payload)

    def signed_as(self, header: bytes, payload: bytes) -> str:
        """`signed`, over exactly these bytes."""
        return tokens.signed_bytes(header, payload, self.real_key or self.attacker_key)

    @property
    def algorithm(self) -> str:
        """That of the key that signs."""
        return tokens.algorithm_of(self.real_key or self.attacker_key)

    @property
    def header(self) -> dict[str, Any]:
        """The genuine header, with the key id in use."""
        return {**self.token.header, "kid": self.kid} if self.kid else dict(self.token.header)


@dataclass(frozen=True)
class Attack:
    """One way to forge: ``name`` in suites, the row of the checklist, what it does, and whether it takes the key.

    ``lacks`` says what a genuine token has not that the attack needs, or "": without it nothing would be wrong.
    """

    name: str
    row: str
    what: str
    key: Key
    forge: Callable[[Material], str]
    lacks: Callable[[Token, ClaimNames], str] = needs.nothing
