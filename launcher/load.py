"""``./run load``: run a load of many users by Locust on any target, judged by the recorded histories of all of them.

Without a shape each test of suites/load runs as small as in ./run test. Several machines: one has the master
(--expect-workers 2 --master ADDRESS), the others join it with --worker and the same --master and --port. What the
master sends to workers has the users' tokens, and is not encrypted: keep it in a network of your own, or in a tunnel.
"""

from __future__ import annotations

import argparse
import os
import resource
from collections.abc import Sequence

from LoadLibrary import engine

from launcher import arguments, ended, interrupts
from launcher.console import LaunchError, did_you_mean, say
from launcher.ended import Ended
from launcher.parsing import Parser

SHAPES = {
    "steady": "LD-01",
    "ramp": "LD-02",
    "loss": "LD-03",
    "rounds": "LD-04",
    "idle": "LD-05",
    "many": "LD-06",
    "soak": "LD-07",
    "storm": "LD-10",
    "expired": "LD-11",
    "disturbed": "LD-12",
    "rush": "LD-13",
}
AREA = "suites/load"
PORT = 5557


def conduct(argv: Sequence[str]) -> Ended:
    """Run a load, or be a worker of one."""
    parser = _parser()
    options, rest = parser.parse_known_args(argv)
    _raise_limit()
    if options.worker:
        return _be_worker(options)
    shapes = [word for word in rest if not word.startswith("-")]
    if wrong := [word for word in shapes[:1] if word not in SHAPES and rest[0] == word]:
        raise LaunchError(
            f"There is no shape {wrong[0]!r}.{did_you_mean(wrong[0], SHAPES)} There are {', '.join(SHAPES)}."
        )
    names = [SHAPES[word] for word in rest if word in SHAPES] or [AREA]
    others = [word for word in rest if word not in SHAPES]
    request = arguments.parse([*names, *others, *variables(options)], dict(os.environ), parser.known)

    from launcher import area
    from launcher.commands import COMMANDS
    from launcher.targets import booted

    booted.lend(request.target)
    return ended.of_run(area.run(request, commands=COMMANDS))


def variables(options: argparse.Namespace) -> list[str]:
    """What the suites are given."""
    lasting = f"{options.seconds:g}s" if options.seconds else f"{options.hours:g}h" if options.hours else ""
    values = {
        "USERS": options.users,
        "LASTING": lasting,
        "SOAK": lasting,
        "ROUND": "10 minutes" if options.hours else "",
        "EVERY": f"{options.every:g}s" if options.every else "",
        "P99": f"{options.p99:g}s" if options.p99 else "",
        "STEPS": options.steps,
        "WORKERS": options.workers,
        "ELSEWHERE": options.expect_workers,
        "WEB": options.web,
        "BIND": options.master,
        "PORT": (options.port or PORT) if options.expect_workers else options.port,
    }
    return [part for name, value in values.items() if value for part in ("--variable", f"{name}:{value}")]


def _parser() -> Parser:
    parser = Parser(prog="./run load", description=__doc__, usage=f"./run load [{' | '.join(SHAPES)}] [options]")
    parser.add_argument("--users", type=_whole, metavar="N", help="how many users (24)")
    parser.add_argument("--every", type=_some, metavar="S", help="seconds between two messages of a user (0.2)")
    parser.add_argument(
        "--seconds", type=_some, metavar="S", help="how long each step or all rounds last (1; rounds 3)"
    )
    parser.add_argument(
        "--hours", type=_some, metavar="H", help="the same in hours, in rounds of ten minutes: soak --hours 8"
    )
    parser.add_argument("--steps", type=_whole, metavar="N", help="of a ramp (2)")
    parser.add_argument("--p99", type=_some, metavar="S", help="seconds that 99 of 100 messages may take (2)")
    parser.add_argument("--workers", type=_whole, metavar="N", help="processes on this machine (2)")
    parser.add_argument("--expect-workers", type=_whole, metavar="N", help="so many more on other machines")
    parser.add_argument("--master", metavar="ADDRESS", help="where the master waits for workers (127.0.0.1)")
    parser.add_argument("--port", type=_whole, metavar="N", help=f"and its port (any; {PORT} with other machines)")
    parser.add_argument("--worker", action="store_true", help="be a worker of the master at --master and --port")
    parser.add_argument("--web", type=_whole, metavar="PORT", help="show Locust's page at this port")
    parser.epilog = "Anything else goes to the run: --target NAME, --seed TEXT, --variable SLOW:50 …"
    return parser


def _be_worker(options: argparse.Namespace) -> Ended:
    if not options.master:
        raise LaunchError("A worker needs the address of its master: ./run load --worker --master 10.0.0.5")
    command = engine.be_worker(options.master, options.port or PORT)
    say(f"A worker of {options.master}:{options.port or PORT}; it ends with the load")
    code = interrupts.wait(interrupts.start(command, env=engine.worker_environment()))
    return Ended(code, f"the worker ended with {code}")


def _raise_limit() -> None:
    """As many open files as this user may have: each socket is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _whole(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1, not {text!r}")
    return int(text)


def _some(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"a number above 0, not {text!r}")
    return number
