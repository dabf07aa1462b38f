"""Lost answers in figures: `./run bench refreshes [--quick] [--count N] [--lost PERCENT] [--seed N] [--json FILE]`.

A client refreshes, and some answers never reach it: it asks once more with the token that it has. Counted is how many
of these honest clients are signed out for it, under each policy of auth (docs/protocol.md §2.3):

strict            one use of a refresh token, as by default
strict, key       the same, and the client repeats its request under the same Idempotency-Key
grace             a spent token is taken for 10 s more, with exactly one successor

All over HTTP at a real auth service on a private platform for each policy; auth has answered each request whose
answer is lost. A client that is signed out is replaced by a new one.
"""

from __future__ import annotations

import argparse
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests
from lockstep.masking import reveal

from bench._ground import leased
from bench._report import Part, Report, conduct, positive
from launcher import interrupts
from launcher.parsing import Parser

SIGNED_OUT_GOAL = 0.0
_WITHIN = 30.0
_CLIENTS = 50


@dataclass(frozen=True)
class _Policy:
    environment: dict[str, str]
    repeats_under_key: bool = False
    goal: float | None = None
    """Signed out of 1,000, at most; none where the policy itself ends sessions for lost answers."""


POLICIES = {
    "strict": _Policy({}),
    "strict, key": _Policy({}, repeats_under_key=True, goal=SIGNED_OUT_GOAL),
    "grace": _Policy({"REFRESH_GRACE": "10"}, goal=SIGNED_OUT_GOAL),
}


@dataclass
class _Counted:
    refreshes: int = 0
    lost: int = 0
    signed_out: int = 0


def lost_answers(chosen: argparse.Namespace, report: Report) -> None:
    """The same schedule of lost answers under each policy."""
    for name, policy in POLICIES.items():
        counted = _refresh(policy, chosen)
        report.line(f"{name}: lost answers", [counted.lost * 1000 / counted.refreshes], "‰")
        report.line(f"{name}: signed out", [counted.signed_out * 1000 / counted.refreshes], "‰", policy.goal)


def _refresh(policy: _Policy, chosen: argparse.Namespace) -> _Counted:
    drawn = random.Random(chosen.seed)
    counted = _Counted()
    with leased(policy.environment) as (_, platform, factory), requests.Session() as http:

        def tokens() -> Iterator[str]:
            while True:
                yield from (reveal(user.refresh_token) for user in factory.create_load_users(_CLIENTS))

        new = tokens()
        held = [next(new) for _ in range(min(_CLIENTS, chosen.count))]
        while counted.refreshes < chosen.count:
            client = counted.refreshes % len(held)
            headers = {"Idempotency-Key": uuid.uuid4().hex} if policy.repeats_under_key else {}
            answer = _post(http, platform["auth_url"], held[client], headers)
            counted.refreshes += 1
            if drawn.random() * 100 < chosen.lost:
                counted.lost += 1
                answer = _post(http, platform["auth_url"], held[client], headers)
            if answer.status_code == requests.codes.ok:
                held[client] = answer.json()["refresh_token"]
            else:
                counted.signed_out += 1
                held[client] = next(new)
    return counted


def _post(http: requests.Session, url: str, token: str, headers: dict[str, str]) -> requests.Response:
    answer = http.post(f"{url}/auth/refresh", json={"refresh_token": token}, headers=headers, timeout=_WITHIN)
    refused = answer.status_code == requests.codes.bad_request and answer.json().get("code") == "invalid_grant"
    if answer.status_code != requests.codes.ok and not refused:
        raise SystemExit(f"auth answered a refresh with neither 200 nor invalid_grant: {answer.status_code}")
    return answer


PARTS: dict[str, Part] = {"lost_answers": lost_answers}


def main() -> int:
    """Print how many clients each policy signs out; 0 only if the goals are met."""
    parser = Parser(prog="./run bench refreshes", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it work? few refreshes, all else alike")
    parser.add_argument("--count", type=positive, default=1000, help="refreshes under each policy (1000)")
    parser.add_argument("--lost", type=float, default=5.0, metavar="PERCENT", help="answers that are lost (5)")
    parser.add_argument("--seed", type=int, default=1, help="which answers are lost (1)")
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help="only these parts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.count, chosen.lost = 40, 25.0
    return conduct("refreshes", PARTS, chosen, Report())


if __name__ == "__main__":
    interrupts.run(main)
