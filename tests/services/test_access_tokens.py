"""What the strict verifier refuses that a JWT library alone would let pass."""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from services.common import access_tokens
from services.common.problems import Problem

KEY = ec.generate_private_key(ec.SECP256R1())
CLAIMS: dict[str, Any] = {
    "iss": "https://a.test",
    "aud": "api",
    "sub": "11111111-2222-4333-8444-555555555555",
    "sid": "66666666-7777-4888-9999-000000000000",
    "jti": "j1",
    "iat": int(time.time()),
    "exp": int(time.time()) + 3600,
}


async def find_key(kid: str) -> ec.EllipticCurvePublicKey | None:
    return KEY.public_key() if kid == "k1" else None


def verify(token: str) -> access_tokens.AccessToken:
    return asyncio.run(access_tokens.verify(token, find_key, issuer="https://a.test", audience="api"))


def signed(header: str, payload: str) -> str:
    """Honestly signed segments that json.dumps would not write."""
    parts = [base64.urlsafe_b64encode(text.encode()).rstrip(b"=") for text in (header, payload)]
    signature = jwt.get_algorithm_by_name("ES256").sign(b".".join(parts), KEY)
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


HEADER = '{"alg": "ES256", "typ": "at+jwt", "kid": "k1"}'


def test_honest_token_passes() -> None:
    assert verify(signed(HEADER, json.dumps(CLAIMS))).subject == CLAIMS["sub"]


@pytest.mark.parametrize(
    ("header", "payload"),
    [
        (HEADER, '{"sub": "victim", ' + json.dumps(CLAIMS)[1:]),
        (HEADER, json.dumps(CLAIMS | {"act": 0}).replace('"act": 0', '"act": {"a": 1, "a": 2}')),
        ('{"alg": "none", "alg": "ES256", "typ": "at+jwt", "kid": "k1"}', json.dumps(CLAIMS)),
    ],
    ids=["claim", "nested claim", "header parameter"],
)
def test_member_that_stands_twice_is_refused(header: str, payload: str) -> None:
    with pytest.raises(Problem, match="a member stands twice") as refused:
        verify(signed(header, payload))
    assert refused.value.code == "token_invalid"


class Keys:
    """The keys of an issuer, which may change."""

    def __init__(self) -> None:
        self.known = {"k1": KEY.public_key()}

    async def find(self, kid: str) -> ec.EllipticCurvePublicKey | None:
        return self.known.get(kid)


def verifier(keys: Keys) -> Callable[[str], access_tokens.AccessToken]:
    made = access_tokens.Verifier(keys.find, issuer="https://a.test", audience="api")
    return lambda token: asyncio.run(made.verify(token))


def test_a_token_that_comes_again_is_not_verified_again_and_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    check, token = verifier(Keys()), signed(HEADER, json.dumps(CLAIMS))
    first = check(token)
    monkeypatch.setattr(jwt, "decode", None)
    assert check(token) == first


def test_a_token_that_was_good_is_refused_once_it_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    check, token = verifier(Keys()), signed(HEADER, json.dumps(CLAIMS))
    check(token)
    monkeypatch.setattr(time, "time", lambda: float(CLAIMS["exp"]))
    with pytest.raises(Problem) as refused:
        check(token)
    assert refused.value.code == "token_expired"


@pytest.mark.parametrize(
    ("now", "why"),
    [
        ({}, "the signing key is not known"),
        ({"k1": ec.generate_private_key(ec.SECP256R1()).public_key()}, "the signature does not match"),
    ],
    ids=["retired", "replaced"],
)
def test_a_token_that_was_good_is_refused_once_its_key_is_another(
    now: dict[str, ec.EllipticCurvePublicKey], why: str
) -> None:
    keys = Keys()
    check, token = verifier(keys), signed(HEADER, json.dumps(CLAIMS))
    check(token)
    keys.known = now
    with pytest.raises(Problem, match=why):
        check(token)


def test_a_token_like_a_good_one_with_another_signature_is_refused() -> None:
    check, token = verifier(Keys()), signed(HEADER, json.dumps(CLAIMS))
    check(token)
    other = signed(HEADER, json.dumps(CLAIMS | {"sub": "u2"}))
    with pytest.raises(Problem, match="the signature does not match"):
        check(".".join([*token.split(".")[:2], other.split(".")[2]]))
    with pytest.raises(Problem):
        check("\ud800")
