"""The host's children: signals to those whose end it has not been told yet, and to whole trees of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest
from PlatformLibrary.embedded import system
from PlatformLibrary.embedded.children import Child
from PlatformLibrary.embedded.ports import Port
from PlatformLibrary.embedded.servers import Instance

# Each says when it may be killed, and goes on.
FORKS_ON_AND_ON = """
import os, signal
print("ready", flush=True)
for _ in range(1000):
    if not os.fork():
        break
signal.pause()
"""
CHILD_TAKES_LONG_TO_DIE = """
import mmap, os, signal
ready, told = os.pipe()
if os.fork():
    os.read(ready, 1)
    print("ready", flush=True)
else:
    memory = mmap.mmap(-1, 400 << 20)
    memory.madvise(getattr(mmap, "MADV_NOHUGEPAGE", mmap.MADV_NORMAL))
    for page in range(0, 400 << 20, mmap.PAGESIZE):
        memory[page] = 1
    os.write(told, b".")
signal.pause()
"""


class Tree(Instance):
    """An instance whose process runs a Python program."""

    def __init__(self, program: str) -> None:
        super().__init__("tree", Port(), Path())
        self._program = program

    async def start(self) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", self._program, stdout=asyncio.subprocess.PIPE, start_new_session=True
        )
        assert process.stdout
        await process.stdout.readline()
        self.child = Child(process.pid, asyncio.create_task(process.wait()))

    async def stop(self) -> None:
        await self.kill()

    def processes(self, *other_than: str) -> list[int]:
        """Those of its session that are in none of these states, nor dead."""
        states = (*system.ENDED, *other_than)
        return [
            one.pid for one in psutil.process_iter(["status"]) if self._owns(one) and one.info["status"] not in states
        ]

    def _owns(self, process: psutil.Process) -> bool:
        try:
            return self.child is not None and os.getsid(process.pid) == self.child.pid
        except ProcessLookupError:
            return False


def left_after(verb: Callable[[Tree], Awaitable[None]], program: str, *allowed: str) -> list[int]:
    """Which processes of the program are still there in other states than these once the verb has returned."""

    async def play() -> list[int]:
        tree = Tree(program)
        await tree.start()
        try:
            await verb(tree)
            return tree.processes(*allowed)
        finally:
            if tree.running:
                await tree.stop()
            tree.port.release()
            for pid in tree.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    return asyncio.run(play())


def test_a_signal_to_a_process_that_has_just_ended_is_nobodys_error() -> None:
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()

    async def tell() -> bool:
        child = Child(gone.pid, asyncio.get_running_loop().create_future())
        child.send(signal.SIGTERM)
        asyncio.get_running_loop().call_soon(child.exited.set_result, 0)
        return await child.end(within=5)

    assert asyncio.run(tell())


def test_a_process_whose_parent_has_not_asked_for_its_end_does_not_live() -> None:
    gone = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    known_as = system.identity(gone.pid)
    assert system.alive(gone.pid, known_as)
    gone.kill()
    os.waitid(os.P_PID, gone.pid, os.WEXITED | os.WNOWAIT)
    assert not system.alive(gone.pid, known_as)
    gone.communicate()


@pytest.mark.parametrize("program", [FORKS_ON_AND_ON, CHILD_TAKES_LONG_TO_DIE])
def test_nothing_of_a_killed_tree_is_left(program: str) -> None:
    assert left_after(Tree.kill, program) == []


def test_nothing_of_a_paused_tree_runs_on() -> None:
    assert left_after(Tree.pause, FORKS_ON_AND_ON, "stopped") == []
