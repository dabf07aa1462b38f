"""The process that owns all processes of one booted target, and is spoken to on a Unix socket.

``python -m launcher.targets.keeper --target FOLDER --socket PATH``: it goes to the background, starts the target, and
ends with the connection that asked for it, unless that says ``keep``. A reaper clears up after one that was killed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import shlex
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
from lockstep import reasons
from PlatformLibrary.embedded import postgres, redis_server, rundir
from PlatformLibrary.embedded.children import Children
from PlatformLibrary.embedded.errors import PlatformError
from PlatformLibrary.embedded.host import Belongings, fork_from_reaper
from PlatformLibrary.embedded.ports import Port
from PlatformLibrary.embedded.postgres import Postgres
from PlatformLibrary.embedded.redis_server import Redis
from PlatformLibrary.embedded.servers import Server

from launcher.console import LaunchError
from launcher.paths import LAUNCHER
from launcher.targets import packages, recipe
from launcher.targets.program import Command, Program

FACTS = "facts.env"
VERBS = ("start", "stop", "kill", "pause", "resume", "restart")
_FIRST_CONNECTION = 30.0
_SECRET_BYTES = 32
_LONGEST_LOG = 256 << 10

Answer = dict[str, Any]


class Booted:
    """A target of this machine: its ports, secrets, stores and processes."""

    def __init__(self, wanted: recipe.Recipe, found: packages.Packages, belongings: Belongings) -> None:
        directory = belongings.directory
        self._recipe = wanted
        self._packages = found
        self._folder = directory.path
        self._data = directory.data
        self._programs = belongings.programs.folder
        self._children = Children(directory.note)
        self._ports = {name: Port() for name in wanted.ports}
        self.instances: dict[str, Server] = {}
        self.steps: list[str] = []
        self.facts: dict[str, str] = {}
        for name in ("logs", "work"):
            (self._folder / name).mkdir(mode=0o700)
        self._given = {
            "PYTHON": str(found.python),
            "NODE": found.node,
            "PACKAGES": str(found.folder),
            "TARGET": str(wanted.folder),
            "WORK": str(self._folder / "work"),
        }

    @property
    def facts_file(self) -> Path:
        """Where the facts are, as lines that a shell reads."""
        return self._folder / FACTS

    async def start(self) -> None:
        """Start everything, one after the other, and write down the facts."""
        wanted = self._recipe
        self.facts = {name: str(port.number) for name, port in self._ports.items()}
        self.facts |= {name: secrets.token_hex(_SECRET_BYTES) for name in wanted.secrets}
        if wanted.database is not None:
            await self._start_postgres(wanted.database)
        if wanted.redis:
            await self._start_redis()
        for name, value in wanted.facts.items():
            self.facts[name] = recipe.filled(value, self._known)
        for process in wanted.processes:
            await self._start_process(process)
        if wanted.prepare:
            self.steps.append("preparing")
            await self._prepare()
        self.facts["LOCKSTEP_RUN"] = str(LAUNCHER)
        self._write_facts()

    async def stop(self) -> None:
        """Stop everything: processes side by side, then stores, then whatever processes left behind."""
        programs = [one for one in self.instances.values() if isinstance(one, Program) and one.running]
        await asyncio.gather(*(one.stop() for one in programs), return_exceptions=True)
        for store in self.instances.values():
            if isinstance(store, Postgres):
                await store.discard()
            elif store.running:
                await store.stop()
        left = psutil.Process().children(recursive=True)
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        await asyncio.to_thread(psutil.wait_procs, left, 5.0)

    async def do(self, verb: str, name: str) -> None:
        """Carry out one of `VERBS`; a PlatformError where that is not possible."""
        if verb == "resume":
            self.instance(name).resume()
        else:
            await getattr(self.instance(name), verb)()

    def instance(self, name: str) -> Server:
        """The instance of that name; a PlatformError that lists the known ones."""
        if name not in self.instances:
            known = ", ".join(self.instances)
            raise PlatformError(f"{self._recipe.name} has no instance {name!r}; it has {known}")
        return self.instances[name]

    @property
    def _known(self) -> Mapping[str, str]:
        return {**self._given, **self.facts}

    def _log(self, name: str) -> Path:
        return self._folder / "logs" / f"{name}.log"

    async def _start_postgres(self, database: str) -> None:
        self.steps.append("starting postgres")
        data = self._data / "postgres"
        await postgres.make_empty(self._children, self._programs, data, self._folder)
        server = Postgres(self._children, self._programs, data, Port(), self._log("postgres"))
        self.instances["postgres"] = server
        await server.start()
        port = server.port.number
        create = f"CREATE DATABASE {database}"
        await postgres.execute(self._children, self._programs, self._folder, port, "postgres", create)
        self.facts[recipe.STORES["postgres"]] = postgres.url(port, database)

    async def _start_redis(self) -> None:
        self.steps.append("starting redis")
        program = redis_server.program(None)
        server = Redis("redis", self._children, program, self._folder / "redis", Port(), self._log("redis"))
        self.instances["redis"] = server
        await server.start()
        self.facts[recipe.STORES["redis"]] = server.url

    async def _start_process(self, process: recipe.Process) -> None:
        environment = {name: recipe.filled(value, self._known) for name, value in process.environment.items()}
        if process.first:
            self.steps.append(f"preparing {process.name}")
            await self._command(process.first, environment).run(self._children, self._log(f"{process.name}-first"))
        self.steps.append(f"starting {process.name}")
        self.instances[process.name] = server = Program(
            process.name,
            self._children,
            self._command(process.run, environment),
            [self._ports[name] for name in process.ports],
            self._log(process.name),
            ready=recipe.filled(process.ready, self._known),
            within=process.within,
            alone=process.alone,
        )
        await server.start()

    def _command(self, arguments: tuple[str, ...] | Any, environment: Mapping[str, str]) -> Command:
        work = self._folder / "work"
        basis = {"PATH": self._packages.paths, "HOME": str(work), "TMPDIR": str(work), "LANG": "C.UTF-8"}
        filled = [recipe.filled(argument, self._known) for argument in arguments]
        return Command(filled, {**basis, **environment}, work)

    async def _prepare(self) -> None:
        log = self._log("prepare")
        await self._command(self._recipe.prepare, self._known).run(self._children, log)
        for line in log.read_text("utf-8", "replace").splitlines():
            name, sign, value = line.partition("=")
            if sign and name.isidentifier() and name.isupper():
                self.facts[name] = value

    def _write_facts(self) -> None:
        file = os.open(self.facts_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w") as stream:
            stream.writelines(f"export {name}={shlex.quote(value)}\n" for name, value in self.facts.items())


class Keeper:
    """Answers on the socket, one JSON line each way, as the host of the reference platform does."""

    def __init__(self, target: Booted, name: str) -> None:
        self.closed = asyncio.Event()
        self._target = target
        self._name = name
        self._booting = asyncio.ensure_future(target.start())
        self._busy = asyncio.Lock()
        self._nobody = asyncio.get_running_loop().call_later(_FIRST_CONNECTION, self.closed.set)

    async def end(self) -> None:
        """Stop the target."""
        self._booting.cancel()
        await asyncio.gather(self._booting, return_exceptions=True)
        await self._target.stop()

    async def welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until its other end closes; the target ends with one that says ``lease``."""
        leased = False
        try:
            with contextlib.suppress(OSError, ValueError):
                while line := await reader.readline():
                    request = json.loads(line)
                    if request.get("do") in ("lease", "keep"):
                        self._nobody.cancel()
                        leased = request["do"] == "lease"
                    answer = await self._answer(request)
                    writer.write(json.dumps({**answer, "id": request.get("id")}).encode() + b"\n")
                    await writer.drain()
                    if request.get("do") == "end":
                        self.closed.set()
        finally:
            writer.close()
            if leased:
                self.closed.set()

    async def _answer(self, request: Mapping[str, Any]) -> Answer:
        verbs: dict[str, Callable[[Mapping[str, Any]], Awaitable[Answer]]] = {
            "steps": self._steps,
            "status": self._status,
            "logs": self._logs,
            **dict.fromkeys(("lease", "keep", "end"), self._nothing),
            **dict.fromkeys(VERBS, self._control),
        }
        try:
            verb = verbs.get(str(request.get("do")))
            if verb is None:
                return {"ok": False, "error": f"there is no {request.get('do')!r}; there are {', '.join(verbs)}"}
            return {"ok": True, **await verb(request)}
        except PlatformError as error:
            return {"ok": False, "error": reasons.text(error)}
        except Exception as error:
            traceback.print_exc()
            return {"ok": False, "error": reasons.of(error)}

    async def _steps(self, request: Mapping[str, Any]) -> Answer:
        """What has been done by now, and whether all is; raises what went wrong."""
        if self._booting.done():
            self._booting.result()
        return {"steps": self._target.steps, "done": self._booting.done()}

    async def _nothing(self, request: Mapping[str, Any]) -> Answer:
        return {}

    async def _status(self, request: Mapping[str, Any]) -> Answer:
        instances = self._target.instances
        return {
            "target": self._name,
            "pid": os.getpid(),
            "done": self._booting.done(),
            "facts": str(self._target.facts_file),
            "instances": {name: instance.status for name, instance in instances.items()},
            "ended": [end for instance in instances.values() for end in instance.ends],
        }

    async def _logs(self, request: Mapping[str, Any]) -> Answer:
        log = self._target.instance(str(request["instance"])).log
        with contextlib.suppress(FileNotFoundError), log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _LONGEST_LOG))
            return {"log": file.read().decode(errors="replace")}
        return {"log": ""}

    async def _control(self, request: Mapping[str, Any]) -> Answer:
        name = str(request["instance"])
        async with self._busy:
            await self._target.do(str(request["do"]), name)
        return {"status": self._target.instance(name).status}


