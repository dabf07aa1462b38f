"""Asks as the libraries do that keep a connection: the host of a platform, and a service over HTTP."""

from typing import Any

from lockstep.http import Service
from PlatformLibrary.embedded.client import HostClient
from robot.api.deco import keyword, library


@library(scope="GLOBAL")
class Asking:
    def __init__(self) -> None:
        self._host: HostClient | None = None
        self._service: Service | None = None

    @keyword
    def ask_the_host(self, path: str, do: str, **arguments: Any) -> dict[str, Any]:
        self._host = self._host or HostClient(path)
        return self._host.call(do, **arguments)

    @keyword
    def ask_the_service(self, url: str, path: str) -> Any:
        self._service = self._service or Service("slow", url)
        return self._service.call("GET", path)
