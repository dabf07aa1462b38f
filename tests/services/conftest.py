"""Fixtures of every service test: real servers once a run, databases and services for whoever asks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.services import servers as real
from tests.services.auth_api import Api, start_auth
from tests.services.backend_kit import KeyServer
from tests.services.servers import (
    MakeDatabase,
    MakePostgres,
    MakeRedis,
    Postgres,
    Redis,
    Servers,
    Service,
    StartService,
)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """PostgreSQL and Redis for tests that neither stop nor starve them."""
    with ExitStack() as cleanup:
        postgres, redis = Postgres(), Redis()
        cleanup.callback(postgres.remove)
        postgres.create()
        postgres.start()
        cleanup.callback(redis.kill)
        redis.start()
        yield Servers(postgres, redis)


@pytest.fixture(scope="session")
def make_database(servers: Servers) -> MakeDatabase:
    """``make_database(name, migrate="auth"|"backend"|None) -> url``: an own database, from a migrated template."""
    numbers = itertools.count(1)
    templates: set[str] = set()

    def make(name: str, migrate: str | None = None) -> str:
        postgres = servers.postgres
        template = f"template_{migrate}" if migrate else "template0"
        if migrate and template not in templates:
            postgres.execute(f"CREATE DATABASE {template}")
            real.migrate(migrate, postgres.url(template))
            templates.add(template)
        database = f"{name}_{next(numbers)}"
        postgres.execute(f'CREATE DATABASE "{database}" TEMPLATE {template} STRATEGY FILE_COPY')
        return postgres.url(database)

    return make


@pytest.fixture
def keys() -> Iterator[KeyServer]:
    """Who publishes the keys of auth, where there is no auth."""
    server = KeyServer()
    yield server
    server.close()


@pytest.fixture
def make_redis() -> Iterator[MakeRedis]:
    """A Redis that the test may kill and start again."""
    made: list[Redis] = []

    def make() -> Redis:
        made.append(Redis())
        made[-1].start()
        return made[-1]

    yield make
    for redis in made:
        redis.kill()


@pytest.fixture
def make_postgres() -> Iterator[MakePostgres]:
    """A PostgreSQL cluster that the test may stop and start again; ``url("postgres")`` is an empty database."""
    made: list[Postgres] = []

    def make() -> Postgres:
        made.append(Postgres())
        made[-1].create()
        made[-1].start()
        return made[-1]

    yield make
    for postgres in made:
        postgres.remove()


def _starter(logs: Path, started: list[Service]) -> StartService:
    def start(name: str, env: Mapping[str, str], *, port: int | None = None, scheme: str = "http") -> Service:
        instance = env.get("INSTANCE", name)
        log = logs / f"{instance}-{len(started)}.log"
        complete = real.service_environment({"INSTANCE": instance, **env})
        service = Service(name, complete, log, port or real.free_port(), scheme)
        started.append(service)
        service.start()
        return service

    return start


def _end_all(started: list[Service]) -> None:
    for service in started:
        if service.process and service.process.poll() is None:
            service.kill()


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[StartService]:
    """``start_service(name, env, port=None, scheme="http") -> Service``, ready when it returns; ended with the test."""
    started: list[Service] = []
    yield _starter(tmp_path, started)
    _end_all(started)


@pytest.fixture(scope="module")
def start_module_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartService]:
    """As ``start_service``, for services that all tests of a module share."""
    started: list[Service] = []
    yield _starter(tmp_path_factory.mktemp("services"), started)
    _end_all(started)


@pytest.fixture(scope="module")
def service(start_module_service: StartService, servers: Servers, make_database: MakeDatabase) -> Service:
    """An auth as it is by default, for all tests of a file; a file that needs another has its own ``service``."""
    return start_auth(start_module_service, servers, make_database)


@pytest.fixture
def api(service: Service) -> Iterator[Api]:
    """What asks it."""
    api = Api(service.url)
    yield api
    api.http.close()
