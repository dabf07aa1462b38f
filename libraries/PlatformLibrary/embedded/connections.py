"""Where the host is spoken to: one connection a client, one answer a line."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lockstep import reasons

from . import hops, system
from .errors import PlatformError
from .options import Options
from .platform import Platform
from .reaper import Guardian
from .service import Service
from .supervisor import LeasedPlatform, Supervisor

_WATCH_INTERVAL = 0.25
_MOST_LOG = 256 << 10

Request = dict[str, Any]
Answer = dict[str, Any]


@dataclass
class Connection:
    """One connection and the leases that end with it."""

    leases: dict[str, LeasedPlatform] = field(default_factory=dict)
    work: asyncio.Task[None] | None = None


class Connections:
    """Answers requests; closes when nobody has been there for the grace time."""

    def __init__(
        self, supervisor: Supervisor, grace: float, first_connection: float, guardian: Guardian | None
    ) -> None:
        self.closed = asyncio.Event()
        self._supervisor = supervisor
        self._grace = grace
        self._connections: list[Connection] = []
        self._loop = asyncio.get_running_loop()
        self._closing = self._loop.call_later(first_connection, self.close)
        self._keeping: asyncio.Task[None] | None = None
        self._kept: list[LeasedPlatform] = []
        if guardian is not None:
            self._keeping = asyncio.ensure_future(self._keep_while(guardian))
        self._verbs: dict[str, Callable[[Connection, Request], Awaitable[Answer]]] = {
            "lease": self._lease,
            "release": self._release,
            "status": self._status,
            "logs": self._logs,
            "descriptor": self._describe,
            "waited": self._waited,
            "used": self._used,
            "clock": self._clock,
            "version": self._version,
            "migrate": self._migrate,
            "follow": self._follow,
            **dict.fromkeys(hops.VERBS, self._hop),
            **dict.fromkeys(("start", "stop", "kill", "pause", "resume", "restart"), self._control),
        }

    def close(self) -> None:
        """Stop serving."""
        self.closed.set()

    async def end_all(self) -> None:
        """End every connection."""
        if self._keeping is not None:
            self._keeping.cancel()
        tasks = [connection.work for connection in self._connections if connection.work]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until its other end closes."""
        self._closing.cancel()
        connection = Connection()
        self._connections.append(connection)
        lines: asyncio.Queue[bytes] = asyncio.Queue()
        connection.work = asyncio.ensure_future(self._answer_all(connection, lines, writer))
        try:
            # Read on while a request is in work: only so is a client's death noticed while its platform starts.
            with contextlib.suppress(OSError, ValueError):
                while line := await reader.readline():
                    lines.put_nowait(line)
        finally:
            connection.work.cancel()
            await asyncio.gather(connection.work, return_exceptions=True)
            for leased in connection.leases.values():
                self._supervisor.release(leased)
            writer.close()
            self._connections.remove(connection)
            self._close_when_idle()

    def _close_when_idle(self) -> None:
        if not self._connections and (self._keeping is None or self._keeping.done()):
            self._closing.cancel()
            self._closing = self._loop.call_later(self._grace, self.close)

    async def _keep_while(self, guardian: Guardian) -> None:
        held = self._kept
        try:
            while guardian.lives:
                for leased in self._supervisor.shared:
                    if leased not in held:
                        self._supervisor.hold(leased)
                        held.append(leased)
                await asyncio.sleep(_WATCH_INTERVAL)
        finally:
            for leased in held:
                self._supervisor.let_go(leased)
            self._loop.call_soon(self._close_when_idle)

    async def _answer_all(
        self, connection: Connection, lines: asyncio.Queue[bytes], writer: asyncio.StreamWriter
    ) -> None:
        while True:
            line = await lines.get()
            answer = await self._answer(connection, line)
            writer.write(json.dumps({**answer, **_number_of(line)}).encode() + b"\n")
            with contextlib.suppress(OSError):
                await writer.drain()

    async def _answer(self, connection: Connection, line: bytes) -> Answer:
        try:
            request = json.loads(line)
            verb = self._verbs.get(request.get("do"))
            if verb is None:
                return _refusal(f"the host does not know {request.get('do')!r}; it knows {', '.join(self._verbs)}")
            return {"ok": True, **await verb(connection, request)}
        except PlatformError as error:
            return _refusal(reasons.text(error))
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            return _refusal(f"the host does not understand {line[:200]!r}: {reasons.of(error)}")
        except OSError as error:
            return _refusal(reasons.of(error))

    async def _lease(self, connection: Connection, request: Request) -> Answer:
        shared = bool(request.get("shared", True))
        leased = await self._supervisor.lease(Options.from_json(request.get("options", {})), shared=shared)
        if leased.platform.id in connection.leases:
            self._supervisor.release(leased)
        connection.leases[leased.platform.id] = leased
        return {"descriptor": await leased.platform.descriptor(shared=shared)}

    async def _release(self, connection: Connection, request: Request) -> Answer:
        leased = _leased(connection, request)
        del connection.leases[leased.platform.id]
        ending = self._supervisor.release(leased)
        if ending is not None:
            await asyncio.shield(ending)
        return {}

    async def _describe(self, connection: Connection, request: Request) -> Answer:
        leased = _leased(connection, request)
        return {"descriptor": await leased.platform.descriptor(shared=leased.shared)}

    async def _status(self, connection: Connection, request: Request) -> Answer:
        if not connection.leases and "platform" not in request:
            shared, kept, faults = len(self._supervisor.shared), len(self._kept), self._supervisor.faults
            return {"pid": os.getpid(), "shared": shared, "kept": kept, "faults": faults}
        platform = _leased(connection, request).platform
        return {"instances": platform.status(), "pids": platform.pids(), "ended": platform.ended}

    async def _logs(self, connection: Connection, request: Request) -> Answer:
        log = _leased(connection, request).platform.instance(str(request["instance"])).log
        return {"log": _end_of(log)}

    async def _waited(self, connection: Connection, request: Request) -> Answer:
        """Asked without a lease, since it may be asked beside a verb that is in work on the lease's connection."""
        leased, since = self._supervisor.leased(str(request["platform"])), float(request["since"])
        return {"seconds": leased.platform.waited(since), "shared": leased.shared_since(since)}

    async def _used(self, connection: Connection, request: Request) -> Answer:
        return {"seconds": await asyncio.to_thread(system.processor_seconds)}

    async def _control(self, connection: Connection, request: Request) -> Answer:
        verb, name = str(request["do"]), str(request["instance"])
        leased = _private(connection, request, f"{verb} {name}")
        async with leased.busy:
            await _do(leased.platform, verb, name, gapless=bool(request.get("gapless")))
        return {"status": leased.platform.instance(name).status}

    async def _clock(self, connection: Connection, request: Request) -> Answer:
        platform = _leased(connection, request).platform
        name, ahead = platform.instance(str(request["instance"])).name, float(request["ahead"])
        if not platform.options.clocks:
            raise PlatformError(f"the clock of {name} cannot be set: ask for the platform with clocks=True")
        if name not in platform.clocks.ahead:
            raise PlatformError(f"{name} has the machine's clock: set can be {', '.join(platform.clocks.ahead)}")
        platform.clocks.set(name, ahead)
        return {}

    async def _version(self, connection: Connection, request: Request) -> Answer:
        platform = _private(connection, request, "version").platform
        instance = platform.instance(str(request["instance"]))
        if not isinstance(instance, Service):
            raise PlatformError(f"{instance.name} is no service: it has no other version")
        instance.services_dir = _services_dir(request)
        return {}

    async def _migrate(self, connection: Connection, request: Request) -> Answer:
        platform = _private(connection, request, "migrate").platform
        revision = str(request.get("revision") or "head")
        await platform.migrate(str(request["instance"]), _services_dir(request), revision)
        return {}

    async def _follow(self, connection: Connection, request: Request) -> Answer:
        leased = _private(connection, request, "follow")
        async with leased.busy:
            await leased.platform.follow(str(request["instance"]))
        return {}

    async def _hop(self, connection: Connection, request: Request) -> Answer:
        leased = _leased(connection, request)
        found, hop = leased.platform.hops, str(request.get("hop", "*"))
        async with leased.busy:
            links = await found.do(str(request["do"]), hop, request)
        return {"links": links, "toxics": found.toxics(hop)}


