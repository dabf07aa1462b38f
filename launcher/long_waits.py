"""Tests that wait for more than a minute: what a target promises within such a time, they have to see."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from lockstep.dialect import Dialect
from lockstep.dialect.promises import AT_EXPIRY, NEVER, NEXT_FRAME

from launcher.outcome import PlannedTest
from launcher.planning import PlannedSuite

LONGEST = 60.0


def of(target: str) -> list[str]:
    """The ids of the portable tests that wait so long on a target."""
    from launcher.targets import forecast
    from launcher.targets.reached import read

    dialect, _ = read(target)
    return [test.id for test in forecast.read() if any(is_long(dialect, name) for name in test.needs.judged)]


def is_long(dialect: Dialect, promise: str) -> bool:
    """Whether a promise (``promises.ends.sign_out.access``) of some endpoint is kept after more than a minute."""
    part, _, rest = promise.removeprefix("promises.").partition(".")
    word, _, what = rest.partition(".")
    if part != "ends" or "*" in (word, what):
        return False
    return any(_seconds(dialect, word, what, endpoint) > LONGEST for endpoint in dialect.endpoints)


def _seconds(dialect: Dialect, word: str, what: str, endpoint: str) -> float:
    bound = dialect.promises.ending(word, what).bound(endpoint)
    if bound.word == AT_EXPIRY:
        return 0.0 if word == "expiry" else dialect.limits.get("access_ttl", 0.0)
    if bound.word in (NEVER, NEXT_FRAME) or bound.seconds is None:
        return 0.0
    return bound.seconds


def apart(
    suites: Sequence[PlannedSuite], tests: Sequence[PlannedTest], ids: Collection[str]
) -> tuple[list[PlannedSuite], list[PlannedSuite]]:
    """Each test with such an id as a share of its own, and what is left of the suites."""
    waiting = {(test.place, test.title) for test in tests if any(f"id:{key}" in test.tags for key in ids)}
    long, rest = [], []
    for suite in suites:
        own = [name for name in suite.tests if (suite.place, name) in waiting]
        long += [replace(suite, tests=(name,)) for name in own]
        if left := tuple(name for name in suite.tests if name not in own):
            rest.append(replace(suite, tests=left))
    return long, rest
