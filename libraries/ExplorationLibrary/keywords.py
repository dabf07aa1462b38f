"""The keywords: explore, and play again what was found."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Any

from lockstep import masking, target
from lockstep.applicability import not_applicable
from lockstep.dialect import Driver, NotDescribed, Speaker, find, load
from lockstep.dialect.accounts import Accounts
from lockstep.drawing import temporary
from lockstep.listeners import LISTENERS
from lockstep.run_folder import run_folder
from robot.api import logger
from robot.api.deco import keyword, library
from robot.libraries.BuiltIn import BuiltIn

from .files import read_schedule, write_schedule
from .play import Performance
from .schedule import STEPS, Schedule, Step, first_impossible, numbered, steps_of
from .searching import Failure, Memory, Play, Tally, Verdict, search
from .stage import ReferenceStage, Stage, carry, lacking

_A_MINUTE = timedelta(minutes=1)
_REFERENCE = "embedded"
_HOPS = "client->backend, backend->redis, backend->postgres"
_WORDS = ("sign_up", "sign_in", "room", "history", "refresh", "sign_out", "revoke_session")


@library(scope="GLOBAL", version="1.0.0", doc_format="ROBOT", auto_keywords=False, listener=LISTENERS)
class ExplorationLibrary:
    """Looks for schedules of client actions and faults that break a promise of the platform.

    | Use Target For Exploration
    | Explore Schedules       count=10    seed=chosen
    | Replay Schedule         found.json    times=5

    A schedule is data: steps such as *phone connects to backend-1*, *laptop sends five messages*, *backend-1 is
    killed*, *phone signs out, and in again*. Hypothesis' stateful testing draws them, a rule a verb, and a small model
    knows which step may follow which. Each is played as it stands by a new user with a phone, a laptop and two
    conversations, in the words of the target's dialect. What the target has no word or control for is not drawn. Then
    every fault is undone, each device comes back, a last message goes through each conversation, and HistoryLibrary's
    checkers judge what the clients were given and told, and what is stored: nothing acknowledged lost, nothing twice,
    nothing out of order, nothing withheld, no gap, as far as ``promises.delivery`` has it. A resumption that is refused
    is a failure too, since no schedule does what ends a stream.

    The verdict on a schedule is remembered, so the search does not see that a race may end otherwise a second time. The
    smallest schedule that failed is played again ``times`` and the message says how often it failed. It is saved in the
    folder of the run as a file that `Replay Schedule` reads. The same seed draws the same schedules.

    Needs ``hypothesis``, and TargetLibrary with a target in use, or PlatformLibrary with a private reference platform
    that has proxies on ``client->backend``, ``backend->redis`` and ``backend->postgres``.
    """

    def __init__(self, play: Play | None = None) -> None:
        # Given where the search itself is tested, without a platform.
        self._play = play

    @keyword
    def use_target_for_exploration(self) -> None:
        """Uses the run's target with no other suite beside it, prepared for every fault that it can be given."""
        stage = _target_stage()
        if stage is None:
            raise RuntimeError("TargetLibrary, which knows the target, is not imported")
        with _not_applicable_where_it_lacks():
            platform = _library("PlatformLibrary")
            if platform is not None and platform.profile().kind == "embedded":
                stage.use_private(backends=2, proxies=_HOPS, ACCESS_TTL="7200")
            else:
                stage.use_alone({})

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
        with self._stage() as (play, steps):
            memory = Memory(play, shrink_within.total_seconds(), _report)
            failure = search(memory, count, chosen, steps)
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
        with self._stage() as (play, steps):
            _must_be_known(schedule, file, steps)
            _replay(play, schedule, file, times)

    @keyword
    def replay_schedules(self, folder: Path, times: int = 1) -> None:
        """`Replay Schedule` for each ``*.json`` of ``folder`` (or that one file); fails where there is none."""
        _must_be_some(times, "times")
        files = [folder] if folder.is_file() else sorted(folder.glob("*.json"))
        if not files:
            raise AssertionError(f"{folder} holds no schedule")
        schedules = {file: read_schedule(file) for file in files}
        with self._stage() as (play, steps):
            for file, schedule in schedules.items():
                _must_be_known(schedule, file, steps)
            for file, schedule in schedules.items():
                _replay(play, schedule, file, times)

    @contextmanager
    def _stage(self) -> Iterator[tuple[Play, Sequence[Step]]]:
        """How a schedule is played, and which steps there are. What libraries would tell of each fault stays out of the
        log.
        """
        if self._play is not None:
            yield self._play, STEPS
            return
        with _not_applicable_where_it_lacks():
            stage = _stage_of_target()
        before = BuiltIn().set_log_level("WARN")
        stage.open()
        try:
            with temporary("schedules-") as folder, _not_applicable_where_it_lacks():
                yield (lambda schedule: Performance(stage, Path(folder)).verdict(schedule)), steps_of(stage.world)
        finally:
            BuiltIn().set_log_level(before)
            stage.close()


def _stage_of_target() -> Stage:
    """The target that TargetLibrary uses, or the reference platform that PlatformLibrary does."""
    platform = _library("PlatformLibrary")
    known = _target_stage()
    if known is not None and known.in_use:
        usual: Driver = known.driver
        driver, accounts = Driver(known.speaker, carry, ledger=usual.ledger), known.accounts
        if any(step.kind == "frame" for word in _WORDS for step in known.dialect.operations.get(word, ())):
            driver = usual
    else:
        found = target.current()
        values = {name: getattr(found, name) for name in found.__dataclass_fields__ if name != "extra"}
        driver = Driver(Speaker(load(find(_REFERENCE)), {**found.extra, **values}), carry)
        accounts = Accounts(driver.speaker.dialect)
    if lacks := lacking(driver.speaker):
        raise lacks
    if driver.speaker.dialect.control.adapter == _REFERENCE:
        return ReferenceStage(platform, driver, accounts, target.current())
    return Stage(platform, driver, accounts)


def _target_stage() -> Any:
    library = _library("TargetLibrary")
    return library.stage if library is not None else None


def _library(name: str) -> Any:
    try:
        return BuiltIn().get_library_instance(name)
    except RuntimeError:
        return None


@contextmanager
def _not_applicable_where_it_lacks() -> Iterator[None]:
    try:
        yield
    except NotDescribed as lacking_word:
        not_applicable(lacking_word.lacks, lacking_word.reason)


def _must_be_known(schedule: Schedule, file: Path, steps: Sequence[Step]) -> None:
    """NA where a target has not what a schedule of another one needs."""
    if number := first_impossible(schedule, steps):
        not_applicable("schedule", f"{file.name}: this target has no step {number}, {schedule[number - 1]}")


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
