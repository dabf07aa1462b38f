"""The keywords that make tokens, honest and forged."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from lockstep import masking
from robot.api.deco import keyword

from JWTLibrary import claims as claim_names
from JWTLibrary import keys, tokens
from JWTLibrary.attacks import ATTACKS
from JWTLibrary.claims import ClaimNames
from JWTLibrary.keys import AttackerKeys
from JWTLibrary.material import Attack, Key, Material, changed
from JWTLibrary.tokens import SigningKey, Text
from JWTLibrary.verification import Jwks


class Forging:
    """Keywords that write tokens; the attacker's own keys are made with the library and stay the same."""

    _names: ClaimNames

    def __init__(self) -> None:
        self._attacker = AttackerKeys()

    @keyword(tags=("making",))
    def make_token(
        self,
        claims: Mapping[str, Any],
        key: Text | None = None,
        kid: str | None = None,
        type: str | None = "at+jwt",
        lifetime: timedelta | None = None,
        secret: Text | bytes | None = None,
        algorithm: str | None = None,
    ) -> str:
        """An honest token of ``claims``, signed with ``key`` (PEM or path; default: the signing key of the target).

        ``lifetime`` adds ``iat``, ``nbf`` and ``exp``. The algorithm is that of the key. With ``secret`` in its place
        it is HS256, or the ``algorithm`` HS384 or HS512 (RFC 7518 §3.2). See `Secrets`.

        | ${token} =    `Make Token`    ${claims}    secret=${SECRET}    type=JWT    lifetime=5 minutes
        """
        signing_key = keys.needed(key, secret, algorithm)
        now = time.time()
        times = {"iat": int(now), "nbf": int(now), "exp": now + lifetime.total_seconds()} if lifetime else {}
        header = changed({"typ": type, "kid": kid or keys.default_kid(key, secret)}, {})
        return tokens.signed(header, tokens.to_json({**times, **claims}), signing_key)

    @keyword(tags=("making",))
    def change_token(
        self,
        token: Text,
        key: Text | None = None,
        kid: str | None = None,
        secret: Text | bytes | None = None,
        **claims: Any,
    ) -> str:
        """``token`` with some ``claims`` changed (``${None}`` removes one), honestly signed again with ``key``.

        With ``secret`` in its place the algorithm is the token's own, or HS256 where that has no secret. A name with
        dots is a path where the token has no claim of that name: ``realm_access.roles``.

        | ${token} =    `Change Token`    ${ACCESS_TOKEN}    key=${KEY_FILE}    plan=bulk
        | ${token} =    `Change Token`    ${ACCESS_TOKEN}    secret=${SECRET}    role=admin
        """
        read = tokens.read(masking.reveal(token))
        header = {**read.header, **({"kid": kid} if kid else {})}
        signing_key = keys.needed(key, secret, keys.algorithm_for(read, secret))
        header["alg"] = tokens.algorithm_of(signing_key)
        return tokens.signed(header, tokens.to_json(claim_names.changed(read.claims, claims)), signing_key)

    @keyword(tags=("forging",))
    def forge_token(
        self,
        token: Text,
        attack: str,
        key: Text | None = None,
        kid: str | None = None,
        jwks: Jwks | None = None,
        url: str = "https://attacker.invalid/keys",
        by: timedelta = timedelta(minutes=1),
        other_key: Text | None = None,
        ca_file: str | None = None,
        secret: Text | bytes | None = None,
        public_key: Text | None = None,
        claims: Mapping[str, str] | None = None,
        other_user: str | None = None,
    ) -> str:
        """The forged token of the name ``attack``, made from a genuine ``token``. See `Forging` and `List Attacks`.

        ``key`` and ``kid`` are the platform's signing key (default ``kid``: that of the token); a platform with
        symmetric keys has a ``secret`` in its place. ``jwks`` is where the platform publishes its keys, ``public_key``
        a PEM or path (for HS256 with the public key). ``url`` goes into ``jku`` and ``x5u``. ``by`` is how long ago
        ``expired`` ended and how soon ``not yet valid`` begins. ``other_key`` signs ``foreign key`` (default: a key
        of the library's own, of the kind that signed ``token``). ``claims`` names the claims of this platform, as in
        `Claim Names`. ``other_user`` is whose id ``other subject`` has (default: nobody's).

        Fails where nothing would be wrong with the forged token, such as a missing claim that ``token`` never had.
        """
        known = self._attack(attack)
        text = masking.reveal(token)
        read = tokens.read(text)
        names = ClaimNames.read(claims or {}, self._names)
        if lacking := known.lacks(read, names):
            raise ValueError(f"the attack '{attack}' would show nothing: {lacking}")
        forged = known.forge(
            Material(
                text=text,
                token=read,
                attacker_key=keys.load(other_key) if other_key else self._attacker.like(read),
                published_key=self._attacker.published,
                attacker_kid=self._attacker.kid,
                url=url,
                by=by.total_seconds(),
                real_key=self._real_key(known, text, key, kid, secret),
                kid=kid,
                public_pem=keys.public_pem(read, jwks, public_key, key, ca_file) if known.row == "J03" else None,
                other_user=other_user,
                names=names,
            )
        )
        # One whose header is no JSON in UTF-8 does not look like a token.
        masking.register(forged)
        return forged

    @keyword(tags=("forging",))
    def list_attacks(
        self,
        needs_key: bool | None = None,
        row: str | None = None,
        token: Text | None = None,
        claims: Mapping[str, str] | None = None,
    ) -> list[str]:
        """The names of all attacks; only those which need the platform's signing key, or only those which do not.

        ``row`` takes those of one row of the checklist only, such as ``J01``. ``token`` takes those only that can show
        something with this genuine token; ``claims`` as in `Forge Token`. The names, with what they do:

        %TABLE%
        """
        read = None if token is None else tokens.read(masking.reveal(token))
        names = ClaimNames.read(claims or {}, self._names)
        return [
            attack.name
            for attack in ATTACKS.values()
            if needs_key in (None, attack.key is Key.REQUIRED)
            and row in (None, attack.row)
            and (read is None or not attack.lacks(read, names))
        ]

    @keyword(tags=("forging",))
    def get_attacker_jwks(self) -> dict[str, Any]:
        """The JWKS of the library's own key, for a listener that an attacked service might be lured to."""
        return {"keys": [tokens.public_jwk(self._attacker.published, self._attacker.kid)]}

    @staticmethod
    def _attack(name: str) -> Attack:
        if name not in ATTACKS:
            raise ValueError(f"unknown attack '{name}'; known are: {', '.join(ATTACKS)}")
        return ATTACKS[name]

    @staticmethod
    def _real_key(
        attack: Attack, text: str, key: Text | None, kid: str | None, secret: Text | bytes | None
    ) -> SigningKey | None:
        if attack.key is Key.UNUSED:
            return None
        found = keys.given(key, secret, keys.algorithm_for(tokens.read(text), secret))
        if attack.key is Key.REQUIRED and found is None:
            keys.must_be_known(key)
            raise ValueError(
                f"the attack '{attack.name}' is an honest token with one thing wrong and needs the platform's real "
                "signing key: give key=<PEM or path> or secret=<text>"
            )
        if found is None or (kid and secret is None) or tokens.was_signed_by(text, found):
            return found
        if attack.key is Key.REQUIRED or key is not None or secret is not None:
            what = "key" if secret is None else "secret"
            raise ValueError(f"the {what} given did not sign the genuine token, so the forged one would prove nothing")
        return None


def _attack_table() -> str:
    wanted = {Key.UNUSED: "", Key.OPTIONAL: "if given", Key.REQUIRED: "yes"}
    rows = [f"| ``{a.name}`` | {a.row} | {a.what} | {wanted[a.key]} |" for a in ATTACKS.values()]
    return "\n        ".join(["| *Attack* | *Row* | *What it is* | *Signed with the real key* |", *rows])


Forging.list_attacks.__doc__ = str(Forging.list_attacks.__doc__).replace("%TABLE%", _attack_table())
