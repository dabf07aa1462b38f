"""What the run of a seeded defect proves: pure functions over the tests' verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lockstep.causes import causes, is_unknown, reason

from defects.catalogue import Defect

SHOWN = 180


class Outcome(StrEnum):
    """How a seeded defect fared; only the first is what a proof wants."""

    CAUGHT = "caught"
    OTHER_WORDS = "caught, in other words"
    REDDENS_OTHERS = "caught, but reddens others"
    OTHER_TEST = "caught by another test"
    MISSED = "missed"
    UNKNOWN = "not judged"
    NOT_RUN = "broken at start"


@dataclass(frozen=True)
class Verdict:
    """One executed test: its status (PASS, FAIL, SKIP), message and name."""

    status: str
    message: str
    name: str = ""

    @property
    def unknown(self) -> bool:
        """Whether it could not be judged, which Robot counts as failed."""
        return self.status == "FAIL" and is_unknown(self.message)

    @property
    def failed(self) -> bool:
        """Whether it found something wrong."""
        return self.status == "FAIL" and not self.unknown

    def says(self, words: str) -> bool:
        """Whether a cause that judges something has ``words``."""
        found = [cause for cause in causes(self.message) if not is_unknown(cause)]
        return any(words.lower() in cause.lower() for cause in found)


@dataclass(frozen=True)
class Judgement:
    """The outcome and what supports it."""

    outcome: Outcome
    detail: str


def judge(defect: Defect, tests: Mapping[str, Verdict], sample: str = "") -> Judgement:
    """Judge ``tests`` (by id) of a run with ``defect``.

    Each test in ``caught_by`` must fail with its diagnosis; ``sample`` must pass, or the defect would prove nothing.
    A defect of which one of them could not be judged is neither caught nor missed.
    """

    def called(names: Iterable[str]) -> str:
        """Their ids with the names that people know them by."""
        return ", ".join(f"{name} {tests[name].name}".rstrip() if name in tests else name for name in names)

    expected = [*defect.caught_by, *([sample] if sample else [])]
    absent = [name for name in expected if name not in tests or tests[name].status == "SKIP"]
    if absent:
        return Judgement(Outcome.NOT_RUN, f"not executed: {called(absent)}")
    named = {name: tests[name] for name in defect.caught_by}
    silent = [name for name, verdict in named.items() if verdict.status == "PASS"]
    failed = sorted(name for name, verdict in tests.items() if verdict.failed)
    if silent:
        if failed:
            return Judgement(Outcome.OTHER_TEST, f"passed: {called(silent)}; failed: {called(failed)}")
        return Judgement(Outcome.MISSED, f"passed: {called(silent)}")
    if unknown := [name for name in expected if tests[name].unknown]:
        return Judgement(Outcome.UNKNOWN, f"not judged: {called(unknown)}: {reason(tests[unknown[0]].message, SHOWN)}")
    for name, verdict in named.items():
        if not verdict.says(defect.diagnosis):
            return Judgement(Outcome.OTHER_WORDS, f"{called([name])} said: {reason(verdict.message, SHOWN)}")
    if unexpected := [name for name in failed if name not in {*named, *defect.also}]:
        said = reason(tests[unexpected[0]].message, SHOWN)
        return Judgement(Outcome.REDDENS_OTHERS, f"failed as well: {called(unexpected)}: {said}")
    first = next(iter(named.values()))
    return Judgement(Outcome.CAUGHT, evidence(first.message, defect.diagnosis))


def evidence(message: str, words: str) -> str:
    """The line of ``message`` that holds ``words``, cut to ``SHOWN`` characters round them."""
    line = next(line for line in message.splitlines() if words.lower() in line.lower()).strip()
    if len(line) <= SHOWN:
        return line
    start = max(0, line.lower().index(words.lower()) - SHOWN // 2)
    return f"{'…' if start else ''}{line[start : start + SHOWN]}…"
