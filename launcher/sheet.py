"""The result sheet on the terminal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lockstep.causes import cut

from launcher.console import paint, plural, verdict
from launcher.outcome import Outcome, RequirementVerdict
from launcher.requirements import Requirement, spans
from launcher.verdicts import NOT_JUDGED, WELL, Verdict, sums

_MOST_LEFT = 20


def sheet(outcome: Outcome, known: Mapping[str, Requirement], log: Path) -> str:
    """Requirement by requirement, then what went wrong, totals, and where to read on."""
    width = max(100, min(shutil.get_terminal_size((130, 40)).columns, 160))
    parts = [_head(outcome), *_table(outcome, known, width), *_areas(outcome), *_tests(outcome), ""]
    return "\n".join([*parts, *_totals(outcome), f"log: {log}"])


def _head(outcome: Outcome) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in outcome.versions.items())
    facts = [outcome.name, f"target {outcome.target}", outcome.tested.short, versions, f"seed {outcome.seed}"]
    return "\n" + paint(" · ".join(fact for fact in facts if fact), "bold") + "\n"


def _table(outcome: Outcome, known: Mapping[str, Requirement], width: int) -> Iterator[str]:
    shown = {key: found for key, found in outcome.requirements.items() if found.tests}
    if shown:
        room = width - 60
        yield paint(f"{'requirement':<{room + 8}}  {'verdict':<9}{'tests':>5}  {'time':>7}  budget", "grey")
        for key, found in shown.items():
            text = known[key].text if key in known else ""
            yield (f"{key:<7} {_cut(text, room)}  {verdict(found.verdict, 9)}{len(found.tests):>5}  "
                   f"{found.seconds:>5.1f} s  {worst_budget(found, outcome.budgets)}")  # fmt: skip
            if found.reason and not found.reason.startswith(outcome.problems):
                yield f"        {paint(cut(found.reason, width - 8), 'grey')}"
    yield from requirement_lines(outcome)


def requirement_lines(outcome: Outcome) -> Iterator[str]:
    """The requirements without a test in this run, and how many tests are there for none."""
    if outcome.holes:
        count = plural(len(outcome.holes), "requirement")
        yield f"{verdict(Verdict.HOLE)} {count} without a test: {spans(outcome.holes)}"
    for proof in dict.fromkeys(outcome.elsewhere.values()):
        yield f"not in this run: {spans(key for key, by in outcome.elsewhere.items() if by == proof)} by {proof}"
    if outcome.unclaimed:
        yield f"{plural(len(outcome.unclaimed), 'test')} without a requirement: ./run list names them"


def _areas(outcome: Outcome) -> Iterator[str]:
    """The sheets that areas declare: each verdict with its parts, then the figures."""
    for declared in outcome.sheets:
        yield "\n" + paint(declared.title, "bold")
        for judged in declared.verdicts:
            parts = "  ".join(f"{part.name} {verdict(part.verdict)}" for part in judged.parts)
            yield f"{judged.id:<5}{judged.title:<28} {verdict(judged.verdict, 9)} {parts}"
        for figure in declared.figures:
            yield f"     {figure.name:<28} {figure}"


def worst_budget(found: RequirementVerdict, budgets: tuple[Mapping[str, Any], ...]) -> str:
    """The budget that came nearest its limit (or passed it) in the requirement's tests."""
    own = [budget for budget in budgets if budget.get("test") in found.tests]
    if not own:
        return ""
    worst = max(own, key=_share)
    more = f" (+{len(own) - 1})" if len(own) > 1 else ""
    text = f"{worst['name']} {_figure(worst['used'])} of {_figure(worst['limit'])} {worst.get('unit', '')}".strip()
    return paint(text, None if _share(worst) <= 1 else "red") + more


def _share(budget: Mapping[str, Any]) -> float:
    return float(budget["used"]) / float(budget["limit"]) if float(budget["limit"]) else 0.0


def _figure(value: Any) -> str:
    return f"{float(value):.3g}"


def _tests(outcome: Outcome) -> Iterator[str]:
    for test in (*outcome.remarks, *outcome.trouble):
        if not test.reason.startswith(outcome.problems):
            yield f"\n{verdict(test.verdict)} {test.label}\n     {test.reason}"
    for line in outcome.undecided:
        yield f"\n{verdict(Verdict.UNKNOWN)} {line}"
    for problem in outcome.problems:
        yield f"\n{verdict(Verdict.FAIL)} {problem}"
        if spoiled := sum(test.reason.startswith(problem) for test in outcome.trouble):
            yield f"     {plural(spoiled, 'test')} {verdict(Verdict.UNKNOWN)} because of it"


def _totals(outcome: Outcome) -> Iterator[str]:
    limit = f" of {outcome.limit:g} s" if outcome.limit else ""
    yield paint(outcome.word, {WELL: "green", NOT_JUDGED: "yellow"}.get(outcome.exit_code, "red"))
    counts = sums(outcome.totals.counts, always=(Verdict.PASS, Verdict.FAIL))
    yield f"{len(outcome.tests)} tests, {counts} in {outcome.seconds:.1f} s{limit}"
    if outcome.machine:
        yield outcome.machine
    if outcome.throttled:
        yield (f"throttled: {plural(len(outcome.throttled), 'request')}, "
               f"each sent again after Retry-After ({sum(outcome.throttled):g} s)")  # fmt: skip
    if left := outcome.undone.left:
        yield f"left behind at {outcome.target}, where all that the run has made begins with {outcome.undone.prefix}:"
        for text in left[:_MOST_LEFT]:
            yield from (f"  {line}" for line in text.splitlines())
        if len(left) > _MOST_LEFT:
            yield f"  and {len(left) - _MOST_LEFT} more, in summary.json"


def _cut(text: str, width: int) -> str:
    return (text if len(text) <= width else f"{text[: width - 1].rstrip()}…").ljust(width)
