"""Which settings each service of a platform gets; names and meanings are those of docs/architecture.md."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .certificates import Tls
from .options import Options
from .ports import LOOPBACK
from .postgres import url
from .redis_server import PRIMARY

PROVIDER_CLIENT = "lockstep"
# A slow hash guards a table that is stolen: this one is gone with the run, and every test makes users.
CHEAP_PASSWORDS = {"PASSWORD_PASSES": "1", "PASSWORD_MEMORY_KIB": "64"}


@dataclass(frozen=True)
class Secrets:
    """What the services of one platform share and nobody else knows."""

    service_token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    frontend_credential: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    provider_client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    key_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))


@dataclass(frozen=True)
class Wiring:
    """Who reaches whom where: the port on which ``source`` finds ``target``, by way of a proxy or directly."""

    ports: Mapping[str, int]
    proxied: Mapping[tuple[str, str], int]
    options: Options = field(default_factory=Options)

    def port(self, source: str, target: str) -> int:
        """The port that ``source`` has to use for ``target``."""
        return self.proxied.get((source, target), self.straight(source, target))

    def straight(self, source: str, target: str) -> int:
        """The port of that ``target`` itself which serves ``source``."""
        return self.ports[self.options.redis_of(source) if target == "redis" else target]

    def http(self, source: str, target: str) -> str:
        """The plain HTTP URL that ``source`` has to use for ``target``."""
        return f"http://{LOOPBACK}:{self.port(source, target)}"

    def redis(self, source: str) -> str:
        """The Redis URL that ``source`` has to use; that of the Sentinels where there are some."""
        if sentinels := self.options.sentinel_names:
            addresses = ",".join(f"{LOOPBACK}:{self.ports[name]}" for name in sentinels)
            return f"redis+sentinel://{addresses}/{PRIMARY}/0"
        return f"redis://{LOOPBACK}:{self.port(source, 'redis')}/0"

    def database(self, source: str, name: str) -> str:
        """The PostgreSQL URL that ``source`` has to use."""
        standby = [self.ports["postgres-standby"]] if self.options.standby else []
        return url(self.port(source, "postgres"), name, *standby)

    @property
    def public_url(self) -> str:
        """The one public origin."""
        return f"https://{LOOPBACK}:{self.port('client', 'frontend')}"

    @property
    def issuer_of_provider(self) -> str:
        """The provider's address for everybody, its issuer included: where auth looks for it."""
        return self.http("auth", "provider")


def environment(
    instance: str, options: Options, wiring: Wiring, secrets_: Secrets, signing_key: Path, tls: Tls
) -> dict[str, str]:
    """The settings of ``instance``, later ones winning: its own, those of the options, those for this instance."""
    kind = "backend" if instance.startswith("backend-") else instance
    shared = {
        "HOST": LOOPBACK,
        "INSTANCE": instance,
        "SERVICE_TOKEN": secrets_.service_token,
        "FRONTEND_CREDENTIAL": secrets_.frontend_credential,
        "PUBLIC_URL": wiring.public_url,
    }
    backends = ",".join(wiring.http(instance, name) for name in options.backend_names if kind in ("auth", "frontend"))
    provider = {
        "PROVIDER_URL": wiring.issuer_of_provider,
        "PROVIDER_CLIENT_ID": PROVIDER_CLIENT,
        "PROVIDER_CLIENT_SECRET": secrets_.provider_client_secret,
    }
    own = {
        "provider": lambda: {
            **provider,
            "PROVIDER_REDIRECT_URIS": f"{wiring.public_url}/auth/google/callback",
            "PROVIDER_BACKCHANNEL_LOGOUT_URI": f"{wiring.http('provider', 'auth')}/auth/backchannel-logout",
            "PROVIDER_POST_LOGOUT_REDIRECT_URIS": f"{wiring.public_url}/",
        },
        "auth": lambda: {
            **provider,
            "DATABASE_URL": wiring.database(instance, "auth"),
            "REDIS_URL": wiring.redis(instance),
            "BACKEND_URLS": backends,
            "SIGNING_KEY_FILE": str(signing_key),
            "KEY_SECRET": secrets_.key_secret,
            **CHEAP_PASSWORDS,
        },
        "backend": lambda: {
            "DATABASE_URL": wiring.database(instance, "main"),
            "REDIS_URL": wiring.redis(instance),
            "AUTH_URL": wiring.http(instance, "auth"),
        },
        "frontend": lambda: {
            "AUTH_URL": wiring.http(instance, "auth"),
            "BACKEND_URLS": backends,
            "TLS_CERT": str(tls.certificate),
            "TLS_KEY": str(tls.key),
        },
    }[kind]()
    return {**shared, **own, **options.env, **options.instance_env.get(instance, {})}
