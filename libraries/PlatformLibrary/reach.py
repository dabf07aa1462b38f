"""Is an external target there, and is it what its profile says? Asked once, before the first test."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from lockstep import reasons

from .embedded.errors import PlatformError
from .profile import Profile

PROTOCOL = 1
_TIMEOUT = 5.0
_TABLES = {"auth_db_url": ("auth_users", "db.auth"), "main_db_url": ("userbase", "db.main")}


def check(profile: Profile) -> dict[str, str]:
    """The versions of the servers of a target; a PlatformError that names cause and way out for the first wrong one."""
    versions: dict[str, str] = {}
    for name in ("auth_url", "public_url"):
        if url := profile.endpoints.get(name):
            _check_service(profile, name, url)
    for number, url in enumerate(profile.endpoints.get("backend_urls", ())):
        _check_service(profile, "backend_urls", url, number)
    for name in _TABLES:
        if url := profile.endpoints.get(name):
            versions["postgresql"] = _check_database(profile, name, url)
    if url := profile.endpoints.get("redis_url"):
        versions["redis"] = _check_redis(profile, url)
    return versions


def _check_service(profile: Profile, name: str, url: str, *index: int) -> None:
    path = profile.mapping.get("paths", {}).get("health", "/health")
    if path is None:
        return
    place, address = profile.place("endpoints", name, *index), f"{url.rstrip('/')}{path}"
    ca_file = profile.endpoints.get("ca_file")
    try:
        trust = ssl.create_default_context(cafile=str(profile.file(ca_file)) if ca_file else None)
        with urllib.request.urlopen(address, timeout=_TIMEOUT, context=trust) as answer:  # noqa: S310 - the schema allows http and https only
            said = json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise PlatformError(
            f"{place}: {address} answered {error.code}; the service is not ready, or its health answer lives elsewhere "
            "(mapping.paths.health)"
        ) from error
    except (OSError, ValueError) as error:
        cause = getattr(error, "reason", None) or error
        raise PlatformError(
            f"{place}: {address} cannot be reached: {cause}; start the target, or correct this line"
        ) from error
    version = said.get("protocol") if isinstance(said, dict) else None
    if version != PROTOCOL:
        raise PlatformError(
            f"{place}: {address} speaks protocol {version}, these suites {PROTOCOL}: use the suites of that version"
        )


def _check_database(profile: Profile, name: str, url: str) -> str:
    import psycopg

    table, capability = _TABLES[name]
    table = profile.mapping.get("tables", {}).get(table, table)
    place, way_out = profile.place("endpoints", name), f"correct this line, or take {name} and {capability} out"
    try:
        with psycopg.connect(url, connect_timeout=int(_TIMEOUT)) as connection:
            found: Any = connection.execute("SELECT to_regclass(%s)", (table,)).fetchone()
            version = str(connection.info.parameter_status("server_version"))
    except psycopg.Error as error:
        raise PlatformError(
            f"{place}: no PostgreSQL at {_shown(url)}: {' '.join(reasons.text(error).split())}; {way_out}"
        ) from error
    if not found or found[0] is None:
        raise PlatformError(f"{place}: the database {_shown(url)} is the wrong one: it has no table {table}; {way_out}")
    return version


def _check_redis(profile: Profile, url: str) -> str:
    import redis

    place, way_out = profile.place("endpoints", "redis_url"), "correct this line, or take redis_url and redis out"
    try:
        with redis.Redis.from_url(url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT) as client:
            facts: Any = client.info("server")
    except (redis.RedisError, OSError, UnicodeDecodeError) as error:
        raise PlatformError(f"{place}: no Redis at {_shown(url)}: {reasons.text(error)}; {way_out}") from error
    kind = facts.get("server_name", "redis")
    return f"{kind} {facts.get(f'{kind}_version', facts.get('redis_version'))}"


def _shown(url: str) -> str:
    """A URL without its password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
