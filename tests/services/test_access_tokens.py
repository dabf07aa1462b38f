"""What the strict verifier refuses that a JWT library alone would let pass."""

import asyncio
import base64
import json
import time
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
    "sub": "u1",
    "sid": "s1",
    "jti": "j1",
    "iat": int(time.time()),
    "exp": int(time.time()) + 60,
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
    assert verify(signed(HEADER, json.dumps(CLAIMS))).subject == "u1"


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
