"""A picture of a history: one row a client, time from left to right, the witness ringed and numbered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import count

from .ledger import Call, Ledger
from .operations import Operation
from .report import details
from .verdicts import Anomaly

WIDTH, LABEL, ROW, TOP, RIGHT = 960, 150, 34, 34, 20
_MOST_CALLS = 400
_MOST_ROWS = 24
_COLOURS = {"ok": "#1a7f37", "fail": "#9a6700", "info": "#6e7781", None: "#6e7781"}
_RING = "#cf222e"
_SECOND = 1_000_000_000
_ids = count(1)


@dataclass(frozen=True, slots=True)
class _Scale:
    start: int
    begin: int
    end: int

    def x(self, time: int) -> float:
        return LABEL + (WIDTH - LABEL - RIGHT) * (min(max(time, self.begin), self.end) - self.begin) / (
            self.end - self.begin
        )


def timeline(operations: Iterable[Operation], anomaly: Anomaly | None = None) -> str:
    """A self-contained SVG of the part of the history round ``anomaly``'s witness, or of all of it.

    Shows at most 400 calls, those nearest to the witness, and 24 clients.
    """
    ledger = Ledger.of(operations)
    calls = sorted((call for of_op in ledger.calls.values() for call in of_op), key=lambda call: call.first.moment)
    numbers = {operation.index: number for number, operation in enumerate(anomaly.witness if anomaly else (), 1)}
    chosen = _nearest(calls, numbers)
    rows = _rows(chosen, anomaly)
    chosen = [call for call in chosen if call.process in rows]
    times = [operation.time for call in chosen for operation in _both(call)]
    begin, end = (min(times), max(times)) if times else (0, 1)
    margin = max((end - begin) // 40, 1_000)
    scale = _Scale(ledger.operations[0].time if ledger.operations else 0, begin - margin, end + margin)
    height = TOP + ROW * max(len(rows), 1) + 40
    title = anomaly.text if anomaly else f"{len(ledger.operations)} operations"
    body = [
        *_grid(rows, scale, height),
        *[_call(call, rows, scale) for call in chosen],
        *[
            _ring(operation, numbers, rows, scale)
            for call in chosen
            for operation in _both(call)
            if operation.index in numbers
        ],
        _legend(height),
    ]
    return _document(body, height, title, f"{len(rows)} clients, {len(chosen)} of {len(calls)} calls shown")


def _both(call: Call) -> list[Operation]:
    return [operation for operation in (call.invoke, call.outcome) if operation is not None]


def _nearest(calls: Sequence[Call], numbers: dict[int, int]) -> list[Call]:
    """The witness's calls, and those round them that still fit."""
    marked = [place for place, call in enumerate(calls) if any(op.index in numbers for op in _both(call))]
    if not marked:
        return list(calls[:_MOST_CALLS])
    around = max((_MOST_CALLS // len(marked)) // 2 - 1, 0) if len(calls) > _MOST_CALLS else len(calls)
    around = around if len(calls) <= _MOST_CALLS else min(around, 12)
    kept = sorted({place for centre in marked for place in range(max(centre - around, 0), centre + around + 1)})
    return [calls[place] for place in kept if place < len(calls)]


def _rows(calls: Sequence[Call], anomaly: Anomaly | None) -> dict[str, int]:
    """The clients to show, the witness's first among the busiest, each with the number of its row."""
    busy = Counter(call.process for call in calls)
    involved = [operation.process for operation in anomaly.witness] if anomaly else []
    names = list(dict.fromkeys([*involved, *(name for name, _ in busy.most_common())]))[:_MOST_ROWS]
    return {name: number for number, name in enumerate(sorted(names))}


def _middle(rows: dict[str, int], process: str) -> int:
    return TOP + ROW * rows[process] + ROW // 2


def _grid(rows: dict[str, int], scale: _Scale, height: int) -> list[str]:
    lines = []
    for name in rows:
        y = _middle(rows, name)
        label = name if len(name) <= 20 else f"{name[:19]}…"
        lines.append(f'<line x1="{LABEL}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}" stroke="#d0d7de"/>')
        lines.append(f'<text x="{LABEL - 10}" y="{y + 4}" text-anchor="end">{escape(label)}</text>')
    for step in range(6):
        time = scale.begin + (scale.end - scale.begin) * step // 5
        x = scale.x(time)
        lines.append(f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{height - 40}" stroke="#eaeef2"/>')
        seconds = (time - scale.start) / _SECOND
        lines.append(f'<text x="{x:.1f}" y="{TOP - 12}" text-anchor="middle" fill="#57606a">{seconds:.3f} s</text>')
    return lines


def _call(call: Call, rows: dict[str, int], scale: _Scale) -> str:
    """A bar from invocation to outcome; a dot where only one of them is known. Unknown outcomes are hollow."""
    colour = _COLOURS[call.outcome.kind if call.outcome is not None else None]
    look = f'fill="white" stroke="{colour}"' if call.unknown else f'fill="{colour}" stroke="{colour}"'
    y = _middle(rows, call.process)
    first, last = scale.x(_both(call)[0].time), scale.x(_both(call)[-1].time)
    tip = escape("\n".join(f"{op.op} {op.kind}  {details(op)}" for op in _both(call)))
    if last - first < 3:
        return f'<circle cx="{first:.1f}" cy="{y}" r="4" {look}><title>{tip}</title></circle>'
    return (
        f'<rect x="{first:.1f}" y="{y - 5}" width="{last - first:.1f}" height="10" rx="3" fill-opacity=".75" {look}>'
        f"<title>{tip}</title></rect>"
    )


def _ring(operation: Operation, numbers: dict[int, int], rows: dict[str, int], scale: _Scale) -> str:
    x, y = scale.x(operation.time), _middle(rows, operation.process)
    return (
        f'<circle cx="{x:.1f}" cy="{y}" r="8" fill="none" stroke="{_RING}" stroke-width="2"/>'
        f'<text x="{x + 9:.1f}" y="{y - 7}" fill="{_RING}" font-weight="bold">{numbers[operation.index]}</text>'
    )


def _legend(height: int) -> str:
    kinds = (("ok", "ok"), ("fail", "fail"), ("info", "unknown outcome"))
    marks = [
        f'<circle cx="{LABEL + 120 * number}" cy="{height - 18}" r="4" stroke="{_COLOURS[kind]}"'
        f' fill="{"white" if kind == "info" else _COLOURS[kind]}"/>'
        f'<text x="{LABEL + 120 * number + 10}" y="{height - 14}">{text}</text>'
        for number, (kind, text) in enumerate(kinds)
    ]
    witness = (
        f'<circle cx="{LABEL + 390}" cy="{height - 18}" r="7" fill="none" stroke="{_RING}" stroke-width="2"/>'
        f'<text x="{LABEL + 402}" y="{height - 14}">witness</text>'
    )
    return "".join([*marks, witness])


def _document(body: Iterable[str], height: int, title: str, description: str) -> str:
    name = f"history-{next(_ids)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="{name}-title {name}-text"'
        f' viewBox="0 0 {WIDTH} {height}" width="100%" style="max-width:{WIDTH}px;background:#fff" '
        f'font-family="sans-serif" font-size="12" fill="#24292f">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-text">{escape(description)}</desc>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>{"".join(body)}</svg>'
    )
