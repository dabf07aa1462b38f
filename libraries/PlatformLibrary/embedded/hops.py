"""The fault proxies of one platform, and what suites ask of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import PlatformError
from .faults import FaultProxy
from .toxics import BOTH, Toxic, meant

DOWN = "down"
VERBS = ("add_toxic", "update_toxic", "remove_toxic", "toxics", "disable", "enable", "reset", "heal")


class Hops:
    """Finds the proxies that a hop means and does to them what is asked."""

    def __init__(self, proxies: Iterable[FaultProxy]) -> None:
        self._proxies = {proxy.link: proxy for proxy in proxies}

    @property
    def ports(self) -> dict[tuple[str, str], int]:
        """Where a source has to connect to reach its target by way of its proxy."""
        return {(link.source, link.target): proxy.port.number for link, proxy in self._proxies.items()}

    @property
    def names(self) -> list[str]:
        """Every link that has a proxy."""
        return [str(link) for link in self._proxies]

    def toxics(self, hop: str = "*") -> list[dict[str, Any]]:
        """Every toxic that is on a hop now, in Toxiproxy's form, with the link that it is on."""
        return [
            {"hop": str(proxy.link), **toxic.as_json()} for proxy in self._on(hop) for toxic in proxy.toxics.values()
        ]

    async def open(self) -> None:
        """Begin to relay."""
        await asyncio.gather(*(proxy.heal() for proxy in self._proxies.values()))

    async def close(self) -> None:
        """Relay nothing any more."""
        await asyncio.gather(*(proxy.close() for proxy in self._proxies.values()))

    async def do(self, verb: str, hop: str, request: Mapping[str, Any]) -> list[str]:
        """Carry out one of ``VERBS`` on every link of ``hop``; the links."""
        proxies = self._on(hop)
        if verb == "add_toxic":
            await self._add(proxies, request)
        elif verb == "update_toxic":
            name, toxicity = str(request["name"]), request.get("toxicity")
            changes = dict(request.get("attributes", {}))
            for proxy in proxies:
                proxy.toxic(name).changed(changes, toxicity)
            for proxy in proxies:
                await proxy.update(name, changes, toxicity)
        elif verb == "remove_toxic":
            name = str(request["name"])
            for proxy in proxies:
                proxy.toxic(name)
            await asyncio.gather(*(proxy.remove([name]) for proxy in proxies))
        elif verb == "disable":
            down = Toxic(DOWN, DOWN, BOTH)
            await asyncio.gather(*(proxy.add(down, "") for proxy in proxies if DOWN not in proxy.toxics))
        elif verb == "enable":
            for proxy in proxies:
                await proxy.remove([toxic.name for toxic in proxy.toxics.values() if toxic.type == DOWN])
        elif verb == "reset":
            for proxy in proxies:
                proxy.reset()
        elif verb == "heal":
            await asyncio.gather(*(proxy.heal() for proxy in proxies))
        return [str(proxy.link) for proxy in proxies]

    async def _add(self, proxies: list[FaultProxy], request: Mapping[str, Any]) -> None:
        type_ = str(request["type"])
        toxic = Toxic.asked(
            type_,
            request.get("attributes", {}),
            stream=BOTH if type_ == DOWN else str(request.get("stream", "downstream")),
            name=request.get("name") or (DOWN if type_ == DOWN else None),
            toxicity=float(request.get("toxicity", 1)),
            open_only=bool(request.get("open_only")),
        )
        if request.get("replace"):
            for proxy in proxies:
                await proxy.remove([toxic.name] if toxic.name in proxy.toxics else [])
        for proxy in proxies:
            proxy.check(toxic)
        for proxy in proxies:
            await proxy.add(toxic, str(request.get("seed", "")))

    def _on(self, hop: str) -> list[FaultProxy]:
        chosen = [proxy for link, proxy in self._proxies.items() if link.on(hop)]
        if not chosen and hop != "*":
            raise PlatformError(
                f"no fault proxy is on {hop!r}: ask for it when the platform is made (Use Private Platform    "
                f"proxies={hop}); it has {', '.join(self.names) or 'none'}{meant(hop, self.names)}"
            )
        return chosen
