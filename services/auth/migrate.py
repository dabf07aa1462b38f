"""``python -m services.auth.migrate`` brings ``DATABASE_URL`` to the newest schema of auth."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config


def main() -> int:
    """Upgrade to the head revision; the exit status (2: no ``DATABASE_URL``)."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        print("auth.migrate: DATABASE_URL is not set", file=sys.stderr)
        return 2
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["url"] = url
    command.upgrade(config, "head")
    return 0


if __name__ == "__main__":
    sys.exit(main())
