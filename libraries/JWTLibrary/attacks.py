"""Every attack on a JWT verifier that this library knows, by name (RFC 8725; checklist rows J01 to J09)."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from JWTLibrary import tokens
from JWTLibrary.tokens import PrivateKey, Token

GIANT = 1_000_000
DEEP = 5_000


class Key(Enum):
    """Whether an attack is made with the platform's real signing key."""

    UNUSED = "unused"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True)
class Material:
    """What a forger has: a genuine token, keys of his own, and perhaps the real one."""

    text: str
    token: Token
    attacker_key: PrivateKey
    attacker_kid: str
    url: str
    by: float
    real_key: PrivateKey | None = None
    kid: str | None = None
    public_pem: bytes | None = None

    def resigned(self, header: Mapping[str, Any] | None = None, claims: Mapping[str, Any] | None = None) -> str:
        """The genuine token with these entries changed (``None`` removes one), signed as well as can be."""
        payload = tokens.to_json(changed(self.token.claims, claims or {}))
        return self.signed(changed(self.header, header or {}), payload)

    def signed(self, header: Mapping[str, Any], payload: bytes) -> str:
        """These parts under the real key, or under the attacker's where there is none."""
        key = self.real_key or self.attacker_key
        return tokens.signed({**header, "alg": tokens.algorithm_of(key)}, payload, key)

    @property
    def header(self) -> dict[str, Any]:
        """The genuine header, with the key id in use."""
        return {**self.token.header, "kid": self.kid} if self.kid else dict(self.token.header)


@dataclass(frozen=True)
class Attack:
    """One way to forge: ``name`` in suites, the row of the checklist, what it does, and whether it takes the key."""

    name: str
    row: str
    what: str
    key: Key
    forge: Callable[[Material], str]


