"""The host's children: signals to those whose end it has not been told yet."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys

from PlatformLibrary.embedded.children import Child


def test_a_signal_to_a_process_that_has_just_ended_is_nobodys_error() -> None:
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()

    async def tell() -> bool:
        child = Child(gone.pid, asyncio.get_running_loop().create_future())
        child.send(signal.SIGTERM)
        asyncio.get_running_loop().call_soon(child.exited.set_result, 0)
        return await child.end(within=5)

    assert asyncio.run(tell())