def main(arguments: list[str] | None = None) -> int:
    """Start a keeper in the background; 1 where that is not possible, with the reason on standard error."""
    parser = argparse.ArgumentParser(prog="python -m launcher.targets.keeper", description=__doc__)
    parser.add_argument("--target", type=Path, required=True, help="the folder with boot.yaml")
    parser.add_argument("--socket", type=Path, required=True, help="the Unix socket to listen on")
    chosen = parser.parse_args(arguments)
    try:
        wanted = recipe.read(chosen.target)
        found = packages.install(wanted)
        belongings = Belongings.make(chosen.socket)
    except (OSError, PlatformError, LaunchError) as error:
        print(error, file=sys.stderr)
        return 1
    fork_from_reaper(belongings, "keeper.log", None)
    os._exit(_run(wanted, found, belongings))


def _run(wanted: recipe.Recipe, found: packages.Packages, belongings: Belongings) -> int:
    try:
        asyncio.run(_serve(wanted, found, belongings))
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
        return 1
    belongings.remove()
    return 0


async def _serve(wanted: recipe.Recipe, found: packages.Packages, belongings: Belongings) -> None:
    keeper = Keeper(Booted(wanted, found, belongings), wanted.name)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, keeper.closed.set)
    sweeping = asyncio.ensure_future(asyncio.to_thread(rundir.sweep, belongings.directory.base))
    server = await asyncio.start_unix_server(keeper.welcome, sock=belongings.listener, limit=1 << 20)
    try:
        await keeper.closed.wait()
    finally:
        server.close()
        await keeper.end()
        await sweeping


if __name__ == "__main__":
    sys.exit(main())
