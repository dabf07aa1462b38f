"""Bring a service's database to its newest schema; the only place that needs Alembic."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory


def upgrade(service: str, folder: Path, arguments: Sequence[str] = ()) -> int:
    """Upgrade ``DATABASE_URL`` to the revision of ``folder`` that is given, or to the newest.

    The exit status is 2 where there is no ``DATABASE_URL``, or no such revision.
    """
    url = os.environ.get("DATABASE_URL")
    if not url:
        print(f"{service}.migrate: DATABASE_URL is not set", file=sys.stderr)
        return 2
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["url"] = url
    revision = arguments[0] if arguments else "head"
    known = [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()]
    if len(arguments) > 1 or revision not in ("head", *known):
        print(
            f"{service}.migrate: no revision {' '.join(arguments)}; there are {', '.join(sorted(known))}",
            file=sys.stderr,
        )
        return 2
    command.upgrade(config, revision)
    return 0
