"""Settings of the stand-in OpenID provider."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from services.common.settings import CommonSettings, split_urls


class Settings(CommonSettings):
    """Read from the environment; ``provider_url`` is the issuer, ``provider_redirect_uris`` are matched exactly."""

    provider_url: str
    provider_client_id: str = Field(min_length=1)
    provider_client_secret: SecretStr = Field(min_length=8)
    provider_redirect_uris: Annotated[tuple[str, ...], NoDecode]
    provider_backchannel_logout_uri: str = ""
    provider_post_logout_redirect_uris: Annotated[tuple[str, ...], NoDecode] = ()

    @field_validator("provider_url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("provider_post_logout_redirect_uris", mode="before")
    @classmethod
    def _split_any(cls, value: object) -> object:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @field_validator("provider_redirect_uris", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        uris = tuple(split_urls(value)) if isinstance(value, str) else value
        if not uris:
            raise ValueError("name at least one redirect URI")
        return uris
