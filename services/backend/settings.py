"""Settings of a backend replica."""

from __future__ import annotations

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr

from services.common.settings import CommonSettings


class Settings(CommonSettings):
    """Read from the environment; names and meanings are in ``docs/architecture.md``. Times are seconds."""

    database_url: SecretStr
    redis_url: SecretStr
    auth_url: str
    public_url: str
    issuer: str = ""
    audience: str = "lockstep-api"

    rate_limit: int = Field(0, ge=0)
    rate_limit_bulk: int = Field(0, ge=0)
    rate_window: PositiveInt = 60
    address_rate_limit: int = Field(0, ge=0)
    socket_rate_limit: int = Field(0, ge=0)

    ping_interval: PositiveFloat = 20.0
    ping_timeout: PositiveFloat = 20.0
    max_replay: PositiveInt = 10_000
    resume_window: PositiveFloat = 86_400.0
    socket_queue: PositiveInt = 20_000

    breaker_threshold: PositiveInt = 3
    breaker_ttl: PositiveFloat = 2.0
    auth_timeout: PositiveFloat = 3.0
    introspection_ttl: PositiveFloat = 5.0
    event_resend: PositiveFloat = 5.0
    answer_lease: PositiveFloat = 3.0
    close_grace: PositiveFloat = 10.0
    chunk_delay: float = Field(0.0, ge=0)

    @property
    def trusted_issuer(self) -> str:
        """The only issuer whose tokens are taken."""
        return self.issuer or self.public_url
