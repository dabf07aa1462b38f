"""Keywords that run another version of the services beside, before or after today's."""

from __future__ import annotations

import abc
import hashlib
import os
import secrets
import shutil
import tarfile
from pathlib import Path
from typing import Any

from lockstep import applicability
from robot.api import logger
from robot.api.deco import keyword

from .embedded import rundir
from .embedded.options import project_root

_RELEASE = Path(__file__).resolve().parents[2] / "deploy" / "previous" / "services.tar.gz"


class VersionKeywords(abc.ABC):
    """For a private platform, whose services another version may replace one by one."""

    @abc.abstractmethod
    def _control(self, verb: str, instance: str, **options: Any) -> float:
        """Let the platform's control do something to an instance."""

    @keyword(tags=("versions",))
    def get_previous_release(self) -> str:
        """Where the services of the release before today's are, unpacked from ``deploy/previous``."""
        if not _RELEASE.is_file():
            applicability.not_applicable("deploy.previous", f"there is no {_RELEASE}, which holds the previous release")
        content = _RELEASE.read_bytes()
        folder = rundir.cache_directory() / f"release-{hashlib.sha256(content).hexdigest()[:16]}"
        if not folder.is_dir():
            unfinished = folder.with_name(f".{folder.name}-{os.getpid()}-{secrets.token_hex(3)}")
            try:
                with tarfile.open(_RELEASE) as archive:
                    archive.extractall(unfinished, filter="data")
                # Whoever else unpacked it meanwhile has made the same.
                if not folder.is_dir():
                    unfinished.rename(folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
        return str(folder)

    @keyword(tags=("versions",))
    def use_version(self, instance: str, services_dir: str | None = None) -> None:
        """What starts next as this instance comes from ``services_dir``, a folder that holds ``services/``.

        Without it that is today's version. `Restart Service Without Gap` then replaces the one by the other.
        """
        self._control("version", instance, services_dir=services_dir or str(project_root()))

    @keyword(tags=("versions",))
    def migrate_database(self, database: str, revision: str | None = None, services_dir: str | None = None) -> None:
        """Brings the database ``auth`` or ``main`` to a revision of its schema, by default the newest, while all run.

        The migrations are those of ``services_dir``, by default today's.
        """
        self._control("migrate", database, services_dir=services_dir or str(project_root()), revision=revision)
        logger.info(f"{database} is at {revision or 'the newest revision'}")
