"""What is shown and written of the trials."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.console import paint, plural
from launcher.verdicts import NOT_JUDGED, NOT_WELL, WELL
from mutation.explained import Explanation
from mutation.mutants import Mutant
from mutation.trial import Outcome, Verdict

_COLOURS = {
    Outcome.SURVIVED: "red",
    Outcome.NOT_EXECUTED: "red",
    Outcome.NOT_JUDGED: "yellow",
    Outcome.EXPLAINED: "yellow",
}
_LISTED = (
    *(Outcome.HUNG, Outcome.NOT_STARTED, Outcome.SURVIVED),
    *(Outcome.NOT_EXECUTED, Outcome.NOT_JUDGED, Outcome.EXPLAINED),
)


@dataclass(frozen=True)
class Tried:
    """A mutant, what became of it, and why that is all right where nobody noticed."""

    mutant: Mutant
    verdict: Verdict
    explanation: Explanation | None = None

    @property
    def unjudged(self) -> bool:
        """Nobody noticed, and a test that might have could not be judged."""
        return self.verdict.outcome is Outcome.NOT_JUDGED and self.explanation is None

    @property
    def unexplained(self) -> bool:
        """Nobody noticed, and nobody says why."""
        return not self.verdict.outcome.killed and self.explanation is None and not self.unjudged


@dataclass(frozen=True)
class Result:
    """All that were tried; ``least`` percent of them have to be killed; ``red`` tests fail without any mutant."""

    tried: Sequence[Tried]
    seed: str
    least: float
    red: Sequence[str] = ()

    @property
    def killed(self) -> int:
        """How many the suites noticed."""
        return sum(one.verdict.outcome.killed for one in self.tried)

    @property
    def percent(self) -> float:
        """Of all that were tried; explained ones count as not killed."""
        return 100.0 * self.killed / len(self.tried) if self.tried else 0.0

    @property
    def well(self) -> bool:
        """Enough are killed, the rest has its reasons, and every test could be asked."""
        return self.exit_code == WELL

    @property
    def exit_code(self) -> int:
        """3 where nothing is wrong but some could not be judged, and those might have been killed."""
        unjudged = sum(one.unjudged for one in self.tried)
        possible = 100.0 * (self.killed + unjudged) / len(self.tried) if self.tried else 0.0
        if self.red or possible < self.least or any(one.unexplained for one in self.tried):
            return NOT_WELL
        return NOT_JUDGED if unjudged else WELL


def line(one: Tried) -> str:
    """A mutant in one line."""
    verdict = one.verdict
    by = f"  by {verdict.test or 'the suite'!r} of {verdict.suite.removeprefix('suites/')}" if verdict.suite else ""
    outcome = paint(f"{verdict.outcome:<14}", _COLOURS.get(verdict.outcome))
    return f"{outcome} {one.mutant.place}{by}  ({verdict.seconds:.0f} s)"


def table(result: Result) -> Iterator[str]:
    """Everything: by which tests they were killed, and each that was not, as a difference."""
    yield paint("\nkilled by", "bold")
    tests = Counter(
        (one.verdict.suite, one.verdict.test) for one in result.tried if one.verdict.outcome is Outcome.KILLED
    )
    for (suite, test), number in tests.most_common():
        yield f"{number:>5}  {suite.removeprefix('suites/')}: {test}"
    for outcome in _LISTED:
        found = [one for one in result.tried if one.verdict.outcome is outcome]
        if found:
            yield paint(f"\n{outcome}: {len(found)}", "bold")
        for one in found:
            yield from _difference(one)
    yield from _noise(result)
    if result.red:
        yield paint("\nnot green without a mutant, so not asked", "bold")
        yield from (f"  {test}" for test in result.red)
    share = f"{result.percent:.1f} % ({result.least:g} % demanded)"
    yield f"\n{result.killed} of {plural(len(result.tried), 'mutant')} killed: {share}, seed {result.seed}"


def _difference(one: Tried) -> Iterator[str]:
    yield f"  {one.mutant.place}  {one.mutant.function}"
    for sign, colour, text in (("-", "red", one.mutant.before), ("+", "green", one.mutant.after)):
        yield from (paint(f"    {sign} {part}", colour) for part in text.splitlines())
    if one.explanation:
        yield f"    {one.explanation.kind}: {one.explanation.reason}"
    elif one.verdict.outcome is Outcome.NOT_JUDGED:
        yield f"    could not be judged: {one.verdict.test}"
    elif one.verdict.outcome is Outcome.SURVIVED:
        left = f", and not {plural(len(one.verdict.left), 'longer one')}" if one.verdict.left else ""
        yield f"    {plural(len(one.verdict.ran), 'suite')} executed it{left}"


def _noise(result: Result) -> Iterator[str]:
    noise = Counter(test for one in result.tried for test in one.verdict.noise)
    if noise:
        yield paint("\nfailed once and passed alone, so not counted", "bold")
        yield from (f"{number:>5}  {test}" for test, number in noise.most_common())


def write(result: Result, path: Path, seconds: float) -> None:
    """``mutate.json``."""
    document = {
        "seed": result.seed,
        "mutants": len(result.tried),
        "killed": result.killed,
        "percent": round(result.percent, 1),
        "least": result.least,
        "well": result.well,
        "seconds": round(seconds, 1),
        "red": list(result.red),
        "outcomes": Counter(str(one.verdict.outcome) for one in result.tried),
        "tried": [_entry(one) for one in result.tried],
    }
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _entry(one: Tried) -> dict[str, Any]:
    mutant, verdict = one.mutant, one.verdict
    return {
        "place": mutant.place, "function": mutant.function, "number": mutant.number,
        "before": mutant.before, "after": mutant.after,
        "outcome": str(verdict.outcome), "suite": verdict.suite, "test": verdict.test, "message": verdict.message,
        "ran": verdict.ran, "left": verdict.left, "noise": verdict.noise, "seconds": verdict.seconds,
        "explanation": f"{one.explanation.kind}: {one.explanation.reason}" if one.explanation else None,
    }  # fmt: skip
