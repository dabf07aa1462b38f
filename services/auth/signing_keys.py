"""The signing keys: kept sealed in the auth DB, rotated, published as a JWKS (RFC 7517) while they verify."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.auth.database import Connection, Database
from services.auth.thumbprint import public_jwk
from services.common import logs, problems
from services.common.instants import now

_RELOAD_EVERY = 2.0
_LOCK = 0x6B657973


@dataclass(frozen=True)
class SigningKey:
    """One key; it signs while ``verify_until`` is None, and verifies until then."""

    kid: str
    private: ec.EllipticCurvePrivateKey
    jwk: dict[str, str]
    verify_until: datetime | None


class Seal:
    """Encrypts keys at rest: AES-256-GCM under a key derived from ``KEY_SECRET``."""

    def __init__(self, secret: str) -> None:
        derived = HKDF(hashes.SHA256(), 32, salt=None, info=b"lockstep signing keys").derive(secret.encode())
        self._cipher = AESGCM(derived)

    def close(self, pem: bytes, kid: str) -> bytes:
        """``pem`` sealed, good for ``kid`` only."""
        nonce = os.urandom(12)
        return nonce + self._cipher.encrypt(nonce, pem, kid.encode())

    def open(self, sealed: bytes, kid: str) -> bytes:
        """What was sealed; RuntimeError where ``KEY_SECRET`` is another than it was."""
        try:
            return self._cipher.decrypt(sealed[:12], sealed[12:], kid.encode())
        except InvalidTag:
            raise RuntimeError(f"KEY_SECRET does not open the stored signing key {kid}") from None


class KeyStore:
    """The keys in memory, loaded from the database; readers raise 503 until they were loaded once."""

    def __init__(self, database: Database, secret: str, first_key: Path | None) -> None:
        self._database = database
        self._seal = Seal(secret)
        self._first_key = first_key
        self._keys: list[SigningKey] = []
        self._loaded_at = float("-inf")
        self.loaded = asyncio.Event()

    def signing(self) -> SigningKey:
        """The key that signs now."""
        for key in self._keys:
            if key.verify_until is None:
                return key
        raise problems.unavailable("database")

    async def find(self, kid: str) -> ec.EllipticCurvePublicKey | None:
        """The public key that verifies tokens of ``kid`` now, or None."""
        if not self._keys or (self._usable(kid) is None and time.monotonic() - self._loaded_at > _RELOAD_EVERY):
            await self.load()
        key = self._usable(kid)
        return key.private.public_key() if key else None

    def _usable(self, kid: str) -> SigningKey | None:
        moment = now()
        good = (key for key in self._keys if key.verify_until is None or key.verify_until > moment)
        return next((key for key in good if key.kid == kid), None)

    def jwks(self) -> dict[str, Any]:
        """The public keys that verify now, the signing one first."""
        self.signing()
        return {"keys": [key.jwk for key in self._keys if self._usable(key.kid)]}

    async def load(self) -> None:
        """Read all keys that still verify; the very first start makes or imports one."""
        async with self._database.transaction() as connection:
            rows = await self._stored(connection)
            if not any(row["verify_until"] is None for row in rows):
                await self._begin(connection)
                rows = await self._stored(connection)
        self._keys = [self._opened(row) for row in rows]
        self._loaded_at = time.monotonic()
        self.loaded.set()

    async def rotate(self, grace: float) -> SigningKey:
        """Sign with a new key from now on; the former one verifies for ``grace`` seconds more."""
        async with self._database.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            await connection.execute(
                "UPDATE signing_keys SET verify_until = %s WHERE verify_until IS NULL",
                (now() + timedelta(seconds=grace),),
            )
            await self._store(connection, ec.generate_private_key(ec.SECP256R1()))
        await self.load()
        logs.logger().info("signing_key_rotated", kid=self.signing().kid, grace=grace)
        return self.signing()

    async def _begin(self, connection: Connection) -> None:
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        if any(row["verify_until"] is None for row in await self._stored(connection)):
            return
        await self._store(
            connection, _read(self._first_key) if self._first_key else ec.generate_private_key(ec.SECP256R1())
        )

    async def _stored(self, connection: Connection) -> list[dict[str, Any]]:
        cursor = await connection.execute(
            """SELECT * FROM signing_keys WHERE verify_until IS NULL OR verify_until > %s
               ORDER BY verify_until DESC NULLS FIRST, created_at DESC""",
            (now(),),
        )
        return await cursor.fetchall()

    async def _store(self, connection: Connection, private: ec.EllipticCurvePrivateKey) -> None:
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        kid = public_jwk(private.public_key())["kid"]
        await connection.execute(
            "INSERT INTO signing_keys (kid, sealed_pem, created_at) VALUES (%s, %s, %s)",
            (kid, self._seal.close(pem, kid), now()),
        )

    def _opened(self, row: dict[str, Any]) -> SigningKey:
        known = next((key for key in self._keys if key.kid == row["kid"]), None)
        private = known.private if known else _parse(self._seal.open(bytes(row["sealed_pem"]), row["kid"]))
        return SigningKey(row["kid"], private, public_jwk(private.public_key()), row["verify_until"])


def _read(path: Path) -> ec.EllipticCurvePrivateKey:
    return _parse(path.read_bytes())


def _parse(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise TypeError("a signing key must be an EC key on P-256")
    return key
