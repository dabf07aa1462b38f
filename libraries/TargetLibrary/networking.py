"""Keywords that disturb the network between devices and the target, whatever that is and wherever it runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from robot.api import logger

from .base import Base
from .described import word
from .network import Network


class Networking(Base):
    """Use Disturbable Network, and what can be done to it."""

    @word("network")
    def use_disturbable_network(self) -> None:
        """Has every socket that is opened from now on go by way of a proxy of the run's own, until `Leave Target`.

        Sockets that are open already go on as they are. NA where PlatformLibrary, whose proxies these are, is missing.
        """
        try:
            network = Network()
            network.stand()
        except ImportError:
            raise self.stage.dialect.missing(
                "net.faults", "PlatformLibrary, which has the proxies, is missing"
            ) from None
        self.stage.network = network

    @word("network")
    def silence_network(self, *sockets: str) -> None:
        """Swallows what passes either way on these sockets, on all where none is named; they stay open."""
        self._network.disturb("silence", "timeout", "both", self._ports(sockets))

    @word("network")
    def block_answers(self, *sockets: str) -> None:
        """Swallows what the target sends on these sockets, on all where none is named; what they send arrives."""
        self._network.disturb("no answers", "timeout", "downstream", self._ports(sockets))

    @word("network")
    def slow_network(self, latency: timedelta, *sockets: str) -> None:
        """Delays what passes either way by ``latency`` on these sockets, on all where none is named."""
        milliseconds = latency.total_seconds() * 1000
        self._network.disturb("slow", "latency", "both", self._ports(sockets), latency=milliseconds)

    @word("network")
    def reset_network(self, *sockets: str) -> None:
        """Resets these sockets at both ends (TCP RST), all where none is named; new ones can be opened at once."""
        self._network.reset(self._ports(sockets))

    @word("network")
    def heal_network(self) -> None:
        """Lets everything pass again; a socket that has lost something meanwhile is reset. For teardowns, too."""
        if self.stage.network is not None:
            self.stage.network.heal()

    @property
    def _network(self) -> Network:
        if self.stage.network is None:
            raise RuntimeError("no socket goes by way of a proxy: call Use Disturbable Network before they are opened")
        return self.stage.network

    def _ports(self, sockets: Sequence[str]) -> list[int]:
        ports = [self.socket(alias).local_port for alias in sockets]
        logger.info(f"disturbed: {', '.join(sockets) or 'every socket'}")
        return ports
