"""The keywords that read and verify."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from assertionengine import AssertionOperator
from lockstep import masking
from lockstep.waiting import listed, seconds, wait_until
from robot.api.deco import keyword

from JWTLibrary import tokens, verification
from JWTLibrary.naming import checked_entry
from JWTLibrary.symmetric import SecretKey
from JWTLibrary.tokens import Text, Token
from JWTLibrary.verification import Expectation, Jwks, RefusedError


class Reading:
    """Keywords that take a token as it is."""

    @keyword(tags=("reading",))
    def read_token(self, token: Text) -> Token:
        """The ``header`` and ``claims`` of ``token``, unverified.

        | ${read} =    `Read Token`    ${ACCESS_TOKEN}
        | Log    ${read.header}[kid], ${read.claims}[sub]
        """
        return tokens.read(masking.reveal(token))

    @keyword(tags=("reading", "assertion"))
    def get_token_claim(
        self,
        token: Text,
        name: str,
        assertion_operator: AssertionOperator | None = None,
        assertion_expected: Any = None,
        message: str | None = None,
    ) -> Any:
        """The claim ``name``, unverified; fails where the token has none. Times are seconds since the epoch.

        | `Get Token Claim`    ${ACCESS_TOKEN}    sub    ==    ${user.id}
        | `Get Token Claim`    ${ACCESS_TOKEN}    roles    contains    admin
        """
        claims = tokens.read(masking.reveal(token)).claims
        return checked_entry("claim", claims, name, assertion_operator, assertion_expected, message)

    @keyword(tags=("reading", "assertion"))
    def get_token_header(
        self,
        token: Text,
        name: str,
        assertion_operator: AssertionOperator | None = None,
        assertion_expected: Any = None,
        message: str | None = None,
    ) -> Any:
        """The header parameter ``name``, unverified; fails where the token has none.

        | `Get Token Header`    ${ACCESS_TOKEN}    alg    ==    ES256
        """
        header = tokens.read(masking.reveal(token)).header
        return checked_entry("header parameter", header, name, assertion_operator, assertion_expected, message)

    @keyword(tags=("assertion",))
    def token_should_expire_in(
        self, token: Text, lifetime: timedelta, tolerance: timedelta = timedelta(seconds=2)
    ) -> None:
        """Passes when ``exp`` lies ``lifetime`` from now, give or take ``tolerance``; a past one is negative.

        | `Token Should Expire In`    ${ACCESS_TOKEN}    5 minutes
        """
        expiry = self._expiry(token)
        left = expiry - time.time()
        if abs(left - lifetime.total_seconds()) > tolerance.total_seconds():
            instant = datetime.fromtimestamp(expiry, UTC).isoformat()
            raise AssertionError(
                f"the token expires in {left:.1f} s (at {instant}), not in {lifetime.total_seconds():g} s "
                f"± {tolerance.total_seconds():g} s"
            )

    @staticmethod
    def _expiry(token: Text) -> float:
        expiry = tokens.read(masking.reveal(token)).claims.get("exp")
        if not verification.is_time(expiry):
            raise AssertionError(f"the token has no usable exp: {verification.shown(expiry)}")
        return float(expiry)

    @keyword(tags=("reading",))
    def wait_until_token_has_expired(self, token: Text, at_most: timedelta = timedelta(seconds=30)) -> None:
        """Waits until the clock has passed ``exp``; fails at once when that is further away than ``at_most``."""
        self._wait_for_clock("the token's expiry", self._expiry(token), at_most)

    @keyword(tags=("reading",))
    def wait_until_token_has_left(
        self, token: Text, left: timedelta, at_most: timedelta = timedelta(seconds=30)
    ) -> None:
        """Waits until ``token`` lives for at most ``left``; fails at once when that is later than ``at_most``."""
        self._wait_for_clock(f"{seconds(left)} before its expiry", self._expiry(token) - left.total_seconds(), at_most)

    @staticmethod
    def _wait_for_clock(what: str, instant: float, at_most: timedelta) -> None:
        away = instant - time.time()
        if away > at_most.total_seconds():
            raise AssertionError(f"{what} is {away:.1f} s away, more than {seconds(at_most)}")
        wait_until(
            "the clock", f"later than {what}", time.time, lambda now: now > instant, at_most + timedelta(seconds=1)
        )

    @keyword(tags=("assertion",))
    def claims_should_be_equal(
        self, one: Text | Mapping[str, Any], other: Text | Mapping[str, Any], ignore: list[str] | None = None
    ) -> None:
        """Passes when two tokens, or two dictionaries of claims, have the same claims except those in ``ignore``.

        | `Claims Should Be Equal`    ${before}    ${after}    ignore=['iat', 'nbf', 'exp', 'jti']
        """
        left, right = self._claims_of(one), self._claims_of(other)
        names = sorted((left.keys() | right.keys()) - set(ignore or ()))
        if not names:
            raise AssertionError("there are no claims to compare: nothing was proved")
        rows = [
            f"{name}: {left.get(name, '(missing)')!r} != {right.get(name, '(missing)')!r}"
            for name in names
            if name not in left or name not in right or left[name] != right[name]
        ]
        if rows:
            raise AssertionError(f"claims differ in {listed(rows)}")

    @staticmethod
    def _claims_of(source: Text | Mapping[str, Any]) -> dict[str, Any]:
        return dict(source) if isinstance(source, Mapping) else tokens.read(masking.reveal(source)).claims

    @keyword(tags=("verifying",))
    def verify_token(
        self,
        token: Text,
        jwks: Jwks | None = None,
        issuer: str | None = None,
        audience: str | None = None,
        algorithms: list[str] | None = None,
        type: str | None = "at+jwt",
        leeway: timedelta = timedelta(seconds=2),
        ca_file: str | None = None,
        secret: Text | bytes | None = None,
    ) -> dict[str, Any]:
        """The claims of ``token``, verified; fails with the reason. See `Verifying`.

        ``issuer`` and ``audience`` are checked where given; ``algorithms`` is ES256 by default; ``type`` is the
        header's ``typ`` (``None``: any); ``leeway`` is for ``nbf`` and ``iat``; ``ca_file`` is for an https JWKS.
        In place of ``jwks`` a symmetric key is given as ``secret``; ``algorithms`` is HS256 then. See `Secrets`.
        """
        keys, accepted = _keys(jwks, secret, algorithms, ca_file)
        expected = Expectation(issuer, audience, accepted, type, leeway.total_seconds())
        try:
            return verification.verify(masking.reveal(token), keys, expected)
        except RefusedError as refusal:
            raise AssertionError(f"the token is not valid: {refusal}") from None

    @keyword(tags=("assertion", "verifying"))
    def token_should_be_valid(
        self,
        token: Text,
        jwks: Jwks | None = None,
        issuer: str | None = None,
        audience: str | None = None,
        algorithms: list[str] | None = None,
        type: str | None = "at+jwt",
        leeway: timedelta = timedelta(seconds=2),
        ca_file: str | None = None,
        secret: Text | bytes | None = None,
    ) -> None:
        """Passes when `Verify Token` accepts ``token``; no service but the JWKS is asked, and a file will do."""
        self.verify_token(token, jwks, issuer, audience, algorithms, type, leeway, ca_file, secret)

    @keyword(tags=("assertion", "verifying"))
    def token_should_be_invalid(
        self,
        token: Text,
        jwks: Jwks | None = None,
        reason: str = "",
        issuer: str | None = None,
        audience: str | None = None,
        algorithms: list[str] | None = None,
        type: str | None = "at+jwt",
        leeway: timedelta = timedelta(seconds=2),
        ca_file: str | None = None,
        secret: Text | bytes | None = None,
    ) -> None:
        """Passes when `Verify Token` refuses ``token`` with a message that holds ``reason``.

        A JWKS that cannot be read is an error, not a refusal.

        | `Token Should Be Invalid`    ${forged}    ${JWKS_URL}    reason=it has expired
        """
        keys, accepted = _keys(jwks, secret, algorithms, ca_file)
        expected = Expectation(issuer, audience, accepted, type, leeway.total_seconds())
        try:
            claims = verification.verify(masking.reveal(token), keys, expected)
        except RefusedError as refusal:
            if reason not in str(refusal):
                raise AssertionError(f"the token is invalid, but not because '{reason}': {refusal}") from None
            return
        raise AssertionError(f"the token is valid; its claims are {claims}")


_Keys = Sequence[Mapping[str, Any]] | Sequence[SecretKey]


def _keys(
    jwks: Jwks | None, secret: Text | bytes | None, algorithms: Sequence[str] | None, ca_file: str | None
) -> tuple[_Keys, tuple[str, ...]]:
    """What verifies, and by which algorithms."""
    if (jwks is None) is (secret is None):
        raise ValueError("a token is verified by published keys or by a secret: give jwks or secret=, one of them")
    if secret is not None:
        accepted = tuple(algorithms or ("HS256",))
        return verification.load_secret(secret, accepted), accepted
    assert jwks is not None
    return verification.load_jwks(jwks, ca_file), tuple(algorithms or ("ES256",))
