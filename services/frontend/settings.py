"""Settings of frontend."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, FilePath, field_validator
from pydantic_settings import NoDecode

from services.common.settings import CommonSettings, split_urls


class Settings(CommonSettings):
    """Read from the environment; times are seconds."""

    public_url: str
    tls_cert: FilePath
    tls_key: FilePath
    auth_url: str
    backend_urls: Annotated[tuple[str, ...], NoDecode] = Field(min_length=1)
    upstream_timeout: float = Field(default=15.0, gt=0)
    ping_interval: float = Field(default=20.0, gt=0)
    ping_timeout: float = Field(default=20.0, gt=0)

    @field_validator("public_url", "auth_url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("backend_urls", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(split_urls(value)) if isinstance(value, str) else value
