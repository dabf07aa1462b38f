"""Keys and certificates made for one run and trusted by nobody else."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from .ports import LOOPBACK


@dataclass(frozen=True)
class Tls:
    """Files of the run's own certificate authority and of the one certificate that it signed."""

    ca_file: Path
    certificate: Path
    key: Path

    def trust(self) -> ssl.SSLContext:
        """A client context that trusts this authority only."""
        return ssl.create_default_context(cafile=str(self.ca_file))


def make_tls(folder: Path) -> Tls:
    """Make the authority and a certificate for loopback in ``folder``."""
    import trustme

    authority = trustme.CA()
    issued = authority.issue_cert(LOOPBACK, "localhost")
    files = Tls(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    authority.cert_pem.write_to_path(files.ca_file)
    for blob in issued.cert_chain_pems:
        blob.write_to_path(files.certificate, append=True)
    write_secret(files.key, issued.private_key_pem.bytes())
    return files


def make_signing_key(path: Path) -> None:
    """Write a new EC P-256 private key (PEM, PKCS 8)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_secret(path, pem)


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that only this user can read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
