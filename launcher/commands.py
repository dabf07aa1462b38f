"""The commands of ``./run`` and their exit codes."""

from __future__ import annotations

import importlib
import itertools
import os
import sys
from collections.abc import Sequence

from launcher import ended, exporting, helping, interrupts, notify
from launcher.console import LaunchError, complain, did_you_mean, say
from launcher.ended import Ended
from launcher.paths import INSTALLED, ROOT
from launcher.workers import environment

# Each has ``main(argv) -> exit code``; imported when asked for, since most runs need none of the others.
_MODULES = {
    "init": "launcher.init",
    "up": "launcher.up",
    "target": "launcher.targets.command",
    "list": "launcher.listing",
    "docs": "launcher.reference",
    "baseline": "launcher.baseline",
    "soak": "launcher.soak",
    "explore": "launcher.explore",
    "history": "launcher.history",
    "diff": "launcher.diff",
}
# Each has ``conduct(argv) -> Ended``: it names what failed.
_CONDUCTED = {
    "test": "launcher.proof",
    "lint": "launcher.lint",
    "coverage": "launcher.coverage",
    "package": "launcher.package",
    "load": "launcher.load",
    "merge": "launcher.merge",
    "evidence": "launcher.evidence.command",
    "publish": "launcher.publish",
}
# These are run beside, each in a process of its own.
_PACKAGES = {"prove": "defects", "mutate": "mutation"}
_WITH_PARTS = ("bench", "target")
"""Of these a part says by itself what it does: ``./run target check --help``."""
MODULES = {**_MODULES, **_CONDUCTED, **{name: f"{package}.__main__" for name, package in _PACKAGES.items()}}
"""What each command with a parser is made of."""
COMMANDS = (*_MODULES, *_CONDUCTED, *_PACKAGES, "bench")
OF_CHECKOUT = ("test", "lint", "docs", "coverage", "prove", "mutate", "bench", "package")
"""What these need is no part of the installed package."""
# These judge nothing, so their failures are for whoever typed them.
_UNJUDGED = ("init", "up", "target", "list", "docs", "history", "diff")


def main(argv: Sequence[str]) -> int:
    """Run the command that ``argv`` names, and notify; the exit code is 0 only if all is well."""
    if not argv or helping.asked(argv[:1]) or list(argv) == ["help"]:
        say(helping.text("run"))
        return 0 if argv else 2
    if argv[0].lower() == "--version":
        return _version()
    if argv[0] == "help" or helping.asked(argv):
        return _help(argv[1:] if argv[0] == "help" else argv)
    webhook = notify.Webhook.taken(os.environ)
    exporting.take(os.environ)
    job = notify.Job.of(argv, os.environ)

    def notified(end: Ended) -> None:
        if webhook and argv[0] not in _UNJUDGED and (warning := webhook.notify(job, end)):
            complain(f"Not notified: {warning}")

    try:
        end = _run(argv[0], argv[1:])
    except LaunchError as error:
        complain(str(error))
        end = Ended(error.code, "it could not run", (str(error),))
    except SystemExit as error:
        if error.code:
            notified(Ended(2, "it could not run", ("wrong usage",)))
        raise
    except Exception as error:
        notified(Ended(1, "it broke off", (f"{type(error).__name__}: {error}",)))
        raise
    notified(end)
    return end.code


def _version() -> int:
    """What results depend on, of what is installed."""
    import pabot
    from robot.version import get_full_version

    say(f"{get_full_version('Robot Framework')}, pabot {pabot.__version__}")
    return 0


def _help(words: Sequence[str]) -> int:
    """What the command says about itself; nothing is started for it."""
    from launcher import areas

    name, rest = words[0], [*words[1:], "--help"]
    try:
        if helping.has(name) and (name not in _WITH_PARTS or helping.asked(rest[:1])):
            say(helping.text(name))
        elif name in COMMANDS:
            return _run(name, rest).code
        else:
            for source in itertools.takewhile(lambda word: not word.startswith("-"), words):
                areas.resolve(source, COMMANDS)
            say(helping.text("area"))
    except LaunchError as error:
        complain(str(error))
        return error.code
    return 0


def _run(name: str, rest: Sequence[str]) -> Ended:
    if INSTALLED and name in OF_CHECKOUT:
        raise LaunchError(
            f"{name} works on the source of Lockstep, and this is the installed package. In a checkout: run {name}"
        )
    if name == "bench":
        return _bench(rest)
    if name in _CONDUCTED:
        conducted: Ended = importlib.import_module(_CONDUCTED[name]).conduct(rest)
        return conducted
    if name in _PACKAGES:
        code = _module(_PACKAGES[name], *rest)
    elif name in _MODULES:
        code = importlib.import_module(_MODULES[name]).main(rest)
    else:
        return _area([name, *rest])
    return Ended(code, f"exit code {code}")


def _area(argv: Sequence[str]) -> Ended:
    from launcher import area, arguments, tests_by_id
    from launcher.targets import booted

    request = arguments.parse(argv, dict(os.environ))
    if not request.names:
        ids = [key for name in request.options.get("test", ()) if (key := tests_by_id.written(name))]
        raise LaunchError(f"Say what to run: ./run {' '.join(ids) or 'critical'}. More: ./run --help")
    booted.lend(request.target)
    return ended.of_run(area.run(request, commands=COMMANDS))


def _bench(argv: Sequence[str]) -> Ended:
    known = sorted(path.stem for path in (ROOT / "bench").glob("[a-z]*.py"))
    names = list(itertools.takewhile(lambda word: not word.startswith("-"), argv))
    if wrong := [name for name in names if name not in known]:
        raise LaunchError(
            f"There is no benchmark {wrong[0]!r}.{did_you_mean(wrong[0], known)} There are {', '.join(known)}."
        )
    codes = {name: _module(f"bench.{name}", *argv[len(names) :]) for name in names or known}
    failures = tuple(f"bench {name} ended with {code}" for name, code in codes.items() if code)
    return Ended(max(codes.values(), default=0), f"{len(codes)} benchmarks, {len(failures)} failed", failures)


def _module(name: str, *argv: str) -> int:
    """Run a module of the project in a process of its own, which ends with this one.

    Returns its exit code as a shell would: 128 + n where signal n ended it.
    """
    child = interrupts.start([sys.executable, "-m", "launcher.child", name, *argv], cwd=ROOT, env=environment({}))
    try:
        code = interrupts.wait(child)
    except KeyboardInterrupt:
        interrupts.pass_on(child)
        if child.returncode in interrupts.CODES:
            interrupts.was_reported()
        raise
    return code if code >= 0 else 128 - code
