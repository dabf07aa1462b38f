"""The applications that the provider knows: the one of its settings, and those that tests register."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.provider.settings import Settings


@dataclass(frozen=True)
class Client:
    """One application; every address is matched exactly."""

    client_id: str
    secret: str
    redirect_uris: tuple[str, ...]
    backchannel_logout_uri: str | None = None
    post_logout_redirect_uris: tuple[str, ...] = ()


@dataclass
class Clients:
    """Every application, by its id."""

    known: dict[str, Client] = field(default_factory=dict)

    def get(self, client_id: str | None) -> Client | None:
        """The application of that id."""
        return self.known.get(client_id or "")

    def put(self, client: Client) -> None:
        """Add or replace one."""
        self.known[client.client_id] = client


def of_settings(settings: Settings) -> Clients:
    """The application that the settings name."""
    clients = Clients()
    clients.put(
        Client(
            settings.provider_client_id,
            settings.provider_client_secret.get_secret_value(),
            settings.provider_redirect_uris,
            settings.provider_backchannel_logout_uri or None,
            settings.provider_post_logout_redirect_uris,
        )
    )
    return clients
