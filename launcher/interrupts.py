"""Being told to end: by Ctrl-C, by a CI that aborts, by a terminal that closes.

The first signal raises KeyboardInterrupt, and whoever has something to end or to delete does so on its way out.
The command then ends with 128 + the number of that signal, as shells count: INT 130, TERM 143, HUP 129.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import IO, TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CODES = tuple(128 + number for number in _NUMBERS)
"""Exit codes of commands that were interrupted."""
GRACE = 30.0
"""Seconds in which a child has to end after it was interrupted."""
_BROKEN_PIPE = 128 + signal.SIGPIPE
_TICK = 0.2


class _State:
    """What has come so far."""

    number = 0
    swallowed = False
    reported = False


def run(main: Callable[[], int]) -> NoReturn:
    """Run ``main`` and exit with its code, or in order when a signal comes."""
    end_in_order()
    try:
        code = main()
    except KeyboardInterrupt:
        report()
        code = exit_code()
    except BrokenPipeError:
        # Whoever read has gone (``| head``); the interpreter would complain about what it cannot flush.
        _silence(sys.stdout)
        code = exit_code() if _State.number else _BROKEN_PIPE
    if _State.number:
        _exit(code)
    sys.exit(code)


def _exit(code: int) -> NoReturn:
    """Exit as Python does, but for its own end by SIGINT where the interrupt came in the midst of an ``exec``."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with forgiving(stream):
            stream.flush()
    os._exit(code)


def end_in_order() -> None:
    """From now on the first signal raises KeyboardInterrupt; later ones must not disturb what that begins.

    What this process was started to ignore, as by ``nohup``, stays ignored, but for SIGINT.
    """
    for number in _NUMBERS:
        if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGINT:
            signal.signal(number, _interrupt)
    sys.unraisablehook = _note_swallowed


def _interrupt(number: int, frame: FrameType | None) -> None:
    for again in _NUMBERS:
        signal.signal(again, signal.SIG_IGN)
    _State.number = number
    for stream in (sys.stdout, sys.stderr):
        if _is_gone(stream):
            _silence(stream)
    raise KeyboardInterrupt


def _note_swallowed(unraisable: UnraisableHookArgs) -> None:
    """Python calls finalizers and other callbacks whose exceptions go nowhere: a signal may come just then."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        _State.swallowed = True
    else:
        sys.__unraisablehook__(unraisable)


def must_go_on() -> None:
    """Raises KeyboardInterrupt where the one of the signal was swallowed; every wait calls this now and then."""
    if _State.swallowed:
        _State.swallowed = False
        raise KeyboardInterrupt


def must_not_have_come() -> None:
    """Raises KeyboardInterrupt where a signal has come, so that nothing more begins; for threads, and for pools."""
    if _State.number:
        raise KeyboardInterrupt


def exit_code() -> int:
    """The exit code of a command that was interrupted."""
    return 128 + (_State.number or signal.SIGINT)


def report(text: str = "Interrupted.") -> None:
    """Says once that the command was interrupted; the first text counts."""
    if not _State.reported:
        _State.reported = True
        with forgiving(sys.stderr):
            print(f"\n{text}", file=sys.stderr, flush=True)


def stopping(*, is_up: bool) -> int:
    """The exit code of what runs until Ctrl-C: that is no interruption once it ``is_up``."""
    if is_up and _State.number == signal.SIGINT:
        _State.reported = True
        print("\nStopping …", flush=True)
        return 0
    report("Interrupted: stopping …")
    return exit_code()


def was_reported() -> None:
    """Somebody else, such as a child, has said it."""
    _State.reported = True


@contextlib.contextmanager
def forgiving(stream: IO[str]) -> Iterator[None]:
    """Lets a writer to ``stream`` go on, silently, where its terminal or reader has gone with the interrupt."""
    try:
        yield
    except OSError:
        if not _State.number:
            raise
        _silence(stream)


def _is_gone(stream: IO[str]) -> bool:
    try:
        ends = select.poll()
        ends.register(stream.fileno(), 0)
        return bool(ends.poll(0))
    except (OSError, ValueError):
        return False


def _silence(stream: IO[str]) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """Start a child in a session of its own, so that Ctrl-C reaches it only by `pass_on`, and once.

    The kernel kills it when this process is killed: call it on the main thread. ``options`` are those of
    ``subprocess.Popen``.
    """
    from PlatformLibrary.embedded.system import die_with_parent

    return subprocess.Popen(list(command), start_new_session=True, preexec_fn=die_with_parent(), **options)


def wait(process: subprocess.Popen[Any], within: float | None = None) -> int:
    """The exit code of ``process``; raises ``subprocess.TimeoutExpired`` after ``within`` seconds."""
    deadline = None if within is None else time.monotonic() + within
    while True:
        must_go_on()
        try:
            return process.wait(_TICK)
        except subprocess.TimeoutExpired:
            if deadline is not None and time.monotonic() >= deadline:
                raise


def output(command: Sequence[str], within: float | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a child of `start` to its end; what it said, errors too, is in ``stdout``.

    Raises ``subprocess.TimeoutExpired`` after ``within`` seconds. Then, and when it is interrupted, it ends the child.
    """
    deadline = None if within is None else time.monotonic() + within
    process = start(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                    errors="replace", **options)  # fmt: skip
    try:
        while True:
            must_go_on()
            try:
                said, _ = process.communicate(timeout=_TICK)
            except subprocess.TimeoutExpired:
                if deadline is not None and time.monotonic() >= deadline:
                    raise
            else:
                return subprocess.CompletedProcess(list(command), process.returncode, said)
    except BaseException:
        _send(process, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            # Read on: it may have to write before it can end.
            process.communicate(timeout=GRACE)
        kill(process)
        raise


def pass_on(*processes: subprocess.Popen[Any]) -> None:
    """Interrupt children of `start` with all that is in their sessions; kill what has not ended after `GRACE`."""
    for process in processes:
        _send(process, signal.SIGINT)
    deadline = time.monotonic() + GRACE
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
    kill(*processes)


def kill(*processes: subprocess.Popen[Any]) -> None:
    """Kill children of `start`, and what they left behind in their sessions."""
    for process in processes:
        _send(process, signal.SIGKILL)
    for process in processes:
        process.wait()


def _send(process: subprocess.Popen[Any], number: signal.Signals) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, number)
