"""Make what the containers share and nobody else may know: ``deploy/secrets`` and ``deploy/.env``.

    .venv/bin/python deploy/prepare.py [FOLDER]

Run it once; run it again for new secrets (then with ``docker compose down --volumes``, since the databases hold keys).
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "libraries"))

from PlatformLibrary.embedded import certificates  # noqa: E402

NAMES = ("SERVICE_TOKEN", "FRONTEND_CREDENTIAL", "PROVIDER_CLIENT_SECRET", "KEY_SECRET")


def prepare(folder: Path) -> None:
    """Write keys, certificates and the environment file of compose into ``folder``."""
    kept = folder / "secrets"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(mode=0o700, parents=True)
    certificates.make_tls(kept)
    certificates.make_signing_key(kept / "signing-key.pem")
    lines = [f"{name}={secrets.token_urlsafe(32)}" for name in NAMES]
    # Containers read the keys, which are readable for their owner alone, as the user who made them.
    lines += [f"LOCKSTEP_UID={os.getuid()}", f"LOCKSTEP_GID={os.getgid()}"]
    certificates.write_secret(folder / ".env", ("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    prepare(chosen)
    print(f"made {chosen / 'secrets'} and {chosen / '.env'}")
