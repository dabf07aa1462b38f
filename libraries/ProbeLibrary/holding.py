"""A request that has been sent in part while its server is told to end."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any, Literal

from lockstep import masking, reasons
from lockstep.wire import connection_to, problem_code

from ProbeLibrary.request import Request

Part = Literal["half head", "head", "half body"]
PARTS: tuple[Part, ...] = ("half head", "head", "half body")


@dataclass(frozen=True)
class HeldReply:
    """What came back: ``status`` is None where nothing did, and ``error`` says why; header names are in lower case.

    ``seconds`` is the time from when the server began to leave until the answer was there.
    """

    status: int | None
    headers: dict[str, str]
    code: str = ""
    error: str = ""
    seconds: float = 0.0


class HeldRequest:
    """Sends a part of a request at once, and the rest when the server has closed an idle connection beside it.

    So the rest comes after the server was told to end, however busy the machine is. With ``finish=False`` it never
    comes.
    """

    def __init__(self, request: Request, part: Part, *, finish: bool, ca_file: str | None, patience: float) -> None:
        self.name = f"{request.method} {request.url} ({part})"
        self._request, self._finish, self._patience = request, finish, patience
        self._reply: HeldReply | None = None
        self._witness = connection_to(request.url, patience, ca_file)
        self._connection = connection_to(request.url, patience, ca_file)
        self._connection.connect()
        whole = request.head() + (request.body or b"")
        cut = {"half head": len(request.head()) // 2, "head": len(request.head())}.get(part, len(whole) - 1)
        self._rest = whole[cut:]
        self._connection.sock.sendall(whole[:cut])
        # Who came later has its answer: what was sent before has been read.
        self._witness.request("GET", request.target)
        self._witness.getresponse().read()
        self._thread = threading.Thread(target=self._run, name=f"held {self.name}", daemon=True)
        self._thread.start()

    def reply(self) -> HeldReply:
        """What came in the end."""
        self._thread.join(2 * self._patience + 1)
        return self._reply or HeldReply(None, {}, error="the server neither answered nor closed the connection")

    def _run(self) -> None:
        try:
            with suppress(ConnectionError):
                self._witness.sock.recv(1)  # b"" once the server has closed it
            began = time.monotonic()
            self._reply = self._finished(began)
        except (OSError, HTTPException) as error:
            self._reply = HeldReply(None, {}, error=reasons.of(error))
        finally:
            self._witness.close()
            self._connection.close()

    def _finished(self, began: float) -> HeldReply:
        connection: Any = self._connection
        if self._finish:
            connection.sock.sendall(self._rest)
        response = HTTPResponse(connection.sock, method=self._request.method)
        response.begin()
        body = response.read()
        headers = {name.lower(): masking.mask(value) for name, value in response.getheaders()}
        return HeldReply(response.status, headers, problem_code(body) or "", "", time.monotonic() - began)
