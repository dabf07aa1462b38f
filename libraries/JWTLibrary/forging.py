"""The keywords that make tokens, honest and forged."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWK
from lockstep import masking, target
from lockstep.applicability import present
from robot.api.deco import keyword

from JWTLibrary import attacks, tokens, verification
from JWTLibrary.attacks import ATTACKS, Attack, Key, Material
from JWTLibrary.tokens import PrivateKey, Text, Token
from JWTLibrary.verification import Jwks


class Forging:
    """Keywords that write tokens; the attacker's own key is made with the library and stays the same."""

    def __init__(self) -> None:
        self._attacker_key = ec.generate_private_key(ec.SECP256R1())
        self._attacker_kid = os.urandom(8).hex()

    @keyword(tags=("making",))
    def make_token(
        self,
        claims: Mapping[str, Any],
        key: Text | None = None,
        kid: str | None = None,
        type: str | None = "at+jwt",
        lifetime: timedelta | None = None,
    ) -> str:
        """An honest token of ``claims``, signed with ``key`` (PEM or path; default: the signing key of the target).

        ``lifetime`` adds ``iat``, ``nbf`` and ``exp``. The algorithm is that of the key.
        """
        now = time.time()
        times = {"iat": int(now), "nbf": int(now), "exp": now + lifetime.total_seconds()} if lifetime else {}
        header = attacks.changed({"typ": type, "kid": kid or self._default_kid(key)}, {})
        return tokens.signed(header, tokens.to_json({**times, **claims}), self._needed_key(key))

    @keyword(tags=("making",))
    def change_token(self, token: Text, key: Text | None = None, kid: str | None = None, **claims: Any) -> str:
        """``token`` with some ``claims`` changed (``${None}`` removes one), honestly signed again with ``key``.

        | ${token} =    `Change Token`    ${ACCESS_TOKEN}    key=${KEY_FILE}    plan=bulk
        """
        read = tokens.read(masking.reveal(token))
        header = {**read.header, **({"kid": kid} if kid else {})}
        signing_key = self._needed_key(key)
        header["alg"] = tokens.algorithm_of(signing_key)
        return tokens.signed(header, tokens.to_json(attacks.changed(read.claims, claims)), signing_key)

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
    ) -> str:
        """The forged token of the name ``attack``, made from a genuine ``token``. See `Forging` and `List Attacks`.

        ``key`` and ``kid`` are the platform's signing key (default ``kid``: that of the token). ``jwks`` is where the
        platform publishes its keys (for HS256 with the public key). ``url`` goes into ``jku`` and ``x5u``. ``by`` is
        how long ago ``expired`` ended and how soon ``not yet valid`` begins. ``other_key`` signs ``foreign key``
        (default: a key of the library's own, see `Get Attacker Jwks`).
        """
        known = self._attack(attack)
        text = masking.reveal(token)
        read = tokens.read(text)
        real = self._real_key(known, text, key, kid)
        return known.forge(
            Material(
                text=text,
                token=read,
                attacker_key=tokens.load_private_key(self._pem(other_key)) if other_key else self._attacker_key,
                attacker_kid=self._attacker_kid,
                url=url,
                by=by.total_seconds(),
                real_key=real,
                kid=kid,
                public_pem=self._public_pem(known, read, jwks, key, ca_file),
            )
        )

    @keyword(tags=("forging",))
    def list_attacks(self, needs_key: bool | None = None, row: str | None = None) -> list[str]:
        """The names of all attacks; only those which need the platform's signing key, or only those which do not.

        ``row`` takes those of one row of the checklist only, such as ``J01``. The names, with what they do:

        %TABLE%
        """
        return [
            attack.name
            for attack in ATTACKS.values()
            if needs_key in (None, attack.key is Key.REQUIRED) and row in (None, attack.row)
        ]

    @keyword(tags=("forging",))
    def get_attacker_jwks(self) -> dict[str, Any]:
        """The JWKS of the library's own key, for a listener that an attacked service might be lured to."""
        return {"keys": [tokens.public_jwk(self._attacker_key, self._attacker_kid)]}

    @staticmethod
    def _attack(name: str) -> Attack:
        if name not in ATTACKS:
            raise ValueError(f"unknown attack '{name}'; known are: {', '.join(ATTACKS)}")
        return ATTACKS[name]

    def _real_key(self, attack: Attack, text: str, key: Text | None, kid: str | None) -> PrivateKey | None:
        if attack.key is Key.UNUSED:
            return None
        found = self._key(key)
        if attack.key is Key.REQUIRED and found is None:
            self._must_have_key(key)
            raise ValueError(
                f"the attack '{attack.name}' is an honest token with one thing wrong and needs the platform's real "
                "signing key: give key=<PEM or path>"
            )
        if found is None or kid or tokens.was_signed_by(text, found):
            return found
        if attack.key is Key.REQUIRED or key is not None:
            raise ValueError("the key given did not sign the genuine token, so the forged one would prove nothing")
        return None

    def _public_pem(
        self, attack: Attack, read: Token, jwks: Jwks | None, key: Text | None, ca_file: str | None
    ) -> bytes | None:
        if attack.row != "J03":
            return None
        if jwks is None:
            found = self._key(key)
            return tokens.public_pem(found) if found else None
        for entry in verification.load_jwks(jwks, ca_file):
            if entry.get("kid") == read.header.get("kid"):
                public: Any = PyJWK(entry).key
                return bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        raise ValueError(f"the JWKS has no key {read.header.get('kid')!r}, which signed the genuine token")

    def _needed_key(self, key: Text | None) -> PrivateKey:
        found = self._key(key)
        if found is None:
            self._must_have_key(key)
            raise ValueError("no signing key: give key=<PEM or path>, or use a target that has one")
        return found

    def _key(self, key: Text | None) -> PrivateKey | None:
        source: Text | None = present(key)
        if source is None and target.in_use():
            source = target.current().signing_key_file
        return tokens.load_private_key(self._pem(source)) if source else None

    @staticmethod
    def _must_have_key(key: Text | None) -> None:
        """NA where the key was to be that of a target which shows none."""
        if key is None and target.in_use() and target.current().kind == "external":
            target.current().needed("signing_key_file")

    @staticmethod
    def _default_kid(key: Text | None) -> str | None:
        return target.current().signing_kid if key is None and target.in_use() else None

    @staticmethod
    def _pem(source: Text) -> bytes:
        text = masking.reveal(source)
        if "-----BEGIN" in text:
            masking.register(text)
            return text.encode()
        try:
            return Path(text).read_bytes()
        except OSError as error:
            raise ValueError(f"the signing key cannot be read: {error}") from None


def _attack_table() -> str:
    wanted = {Key.UNUSED: "", Key.OPTIONAL: "if given", Key.REQUIRED: "yes"}
    rows = [f"| ``{a.name}`` | {a.row} | {a.what} | {wanted[a.key]} |" for a in ATTACKS.values()]
    return "\n        ".join(["| *Attack* | *Row* | *What it is* | *Signed with the real key* |", *rows])


Forging.list_attacks.__doc__ = str(Forging.list_attacks.__doc__).replace("%TABLE%", _attack_table())
