"""What auth reads from its environment; meanings and defaults are in ``docs/architecture.md``."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, model_validator

from services.common.settings import CommonSettings


class Settings(CommonSettings):
    """Lifetimes in seconds."""

    public_url: str
    issuer: str = ""
    audience: str = "lockstep-api"
    database_url: str
    redis_url: str
    backend_urls: str = ""
    provider_url: str
    provider_client_id: str
    provider_client_secret: SecretStr
    signing_key_file: Path | None = None
    key_secret: SecretStr = Field(min_length=16)
    access_ttl: int = Field(300, gt=0)
    short_access_ttl: int = Field(3, gt=0)
    session_idle: float = Field(1800, gt=0)
    session_absolute: float = Field(28800, gt=0)
    short_session_idle: float = Field(6, gt=0)
    short_session_absolute: float = Field(12, gt=0)
    # Who is told to try again may still be at it after a few time-outs.
    refresh_retry: float = Field(60, ge=0)
    refresh_grace: float = Field(0, ge=0)
    session_limit: int = Field(10, gt=0)
    session_sweep: float = Field(300, ge=0)
    # The least that OWASP recommends for argon2id: the library's default costs four times as much CPU a login.
    password_passes: int = Field(2, gt=0)
    password_memory_kib: int = Field(19 << 10, ge=8)
    key_grace: float = Field(600, ge=0)
    rate_limit: int = Field(0, ge=0)
    rate_limit_bulk: int = Field(0, ge=0)
    rate_window: int = Field(60, gt=0)
    address_rate_limit: int = Field(0, ge=0)
    login_failure_limit: int = Field(0, ge=0)
    address_login_failure_limit: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _settle(self) -> Settings:
        self.public_url = self.public_url.rstrip("/")
        self.provider_url = self.provider_url.rstrip("/")
        self.issuer = self.issuer or self.public_url
        return self

    @property
    def login_failures_of_address(self) -> int:
        """How many logins may fail from one address; by default so many that no person behind it uses them up alone."""
        given = self.address_login_failure_limit
        return 20 * self.login_failure_limit if given is None else given

    @property
    def longest_access_ttl(self) -> int:
        """How long a revocation must be remembered: no access token outlives it."""
        return max(self.access_ttl, self.short_access_ttl)
