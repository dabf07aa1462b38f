"""The public OAuth clients of §2.1 and the session that each of them gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from services.auth.settings import Settings


@dataclass(frozen=True)
class Client:
    """One public client; lifetimes in seconds."""

    client_id: str
    session_type: str
    audience: str
    access_ttl: int
    idle_ttl: float
    absolute_ttl: float
    redirect_uri: str


def registered(settings: Settings) -> Mapping[str, Client]:
    """All clients by their id."""
    ordinary = (settings.access_ttl, settings.session_idle, settings.session_absolute)
    short = (settings.short_access_ttl, settings.short_session_idle, settings.short_session_absolute)
    public, api = settings.public_url, settings.audience
    clients = (
        Client("web", "WEB", api, *ordinary, f"{public}/login/callback"),
        Client("mobile", "MOBILE", api, *ordinary, "lockstep://login/callback"),
        Client("api", "API", api, *ordinary, f"{public}/api-client/callback"),
        Client("kiosk", "WEB", api, *short, f"{public}/kiosk/callback"),
        Client("partner", "API", "partner-api", *ordinary, f"{public}/partner/callback"),
    )
    return MappingProxyType({client.client_id: client for client in clients})
