"""Is an external target there, and is it what its profile says? Each endpoint is asked, before the first test."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from lockstep import reasons
from lockstep.wire import connection_to

from . import offer
from .embedded.errors import PlatformError
from .profile import Profile

PROTOCOL = 1
_TIMEOUT = 5.0
_TABLES = {"auth_db_url": ("auth_users", "db.auth"), "main_db_url": ("userbase", "db.main")}
_SERVICES = {"auth_url": "auth", "public_url": "frontend", "backend_urls": "backend", "provider_url": "provider"}
_SOCKETS = ("socket_url", "backend_socket_urls")
# A handshake of RFC 6455 §4.1, with the key of its example.
_HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "chat.v1",
}
_SOCKET_ANSWERS = (101, 401, 403)
_START = "Start the target, or correct the address."
_ELSEWHERE = (
    "Is it the right address, and is the service ready? Where another path reports its health, name it by "
    "mapping.paths.health (null: nowhere)."
)
_OTHER = (
    "These suites need a platform that follows docs/protocol.md: correct the address, or describe the other platform "
    "by a dialect (docs/dialect.md)."
)


class NotReadyError(PlatformError):
    """The target is not there, or not what its profile says: no suite can use it, so Robot ends the whole run."""

    ROBOT_EXIT_ON_FAILURE = True
    ROBOT_SUPPRESS_NAME = True


class _WrongError(PlatformError):
    """One endpoint is not as it should be; the ``way_out`` is said once for all that have the same."""

    def __init__(self, what: str, way_out: str = "") -> None:
        super().__init__(what)
        self.way_out = way_out


_Known = dict[str, str]
_Question = Callable[[], _Known]


def check(profile: Profile) -> dict[str, str]:
    """The versions of the servers of a target.

    Raises `NotReadyError` with a line for each endpoint that is not there, or not what the profile says: its place,
    what was asked, what came and what was wanted; after them what to change.
    """
    _ask(profile, [partial(_check_file, profile, name) for name in ("ca_file", "signing_key_file")])
    known = _ask(profile, list(_questions(profile)))
    instances = [found.pop("instance") for found in known if "instance" in found]
    _ask(profile, [partial(_check_replicas, profile, instances)])
    return {name: version for found in known for name, version in found.items()}


def _ask(profile: Profile, questions: Sequence[_Question]) -> list[_Known]:
    """All answers; they are asked at once, since each may take its time to fail."""
    if not questions:
        return []
    with ThreadPoolExecutor(len(questions), "reach") as pool:
        answers = list(pool.map(_answered, questions))
    wrong = [answer for answer in answers if isinstance(answer, PlatformError)]
    if wrong:
        ways_out = dict.fromkeys(error.way_out for error in wrong if isinstance(error, _WrongError))
        lines = [f"target {profile.name!r} is not ready:", *map(str, wrong), *filter(None, ways_out)]
        raise NotReadyError("\n".join(lines))
    return [answer for answer in answers if isinstance(answer, dict)]


def _answered(question: _Question) -> _Known | PlatformError:
    try:
        return question()
    except PlatformError as error:
        return error


def _questions(profile: Profile) -> Iterator[_Question]:
    for name, urls in profile.endpoints.items():
        listed = isinstance(urls, list)
        for number, url in enumerate(urls if listed else [urls]):
            entry = (name, number) if listed else (name,)
            if name in _SERVICES:
                yield partial(_check_service, profile, entry, url)
            elif name in _SOCKETS:
                yield partial(_check_socket, profile, entry, url)
            elif name in _TABLES:
                yield partial(_check_database, profile, name, url)
            elif name == "redis_url":
                yield partial(_check_redis, profile, url)
    if "auth_url" in profile.endpoints and not offer.missing(profile, "session.admin"):
        yield partial(_check_credential, profile, profile.endpoints["auth_url"])


def _check_file(profile: Profile, name: str) -> _Known:
    if given := profile.endpoints.get(name):
        path = profile.file(given)
        try:
            path.read_bytes()
        except OSError as error:
            place = profile.place("endpoints", name)
            raise PlatformError(f"{place}: {path} cannot be read: {error.strerror}; correct this line") from error
    return {}


def _check_service(profile: Profile, entry: tuple[str | int, ...], url: str) -> _Known:
    path = profile.mapping.get("paths", {}).get("health", "/health")
    if path is None:
        return {}
    asked = _Get(profile, entry, f"{url.rstrip('/')}{path}")
    answer = asked.answer({"Accept": "application/json"})
    try:
        found = json.loads(answer.body)
    except ValueError:
        found = None
    if answer.status != 200 or found is None:
        raise asked.wrong(f"answered {answer}, wanted 200 JSON", _ELSEWHERE)
    version = found.get("protocol") if isinstance(found, dict) else None
    if version is None:
        raise asked.wrong(f"answered 200 JSON without a protocol, wanted protocol {PROTOCOL}", _OTHER)
    if version != PROTOCOL:
        raise asked.wrong(f"answered protocol {version}, wanted {PROTOCOL}: use the suites of that version")
    service = _SERVICES[str(entry[0])]
    if found.get("service", service) != service:
        raise asked.wrong(f"answered as service {found['service']!r}, wanted {service!r}: correct this line")
    return {"instance": str(found.get("instance", ""))} if service == "backend" else {}


def _check_replicas(profile: Profile, instances: Sequence[str]) -> _Known:
    for number, instance in enumerate(instances):
        if instance and instance in instances[:number]:
            raise PlatformError(
                f"{profile.place('endpoints', 'backend_urls', number)}: {instance!r} answers here and at another "
                "of them: give each replica an address of its own, or take this line out"
            )
    return {}


def _check_socket(profile: Profile, entry: tuple[str | int, ...], url: str) -> _Known:
    asked = _Get(profile, entry, url)
    answer = asked.answer(_HANDSHAKE)
    if answer.status not in _SOCKET_ANSWERS:
        raise asked.wrong(f"answered {answer} to a handshake without a token, wanted 401: correct this line")
    return {}


def _check_credential(profile: Profile, url: str) -> _Known:
    asked = _Get(profile, ("auth_url",), f"{url.rstrip('/')}/admin/outbox")
    try:
        answer = asked.answer({"Authorization": f"Bearer {profile.service_token}"})
    except PlatformError:
        # That is said of the service's health.
        return {}
    if answer.status in (401, 403):
        raise PlatformError(
            f"{profile.place('service_token_env')}: GET {asked.url} answered {answer} to the service credential: set "
            "the variable of this line to the target's own, or take session.admin out of the capabilities"
        )
    return {}


@dataclass(frozen=True)
class _Answer:
    status: int
    kind: str | None
    body: bytes

    def __str__(self) -> str:
        return f"{self.status} {self.kind or 'without a content type'}"


class _Get:
    """A GET of an endpoint of the profile; no redirect is followed."""

    def __init__(self, profile: Profile, entry: tuple[str | int, ...], url: str) -> None:
        self.url = url
        self._place = profile.place("endpoints", *entry)
        ca_file = profile.endpoints.get("ca_file")
        self._ca_file = str(profile.file(ca_file)) if ca_file else None

    def answer(self, headers: Mapping[str, str]) -> _Answer:
        """What comes; raises ``PlatformError`` that says why nothing does."""
        parts = urlsplit(self.url)
        try:
            connection = connection_to(re.sub("^ws", "http", self.url), _TIMEOUT, self._ca_file)
            try:
                path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                connection.request("GET", path, headers=dict(headers))
                response = connection.getresponse()
                kind = response.headers.get("Content-Type")
                body = b"" if response.status == 101 else response.read()
                return _Answer(response.status, kind and kind.partition(";")[0], body)
            finally:
                connection.close()
        except (OSError, HTTPException, ValueError) as error:
            raise self.wrong(f"got no answer: {_cause(error)}", _START) from error

    def wrong(self, what: str, way_out: str = "") -> PlatformError:
        """An error that says what was asked, and ``what`` came of it."""
        return _WrongError(f"{self._place}: GET {self.url} {what}", way_out)


def _cause(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing came within {_TIMEOUT:g} s"
    if isinstance(error, socket.gaierror):
        return f"the host is not known: {error.strerror}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted by endpoints.ca_file: {error.verify_message}"
    return reasons.text(error)


def _check_database(profile: Profile, name: str, url: str) -> _Known:
    import psycopg

    table, capability = _TABLES[name]
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
    return {"postgresql": version}


def _check_redis(profile: Profile, url: str) -> _Known:
    import redis

    place, way_out = profile.place("endpoints", "redis_url"), "correct this line, or take redis_url and redis out"
    try:
        with redis.Redis.from_url(url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT) as client:
            facts: Any = client.info("server")
    except (redis.RedisError, OSError, UnicodeDecodeError) as error:
        raise PlatformError(f"{place}: no Redis at {_shown(url)}: {reasons.text(error)}; {way_out}") from error
    kind = facts.get("server_name", "redis")
    return {"redis": f"{kind} {facts.get(f'{kind}_version', facts.get('redis_version'))}"}


def _shown(url: str) -> str:
    """A URL without its password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