def changed(entries: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``entries`` with ``changes``; an entry changed to ``None`` goes."""
    return {name: value for name, value in {**entries, **changes}.items() if value is not None}


def _none(spelling: str) -> Callable[[Material], str]:
    def forge(material: Material) -> str:
        header = tokens.to_json({**material.token.header, "alg": spelling})
        return f"{tokens.encode(header)}.{material.token.raw_claims}."

    return forge


def _hs256(secret: Callable[[Material], bytes], **header: Any) -> Callable[[Material], str]:
    def forge(material: Material) -> str:
        complete = tokens.to_json({**material.token.header, "alg": "HS256", **header})
        message = f"{tokens.encode(complete)}.{material.token.raw_claims}"
        return f"{message}.{tokens.encode(hmac.digest(secret(material), message.encode(), hashlib.sha256))}"

    return forge


def _public_pem(material: Material) -> bytes:
    if material.public_pem is None:
        raise ValueError("this attack needs the platform's public key: give jwks=…")
    return material.public_pem


def _flip_bit(material: Material) -> str:
    signature = material.token.signature
    flipped = bytes([signature[0] ^ 1]) + signature[1:]
    return f"{material.token.raw_header}.{material.token.raw_claims}.{tokens.encode(flipped)}"


def _tamper(material: Material) -> str:
    claims = tokens.to_json({**material.token.claims, "sub": "00000000-0000-4000-8000-000000000000"})
    return f"{material.token.raw_header}.{tokens.encode(claims)}.{material.token.raw_signature}"


def _header(**entries: Any) -> Callable[[Material], str]:
    return lambda material: material.resigned(header=entries)


def _claims(**entries: Any) -> Callable[[Material], str]:
    return lambda material: material.resigned(claims=entries)


def _foreign(**entry: Callable[[Material], Any]) -> Callable[[Material], str]:
    def forge(material: Material) -> str:
        extra = {name: make(material) for name, make in entry.items()}
        return replace(material, real_key=None).resigned({"kid": material.attacker_kid, **extra})

    return forge


def _expired(material: Material) -> str:
    gone = time.time() - material.by
    return material.resigned(claims={"iat": int(gone - 60), "nbf": int(gone - 60), "exp": gone})


def _not_yet_valid(material: Material) -> str:
    coming = time.time() + material.by
    return material.resigned(claims={"nbf": coming, "exp": coming + 300})


def _duplicate_claims(material: Material) -> str:
    first = json.dumps({"sub": "00000000-0000-4000-8000-000000000000"})[:-1]
    rest = tokens.to_json(material.token.claims).decode()[1:]
    return material.signed(material.header, f"{first},{rest}".encode())


def _deep(material: Material) -> str:
    claims = tokens.to_json(material.token.claims).decode()[:-1]
    return material.signed(material.header, f'{claims},"deep":{"[" * DEEP}{"]" * DEEP}}}'.encode())


def _bad_base64(material: Material) -> str:
    return f"{material.token.raw_header}.!!{material.token.raw_claims[2:]}.{material.token.raw_signature}"


def _sql_kid(material: Material) -> str:
    return _hs256(lambda _: b"key", kid="' UNION SELECT 'key' -- ")(material)


_UNUSED, _OPTIONAL, _REQUIRED = Key.UNUSED, Key.OPTIONAL, Key.REQUIRED
ATTACKS: Mapping[str, Attack] = {
    attack.name: attack
    for attack in (
        Attack("flipped signature bit", "J01", "one bit of the signature is wrong", _UNUSED, _flip_bit),
        Attack(
            "empty signature",
            "J01",
            "no signature, but its dot",
            _UNUSED,
            lambda m: f"{m.token.raw_header}.{m.token.raw_claims}.",
        ),
        Attack(
            "two segments",
            "J01",
            "neither signature nor its dot",
            _UNUSED,
            lambda m: f"{m.token.raw_header}.{m.token.raw_claims}",
        ),
        Attack("tampered claims", "J01", "another subject under the genuine signature", _UNUSED, _tamper),
        *(
            Attack(f"alg {spelling}", "J02", f"alg {spelling}, unsigned (RFC 8725 §3.1)", _UNUSED, _none(spelling))
            for spelling in ("none", "None", "NONE", "nOnE")
        ),
        Attack(
            "hs256 with public key",
            "J03",
            "HS256, the secret being the public key's PEM",
            _UNUSED,
            _hs256(lambda m: _public_pem(m).rstrip(b"\n") + b"\n"),
        ),
        Attack(
            "hs256 with public key without newline",
            "J03",
            "the same without the PEM's last newline",
            _UNUSED,
            _hs256(lambda m: _public_pem(m).rstrip(b"\n")),
        ),
        Attack("hs256 with empty secret", "J03", "HS256, the secret being empty", _UNUSED, _hs256(lambda _: b"")),
        Attack(
            "foreign key",
            "J04",
            "signed by another service's key under the genuine kid",
            _UNUSED,
            lambda m: replace(m, real_key=None).resigned(),
        ),
        Attack(
            "foreign jwk",
            "J04",
            "the attacker's key inside the header (jwk)",
            _UNUSED,
            _foreign(jwk=lambda m: tokens.public_jwk(m.attacker_key, m.attacker_kid)),
        ),
        Attack("foreign jku", "J04", "the attacker's JWKS by URL (jku)", _UNUSED, _foreign(jku=lambda m: m.url)),
        Attack("foreign x5u", "J04", "the attacker's certificate by URL (x5u)", _UNUSED, _foreign(x5u=lambda m: m.url)),
        Attack("unknown kid", "J05", "a key id that nobody has", _OPTIONAL, _header(kid="no-such-key")),
        Attack("blank kid", "J05", "an empty key id", _OPTIONAL, _header(kid="")),
        Attack("missing kid", "J05", "no key id", _OPTIONAL, lambda m: replace(m, kid=None).resigned({"kid": None})),
        Attack(
            "traversing kid",
            "J05",
            "a key id that is a path, the secret being that file's content",
            _UNUSED,
            _hs256(lambda _: b"", kid="../../../../../../dev/null"),
        ),
        Attack("sql kid", "J05", "a key id that is SQL and selects its own secret", _UNUSED, _sql_kid),
        Attack("expired", "J06", "exp lies 'by' in the past", _REQUIRED, _expired),
        Attack("not yet valid", "J06", "nbf lies 'by' in the future", _REQUIRED, _not_yet_valid),
        Attack("wrong issuer", "J07", "iss is somebody else", _REQUIRED, _claims(iss="https://issuer.invalid")),
        Attack("wrong audience", "J07", "aud is another service", _REQUIRED, _claims(aud="other-api")),
        *(
            Attack(f"missing {name}", "J07", f"no claim {claim}", _REQUIRED, _claims(**{claim: None}))
            for name, claim in (
                ("issuer", "iss"),
                ("audience", "aud"),
                ("subject", "sub"),
                ("session", "sid"),
                ("expiry", "exp"),
            )
        ),
        Attack("wrong type", "J08", "typ is that of an ID token (RFC 9068 §4)", _REQUIRED, _header(typ="JWT")),
        Attack("missing type", "J08", "no typ", _REQUIRED, _header(typ=None)),
        Attack(
            "critical extension",
            "J09",
            "crit names an extension that nobody knows (RFC 7515 §4.1.11)",
            _REQUIRED,
            _header(crit=["urn:example:unknown"], **{"urn:example:unknown": True}),
        ),
        Attack("duplicate claims", "J09", "two claims sub, a foreign one first", _REQUIRED, _duplicate_claims),
        Attack("giant token", "J09", "1 MB of one claim", _OPTIONAL, _claims(filler="A" * GIANT)),
        Attack("deep json", "J09", f"a claim of {DEEP} nested lists", _OPTIONAL, _deep),
        Attack("bad base64", "J09", "a payload that is not base64url", _UNUSED, _bad_base64),
    )
}
