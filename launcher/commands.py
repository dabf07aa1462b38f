"""The commands of ``./run`` and their exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from launcher.console import LaunchError, complain, say
from launcher.paths import ROOT
from launcher.workers import die_with_parent, environment


def main(argv: Sequence[str]) -> int:
    """Run the command that ``argv`` names; the exit code is 0 only if all is well."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        say(Path(__file__).with_name("help.txt").read_text("utf-8").rstrip())
        return 0 if argv else 2
    command = _COMMANDS.get(argv[0])
    try:
        return command(argv[1:]) if command else _area(argv)
    except LaunchError as stop:
        complain(str(stop))
        return stop.code


def _area(argv: Sequence[str]) -> int:
    from launcher import area, arguments

    request = arguments.parse(argv, dict(os.environ))
    if not request.names:
        raise LaunchError("Say what to run: ./run critical. More: ./run --help")
    outcome = area.run(request, commands=tuple(_COMMANDS))
    return 130 if outcome.interrupted else 0 if outcome.well else 1


def _bench(argv: Sequence[str]) -> int:
    known = sorted(path.stem for path in (ROOT / "bench").glob("[a-z]*.py"))
    wrong = [name for name in argv if name not in known]
    if wrong:
        raise LaunchError(f"There is no benchmark {wrong[0]!r}; there are {', '.join(known)}.")
    codes = [_module(f"bench.{name}") for name in argv or known]
    return max(codes, default=0)


def _prove(argv: Sequence[str]) -> int:
    return _module("defects", *argv)


def _module(name: str, *argv: str) -> int:
    """Run a module of the project in a process of its own, which ends with this one."""
    say(f"$ python -m {' '.join((name, *argv))}")
    child = subprocess.Popen(
        [sys.executable, "-m", name, *argv], cwd=ROOT, env=environment({}), preexec_fn=die_with_parent()
    )
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.wait(10)
        raise


def _up(argv: Sequence[str]) -> int:
    from launcher import up

    return up.main(argv)


def _list(argv: Sequence[str]) -> int:
    from launcher import listing

    return listing.main(argv)


def _docs(argv: Sequence[str]) -> int:
    from launcher import reference

    return reference.main(argv)


def _test(argv: Sequence[str]) -> int:
    from launcher import proof

    return proof.main(argv)


def _lint(argv: Sequence[str]) -> int:
    from launcher import lint

    return 1 if lint.failed(argv) else 0


_COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "up": _up,
    "list": _list,
    "test": _test,
    "lint": _lint,
    "bench": _bench,
    "docs": _docs,
    "prove": _prove,
}
