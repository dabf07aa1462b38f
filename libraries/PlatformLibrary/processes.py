"""Which process serves as an instance, so that a restart can be told from one that only said so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psutil
from lockstep import applicability, reasons
from lockstep.applicability import Absent

from . import health
from .embedded.errors import PlatformError

_TIMEOUT = 2
_POSTMASTER = "SELECT pg_read_file('postmaster.pid'), pg_postmaster_start_time()"


@dataclass(frozen=True)
class ServerProcess:
    """The process ``pid`` that serves as ``instance``; every start of it has another ``start_id``.

    ``local`` is the process itself where it runs on this machine: a pid alone may be given to another one.
    """

    instance: str
    start_id: str
    pid: int
    local: psutil.Process | None = field(default=None, repr=False)

    @property
    def lives(self) -> bool:
        """Whether it is still there, as far as can be seen from here."""
        try:
            return self.local is not None and self.local.status() != psutil.STATUS_ZOMBIE and self.local.is_running()
        except psutil.NoSuchProcess:
            return False


def serving(descriptor: Mapping[str, Any], instance: str) -> ServerProcess:
    """Who serves as ``instance`` now: asked of itself. Raises ``PlatformError`` where nobody answers."""
    asked = {"postgres": _postgres, "redis": _redis}.get(instance, _service)
    start_id, pid = asked(descriptor, instance)
    local = psutil.Process(pid) if descriptor["kind"] == "embedded" else None
    return ServerProcess(instance, start_id, pid, local)


def _service(descriptor: Mapping[str, Any], instance: str) -> tuple[str, int]:
    answer = health.ask(health.where(descriptor, instance), descriptor.get("ca_file"))
    if answer.status != 200:
        raise PlatformError(f"{instance} does not say who it is: {answer.status or answer.cause}")
    return str(answer.body["start_id"]), int(answer.body["pid"])


def _postgres(descriptor: Mapping[str, Any], instance: str) -> tuple[str, int]:
    import psycopg

    try:
        with psycopg.connect(_needed(descriptor, "auth_db_url"), connect_timeout=_TIMEOUT) as connection:
            row: Any = connection.execute(_POSTMASTER).fetchone()
    except psycopg.Error as error:
        raise PlatformError(f"{instance} does not say who it is: {' '.join(reasons.text(error).split())}") from error
    return row[1].isoformat(), int(row[0].split()[0])


def _needed(descriptor: Mapping[str, Any], name: str) -> str:
    return str(descriptor.get(name) or applicability.present(Absent(name)))


def _redis(descriptor: Mapping[str, Any], instance: str) -> tuple[str, int]:
    import redis

    try:
        with redis.Redis.from_url(_needed(descriptor, "redis_url"), socket_timeout=_TIMEOUT) as client:
            facts: Any = client.info("server")
    except redis.RedisError as error:
        raise PlatformError(f"{instance} does not say who it is: {reasons.text(error)}") from error
    return str(facts["run_id"]), int(facts["process_id"])
