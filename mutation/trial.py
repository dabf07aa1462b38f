"""One mutant on trial: a platform with it, and the suites that execute its line, until a test notices.

A test that fails, or cannot be judged, is run once more, alone. Only where it fails then has it noticed the mutant:
noise kills nothing. A mutant that no test noticed is not judged where a test was UNKNOWN both times.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from lockstep.causes import reason

from launcher import interrupts
from launcher.console import LaunchError
from launcher.host import Host, platform_options, profile_of
from launcher.workers import environment
from mutation import copies, lines, suite
from mutation.lines import Executed
from mutation.mutants import Mutant, text

# What a suite may take, in times of what it takes unchanged, and in seconds on top: beyond, it hangs.
TIMES = 4.0
ON_TOP = 60.0
_SHOWN = 400


class Outcome(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    HUNG = "killed by time"
    NOT_STARTED = "does not start"
    SURVIVED = "survived"
    NOT_JUDGED = "not judged"
    NOT_EXECUTED = "not executed"
    EXPLAINED = "explained"

    @property
    def killed(self) -> bool:
        """Whether the suites noticed."""
        return self in (Outcome.KILLED, Outcome.HUNG, Outcome.NOT_STARTED)


@dataclass(frozen=True)
class Verdict:
    """The outcome with its evidence, the suites that ran, those that were left for want of time, and the seconds."""

    outcome: Outcome
    suite: str = ""
    test: str = ""
    message: str = ""
    ran: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    noise: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Court:
    """What every trial shares: the unchanged copy, where to work, the environment of robots, and the time limit."""

    source: Path
    folder: Path
    env: Mapping[str, str]
    within: float


def chosen(suites: Sequence[Executed], mutant: Mutant, within: float) -> tuple[list[Executed], list[Executed]]:
    """The suites that execute the mutant's statement, the most useful second first; and what is beyond ``within``."""
    worth = lines.worth(suites, mutant.file)
    able = [one for one in suites if one.executes(mutant.file, mutant.lines)]
    able.sort(key=lambda one: (-worth[one.suite], one.seconds))
    fit: list[Executed] = []
    for one in able:
        if fit and sum(other.seconds for other in fit) + one.seconds > within:
            break
        fit.append(one)
    return fit, able[len(fit) :]


def judge(mutant: Mutant, suites: Sequence[Executed], court: Court, before: Verdict | None = None) -> Verdict:
    """Try one mutant; suites that did not notice it ``before`` are not run again."""
    interrupts.must_not_have_come()
    began = time.monotonic()
    had = before.ran if before else ()
    chosen_now, left = chosen(suites, mutant, court.within)
    fit = [one for one in chosen_now if one.suite not in had]
    if not fit:
        return before or Verdict(Outcome.NOT_EXECUTED)
    folder = court.folder / mutant.id.replace("/", "-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="lockstep-mutant-") as place:
        target = copies.copy(court.source, Path(place))
        copies.change(target, mutant.file, text(court.source, mutant.file, mutant.number))
        # Of this process alone: it is a worker, and its host asks the environment.
        os.environ.update(environment({**court.env, "LOCKSTEP_SERVICES": str(target.resolve())}))
        verdict = _on_a_platform(fit, court, folder)
    shutil.rmtree(folder, ignore_errors=True)
    return replace(
        verdict,
        ran=(*had, *verdict.ran),
        left=tuple(one.suite for one in left),
        noise=(*(before.noise if before else ()), *verdict.noise),
        seconds=round(time.monotonic() - began + (before.seconds if before else 0), 1),
    )


def done(verdict: Verdict, suites: Sequence[Executed], mutant: Mutant, court: Court) -> bool:
    """Whether every suite that there is time for has had its say."""
    return set(verdict.ran) >= {one.suite for one in chosen(suites, mutant, court.within)[0]}


def _on_a_platform(suites: Sequence[Executed], court: Court, folder: Path) -> Verdict:
    """A platform that does not start is given a second chance, like a test that fails."""
    problem = ""
    for _ in range(2):
        host = Host(folder, platform_options(profile_of("embedded")))
        try:
            host.ready()
            return _tried(suites, {**court.env, "LOCKSTEP_HOST": str(host.socket_path)}, folder)
        except LaunchError as error:
            problem = str(error)
        finally:
            host.close()
    return Verdict(Outcome.NOT_STARTED, message=problem[:_SHOWN])


def _tried(suites: Sequence[Executed], env: Mapping[str, str], folder: Path) -> Verdict:
    ran: list[str] = []
    noise: list[str] = []
    unknown: list[str] = []
    for one in suites:
        before = len(unknown)
        verdict = noticed(one.tests, Runs(one, env, folder).of, noise, unknown)
        # A suite that did not judge the mutant is to be run again some time.
        ran += [one.suite] if verdict or len(unknown) == before else []
        if verdict:
            return replace(verdict, suite=one.suite, ran=tuple(ran), noise=tuple(noise))
    outcome = Outcome.NOT_JUDGED if unknown else Outcome.SURVIVED
    return Verdict(outcome, test=", ".join(unknown), ran=tuple(ran), noise=tuple(noise))


@dataclass
class Runs:
    """Runs of one suite on the mutant's platform, each in a folder of its own."""

    executed: Executed
    env: Mapping[str, str]
    folder: Path

    def of(self, names: Sequence[str]) -> suite.Ran:
        """Run these tests of it; RuntimeError where it says nothing of any test, twice."""
        ran = suite.Ran((), False, "")
        for _ in range(2):
            folder = Path(tempfile.mkdtemp(dir=self.folder)) / "run"
            limit = ON_TOP + TIMES * self.executed.seconds
            ran = suite.run(self.executed.suite, folder, self.env, limit=limit, names=names)
            if ran.tests or ran.late:
                return ran
        raise RuntimeError(f"{self.executed.suite} did not run: {ran.said}")


def noticed(
    tests: Sequence[str], run: Callable[[Sequence[str]], suite.Ran], noise: list[str], unknown: list[str]
) -> Verdict | None:
    """What a suite with these tests has against the mutant.

    What fails once and passes alone goes to ``noise``, what cannot be judged alone to ``unknown``. ``run`` runs the
    named tests of it, to the first failure.
    """
    left = list(tests)
    while left:
        ran = run(left)
        if not ran.red:
            return _hung(ran, left) if ran.late else None
        suspect = ran.red[0]
        again = run([suspect.name])
        if again.late or again.failed:
            found = again.failed[0] if again.failed else suspect
            return Verdict(Outcome.KILLED, test=suspect.name, message=reason(found.message, _SHOWN))
        (unknown if again.red else noise).append(suspect.name)
        left = [name for name in left if name != suspect.name and name not in {test.name for test in ran.passed}]
    return None


def _hung(ran: suite.Ran, names: Sequence[str]) -> Verdict:
    ended = {test.name for test in ran.tests}
    inside = next((name for name in names if name not in ended), "")
    return Verdict(Outcome.HUNG, test=inside, message="not done in the time that the suite has")
