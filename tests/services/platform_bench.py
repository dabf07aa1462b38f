"""The five real services behind one origin, for tests that stand where a browser stands."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.services.frontend_bench import certificate, client_of
from tests.services.servers import SERVICE_TOKEN, MakeDatabase, Servers, Service, StartService, free_port, wait_until

BEARER = {"Authorization": f"Bearer {SERVICE_TOKEN}"}


@dataclass
class Platform:
    """All five services, and the context that trusts frontend."""

    frontend: Service
    auth: Service
    backends: list[Service]
    provider: Service
    context: Any

    def browser(self) -> httpx.Client:
        """A browser: cookies of its own, redirects followed by hand."""
        return client_of(self.frontend.url, self.context)


def start_platform(
    start: StartService, servers: Servers, make_database: MakeDatabase, folder: Path, **env_over: str
) -> Platform:
    """Provider, auth, two backends and frontend, ready to be used; ``env_over`` goes to all of them."""
    ports = {name: free_port() for name in ("frontend", "auth", "provider", "backend-1", "backend-2")}
    origins = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    public = f"https://127.0.0.1:{ports['frontend']}"
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "signing.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    tls, context = certificate(folder)
    env = {
        **tls,
        "PUBLIC_URL": public,
        "AUTH_URL": origins["auth"],
        "BACKEND_URLS": f"{origins['backend-1']},{origins['backend-2']}",
        "REDIS_URL": servers.redis_url,
        "PROVIDER_URL": origins["provider"],
        "PROVIDER_CLIENT_ID": "lockstep",
        "PROVIDER_CLIENT_SECRET": "secret-of-the-client",
        "PROVIDER_REDIRECT_URIS": f"{public}/auth/google/callback",
        "SIGNING_KEY_FILE": str(folder / "signing.pem"),
        "KEY_SECRET": "key-secret-of-the-tests",
        **env_over,
    }
    main = make_database("main", migrate="backend")
    provider = start("provider", env, port=ports["provider"])
    auth = start("auth", {**env, "DATABASE_URL": make_database("auth", migrate="auth")}, port=ports["auth"])
    backends = [
        start("backend", {**env, "DATABASE_URL": main, "INSTANCE": name}, port=ports[name])
        for name in ("backend-1", "backend-2")
    ]
    frontend = start("frontend", env, port=ports["frontend"], scheme="https")
    platform = Platform(frontend, auth, backends, provider, context)
    with platform.browser() as browser:
        up = {"auth": "up", "backend": "up"}
        wait_until(lambda: browser.get("/health").json()["dependencies"] == up, "frontend sees all services")
    return platform


def new_identity(platform: Platform) -> str:
    """The e-mail of a new account at the provider."""
    email = f"{uuid.uuid4().hex[:12]}@example.test"
    body = {"email": email, "name": "Zoë Müller"}
    url = f"{platform.provider.url}/control/users/{uuid.uuid4()}"
    assert httpx.put(url, json=body, headers=BEARER).status_code == 201
    return email
