"""Every attack on a JWT verifier that this library knows, by name (RFC 8725; checklist rows J01 to J09)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from JWTLibrary import claims as claim_names
from JWTLibrary import needs, tokens
from JWTLibrary.material import Attack, Key, Material
from JWTLibrary.symmetric import LENGTHS, SecretKey

GIANT = 1_000_000
DEEP = 5_000
HUGE = 10**400
_MARK = "the place of a number"
_NOBODYS_SESSION = "00000000-0000-4000-8000-000000000001"


def _none(spelling: str) -> Callable[[Material], str]:
    def forge(material: Material) -> str:
        header = tokens.to_json({**material.token.header, "alg": spelling})
        return f"{tokens.encode(header)}.{material.token.raw_claims}."

    return forge


def _hs256(secret: Callable[[Material], bytes], **header: Any) -> Callable[[Material], str]:
    """Signed with a secret: by the genuine token's algorithm where that has one, otherwise by HS256."""

    def forge(material: Material) -> str:
        genuine = str(material.token.header.get("alg"))
        key = SecretKey(secret(material), genuine if genuine in LENGTHS else "HS256")
        complete = tokens.to_json({**material.token.header, "alg": key.algorithm, **header})
        message = f"{tokens.encode(complete)}.{material.token.raw_claims}"
        return f"{message}.{tokens.encode(key.sign(message.encode()))}"

    return forge


def _public_pem(material: Material) -> bytes:
    if material.public_pem is None:
        raise ValueError("this attack needs the platform's public key: give jwks=… or public_key=…")
    return material.public_pem


def _flip_bit(material: Material) -> str:
    signature = material.token.signature
    flipped = bytes([signature[0] ^ 1]) + signature[1:]
    return f"{material.token.raw_header}.{material.token.raw_claims}.{tokens.encode(flipped)}"


def _tamper(material: Material, purpose: str, other: Callable[[Any], Any]) -> str:
    name = getattr(material.names, purpose)
    value = other(claim_names.get(material.token.claims, name))
    claims = tokens.to_json(claim_names.changed(material.token.claims, {name: value}))
    return f"{material.token.raw_header}.{tokens.encode(claims)}.{material.token.raw_signature}"


def _other_user(user: Any) -> Any:
    """Another user's id, of the same type."""
    return user + 1 if isinstance(user, int | float) else "00000000-0000-4000-8000-000000000000"


def _more_roles(roles: Any) -> Any:
    """The same with the role ``admin``: a list has it as well, a flag is set, a text becomes it."""
    if isinstance(roles, list):
        return [*roles, "admin"]
    return True if isinstance(roles, bool) else "admin"


def _header(**entries: Any) -> Callable[[Material], str]:
    return lambda material: material.resigned(header=entries)


def _claims(**entries: Any) -> Callable[[Material], str]:
    return lambda material: material.resigned(claims=entries)


def _named(**entries: Any) -> Callable[[Material], str]:
    """Changes claims by their purpose, under the platform's names."""
    return lambda material: material.resigned(
        claims={getattr(material.names, purpose): value for purpose, value in entries.items()}
    )


def _foreign(**entry: Callable[[Material], Any]) -> Callable[[Material], str]:
    def forge(material: Material) -> str:
        extra = {name: make(material) for name, make in entry.items()}
        published = replace(material, real_key=None, attacker_key=material.published_key)
        return published.resigned({"kid": material.attacker_kid, **extra})

    return forge


def _expired(material: Material) -> str:
    gone = time.time() - material.by
    names = material.names
    return material.resigned(claims={names.issued: int(gone - 60), "nbf": int(gone - 60), names.expiry: gone})


def _not_yet_valid(material: Material) -> str:
    coming = time.time() + material.by
    return material.resigned(claims={"nbf": coming, material.names.expiry: coming + 300})


def _duplicate_claims(material: Material) -> str:
    first = json.dumps({material.names.user: _other_user(material.token.claims.get(material.names.user))})[:-1]
    rest = tokens.to_json(material.token.claims).decode()[1:]
    return material.signed(material.header, f"{first},{rest}".encode())


def _deep(material: Material) -> str:
    claims = tokens.to_json(material.token.claims).decode()[:-1]
    return material.signed(material.header, f'{claims},"deep":{"[" * DEEP}{"]" * DEEP}}}'.encode())


