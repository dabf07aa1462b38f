"""How a command ended, in plain data: its exit code, and what a notification says about it."""

from __future__ import annotations

from dataclasses import dataclass

from launcher.console import plural
from launcher.outcome import Outcome
from launcher.verdicts import NOT_JUDGED, WELL, Verdict, sums

_WORDS = {WELL: "ALL WELL", NOT_JUDGED: "NOT JUDGED"}


@dataclass(frozen=True)
class Ended:
    """The exit code, the figures in one line, and what keeps it from being well, a line each."""

    code: int
    figures: str
    failures: tuple[str, ...] = ()
    seed: str = ""
    machine: str = ""
    """What is known of the machine meanwhile, in one line."""
    tested: str = ""
    """What was tested, in one line."""

    @property
    def word(self) -> str:
        return _WORDS.get(self.code, "NOT WELL")


def of_run(outcome: Outcome) -> Ended:
    """The end of a run of suites."""
    counts = sums(outcome.totals.counts, always=(Verdict.FAIL,))
    problems = f", {plural(outcome.totals.problems, 'problem')}" if outcome.totals.problems else ""
    figures = f"{len(outcome.tests)} tests, {counts}{problems}, seed {outcome.seed}"
    facts = outcome.facts
    subject = ", ".join(
        f"{name.lower()} {facts[name]}" for name in ("Commit", "Versions", "Target", "Machine") if name in facts
    )
    return Ended(outcome.exit_code, figures, failures(outcome), outcome.seed, outcome.machine, subject)


def failures(outcome: Outcome) -> tuple[str, ...]:
    """What keeps a run from being well, worst first, a line each."""
    tests = (f"{test.verdict} {test.label if test.id else test.name}: {test.reason}" for test in outcome.trouble)
    undecided = (f"{Verdict.UNKNOWN} {line}" for line in outcome.undecided)
    return (*outcome.problems, *undecided, *tests)
