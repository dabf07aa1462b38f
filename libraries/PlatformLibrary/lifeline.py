"""A robot that pabot or the launcher started ends when they do, however they end."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

_INTERVAL = 0.25
_watching = threading.Event()


def pabot_parent() -> int | None:
    """The process id of the pabot that started this robot, if one did."""
    parent = os.getppid()
    try:
        words = Path(f"/proc/{parent}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return _pabot_by_psutil(parent)
    return parent if _names_pabot([word.decode(errors="replace") for word in words]) else None


def watch_parent() -> None:
    """From now on this process, with its process group where it leads one, is killed when its parent has gone."""
    if _watching.is_set():
        return
    _watching.set()
    threading.Thread(target=_watch, args=(os.getppid(),), name="lifeline", daemon=True).start()


def _watch(parent: int) -> None:
    server = _pabotlib(parent) if pabot_parent() else None
    while os.getppid() == parent:
        time.sleep(_INTERVAL)
    if server is not None:
        # Only a pabot that ends in order ends it.
        with contextlib.suppress(Exception):
            server.terminate()
    if os.getpgrp() == os.getpid():
        with contextlib.suppress(OSError):
            os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _names_pabot(words: list[str]) -> bool:
    return any(Path(word).name in ("pabot", "pabot.exe", "pabot.py") or word == "pabot.pabot" for word in words[:4])


def _pabotlib(pabot: int) -> psutil.Process | None:
    """The server of PabotLib that ``pabot`` has started for its robots, if it did."""
    import psutil  # only robots of pabot need it

    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(pabot).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if "pabot.pabotlib" in child.cmdline()[:4]:
                    return child
    return None


def _pabot_by_psutil(parent: int) -> int | None:
    import psutil

    with contextlib.suppress(psutil.Error):
        return parent if _names_pabot(psutil.Process(parent).cmdline()) else None
    return None
