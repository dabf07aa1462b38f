"""The keywords that keep keys in files, and verify in another process: what outlives a process, without any service."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lockstep import masking
from lockstep.applicability import present
from robot.api import logger
from robot.api.deco import keyword

from JWTLibrary import tokens
from JWTLibrary.tokens import Text

_TIMEOUT = 60


class Elsewhere:
    """Keywords for tokens that are judged by somebody else than who made them."""

    @keyword(tags=("making",))
    def make_signing_key(self, folder: Path, kid: str) -> dict[str, str]:
        """A new EC key on P-256, in two files of ``folder``: ``key`` (PEM, private) and ``jwks`` (its public half).

        Returns the paths of both. The private file can be read by its owner only.

        | ${files} =    `Make Signing Key`    ${OUTPUT_DIR}/keys    kid=first
        | ${token} =    `Make Token`    ${claims}    key=${files}[key]    kid=first    lifetime=5 minutes
        """
        folder.mkdir(parents=True, exist_ok=True)
        key, private, public = ec.generate_private_key(ec.SECP256R1()), folder / f"{kid}.pem", folder / f"{kid}.json"
        with open(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public.write_text(json.dumps({"keys": [tokens.public_jwk(key, kid)]}), encoding="utf-8")
        return {"key": str(private), "jwks": str(public)}

    @keyword(tags=("verifying",))
    def verify_token_in_another_process(
        self, token: Text, jwks: str, issuer: str | None = None, audience: str | None = None, type: str = "at+jwt"
    ) -> dict[str, Any]:
        """The claims of ``token``, verified by a new Python process that reads the keys of the file (or URL) ``jwks``.

        Fails with the reason where it refuses, as `Verify Token` does. Nothing but the token passes to that process,
        by its standard input.
        """
        command = [sys.executable, "-m", "JWTLibrary", "verify", "--jwks", present(jwks), "--type", type]
        for option, value in (("--issuer", present(issuer)), ("--audience", present(audience))):
            command += [option, value] if value else []
        done = subprocess.run(
            command, input=masking.reveal(token), capture_output=True, text=True, timeout=_TIMEOUT, check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )  # fmt: skip
        if not done.stdout:
            raise RuntimeError(f"the verifying process ended with status {done.returncode}: {done.stderr.strip()}")
        said = json.loads(done.stdout)
        if said["pid"] == os.getpid():
            raise RuntimeError("the token was verified by this process: nothing was proved")
        logger.info(f"verified by process {said['pid']}, made by process {os.getpid()}")
        if "refused" in said:
            raise AssertionError(f"the token is not valid: {said['refused']}")
        claims: dict[str, Any] = said["claims"]
        return claims