def _raw_header(**entries: Any) -> Callable[[Material], str]:
    """Entries that `_header` would take for something else: a null stays one."""
    return lambda material: material.signed({**material.header, **entries}, tokens.to_json(material.token.claims))


def _text_expiry(material: Material) -> str:
    name = material.names.expiry
    return material.resigned(claims={name: str(int(claim_names.get(material.token.claims, name)))})


def _written_expiry(number: str) -> Callable[[Material], str]:
    """``exp`` written as this number, which not every writer of JSON would write."""

    def forge(material: Material) -> str:
        marked = claim_names.changed(material.token.claims, {material.names.expiry: _MARK})
        payload = tokens.to_json(marked).replace(json.dumps(_MARK).encode(), number.encode())
        return material.signed(material.header, payload)

    return forge


def _other_subject(material: Material) -> str:
    user = claim_names.get(material.token.claims, material.names.user)
    return material.resigned(claims={material.names.user: material.other_user or _other_user(user)})


def _utf16_header(material: Material) -> str:
    header = tokens.to_json({**material.header, "alg": material.algorithm}).decode().encode("utf-16")
    return material.signed_as(header, tokens.to_json(material.token.claims))


def _bad_base64(material: Material) -> str:
    return f"{material.token.raw_header}.!!{material.token.raw_claims[2:]}.{material.token.raw_signature}"


def _sql_kid(material: Material) -> str:
    return _hs256(lambda _: b"key", kid="' UNION SELECT 'key' -- ")(material)


