"""The commands of ``./run`` and their exit codes."""

from __future__ import annotations

import importlib
import itertools
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from PlatformLibrary.embedded.system import die_with_parent

from launcher.console import LaunchError, complain, did_you_mean, say
from launcher.paths import ROOT
from launcher.workers import environment

# Each has ``main(argv) -> exit code``; imported when asked for, since most runs need none of the others.
_MODULES = {
    "up": "launcher.up",
    "list": "launcher.listing",
    "test": "launcher.proof",
    "lint": "launcher.lint",
    "docs": "launcher.reference",
    "baseline": "launcher.baseline",
    "soak": "launcher.soak",
    "explore": "launcher.explore",
    "coverage": "launcher.coverage",
}
# These are run beside, each in a process of its own.
_PACKAGES = {"prove": "defects", "mutate": "mutation"}
_COMMANDS = (*_MODULES, *_PACKAGES, "bench")
# Seconds; Ctrl-C reaches such a process as well, while a signal to this one alone has to be passed on.
_ENDS_BY_ITSELF_WITHIN = 5.0


def main(argv: Sequence[str]) -> int:
    """Run the command that ``argv`` names; the exit code is 0 only if all is well."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        say(Path(__file__).with_name("help.txt").read_text("utf-8").rstrip())
        return 0 if argv else 2
    name, rest = argv[0], argv[1:]
    try:
        if name == "bench":
            return _bench(rest)
        if name in _PACKAGES:
            return _module(_PACKAGES[name], *rest)
        if name in _MODULES:
            code: int = importlib.import_module(_MODULES[name]).main(rest)
            return code
        return _area(argv)
    except LaunchError as error:
        complain(str(error))
        return error.code


def _area(argv: Sequence[str]) -> int:
    from launcher import area, arguments

    request = arguments.parse(argv, dict(os.environ))
    if not request.names:
        raise LaunchError("Say what to run: ./run critical. More: ./run --help")
    outcome = area.run(request, commands=_COMMANDS)
    return outcome.exit_code


def _bench(argv: Sequence[str]) -> int:
    known = sorted(path.stem for path in (ROOT / "bench").glob("[a-z]*.py"))
    names = list(itertools.takewhile(lambda word: not word.startswith("-"), argv))
    if wrong := [name for name in names if name not in known]:
        raise LaunchError(
            f"There is no benchmark {wrong[0]!r}.{did_you_mean(wrong[0], known)} There are {', '.join(known)}."
        )
    return max([_module(f"bench.{name}", *argv[len(names) :]) for name in names or known], default=0)


def _module(name: str, *argv: str) -> int:
    """Run a module of the project in a process of its own, which ends with this one."""
    child = subprocess.Popen(
        [sys.executable, "-m", name, *argv], cwd=ROOT, env=environment({}), preexec_fn=die_with_parent()
    )
    try:
        return child.wait()
    except KeyboardInterrupt:
        try:
            child.wait(_ENDS_BY_ITSELF_WITHIN)
        except subprocess.TimeoutExpired:
            child.terminate()
            child.wait()
        raise
