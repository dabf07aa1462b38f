"""A robot that pabot or the launcher started ends when they do, however they end."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

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
    while os.getppid() == parent:
        time.sleep(_INTERVAL)
    if os.getpgrp() == os.getpid():
        with contextlib.suppress(OSError):
            os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _names_pabot(words: list[str]) -> bool:
    return any(Path(word).name in ("pabot", "pabot.exe", "pabot.py") or word == "pabot.pabot" for word in words[:4])


def _pabot_by_psutil(parent: int) -> int | None:
    import psutil

    with contextlib.suppress(psutil.Error):
        return parent if _names_pabot(psutil.Process(parent).cmdline()) else None
    return None
