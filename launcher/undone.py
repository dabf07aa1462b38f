"""The end of a run at a target that somebody else runs: what it has made is undone, or listed with the call for it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lockstep.dialect import Speaker
from lockstep.dialect.accounts import prefix
from lockstep.dialect.ledger import VARIABLE, Made, by_owner, read
from lockstep.dialect.undoing import Left, undo
from lockstep.environment import changed_environment
from PlatformLibrary.profile import Profile

from launcher import interrupts
from launcher.console import LaunchError, plural, say

FILE = "made.jsonl"
_AT_ONCE = 8
_LONGEST, _LONGEST_INTERRUPTED = 120.0, 20.0
"""Seconds in which all has to be undone; a command that was interrupted has to end soon."""
_POLL = 0.1


@dataclass(frozen=True)
class Undone:
    """How much was undone at the end of a run, and what could not be, a text each with the call that does it."""

    prefix: str = ""
    count: int = 0
    left: tuple[str, ...] = ()
    interrupted: bool = False


def environment(folder: Path, profile: Profile) -> dict[str, str]:
    """What has the workers note what they make; nothing at a platform that the run itself has made."""
    return {VARIABLE: str(folder / FILE)} if profile.kind == "external" else {}


def at_end(folder: Path, target: str, env: Mapping[str, str], *, interrupted: bool) -> Undone:
    """Works off the ledger in ``folder`` and deletes it, since it holds what signs users in."""
    path = folder / FILE
    made = read(path)
    if not made:
        path.unlink(missing_ok=True)
        return Undone()
    say(f"Undoing what is left of what the run has made at {target}: {plural(len(made), 'thing')} …")
    try:
        # The run's own, for its pace and its prefix.
        with changed_environment({name: env[name] for name in ("LOCKSTEP_RUN_DIR", "LOCKSTEP_PACE") if name in env}):
            return _undone(made, target, _LONGEST_INTERRUPTED if interrupted else _LONGEST)
    finally:
        path.unlink(missing_ok=True)


def _undone(made: Sequence[Made], target: str, within: float) -> Undone:
    from launcher.targets.reached import reached
    from launcher.targets.talking import Talker, register_secret

    left: dict[str, Left | None] = {one.key: Left(one.name, "it was not tried in time") for one in made}
    stopped = False
    try:
        with reached(target) as there:
            for text in there.dialect.secrets:
                register_secret(text)
            talker = Talker(Speaker(there.dialect, there.platform), there.ca_file)

            def work_off(of_one: Sequence[Made]) -> None:
                for one in of_one:
                    try:
                        left[one.key] = undo(talker.driver, one)
                    except Exception as error:
                        left[one.key] = Left(one.name, f"{type(error).__name__}: {error}")

            pool = ThreadPoolExecutor(_AT_ONCE, "undoing")
            under_way = [pool.submit(work_off, of_one) for of_one in by_owner(made)]
            deadline = time.monotonic() + within
            try:
                while time.monotonic() < deadline and not all(one.done() for one in under_way):
                    interrupts.must_go_on()
                    time.sleep(_POLL)
            except KeyboardInterrupt:
                stopped = True
            finally:
                talker.stopped.set()
                pool.shutdown(wait=True, cancel_futures=True)
    except LaunchError as error:
        left = {one.key: Left(one.name, str(error)) for one in made}
    still = [one for one in left.values() if one is not None]
    return Undone(prefix(), len(made) - len(still), tuple(_said(still)), stopped)


def _said(left: Sequence[Left]) -> Iterator[str]:
    """Those with a call of their own one by one, others by their reason."""
    from launcher.targets.talking import shown
    from launcher.targets.trying import as_curl

    counts: dict[tuple[str, str], int] = {}
    for one in left:
        if one.request is None:
            counts[one.what, one.why] = counts.get((one.what, one.why), 0) + 1
        else:
            asked = one.request
            call = as_curl(asked.method, asked.url, asked.headers, asked.body)
            yield f"{one.what}: {shown(one.why, 300)}\n{shown(call, 600)}"
    for (what, why), count in counts.items():
        yield f"{what}{f' ({count} of them)' if count > 1 else ''}: {shown(why, 300)}"
