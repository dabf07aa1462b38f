"""Many who ask as much as they can, and some others meanwhile who ask at a pace."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event, Semaphore

from robot.api import logger

from QuotaLibrary.asking import Answer, Asker
from QuotaLibrary.sockets import SocketAttacker


@dataclass(frozen=True)
class Party:
    """Somebody who asks for ``urls`` in turn, as an attacker until each has refused him ``refusals`` times."""

    urls: Sequence[str]
    asker: Asker
    refusals: int = 0


@dataclass(frozen=True)
class SocketParty:
    """Somebody who opens sockets at ``urls`` in turn, until each has refused ``refusals`` of them."""

    urls: Sequence[str]
    asker: SocketAttacker
    refusals: int = 0


@dataclass(frozen=True)
class Flood:
    """A flood ends when all was seen that it is for: by count, so that it takes a slow machine longer, and no less.

    Each attacker sees its ``refusals`` of each of its URLs. Once all have been refused for the first time, or after
    half of the time where refusing takes that long, each unaffected user sees ``answers``, one ``every`` so many
    seconds. After ``at_most`` seconds all give up.
    """

    answers: int
    every: float
    at_most: float

    def run(
        self, attackers: Sequence[Party | SocketParty], unaffected: Sequence[Party]
    ) -> tuple[list[list[Answer]], list[list[Answer]]]:
        """The answers of each attacker, and those of each unaffected user."""
        if not attackers:
            raise ValueError("no attackers: nothing would be proved")
        began, refused, served = time.monotonic(), Semaphore(0), Event()
        until = began + self.at_most
        try:
            with ThreadPoolExecutor(len(attackers) + len(unaffected), "flood") as pool:
                attacks = [
                    pool.submit(one.asker.insist, one.urls, one.refusals, until, refused.release, served)
                    for one in attackers
                ]
                for _ in attackers:
                    refused.acquire(timeout=max(0.0, began + self.at_most / 2 - time.monotonic()))
                asking = [pool.submit(one.asker.pace, one.urls, self.answers, self.every, until) for one in unaffected]
                try:
                    seen = [known.result() for known in asking]
                finally:
                    served.set()
                flooded = [attack.result() for attack in attacks]
        finally:
            for one in [*attackers, *unaffected]:
                one.asker.close()
        asked, taken = sum(map(len, flooded)), time.monotonic() - began
        logger.info(f"{asked} requests of {len(attackers)} attackers in {taken:.2f} s, {asked / taken:.0f} a second")
        return flooded, seen
