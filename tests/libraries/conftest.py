"""Real servers and services for the keyword libraries' tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.services.conftest import make_database, make_redis, servers, start_service
from tests.services.servers import SERVICE_TOKEN, MakeDatabase, Redis, Service, free_port, service_environment

__all__ = ["make_database", "make_redis", "servers", "start_service"]


@dataclass(frozen=True)
class Stack:
    """Provider, auth and two backend replicas on real servers; ``descriptor`` is what suites know of them."""

    descriptor: dict[str, Any]
    services: dict[str, Service]
    redis: Redis

    def file(self, folder: Path) -> Path:
        """The descriptor as a JSON file, for an inner run."""
        path = folder / "descriptor.json"
        path.write_text(json.dumps(self.descriptor))
        return path


@pytest.fixture(scope="session")
def stack(make_database: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for all; who stops a service of it starts it again."""
    folder = tmp_path_factory.mktemp("stack")
    with ExitStack() as cleanup:
        redis = Redis()
        cleanup.callback(redis.kill)
        redis.start()
        entries: dict[str, Any] = {
            "target": "stack of the tests",
            "auth_db_url": make_database("auth", migrate="auth"),
            "main_db_url": make_database("main", migrate="backend"),
            "redis_url": redis.url,
            "service_token": SERVICE_TOKEN,
            "signing_key_file": str(_signing_key(folder)),
            "issuer": "https://127.0.0.1:8443",
            "audience": "lockstep-api",
        }
        services = _services(entries, folder)
        entries["provider_url"] = services["provider"].url
        entries["auth_url"] = services["auth"].url
        entries["backend_urls"] = [services["backend-1"].url, services["backend-2"].url]
        entries["backend_socket_urls"] = [f"{url.replace('http', 'ws', 1)}/ws" for url in entries["backend_urls"]]
        for service in services.values():
            cleanup.callback(service.kill)
            service.start()
        yield Stack(entries, services, redis)


def _signing_key(folder: Path) -> Path:
    path = folder / "key.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def _services(entries: dict[str, Any], folder: Path) -> dict[str, Service]:
    ports = {name: free_port() for name in ("provider", "auth", "backend-1", "backend-2")}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    own: dict[str, dict[str, str]] = {
        "provider": {"PROVIDER_REDIRECT_URIS": "https://127.0.0.1:8443/auth/google/callback"},
        "auth": {
            "DATABASE_URL": entries["auth_db_url"],
            "KEY_SECRET": "key-secret-of-the-tests",
            "SIGNING_KEY_FILE": entries["signing_key_file"],
        },
        "backend-1": {"DATABASE_URL": entries["main_db_url"]},
        "backend-2": {"DATABASE_URL": entries["main_db_url"]},
    }
    shared = {
        "REDIS_URL": entries["redis_url"],
        "AUTH_URL": urls["auth"],
        "BACKEND_URLS": f"{urls['backend-1']},{urls['backend-2']}",
        "PROVIDER_URL": urls["provider"],
        "PROVIDER_CLIENT_ID": "lockstep",
        "PROVIDER_CLIENT_SECRET": "provider-secret-of-the-tests",
    }
    return {
        name: Service(
            name.split("-")[0],
            service_environment({"INSTANCE": name, **shared, **env}),
            folder / f"{name}.log",
            ports[name],
        )
        for name, env in own.items()
    }
