"""One complete platform: its directory, ports, servers, services and fault proxies."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from . import certificates, environment, redis_server
from .certificates import Tls
from .children import Children
from .clocks import Clocks
from .environment import Secrets, Wiring
from .errors import PlatformError
from .faults import FaultProxy
from .hops import Hops
from .options import Options, links
from .ports import LOOPBACK, Port
from .postgres import MIGRATIONS, STANDBY, Postgres, Templates, settings_of, url
from .preloader import Preloader, inherited_environment, source_environment
from .redis_server import Redis, Sentinel
from .servers import Instance, Server
from .service import Service, get_json
from .waited import WaitingLog

_LAST_WORDS = 0.4
AUDIENCE = "lockstep-api"


class Platform:
    """PostgreSQL, Redis, provider, auth, backend replicas and frontend, with everything of theirs in one directory."""

    def __init__(
        self,
        options: Options,
        folder: Path,
        data: Path,
        children: Children,
        templates: Templates,
        postgres_programs: Path,
        preloader: Callable[[Path], Preloader],
        kept_logs: Path | None,
    ) -> None:
        self.id = secrets.token_hex(6)
        self.options = options
        self._children = children
        self._folder = folder / self.id
        self._data = data / self.id
        self._templates = templates
        self._kept_logs = kept_logs
        self._secrets = Secrets()
        self._ports: list[Port] = []
        (self._folder / "logs").mkdir(parents=True)
        self._folder.chmod(0o711)
        self._signing_key = self._folder / "signing-key.pem"
        if options.durable:
            # Not in memory, where nothing waits for a disk.
            self._data = self._folder / "data"
        settings = settings_of(standby=options.standby, durable=options.durable)
        make = partial(Postgres, children, postgres_programs)
        log = self._log("postgres")
        self.postgres = make(self._data, self._port(), log, settings, small_disk=options.small_disk)
        self.standby: Postgres | None = None
        if options.standby:
            settings = settings_of(standby="async", durable=options.durable)
            data, log = self._data.with_name(f"{self._data.name}-{STANDBY}"), self._log("postgres-standby")
            self.standby = make(data, self._port(), log, settings, "postgres-standby")
        program = redis_server.program(options.redis_server)
        self._redises = {
            name: Redis(name, children, program, self._folder / name, self._port(), self._log(name))
            for name in options.redis_names
        }
        self.redis = self._redises["redis"]
        self._beside_redis = self._followers(children, program)
        self.clocks = Clocks(self._folder / "clocks")
        service_ports = {name: self._port() for name in ("provider", "auth", *options.backend_names, "frontend")}
        ports = {name: port.number for name, port in service_ports.items()}
        ports |= {name: server.port.number for name, server in (("postgres", self.postgres), *self._redises.items())}
        ports |= {name: server.port.number for name, server in self._beside_redis.items()}
        if self.standby is not None:
            ports["postgres-standby"] = self.standby.port.number
        straight = Wiring(ports, {}, options)
        self.hops = Hops(
            FaultProxy(link, self._port(), straight.port(link.source, link.target))
            for link in links(options.backend_names)
            if any(link.on(hop) for hop in options.proxies)
        )
        self._wiring = Wiring(ports, self.hops.ports, options)
        self._services = {
            name: Service(name.partition("-")[0], name, port, self._log(name), preloader, options.services_dir)
            for name, port in service_ports.items()
        }
        self._tls: Tls | None = None
        self._begun = 0.0
        self._timings: dict[str, float] = {}
        self._waiting = WaitingLog()

    def instance(self, name: str) -> Instance:
        """The instance of that name; ``backend`` is the only or the first replica."""
        everything = self._everything
        wanted = {"backend": "backend-1", "db": "postgres"}.get(name, name)
        if wanted not in everything:
            raise PlatformError(f"the platform has no instance {name!r}; there are {', '.join(everything)}")
        return everything[wanted]

    @property
    def _everything(self) -> dict[str, Instance]:
        standby = {} if self.standby is None else {"postgres-standby": self.standby}
        return {**self._services, "postgres": self.postgres, **standby, **self._redises, **self._beside_redis}

    def _followers(self, children: Children, program: Path) -> dict[str, Server]:
        """What follows and watches Redis, in the order in which it can start."""
        found: dict[str, Server] = {}
        if self.options.redis_replica:
            name = "redis-replica"
            files, log = self._folder / name, self._log(name)
            found[name] = Redis(name, children, program, files, self._port(), log, self.redis)
        for name in self.options.sentinel_names:
            files, log = self._folder / name, self._log(name)
            found[name] = Sentinel(name, children, program, files, self._port(), log, self.redis)
        return found

    async def start(self, tls: asyncio.Task[Tls]) -> None:
        """Start everything at once and return when every service is ready and reaches all it depends on."""
        self._begun = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._timed("postgres", self._start_postgres()))
            group.create_task(self._start_redis())
            group.create_task(self.hops.open())
            group.create_task(self._start_services(tls))

    async def _timed(self, part: str, work: Coroutine[Any, Any, None]) -> None:
        """Note when ``part`` was ready, in seconds since the platform's start began."""
        await work
        self._timings[part] = round(time.monotonic() - self._begun, 3)

    async def _start_postgres(self) -> None:
        copying = self._templates.copy_to(self.postgres.data, self.options.services_dir, self._folder)
        await self._timed("template copied", copying)
        await self.postgres.start()
        if self.standby is not None:
            await self.standby.follow(self.postgres, self._folder)
            await self._timed("postgres-standby", self.standby.start())

    async def migrate(self, database: str, services_dir: Path, revision: str) -> None:
        """Bring a database, ``auth`` or ``main``, to a revision that the services in ``services_dir`` know."""
        if database not in MIGRATIONS:
            raise PlatformError(f"there is no database {database!r}; there are {', '.join(MIGRATIONS)}")
        address = url(self.postgres.port.number, database)
        await self._children.run(
            [sys.executable, "-m", MIGRATIONS[database], *([] if revision == "head" else [revision])],
            log=self._log(f"migrate-{database}"),
            environment={**source_environment(services_dir), "DATABASE_URL": address},
            directory=services_dir,
        )

    async def follow(self, name: str) -> None:
        """Start the PostgreSQL ``name``, which has ended, as a fresh copy of the other one that follows it."""
        servers = {server.name: server for server in (self.postgres, self.standby) if server is not None}
        if name not in servers or len(servers) < 2:
            raise PlatformError(f"{name} has no other PostgreSQL to follow: ask for the platform with a standby")
        server = servers.pop(name)
        (other,) = servers.values()
        server.must_not_run()
        await asyncio.to_thread(shutil.rmtree, server.data)
        await server.follow(other, self._folder)
        await server.start()

    async def _start_redis(self) -> None:
        await asyncio.gather(*(self._timed(name, server.start()) for name, server in self._redises.items()))
        replicas = [server for server in self._beside_redis.values() if isinstance(server, Redis)]
        await asyncio.gather(*(self._timed(server.name, server.start()) for server in replicas))
        watching = [server for server in self._beside_redis.values() if server not in replicas]
        await asyncio.gather(*(self._timed(server.name, server.start()) for server in watching))

    async def _start_services(self, tls: asyncio.Task[Tls]) -> None:
        self._tls = await asyncio.shield(tls)
        await self._timed("keys", asyncio.to_thread(certificates.make_signing_key, self._signing_key))
        for name, service in self._services.items():
            own = environment.environment(name, self.options, self._wiring, self._secrets, self._signing_key, self._tls)
            clock = self.clocks.environment(name) if self.options.clocks else {}
            service.configure(
                {**inherited_environment(), **own, **clock}, self._tls.trust() if name == "frontend" else None
            )
        async with asyncio.TaskGroup() as group:
            for name, service in self._services.items():
                group.create_task(self._timed(name, service.start_with(dependencies=True)))

    async def stop(self) -> None:
        """End every process and remove the directory; nothing of it is worth saving but the logs."""
        await self.hops.close()
        await asyncio.gather(*(_end(service) for service in self._services.values()))
        stores = (*self._beside_redis.values(), *self._redises.values())
        databases = [server for server in (self.standby, self.postgres) if server is not None]
        await asyncio.gather(*(_end(server) for server in stores), *(server.discard() for server in databases))
        for port in self._ports:
            port.release()
        if self._kept_logs is not None:
            with contextlib.suppress(OSError):
                shutil.copytree(self._folder / "logs", self._kept_logs / self.id)
        for leftover in (*(server.data for server in databases), self._folder):
            await asyncio.to_thread(shutil.rmtree, leftover, ignore_errors=True)

    def read_waiting(self) -> None:
        """Write down how long its processes have waited for a processor."""
        children = (instance.child for instance in self._everything.values())
        self._waiting.read(child.pid for child in children if child is not None and child.running)

    def waited(self, since: float) -> float:
        """Seconds for which its processes, all together, have waited for a processor since then (monotonic clock)."""
        self.read_waiting()
        return self._waiting.between(since, time.monotonic())

    @property
    def ended(self) -> list[str]:
        """The processes that ended though nobody had asked for that, when and how."""
        return [end for name in self.status() for end in self.instance(name).ends]

    def status(self) -> dict[str, str]:
        """Every instance: running, paused or stopped."""
        return {name: instance.status for name, instance in self._everything.items()}

    def pids(self) -> dict[str, int]:
        """The process of every instance that has one now."""
        children = {name: instance.child for name, instance in self._everything.items()}
        return {name: child.pid for name, child in children.items() if child is not None and child.running}

    async def descriptor(self, *, shared: bool) -> dict[str, Any]:
        """What suites may know of this platform (docs/architecture.md)."""
        wiring, follower = self._wiring, self._beside_redis.get("redis-replica")
        public, backends = wiring.public_url, [wiring.http("client", name) for name in self.options.backend_names]
        return {
            "target": "embedded",
            "kind": "embedded",
            "platform_id": self.id,
            "shared": shared,
            "dir": str(self._folder),
            "public_url": public,
            "auth_url": wiring.http("client", "auth"),
            "backend_urls": backends,
            "frontend_url": public,
            "socket_url": f"{public.replace('https', 'wss')}/ws",
            "backend_socket_urls": [f"{address.replace('http', 'ws')}/ws" for address in backends],
            "provider_url": f"http://{LOOPBACK}:{wiring.ports['provider']}",
            "auth_db_url": url(self.postgres.port.number, "auth"),
            "main_db_url": url(self.postgres.port.number, "main"),
            "standby_auth_db_url": url(self.standby.port.number, "auth") if self.standby else None,
            "standby_main_db_url": url(self.standby.port.number, "main") if self.standby else None,
            "redis_url": self.redis.url,
            "redis_replica_url": follower.url if isinstance(follower, Redis) else None,
            "service_token": self._secrets.service_token,
            "ca_file": str(self._tls.ca_file) if self._tls else None,
            "signing_key_file": str(self._signing_key),
            "signing_kid": await self._signing_kid(),
            "issuer": self.options.env.get("ISSUER", public),
            "audience": self.options.env.get("AUDIENCE", AUDIENCE),
            "env": dict(self.options.env),
            "timings": dict(self._timings),
            "hops": self.hops.names,
            "logs": {name: str(self._log(name)) for name in self.status()},
            "versions": {
                "postgresql": self.postgres.version,
                "redis": self.redis.version,
                "python": sys.version.split()[0],
            },
        }

    async def _signing_kid(self) -> str | None:
        _, keys = await get_json(self._services["auth"].port.number, "/.well-known/jwks.json")
        found = [key.get("kid") for key in keys.get("keys", [])]
        return found[0] if len(found) == 1 else None

    def _port(self) -> Port:
        self._ports.append(Port())
        return self._ports[-1]

    def _log(self, name: str) -> Path:
        return self._folder / "logs" / f"{name}.log"


async def _end(instance: Instance) -> None:
    if instance.running:
        child = instance.let_end()
        if instance.paused:
            instance.resume()
        await child.end(within=_LAST_WORDS)