async def _do(platform: Platform, verb: str, name: str, *, gapless: bool) -> None:
    instance = platform.instance(name)
    if verb == "restart" and gapless:
        if not isinstance(instance, Service):
            raise PlatformError(f"{name} cannot be restarted without a gap: only a service hands over its socket")
        await instance.restart_without_gap()
    elif verb == "resume":
        instance.resume()
    else:
        await {
            "start": instance.start,
            "stop": instance.stop,
            "kill": instance.kill,
            "pause": instance.pause,
            "restart": instance.restart,
        }[verb]()


def _leased(connection: Connection, request: Request) -> LeasedPlatform:
    wanted = request.get("platform")
    if wanted is None and len(connection.leases) == 1:
        return next(iter(connection.leases.values()))
    if wanted not in connection.leases:
        raise PlatformError(
            f"this connection has no lease on platform {wanted!r}; it has {', '.join(connection.leases) or 'none'}"
        )
    return connection.leases[wanted]


def _services_dir(request: Request) -> Path:
    folder = Path(str(request["services_dir"])).resolve()
    if not (folder / "services").is_dir():
        raise PlatformError(f"services_dir {folder} holds no folder 'services'")
    return folder


def _private(connection: Connection, request: Request, act: str) -> LeasedPlatform:
    leased = _leased(connection, request)
    if leased.shared:
        raise PlatformError(f"{act} would disturb others on the shared platform: use a private platform")
    return leased


def _end_of(log: Path) -> str:
    try:
        with log.open("rb") as file:
            begin = max(0, file.seek(0, 2) - _MOST_LOG)
            file.seek(begin)
            if begin:
                # What is left of the line that is cut says nothing.
                file.readline()
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


def _number_of(line: bytes) -> Answer:
    """The number of a question, which its answer repeats: who asked may have been interrupted meanwhile."""
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return {"id": json.loads(line)["id"]}
    return {}


def _refusal(error: str) -> Answer:
    return {"ok": False, "error": error}
