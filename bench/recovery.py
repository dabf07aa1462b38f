"""Coming back in figures: `./run bench recovery [--quick] [--runs N] [--only PART …] [--json FILE]`.

missed       one client comes back, again and again, having missed 0, 100 and 10,000 messages
clients      1, 50 and 500 clients come back at once, each having missed 100 messages of a log of its own

A client comes back from the first byte of its connection to its `resumed`: TCP, handshake, the check of its token,
session and user, and the replay of what it missed. Beside it the same at the bare server (bench/_bare.py: picows and
psycopg, no tokens), which reads the same rows from the same PostgreSQL and sends them in the same frames. The two are
measured in turn, by one client program, so that a busy machine disturbs both. Everything received is checked: nothing
missing, nothing twice, in order, and the same from both. Judged is the median of the runs.
"""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import psycopg
import uvloop

from bench import _chat, _recovery
from bench._ground import Ground, ground
from bench._recovery import Recovered, Tab
from bench._report import Part, Report, conduct, positive
from launcher import interrupts
from launcher.parsing import Parser

MISSED = 100
"""Messages that each of many has missed."""
AT_ONCE = 50
"""Users whose messages are stored at once, before anything is measured."""
RATIO_GOAL, RATIO_UP_TO = 2.5, 50
TOGETHER_GOALS = {50: 0.3, 500: 1.5}


class Both:
    """The same clients at the platform and at the bare server."""

    def __init__(self, here: Ground, clients: int, missed: int) -> None:
        endpoints = here.endpoints(here.users(clients), assistant=False)
        for some in range(0, clients if missed else 0, AT_ONCE):
            if flaws := uvloop.run(_chat.exchange(endpoints[some : some + AT_ONCE], missed)).flaws:
                raise SystemExit(f"the messages to be missed could not be stored: {flaws[0]}")
        with psycopg.connect(here.platform["main_db_url"]) as database:
            epochs: dict[str, str] = dict(database.execute("SELECT id::text, epoch FROM conversations").fetchall())
        self.platform = [
            Tab(endpoint, str(uuid.uuid4()), epochs[endpoint.conversation], missed) for endpoint in endpoints
        ]
        self.bare = [
            replace(tab, endpoint=endpoint) for tab, endpoint in zip(self.platform, here.bare(endpoints), strict=True)
        ]
        self.flaws: list[str] = []
        backend = int(httpx.get(f"{here.platform['backend_urls'][0]}/health").json()["pid"])
        self._pids = {"platform": backend, "bare server": here.bare_pid}
        uvloop.run(_recovery.introduce(self.platform))

    def come_back(self) -> tuple[Recovered, Recovered]:
        """All at once at the bare server, then at the platform."""
        bare, platform = self._measured("bare server", self.bare), self._measured("platform", self.platform)
        if bare.received != platform.received:
            self.flaws.append("the two servers sent different messages")
        return bare, platform

    def _measured(self, server: str, tabs: Sequence[Tab]) -> Recovered:
        before = psutil.Process(self._pids[server]).cpu_times()
        recovered = uvloop.run(_recovery.recover(tabs))
        after = psutil.Process(self._pids[server]).cpu_times()
        self.flaws += [f"{server}: {flaw}" for flaw in recovered.flaws]
        return replace(recovered, cpu=after.user + after.system - before.user - before.system)


def missed(chosen: argparse.Namespace, report: Report) -> None:
    """One client, one recovery after another; each run is so many of them."""
    with ground() as here:
        for count in chosen.missed:
            both = Both(here, 1, count)
            runs = [_one_by_one(both, chosen.times) for _ in range(chosen.runs + 1)][1:]
            _tell(report, f"{count:,} missed", runs, count == MISSED)
            report.flaws(f"{count:,} missed: missing, twice or out of order", both.flaws)


def _one_by_one(both: Both, times: int) -> tuple[Recovered, Recovered]:
    """So many recoveries of one client as one: the time of each, and the CPU of all."""
    pairs = [both.come_back() for _ in range(times)]
    joined = []
    for of in zip(*pairs, strict=True):
        each = [one.seconds for one in of]
        joined.append(Recovered(sum(each), each, [], [], sum(one.cpu for one in of)))
    return joined[0], joined[1]


def clients(chosen: argparse.Namespace, report: Report) -> None:
    """Many at once; the figure is when the last of them is back."""
    with ground() as here:
        for count in chosen.clients:
            both = Both(here, count, MISSED)
            if count == 1:
                runs = [_one_by_one(both, chosen.times) for _ in range(chosen.runs + 1)][1:]
            else:
                runs = [both.come_back() for _ in range(chosen.runs + 1)][1:]
                goal = TOGETHER_GOALS.get(count)
                name = f"{count} clients × {MISSED}, to the last one's return"
                report.line(f"bare server: {name}", [one.seconds for one, _ in runs], "ms", None, 1e3)
                report.line(f"platform: {name}", [one.seconds for _, one in runs], "ms", goal, 1e3)
                ratios = [platform.seconds / bare.seconds for bare, platform in runs]
                report.line("  ratio, platform / bare", ratios, "×", RATIO_GOAL if count <= RATIO_UP_TO else None)
            _tell(report, f"{count} clients × {MISSED}, each", runs, count == 1)
            report.flaws(f"{count} clients: missing, twice or out of order", both.flaws)


def _tell(report: Report, what: str, runs: Sequence[tuple[Recovered, Recovered]], judged: bool) -> None:
    for number, server in enumerate(("bare server", "platform")):
        of = [pair[number] for pair in runs]
        for percent in (50, 99):
            report.line(f"{server}: {what}, p{percent}", [one.p(percent) for one in of], "ms", None, 1e3)
        report.line(f"{server}: {what}, its CPU", [one.cpu / len(one.each) for one in of], "ms", None, 1e3)
    ratios = [platform.p(50) / bare.p(50) for bare, platform in runs]
    report.line("  ratio of p50, platform / bare", ratios, "×", RATIO_GOAL if judged else None)


PARTS: dict[str, Part] = {"missed": missed, "clients": clients}


def main() -> int:
    """Print every figure beside its goal; 0 only if all are met (with --quick: if everything was received)."""
    parser = Parser(prog="./run bench recovery", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it work? few of everything, no goals")
    parser.add_argument("--runs", type=positive, default=7, help="counted runs of each figure (7)")
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help="only these parts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--times", type=positive, default=20, help="recoveries of one client in a run (20)")
    parser.add_argument("--missed", type=int, nargs="+", default=[0, 100, 10_000], help="messages (0 100 10000)")
    parser.add_argument("--clients", type=positive, nargs="+", default=[1, 50, 500], help="at once (1 50 500)")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.runs, chosen.times, chosen.missed, chosen.clients = 1, 2, [0, 600], [1, 5]
    return conduct("recovery", PARTS, chosen, Report(judged=not chosen.quick))


if __name__ == "__main__":
    interrupts.run(main)