_UNUSED, _OPTIONAL, _REQUIRED = Key.UNUSED, Key.OPTIONAL, Key.REQUIRED
# Who publishes no key ids, or has the type of every JWT, is free to ignore both (RFC 7515 §4.1.4, §4.1.9).
_HAS_KID, _HAS_TYPE = needs.header("kid"), needs.header("typ", other_than=("jwt",))
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
        Attack(
            "tampered claims",
            "J01",
            "another subject under the genuine signature",
            _UNUSED,
            lambda m: _tamper(m, "user", _other_user),
            needs.claim("user"),
        ),
        Attack(
            "tampered roles",
            "J01",
            "the role admin under the genuine signature",
            _UNUSED,
            lambda m: _tamper(m, "roles", _more_roles),
            needs.claim("roles"),
        ),
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
            needs.key_pair,
        ),
        Attack(
            "hs256 with public key without newline",
            "J03",
            "the same without the PEM's last newline",
            _UNUSED,
            _hs256(lambda m: _public_pem(m).rstrip(b"\n")),
            needs.key_pair,
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
            _foreign(jwk=lambda m: tokens.public_jwk(m.published_key, m.attacker_kid)),
        ),
        Attack("foreign jku", "J04", "the attacker's JWKS by URL (jku)", _UNUSED, _foreign(jku=lambda m: m.url)),
        Attack("foreign x5u", "J04", "the attacker's certificate by URL (x5u)", _UNUSED, _foreign(x5u=lambda m: m.url)),
        Attack("unknown kid", "J05", "a key id that nobody has", _OPTIONAL, _header(kid="no-such-key"), _HAS_KID),
        Attack("blank kid", "J05", "an empty key id", _OPTIONAL, _header(kid=""), _HAS_KID),
        Attack(
            "missing kid",
            "J05",
            "no key id",
            _OPTIONAL,
            lambda m: replace(m, kid=None).resigned({"kid": None}),
            _HAS_KID,
        ),
        Attack(
            "traversing kid",
            "J05",
            "a key id that is a path, the secret being that file's content",
            _UNUSED,
            _hs256(lambda _: b"", kid="../../../../../../dev/null"),
        ),
        Attack("sql kid", "J05", "a key id that is SQL and selects its own secret", _UNUSED, _sql_kid),
        Attack(
            "null kid", "J05", "a key id that is null (RFC 7515 §4.1.4)", _OPTIONAL, _raw_header(kid=None), _HAS_KID
        ),
        Attack(
            "list kid",
            "J05",
            "a key id that is a list with the real one",
            _OPTIONAL,
            lambda m: _raw_header(kid=[m.header["kid"]])(m),
            _HAS_KID,
        ),
        Attack("numeric kid", "J05", "a key id that is a number", _OPTIONAL, _raw_header(kid=7), _HAS_KID),
        Attack("expired", "J06", "exp lies 'by' in the past", _REQUIRED, _expired),
        Attack("not yet valid", "J06", "nbf lies 'by' in the future", _REQUIRED, _not_yet_valid),
        Attack(
            "text expiry",
            "J06",
            "exp is a text (RFC 7519 §2)",
            _REQUIRED,
            _text_expiry,
            needs.claim("expiry"),
        ),
        Attack(
            "nan expiry",
            "J06",
            "exp is NaN, which is no JSON",
            _REQUIRED,
            _written_expiry("NaN"),
            needs.claim("expiry"),
        ),
        Attack(
            "infinite expiry",
            "J06",
            "exp is 1e400, which many readers take for infinity",
            _REQUIRED,
            _written_expiry("1e400"),
            needs.claim("expiry"),
        ),
        Attack("huge expiry", "J06", "exp has 401 digits", _REQUIRED, _named(expiry=HUGE), needs.claim("expiry")),
        Attack("huge issue time", "J06", "iat has 401 digits", _REQUIRED, _named(issued=HUGE), needs.claim("issued")),
        Attack(
            "wrong issuer",
            "J07",
            "iss is another",
            _REQUIRED,
            _named(issuer="https://issuer.invalid"),
            needs.claim("issuer"),
        ),
        Attack(
            "wrong audience",
            "J07",
            "aud is another service",
            _REQUIRED,
            _named(audience="other-api"),
            needs.claim("audience"),
        ),
        Attack(
            "other audiences",
            "J07",
            "aud is a list of two other services (RFC 7519 §4.1.3)",
            _REQUIRED,
            _named(audience=["other-api", "another-api"]),
            needs.claim("audience"),
        ),
        *(
            Attack(
                f"missing {name}",
                "J07",
                f"no claim {claim}",
                _REQUIRED,
                _named(**{purpose: None}),
                needs.claim(purpose),
            )
            for name, purpose, claim in (
                ("issuer", "issuer", "iss"),
                ("audience", "audience", "aud"),
                ("subject", "user", "sub"),
                ("session", "session", "sid"),
                ("expiry", "expiry", "exp"),
            )
        ),
        Attack(
            "numeric subject",
            "J07",
            "sub is a number (RFC 7519 §4.1.2)",
            _REQUIRED,
            _named(user=7),
            needs.text("user"),
        ),
        Attack(
            "other subject",
            "J07",
            "another user's sub beside the own sid",
            _REQUIRED,
            _other_subject,
            needs.both(needs.claim("user"), needs.claim("session")),
        ),
        Attack(
            "unknown session",
            "J07",
            "a sid that nobody has",
            _REQUIRED,
            _named(session=_NOBODYS_SESSION),
            needs.claim("session"),
        ),
        Attack(
            "misshapen session",
            "J07",
            "a sid that looks like none",
            _REQUIRED,
            _named(session="no-such-session"),
            needs.text("session"),
        ),
        Attack(
            "wrong type",
            "J08",
            "typ is that of an ID token (RFC 9068 §4)",
            _REQUIRED,
            _header(typ="JWT"),
            _HAS_TYPE,
        ),
        Attack("missing type", "J08", "no typ", _REQUIRED, _header(typ=None), _HAS_TYPE),
        Attack(
            "critical extension",
            "J09",
            "crit names an extension that nobody knows (RFC 7515 §4.1.11)",
            _REQUIRED,
            _header(crit=["urn:example:unknown"], **{"urn:example:unknown": True}),
        ),
        Attack(
            "duplicate claims",
            "J09",
            "two claims sub, a foreign one first",
            _REQUIRED,
            _duplicate_claims,
            needs.outer_user,
        ),
        Attack("utf-16 header", "J09", "a header in UTF-16 (RFC 7515 §2 has UTF-8 alone)", _REQUIRED, _utf16_header),
        Attack("giant token", "J09", "1 MB of one claim", _OPTIONAL, _claims(filler="A" * GIANT)),
        Attack("deep json", "J09", f"a claim of {DEEP} nested lists", _OPTIONAL, _deep),
        Attack("bad base64", "J09", "a payload that is not base64url", _UNUSED, _bad_base64),
    )
}
