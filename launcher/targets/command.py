"""``./run target``: platforms, each described by a dialect; ``launcher/help/target.txt`` says what it does."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PlatformLibrary.embedded.client import HostClient
from PlatformLibrary.embedded.errors import HostEndedError, PlatformError
from PlatformLibrary.profile import folders

from launcher import helping, interrupts
from launcher.console import LaunchError, complain, did_you_mean, paint, say
from launcher.parsing import Parser
from launcher.targets import booted, check, new, packages, recipe, report
from launcher.targets.keeper import VERBS

_POLL = 0.1
_SHOWN_FACTS = ("URL",)


def main(argv: Sequence[str]) -> int:
    """Do what the first word says; raises ``LaunchError`` where it says nothing known."""
    if not argv or helping.asked(argv[:1]):
        say(helping.text("target"))
        return 0 if argv else 2
    if argv[0] not in COMMANDS:
        raise LaunchError(
            f"./run target does not know {argv[0]!r}.{did_you_mean(argv[0], COMMANDS)} It knows {', '.join(COMMANDS)}."
        )
    return COMMANDS[argv[0]](argv[1:])


def _list(argv: Sequence[str]) -> int:
    """Say which targets there are, and what of them is here."""
    Parser(prog="./run target list", description=_list.__doc__).parse_args(argv)
    found = known()
    width = max(map(len, found), default=0)
    for name, place in found.items():
        say(f"  {name:<{width}}  {_state(name, place)}")
    return 0


def _state(name: str, place: Path) -> str:
    if not (place / recipe.FILE).is_file():
        return paint(
            "a profile: started by each run" if name == "embedded" else "a profile: not started from here", "grey"
        )
    wanted = recipe.read(place)
    if wanted.name != name:
        return paint(f"another dialect of {wanted.name}", "grey")
    if (client := booted.connected(name)) is None:
        needs_none = not (wanted.requirements or wanted.node)
        there = "installed" if needs_none or packages.installed(wanted) else "not installed"
        return f"{there}; start it: ./run target boot {name}"
    with contextlib.closing(client):
        status = booted.status(client)
    if not status["done"]:
        return "starting"
    instances = ", ".join(f"{instance} {state}" for instance, state in status["instances"].items())
    return f"{paint('up', 'green')}: {instances}; facts in {status['facts']}"


def _boot(argv: Sequence[str]) -> int:
    """Install what the target needs, start it, and wait until Ctrl-C."""
    parser = Parser(prog="./run target boot", description=_boot.__doc__)
    parser.add_argument("name", metavar="NAME", help="a target that brings a boot.yaml (./run target list)")
    parser.add_argument("--detach", action="store_true", help="return when it is ready; ./run target stop ends it")
    parser.add_argument("--reinstall", action="store_true", help="install its packages again first")
    asked = parser.parse_args(argv)
    wanted = _recipe(asked.name)
    if client := booted.connected(wanted.name):
        client.close()
        raise LaunchError(f"{wanted.name} is up already. To end it: ./run target stop {wanted.name}")
    packages.install(wanted, again=asked.reinstall)
    client = booted.start(wanted.name, wanted.folder)
    begun = time.monotonic()
    code, is_up = 0, False
    try:
        _await_ready(client, wanted.name)
        status = booted.status(client)
        if asked.detach:
            client.call("keep")
        is_up = True
        _introduce(wanted.name, status, time.monotonic() - begun, detached=asked.detach)
        if asked.detach:
            client.close()
            return 0
        _wait_for_its_end(client, wanted.name)
    except KeyboardInterrupt:
        code = interrupts.stopping(is_up=is_up)
        booted.end(client)
    except HostEndedError as error:
        raise LaunchError(f"{wanted.name} has ended: {error.reason}.", code=1) from error
    except PlatformError as error:
        booted.end(client)
        raise LaunchError(f"{wanted.name} did not start: {error}", code=1) from error
    say("Stopped; nothing is left but its packages.")
    return code


def _await_ready(client: HostClient, name: str) -> None:
    shown = 0
    while True:
        interrupts.must_go_on()
        said = client.call("steps")
        for step in said["steps"][shown:]:
            say(paint(f"{name}: {step} …", "grey"))
        shown = len(said["steps"])
        if said["done"]:
            return
        time.sleep(_POLL)


def _introduce(name: str, status: dict[str, object], seconds: float, *, detached: bool) -> None:
    file = Path(str(status["facts"]))
    urls = {fact: value for fact, value in booted.read(file).items() if fact.endswith(_SHOWN_FACTS)}
    ends = f"./run target stop {name} stops it" if detached else "Ctrl-C stops it"
    say(paint(f"\n{name} is up after {seconds:.0f} s; {ends}.\n", "bold"))
    width = max(map(len, [*urls, "instances"]))
    instances = status["instances"]
    assert isinstance(instances, dict)
    rows = {**urls, "instances": " ".join(instances), "facts": str(file)}
    rows["suites"] = f"./run portable --target {name}"
    for label, value in rows.items():
        say(f"  {label:<{width}}  {value}")


def _wait_for_its_end(client: HostClient, name: str) -> None:
    """Returns when somebody else has stopped it in order; raises ``HostEndedError`` where it broke off."""
    noted = 0
    while True:
        interrupts.must_go_on()
        try:
            ended = booted.status(client)["ended"]
        except HostEndedError:
            if client.path.exists():
                raise
            return
        for end in ended[noted:]:
            complain(f"{name}: {end}")
        noted = len(ended)
        time.sleep(1.0)


def _stop(argv: Sequence[str]) -> int:
    """End a booted target; well too where it is not up."""
    parser = Parser(prog="./run target stop", description=_stop.__doc__)
    parser.add_argument("name", metavar="NAME")
    name = _recipe(parser.parse_args(argv).name).name
    client = booted.connected(name)
    if client is None:
        say(f"{name} is not up.")
        return 0
    booted.end(client)
    say(f"{name} is stopped; nothing is left but its packages.")
    return 0


def _control(argv: Sequence[str]) -> int:
    """Do something to one process or store of a booted target, and return when it is done."""
    parser = Parser(prog="./run target control", description=_control.__doc__)
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("verb", metavar="VERB", choices=[*VERBS, "logs"], help=", ".join([*VERBS, "logs"]))
    parser.add_argument("instance", metavar="INSTANCE", help="as ./run target list shows them")
    asked = parser.parse_args(argv)
    name = _recipe(asked.name).name
    client = booted.connected(name)
    if client is None:
        raise LaunchError(f"{name} is not up. To start it: ./run target boot {name}", code=1)
    with contextlib.closing(client):
        try:
            answer = client.call(asked.verb, instance=asked.instance)
        except PlatformError as error:
            raise LaunchError(f"{asked.verb} {asked.instance}: {error}", code=1) from error
        except HostEndedError as error:
            raise LaunchError(f"{name} has ended: {error.reason}.", code=1) from error
    say(answer["log"] if asked.verb == "logs" else f"{asked.instance} is {answer['status']}")
    return 0


def known() -> dict[str, Path]:
    """Every target by name: a file, or a folder."""
    found: dict[str, Path] = {}
    for folder in folders():
        for path in sorted(folder.glob("*")):
            if path.suffix == ".yaml" or (path.is_dir() and any(path.glob("*.yaml"))):
                found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def _known_name(name: str) -> str:
    found = known()
    if name not in found:
        raise LaunchError(f"There is no target {name!r}.{did_you_mean(name, found)} There are {', '.join(found)}.")
    return name


def _recipe(name: str) -> recipe.Recipe:
    folder = known()[_known_name(name)]
    if not (folder / recipe.FILE).is_file():
        bring = [other for other, place in known().items() if (place / recipe.FILE).is_file()]
        raise LaunchError(
            f"{name} brings no {recipe.FILE}, so it is not started from here. "
            f"There {'is' if len(bring) == 1 else 'are'} {', '.join(bring) or 'none that does'}."
        )
    return recipe.read(folder)


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "check": check.main,
    "new": new.main,
    "report": report.main,
    "list": _list,
    "boot": _boot,
    "stop": _stop,
    "control": _control,
}
