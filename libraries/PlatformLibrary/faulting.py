"""Keywords that disturb the hops of a platform, in Toxiproxy's words."""

from __future__ import annotations

import abc
import os
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from lockstep import applicability
from robot.api import logger
from robot.api.deco import keyword

from . import quantities
from .targets import Platform

_EVERY_HOP = "*"


class FaultKeywords(abc.ABC):
    """Toxics on hops: put on, changed, taken off, and all of them at the end."""

    def __init__(self) -> None:
        # Platform, link and name of each toxic that is on, and the suite that put it on: with that one it ends.
        self._owners: dict[tuple[str, str, str], str] = {}
        self._seed = os.environ.get("LOCKSTEP_SEED") or secrets.token_hex(4)

    @abc.abstractmethod
    def _platform(self, alias: str | None = None) -> Platform:
        """The platform in use, or the one of that alias."""

    @abc.abstractmethod
    def _running_suite(self) -> str:
        """The suite that runs now."""

    @keyword(tags=("faults",))
    def add_toxic(
        self,
        hop: str,
        type: str,
        stream: str = "downstream",
        name: str | None = None,
        toxicity: float = 1.0,
        **attributes: str,
    ) -> None:
        """Puts a toxic on a hop, for connections open and to come; see `Toxics` for types and attributes.

        | Add Toxic    backend->auth      latency       latency=200ms    jitter=50ms    name=slow
        | Add Toxic    client->backend    drop_frame    frame=3    stream=downstream

        ``stream`` is ``downstream`` (from the server to who connected to it), ``upstream``, or ``both``. The default
        name is the type and the stream, such as ``latency_downstream``. ``toxicity`` is the probability that it takes a
        connection; which ones it takes follows from LOCKSTEP_SEED, the link, the name and how many came before.
        """
        numbers = {key: quantities.number(type, key, value) for key, value in attributes.items()}
        self._add(hop, type, numbers, stream=stream, name=name, toxicity=toxicity)

    @keyword(tags=("faults",))
    def update_toxic(self, hop: str, name: str, toxicity: float | None = None, **attributes: str) -> None:
        """Gives a toxic other values; what is not named stays. Its time begins again, what it counted stays counted."""
        type_ = next((found["type"] for found in self.get_toxics(hop) if found["name"] == name), None)
        # Of an unknown name the host says which there are.
        numbers = {key: quantities.number(type_, key, value) for key, value in attributes.items()} if type_ else {}
        self._disturb("update_toxic", hop, name=name, toxicity=toxicity, attributes=numbers)

    @keyword(tags=("faults",))
    def remove_toxic(self, hop: str, name: str) -> None:
        """Takes a toxic off a hop: what it held back passes at once; a connection that lost bytes to it is reset."""
        self._disturb("remove_toxic", hop, name=name)

    @keyword(tags=("faults",))
    def get_toxics(self, hop: str = _EVERY_HOP) -> list[dict[str, Any]]:
        """The toxics that are on a hop, by default on any: ``hop``, ``name``, ``type``, ``stream``, ``toxicity`` and
        ``attributes``, these as plain numbers in Toxiproxy's units (see `Toxics`).
        """
        return list(self._disturbable().control.disturb("toxics", hop)["toxics"])

    @keyword(tags=("faults",))
    def disable_hop(self, hop: str) -> None:
        """Resets every connection of a hop (TCP RST) and refuses new ones, until it is enabled or healed."""
        self._disturb("disable", hop)

    @keyword(tags=("faults",))
    def enable_hop(self, hop: str) -> None:
        """Takes new connections on a hop again; its other toxics stay."""
        self._disturb("enable", hop)

    @keyword(tags=("faults",))
    def cut_connection(self, hop: str) -> None:
        """Another name of `Disable Hop`."""
        self.disable_hop(hop)

    @keyword(tags=("faults",))
    def heal_connection(self, hop: str) -> None:
        """Undoes whatever disturbs a hop."""
        self._disturb("heal", hop)

    @keyword(tags=("faults",))
    def heal_all(self) -> None:
        """Undoes whatever disturbs any hop of the platform in use; nothing where there are no fault proxies.

        It is done by itself at the end of the suite that disturbed a hop, and when a platform is released.
        """
        self._heal(self._platform())

    @keyword(tags=("faults",))
    def delay_connection(self, hop: str, latency: timedelta) -> None:
        """Delays everything that passes over a hop, each way, by ``latency``; zero undoes it.

        Short for the toxic ``latency`` of the name ``delay``, in place of an earlier one.
        """
        if latency:
            milliseconds = latency.total_seconds() * 1000
            self._add(hop, "latency", {"latency": milliseconds}, stream="both", name="delay", replace=True)
            return
        for found in self.get_toxics(hop):
            if found["name"] == "delay":
                self.remove_toxic(found["hop"], "delay")

    @keyword(tags=("faults",))
    def silence_connection(self, hop: str, open_only: bool = False) -> None:
        """Swallows everything that passes over a hop, while its connections stay open and new ones are taken.

        They stay half-open whatever their other end does: its close, its reset and its death are swallowed, too. With
        ``open_only`` new connections are not silenced, as where a network has forgotten the old ones. Short for the
        toxic ``timeout`` of the name ``silence``. Healed, connections that lost bytes, or an end, are reset.
        """
        self._add(hop, "timeout", {}, stream="both", name="silence", replace=True, open_only=open_only)

    @keyword(tags=("faults",))
    def reset_connection(self, hop: str) -> None:
        """Resets every connection of a hop (TCP RST) once; new ones work."""
        self._disturb("reset", hop)

    def heal_after(self, suite: str) -> None:
        """Take off what that suite left on."""
        for platform in self._platforms():
            left = [(link, name) for (id_, link, name), by in self._owners.items() if (id_, by) == (platform.id, suite)]
            for link, name in left:
                self._note(platform, platform.control.disturb("remove_toxic", link, name=name))
                logger.info(f"healed: {link} {name}")

    @abc.abstractmethod
    def _platforms(self) -> list[Platform]:
        """Every platform in use."""

    def _add(self, hop: str, type_: str, attributes: Mapping[str, Any], **how: Any) -> None:
        self._disturb("add_toxic", hop, type=type_, attributes=dict(attributes), seed=self._seed, **how)

    def _disturb(self, do: str, hop: str, **options: Any) -> None:
        platform = self._disturbable()
        answer = platform.control.disturb(do, hop, **options)
        self._note(platform, answer)
        shown = {name: value for name, value in options.items() if value is not None}
        logger.info(f"{do} {', '.join(answer['links']) or 'nothing'} {shown or ''}")

    def _disturbable(self) -> Platform:
        """The platform in use; NA where it has no fault proxies, since others run it."""
        platform = self._platform()
        if not platform.control.faults:
            applicability.lacking("net.faults", f"target {platform.descriptor['target']!r} has no fault proxies")
        return platform

    def _heal(self, platform: Platform) -> None:
        if not platform.control.faults:
            return
        left = platform.control.disturb("toxics", _EVERY_HOP)["toxics"]
        self._note(platform, platform.control.disturb("heal", _EVERY_HOP))
        names = [f"{toxic['hop']} {toxic['name']}" for toxic in left]
        logger.info(f"healed: {', '.join(names) or 'nothing was on'}")

    def _note(self, platform: Platform, answer: Mapping[str, Any]) -> None:
        """Keep in mind whose the toxics are that are on now, and forget those that are not any more."""
        on = [(platform.id, toxic["hop"], toxic["name"]) for toxic in answer["toxics"]]
        asked = [(platform.id, link) for link in answer["links"]]
        self._owners = {key: suite for key, suite in self._owners.items() if key in on or key[:2] not in asked}
        for key in on:
            self._owners.setdefault(key, self._running_suite())
