"""The host: one process that owns every process of every platform of a run.

``python -m PlatformLibrary.embedded.host --socket PATH [--grace S] [--logs DIR] [--keep-while PID] [--detach]``

Spoken to on a Unix socket, one JSON line each way; the connection is the lease (docs/architecture.md). The host ends
when no connection has been open for the grace time, and with it everything that it started.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

from . import rundir
from .errors import PlatformError
from .rundir import RunDirectory

DEFAULT_GRACE = 0.5
# Whoever starts a host connects at once; a host that nobody came to is of no use.
FIRST_VISIT = 30.0


def main(arguments: list[str] | None = None) -> int:
    """Serve until nobody needs a platform any more."""
    parser = argparse.ArgumentParser(prog="python -m PlatformLibrary.embedded.host", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="the Unix socket to listen on")
    parser.add_argument("--grace", type=float, default=DEFAULT_GRACE, help="seconds to live on without a connection")
    parser.add_argument("--logs", type=Path, help="keep each platform's service logs in this folder")
    parser.add_argument("--keep-while", type=int, metavar="PID", help="keep shared platforms while this process lives")
    parser.add_argument("--detach", action="store_true", help="go to the background once the socket listens")
    chosen = parser.parse_args(arguments)
    try:
        listener = _listen(chosen.socket)
        try:
            directory = RunDirectory()
        except BaseException:
            chosen.socket.unlink(missing_ok=True)
            raise
    except (OSError, PlatformError) as error:
        print(f"platform host: {error}", file=sys.stderr)
        return 1
    if chosen.detach:
        _detach(directory.path / "host.log")
    directory.leave_to_janitor(chosen.socket)
    try:
        asyncio.run(_serve(listener, directory, chosen.grace, chosen.logs, chosen.keep_while))
    finally:
        directory.remove()
        rundir.remove_if_empty(directory.base)
        # Last: its absence tells who waits that nothing is left.
        with contextlib.suppress(OSError):
            chosen.socket.unlink()
        rundir.remove_if_empty(directory.base)
    return 0


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as error:
        raise PlatformError(f"cannot listen on {path}: {error}") from error
    finally:
        os.umask(mask)
    listener.listen(64)
    listener.setblocking(False)
    return listener


def _detach(log: Path) -> None:
    """Go on in a grandchild of whoever started this: who ends his process tree does not end the host."""
    if os.fork() > 0:
        os._exit(0)
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)


async def _serve(
    listener: socket.socket, directory: RunDirectory, grace: float, logs: Path | None, keep_while: int | None
) -> None:
    from .desk import Desk
    from .house import House

    house = House(directory, logs)
    desk = Desk(house, grace, FIRST_VISIT, keep_while)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, desk.close)
    sweeping = asyncio.ensure_future(asyncio.to_thread(rundir.sweep, directory.base))
    server = await asyncio.start_unix_server(desk.welcome, sock=listener, limit=1 << 20)
    try:
        await desk.closed.wait()
    finally:
        server.close()
        await desk.send_home()
        await house.close()
        await sweeping


if __name__ == "__main__":
    ended = main()
    sys.stderr.flush()
    # All is cleared: nobody should have to wait for the interpreter to take itself apart.
    os._exit(ended)
