"""The session manager in figures: `./run bench sessions [--quick] [--runs N] [--only PART …] [--json FILE]`.

rates        create, validate, refresh and revoke at 1, 10 and 50 callers: how many in a second, and the p99 of one
fallback     validation by Redis, and by the database once Redis is killed
growth       validation among 100, 10,000 and 100,000 sessions: does looking up grow with them?

All over HTTP at a real auth service with its PostgreSQL and Redis (and one backend, which hears of revocations).
A caller has one request under way on a kept connection. What belongs together is measured in turn, so that a busy
machine disturbs all alike. Judged is the median of the runs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PlatformLibrary.embedded.client import HostClient

from bench import _sessions
from bench._ground import leased
from bench._report import Part, Report, conduct, positive
from bench._sessions import OF_ONE_USER, Asked, Endpoint, ask
from launcher import interrupts
from launcher.parsing import Parser

P99_GOAL = 0.010
GOAL_CALLERS = 10
FLAT_GOAL = 1.25
VALID = b'"valid":true'
_SETTLED_WITHIN = 30.0


@dataclass(frozen=True)
class Ground:
    """A platform with one backend, users on it, and the endpoint."""

    host: HostClient
    platform: dict[str, Any]
    endpoint: Endpoint
    users: list[str]

    def redis(self, do: str) -> None:
        """``kill`` or ``start`` it."""
        self.host.call(do, instance="redis", platform=self.platform["platform_id"])

    def sessions(self, count: int) -> list[dict[str, Any]]:
        """New sessions, by the endpoint: what it answered."""
        return _good(
            ask(self.endpoint, _sessions.creations(self.endpoint, self.users, count), GOAL_CALLERS), 201
        ).read()


def _good(asked: Asked, status: int) -> Asked:
    if flaws := asked.flaws(status):
        raise SystemExit(f"auth answered otherwise than with {status}: {flaws[0]}")
    return asked


@contextmanager
def ground(users: int) -> Iterator[Ground]:
    """A private platform with so many users."""
    with leased() as (host, platform, factory):
        made = [str(user.id) for user in factory.create_load_users(users)]
        yield Ground(host, platform, Endpoint(platform["auth_url"], platform["service_token"]), made)


# --- create, validate, refresh, revoke


def rates(chosen: argparse.Namespace, report: Report) -> None:
    """The life of sessions, step by step; as many callers in turn as asked for."""
    runs: dict[tuple[int, str], list[Asked]] = {}
    flaws: list[str] = []
    with ground(-(-chosen.count // OF_ONE_USER)) as here:
        for number in range(chosen.runs + 1):
            for callers in chosen.callers:
                for what, asked in _life(here, chosen.count, callers, flaws).items():
                    if number:  # the first is not counted: it fills pools and caches
                        runs.setdefault((callers, what), []).append(asked)
    for what in ("create", "validate", "refresh", "revoke"):
        for callers in chosen.callers:
            of = runs[callers, what]
            label = f"{what}, {callers} caller{'s' * (callers > 1)}"
            judged = what == "validate" and callers == GOAL_CALLERS
            report.line(f"{label}: in a second", [one.rate for one in of], "/s")
            report.line(f"{label}: p50", [one.p(50) for one in of], "ms", None, 1e3)
            report.line(f"{label}: p99", [one.p(99) for one in of], "ms", P99_GOAL if judged else None, 1e3)
    every = [one for of in runs.values() for one in of]
    report.line("the callers' own CPU, a request", [one.cpu / len(one.answers) for one in every], "µs", None, 1e6)
    report.flaws(f"answers other than expected, of {sum(len(one.answers) for one in every)}", flaws)


def _life(here: Ground, count: int, callers: int, flaws: list[str]) -> dict[str, Asked]:
    endpoint = here.endpoint
    made = ask(endpoint, _sessions.creations(endpoint, here.users, count), callers)
    flaws += made.flaws(201)
    grants = made.read()
    tokens = [one["session_token"] for one in grants]
    validated = ask(endpoint, _sessions.validations(endpoint, tokens), callers)
    flaws += validated.flaws(200, VALID, b'"source":"redis"')
    refreshed = ask(
        endpoint, [endpoint.request("/admin/sessions/refresh", {"session_token": one}) for one in tokens], callers
    )
    flaws += refreshed.flaws(200, b'"session_token"')
    ids = [one["session"]["session_id"] for one in grants]
    revoked = ask(endpoint, [endpoint.request(f"/admin/sessions/{one}/revoke") for one in ids], callers)
    flaws += revoked.flaws(200, b'"revoked"')
    return {"create": made, "validate": validated, "refresh": refreshed, "revoke": revoked}


# --- Redis, and the database without it


def fallback(chosen: argparse.Namespace, report: Report) -> None:
    """The same tokens, by one store and by the other."""
    by: dict[str, list[Asked]] = {"redis": [], "database": []}
    flaws: list[str] = []
    with ground(-(-chosen.count // OF_ONE_USER)) as here:
        tokens = [one["session_token"] for one in here.sessions(chosen.count)]
        requests = _sessions.validations(here.endpoint, tokens)
        for _ in range(chosen.runs):
            for store, before in (("redis", ""), ("database", "kill"), ("", "start")):
                if before:
                    here.redis(before)
                _settle(here.endpoint, requests, store or "redis")
                if store:
                    asked = ask(here.endpoint, requests, GOAL_CALLERS)
                    by[store].append(asked)
                    flaws += asked.flaws(200, VALID, b'"source":"%s"' % store.encode())
    for store, of in by.items():
        name = f"by {store}" if store == "redis" else "by the database, Redis killed"
        report.line(f"{name}: in a second", [one.rate for one in of], "/s")
        report.line(f"{name}: p50", [one.p(50) for one in of], "ms", None, 1e3)
        report.line(f"{name}: p99", [one.p(99) for one in of], "ms", P99_GOAL if store == "redis" else None, 1e3)
    ratios = [slow.p(50) / fast.p(50) for fast, slow in zip(by["redis"], by["database"], strict=True)]
    report.line("  ratio of p50, database / Redis", ratios, "×")
    report.flaws("answers other than expected, or from another store", flaws)


def _settle(endpoint: Endpoint, requests: Sequence[bytes], store: str) -> None:
    """Until every validation is answered by ``store``: auth has noticed, and Redis knows the sessions again."""
    deadline = time.monotonic() + _SETTLED_WITHIN
    while ask(endpoint, requests, GOAL_CALLERS).flaws(200, VALID, b'"source":"%s"' % store.encode()):
        if time.monotonic() > deadline:
            raise SystemExit(f"validations are not answered by {store} within {_SETTLED_WITHIN:g} s")


# --- many sessions


def growth(chosen: argparse.Namespace, report: Report) -> None:
    """A platform for each size, measured in turn; validated are sessions drawn from all of it."""
    runs: dict[int, list[Asked]] = {size: [] for size in chosen.sizes}
    flaws: list[str] = []
    with ExitStack() as stack:
        grounds = {size: stack.enter_context(ground(1)) for size in chosen.sizes}
        asks = {}
        for size, here in grounds.items():
            tokens = _filled(here, size)
            asks[size] = _sessions.validations(here.endpoint, tokens, chosen.count)
            _good(ask(here.endpoint, asks[size], GOAL_CALLERS), 200)
        for _ in range(chosen.runs):
            for size, here in grounds.items():
                asked = ask(here.endpoint, asks[size], GOAL_CALLERS)
                flaws += asked.flaws(200, VALID, b'"source":"redis"')
                runs[size].append(asked)
    smallest = runs[chosen.sizes[0]]
    for size, of in runs.items():
        report.line(f"{size:,} sessions: p50", [one.p(50) for one in of], "ms", None, 1e3)
        report.line(f"{size:,} sessions: p99", [one.p(99) for one in of], "ms", P99_GOAL, 1e3)
        if of is not smallest:
            name = f"  ratio of {size:,} to {chosen.sizes[0]:,}"
            report.line(f"{name}, p50", _ratios(of, smallest, 50), "×", FLAT_GOAL)
            report.line(f"{name}, p99", _ratios(of, smallest, 99), "×")
    report.flaws("answers other than expected, or not by Redis", flaws)


def _filled(here: Ground, size: int) -> list[str]:
    """Tokens of as many sessions as ``size`` says: the first by the endpoint, the others like it in both stores."""
    [model] = here.sessions(1)
    begun = time.monotonic()
    urls = here.platform["auth_db_url"], here.platform["redis_url"]
    tokens = [model["session_token"], *_sessions.multiply(*urls, model["session"], size - 1)]
    print(f"  {size:,} sessions in {time.monotonic() - begun:.1f} s", flush=True)
    return tokens


def _ratios(of: Sequence[Asked], smallest: Sequence[Asked], percent: float) -> list[float]:
    return [one.p(percent) / other.p(percent) for one, other in zip(of, smallest, strict=True)]


PARTS: dict[str, Part] = {
    "rates": rates,
    "fallback": fallback,
    "growth": growth,
}


def main() -> int:
    """Print every figure beside its goal; 0 only if all are met (with --quick: if no answer was wrong)."""
    parser = Parser(prog="./run bench sessions", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it work? few of everything, no goals")
    parser.add_argument("--runs", type=positive, default=5, help="counted runs of each figure (5)")
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help="only these parts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--count", type=positive, default=2000, help="requests of each kind in a run (2000)")
    parser.add_argument("--callers", type=positive, nargs="+", default=[1, 10, 50], help="at once (1 10 50)")
    parser.add_argument("--sizes", type=positive, nargs="+", default=[100, 10_000, 100_000], help="of growth")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.runs, chosen.count, chosen.callers, chosen.sizes = 1, 100, [1, 10], [20, 500]
    return conduct("sessions", PARTS, chosen, Report(judged=not chosen.quick))


if __name__ == "__main__":
    interrupts.run(main)
