"""The keywords: explore, and play again what was found."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Any

from HistoryLibrary.scopes import mapping_in_use
from lockstep import masking, target
from lockstep.listeners import LISTENERS
from lockstep.run_folder import run_folder
from robot.api import logger
from robot.api.deco import keyword, library
from robot.libraries.BuiltIn import BuiltIn

from .files import read_schedule, write_schedule
from .play import Performance
from .schedule import Schedule, numbered
from .searching import Failure, Memory, Play, Tally, Verdict, search, temporary
from .stage import LARGEST_BATCH, Stage

_A_MINUTE = timedelta(minutes=1)


@library(scope="GLOBAL", version="1.0.0", doc_format="ROBOT", auto_keywords=False, listener=LISTENERS)
class ExplorationLibrary:
    """Looks for schedules of client actions and faults that break a promise of the platform.

    | Use Private Platform    proxies=client->backend, backend->redis, backend->postgres    ACCESS_TTL=7200
    | Explore Schedules       count=10    seed=chosen
    | Replay Schedule         found.json    times=5

    A schedule is data: steps such as *phone connects to backend-1*, *laptop sends five messages*, *backend-1 is
    killed*, *Redis forgets everything*. Hypothesis' stateful testing draws them, a rule a verb, and a small model knows
    which step may follow which. Each is played as it stands by a new user with a phone, a laptop and two conversations,
    on a private platform of two replicas. Then every fault is undone, each device comes back, a last message goes
    through each conversation, and HistoryLibrary's checkers judge what the clients were given and told, and the rows
    of the main database: nothing acknowledged lost, nothing twice, nothing out of order, nothing withheld, no gap
    (docs/protocol.md §4). A ``recovered: false`` is a failure too, since no schedule does what ends a stream.

    The verdict on a schedule is remembered, so the search does not see that a race may end otherwise a second time. The
    smallest schedule that failed is played again ``times`` and the message says how often it failed. It is saved in the
    folder of the run as a file that `Replay Schedule` reads. The same seed draws the same schedules.

    Needs ``hypothesis``, PlatformLibrary with a private platform, and proxies on the hops of the example.
    """

    def __init__(self, play: Play | None = None) -> None:
        # Given where the search itself is tested, without a platform.
        self._play = play

    @keyword
    def explore_schedules(
        self, count: int = 10, seed: str | None = None, times: int = 5, shrink_within: timedelta = _A_MINUTE
    ) -> dict[str, Any]:
        """Plays ``count`` schedules drawn from ``seed`` (that of the run) and fails with the smallest that breaks a
        promise: the promise with its witness, the numbered steps, the seed, the file.

        Shrinking takes about ``shrink_within`` at most; the smallest schedule is then played ``times`` more. Returns
        and logs how many schedules and steps were played: ``searched``, ``played`` (shrinking included), ``steps``.
        """
        _must_be_some(count, "schedules")
        chosen = seed or os.environ.get("LOCKSTEP_SEED") or "0"
        begun = time.monotonic()
        with self._stage(chosen, count) as play:
            memory = Memory(play, shrink_within.total_seconds(), _report)
            failure = search(memory, count, chosen)
            again = [play(failure.schedule) for _ in range(times)] if failure else []
        seconds = time.monotonic() - begun
        logger.info(f"{told(memory.tally, failure)} in {seconds:.1f} s, seed {chosen}")
        if failure:
            path = run_folder("schedules") / f"schedule-{os.getpid()}-{memory.tally.played}.json"
            write_schedule(path, failure.schedule, chosen, failure.verdict.promise)
            raise AssertionError(_message(failure, again, f"{told(memory.tally, failure)}, seed {chosen}", path))
        return asdict(memory.tally)

    @keyword
    def replay_schedule(self, file: Path, times: int = 5) -> None:
        """Plays the schedule of ``file`` so often, and fails where it broke a promise: with the first, and how often.

        A file that is damaged, of another kind, or of another version fails with what is wrong with it.
        """
        _must_be_some(times, "times")
        schedule = read_schedule(file)
        with self._stage(f"replay {file.name}", times) as play:
            _replay(play, schedule, file, times)

    @keyword
    def replay_schedules(self, folder: Path, times: int = 1) -> None:
        """`Replay Schedule` for each ``*.json`` of ``folder`` (or that one file); fails where there is none."""
        _must_be_some(times, "times")
        files = [folder] if folder.is_file() else sorted(folder.glob("*.json"))
        if not files:
            raise AssertionError(f"{folder} holds no schedule")
        schedules = {file: read_schedule(file) for file in files}
        with self._stage(f"replay {folder.name}", times * len(files)) as play:
            for file, schedule in schedules.items():
                _replay(play, schedule, file, times)

    @contextmanager
    def _stage(self, seed: str, plays: int) -> Iterator[Play]:
        """How a schedule is played. What the platform's library would tell of each fault stays out of the log."""
        if self._play is not None:
            yield self._play
            return
        found = target.current()
        mapping = mapping_in_use(None, target.current)
        platform: Any = BuiltIn().get_library_instance("PlatformLibrary")
        stage = Stage(platform, found, f"{seed} exploration", min(plays, LARGEST_BATCH))
        before = BuiltIn().set_log_level("WARN")
        try:
            with temporary("schedules-") as folder:
                yield lambda schedule: Performance(stage, mapping, Path(folder)).verdict(schedule)
        finally:
            BuiltIn().set_log_level(before)
            stage.close()


def _must_be_some(number: int, of: str) -> None:
    if number < 1:
        raise ValueError(f"{number} {of}: nothing would be proved")


def _replay(play: Play, schedule: Schedule, file: Path, times: int) -> None:
    verdicts = [play(schedule) for _ in range(times)]
    broken = [verdict for verdict in verdicts if verdict.broken]
    if broken:
        raise AssertionError(_message(Failure(schedule, broken[0]), verdicts, "replayed", file))
    logger.info(f"{file.name}: {len(schedule)} steps, every promise kept {times} of {times} times")


def told(tally: Tally, failure: Failure | None) -> str:
    """What was played, in a line."""
    shrinking = tally.played - tally.searched
    return (
        f"{tally.searched} schedules{f' and {shrinking} to shrink one' if failure else ''}, {tally.steps} steps, "
        f"{'1 violation' if failure else '0 violations'}"
    )


def _message(failure: Failure, again: list[Verdict], origin: str, path: Path) -> str:
    for picture in failure.verdict.pictures:
        logger.info(masking.mask(picture), html=True)
    logger.info(f"<pre>{escape(numbered(failure.schedule))}</pre>", html=True)
    broken = sum(bool(verdict.broken) for verdict in again)
    size = f"{len(failure.schedule)} step{'s' if len(failure.schedule) > 1 else ''}"
    promise, _, witness = failure.verdict.broken.partition("\n")
    return masking.mask(
        f"{promise} ({size})\n{witness}\n\nThis schedule failed {broken} of {len(again)} times "
        f"when played again:\n{numbered(failure.schedule)}\n{origin}\n"
        f"Replay: ./run explore --replay {path}"
    )


def _report(tally: Tally, failed: bool) -> None:
    """For who watches, and adds up what several workers have done."""
    if run := os.environ.get("LOCKSTEP_RUN_DIR"):
        path = Path(run) / "exploration.json"
        told = path.with_suffix(".new")
        told.write_text(json.dumps({**asdict(tally), "violations": int(failed)}) + "\n", encoding="utf-8")
        told.replace(path)
