"""Bring a service's database to its newest schema; the only place that needs Alembic."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config


def upgrade(service: str, folder: Path) -> int:
    """Upgrade ``DATABASE_URL`` to the head revision in ``folder``; the exit status (2: no ``DATABASE_URL``)."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        print(f"{service}.migrate: DATABASE_URL is not set", file=sys.stderr)
        return 2
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["url"] = url
    command.upgrade(config, "head")
    return 0
