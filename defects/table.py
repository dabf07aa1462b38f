"""What a proof came to, in lines: by group, by kind, and whatever was not caught as it should be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from defects.catalogue import Defect
from defects.judge import Outcome
from defects.proving import Judged

_OTHERWISE = tuple(outcome for outcome in Outcome if outcome is not Outcome.CAUGHT)


def table(judged: Sequence[Judged], results: Path) -> str:
    """Both tables and the list of what is to be looked at."""
    if not judged:
        return verdict(judged)
    parts = [
        _counted("group", judged, lambda defect: defect.group),
        _counted("kind", judged, lambda defect: defect.kind or "(no kind)"),
        _amiss(judged, results),
        verdict(judged),
    ]
    return "\n\n".join(part for part in parts if part)


def verdict(judged: Iterable[Judged]) -> str:
    """One line: how many defects were caught in each of their repetitions."""
    by_defect = _by(judged, lambda defect: defect.id)
    sound = sum(all(one.caught for one in ones) for ones in by_defect.values())
    repetitions = max((len(ones) for ones in by_defect.values()), default=0)
    times = f", in {repetitions} of {repetitions} repetitions" if repetitions > 1 else ""
    return f"{sound} of {len(by_defect)} defects caught by the named test with the right diagnosis{times}"


def _counted(head: str, judged: Iterable[Judged], key: Callable[[Defect], str]) -> str:
    rows = [_row(name, ones) for name, ones in sorted(_by(judged, key).items())]
    width = max(len(head), *(len(row[0]) for row in rows))
    lines = [(head, "defects", "runs", "caught", "otherwise"), *rows]
    return "\n".join(f"{a:{width}}  {b:>7}  {c:>5}  {d:>6}  {e}".rstrip() for a, b, c, d, e in lines)


def _row(name: str, ones: Sequence[Judged]) -> tuple[str, str, str, str, str]:
    outcomes = [one.entry.outcome for one in ones]
    otherwise = "; ".join(f"{count} {outcome}" for outcome in _OTHERWISE if (count := outcomes.count(outcome)))
    defects = len({one.task.defect.id for one in ones})
    return name, str(defects), str(len(ones)), str(outcomes.count(Outcome.CAUGHT)), otherwise


def _amiss(judged: Iterable[Judged], results: Path) -> str:
    """Each defect with a repetition that went otherwise, and where its log is."""
    lines = []
    for name, ones in sorted(_by(judged, lambda defect: defect.id).items()):
        bad = [one for one in ones if not one.caught]
        if bad:
            lines.append(f"{name}  caught in {len(ones) - len(bad)} of {len(ones)}: {bad[0].task.defect.title}")
        for one in bad:
            folder = name if one.entry.repetition == 1 else f"{name}.{one.entry.repetition}"
            lines.append(f"    {one.entry.outcome}: {one.entry.detail}")
            lines.append(f"    {results / folder / 'log.html'}")
    return "\n".join(lines)


def _by(judged: Iterable[Judged], key: Callable[[Defect], str]) -> dict[str, list[Judged]]:
    found: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        found[key(one.task.defect)].append(one)
    return found
