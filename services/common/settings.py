"""Settings that every service has; each service adds its own in ``services/<name>/settings.py``."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

VERSION = "1.1.0"
PROTOCOL = 1


class CommonSettings(BaseSettings):
    """Read from the environment; names and meanings are in ``docs/architecture.md``."""

    model_config = SettingsConfigDict(extra="ignore")

    host: str = "127.0.0.1"
    port: int = 0
    listen_fd: int | None = None
    start_id: str = "unset"
    instance: str = "unset"
    log_level: str = "info"
    service_token: SecretStr = Field(min_length=16)
    frontend_credential: SecretStr = Field(min_length=16)


def split_urls(value: str) -> list[str]:
    """The URLs of a comma-separated list, without blanks or trailing slashes."""
    return [part.strip().rstrip("/") for part in value.split(",") if part.strip()]
