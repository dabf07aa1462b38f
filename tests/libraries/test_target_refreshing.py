"""Which access token a refresh may bring: one that was issued by it."""

from __future__ import annotations

import jwt
import pytest
from TargetLibrary.refreshing import issued_since

KEY = "a key of more than thirty-two bytes"


@pytest.mark.parametrize(
    ("claims", "is_new"),
    [({"iat": 1000}, True), ({"iat": 1001}, True), ({"iat": 999}, False), ({}, False)],
)
def test_a_token_of_the_same_second_may_be_the_new_one(claims: dict[str, object], is_new: bool) -> None:
    assert issued_since(jwt.encode({**claims, "exp": 2000}, KEY), "iat", 1000.7) is is_new


def test_the_claim_is_the_one_of_the_dialect() -> None:
    assert issued_since(jwt.encode({"made": 1000}, KEY), "made", 1000.0)
    assert not issued_since("opaque", "iat", 0.0)
