"""The host: one process that owns every process of every platform of a run.

``python -m PlatformLibrary.embedded.host --socket PATH [--grace S] [--logs DIR] [--keep-while PID]``

Goes to the background once it listens on a Unix socket, where it is spoken to with one JSON line each way; the
connection is the lease (docs/architecture.md). It ends when no connection has been open for the grace time, and with it
everything that it started.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

from . import programs, reaper, rundir
from .errors import PlatformError
from .programs import Programs
from .reaper import Guardian
from .rundir import RunDirectory

DEFAULT_GRACE = 0.5
# Whoever starts a host connects at once; a host that nobody came to is of no use.
FIRST_CONNECTION = 30.0
_OBEYED = 128
"""Added to the number of the signal that ended the host, as shells do."""


@dataclass(frozen=True)
class Belongings:
    """What a host has beside its processes."""

    directory: RunDirectory
    socket_path: Path
    listener: socket.socket
    programs: Programs

    @classmethod
    def make(cls, socket_path: Path) -> Belongings:
        """Make all of it, or nothing; a ``PlatformError`` says what is in the way."""
        directory = RunDirectory()
        try:
            found = programs.find(directory.base)
            try:
                return cls(directory, socket_path, _listen(directory.socket, socket_path), found)
            except BaseException:
                found.give_up()
                raise
        except BaseException:
            directory.remove()
            rundir.remove_if_empty(directory.base)
            raise

    def clear(self) -> None:
        """End the processes of a host that died and delete what they used; the socket still answers."""
        self.directory.clear()
        self.programs.give_up()

    def remove(self) -> None:
        """Delete everything; the socket's path last, since its absence tells who waits that nothing is left."""
        own = self._is_linked
        self.directory.remove()
        self.programs.give_up()
        rundir.remove_if_empty(self.directory.base)
        if own:
            self.socket_path.unlink(missing_ok=True)
        rundir.remove_if_empty(self.directory.base)

    @property
    def _is_linked(self) -> bool:
        """False where another host has taken the path over."""
        with contextlib.suppress(OSError):
            return self.socket_path.readlink() == self.directory.socket
        return False


def fork_from_reaper(belongings: Belongings, log_name: str, guardian: Guardian | None) -> None:
    """Return in a child without a terminal that writes into that log; this process becomes its reaper, and ends here.

    Call before any thread exists.
    """
    log = belongings.directory.path / log_name
    detach(log)
    if child := os.fork():
        reaper.watch(child, belongings.listener, log, belongings.clear, guardian)
        belongings.remove()
        os._exit(0)


def main(arguments: list[str] | None = None) -> int:
    """Start a host in the background; 1 where that is not possible, with the reason on standard error."""
    parser = argparse.ArgumentParser(prog="python -m PlatformLibrary.embedded.host", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="the Unix socket to listen on")
    parser.add_argument("--grace", type=float, default=DEFAULT_GRACE, help="seconds to live on without a connection")
    parser.add_argument("--logs", type=Path, help="keep each platform's service logs in this folder")
    parser.add_argument("--keep-while", type=int, metavar="PID", help="keep shared platforms while this process lives")
    chosen = parser.parse_args(arguments)
    guardian = Guardian.of(chosen.keep_while) if chosen.keep_while is not None else None
    try:
        belongings = Belongings.make(chosen.socket)
    except (OSError, PlatformError) as error:
        print(f"platform host: {error}", file=sys.stderr)
        return 1
    fork_from_reaper(belongings, "host.log", guardian)
    os._exit(_run(belongings, chosen.grace, chosen.logs, guardian))


def _run(belongings: Belongings, grace: float, logs: Path | None, guardian: Guardian | None) -> int:
    """Serve until nobody needs a platform any more; the exit status."""
    try:
        number = asyncio.run(_serve(belongings, grace, logs, guardian))
    except PlatformError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
        return 1
    if number is not None:
        return _OBEYED + number
    belongings.remove()
    return 0


def _listen(own: Path, path: Path) -> socket.socket:
    """A listening socket at ``own``, which ``path`` leads to: a link to a directory that is gone can be told."""
    if len(os.fsencode(path)) > rundir.LONGEST_SOCKET_PATH:
        raise PlatformError(
            f"cannot listen on {path}: the path of a socket has at most {rundir.LONGEST_SOCKET_PATH} bytes. "
            "Set TMPDIR to a folder with a shorter path"
        )
    listener = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)
    try:
        listener.bind(str(own))
        listener.listen(64)
        path.symlink_to(own)
    except OSError as error:
        listener.close()
        raise PlatformError(f"cannot listen on {path}: {error.strerror or error}") from error
    finally:
        os.umask(mask)
    listener.setblocking(False)
    return listener


def detach(log: Path) -> None:
    """Go on in a grandchild of whoever started this: who ends his process tree does not end the host."""
    if os.fork() > 0:
        os._exit(0)
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)


async def _serve(
    belongings: Belongings, grace: float, logs: Path | None, guardian: Guardian | None
) -> signal.Signals | None:
    """Serve; the signal that ended it, if one did."""
    from .connections import Connections
    from .supervisor import Supervisor

    told: list[signal.Signals] = []
    supervisor = Supervisor(belongings.directory, belongings.programs.folder, logs)
    connections = Connections(supervisor, grace, FIRST_CONNECTION, guardian)
    loop = asyncio.get_running_loop()

    def obey(number: signal.Signals) -> None:
        told.append(number)
        connections.close()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, obey, number)
    sweeping = asyncio.ensure_future(asyncio.to_thread(rundir.sweep, belongings.directory.base))
    server = await asyncio.start_unix_server(connections.serve, sock=belongings.listener, limit=1 << 20)
    try:
        await connections.closed.wait()
    finally:
        if not told:
            # The reaper has this socket too: who comes now must be refused, not left waiting for an answer.
            belongings.listener.shutdown(socket.SHUT_RDWR)
        server.close()
        await connections.end_all()
        await supervisor.close()
        await sweeping
    return told[0] if told else None


if __name__ == "__main__":
    sys.exit(main())
