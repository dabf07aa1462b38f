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
    begin, end = _window(ledger, anomaly)
    chosen = _within(calls, begin, end, numbers)
    rows = _rows(chosen, anomaly)
    chosen = [call for call in chosen if call.process in rows]
    scale = _Scale(ledger.operations[0].time if ledger.operations else 0, begin, end)
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


def _window(ledger: Ledger, anomaly: Anomaly | None) -> tuple[int, int]:
    """The time to show: the witness and half its length before and after it, or the whole history."""
    whole = [operation.time for operation in ledger.operations] or [0]
    if anomaly is None:
        margin = max((whole[-1] - whole[0]) // 40, 1_000)
        return whole[0] - margin, whole[-1] + margin
    times = [operation.time for operation in anomaly.witness]
    margin = max((max(times) - min(times)) // 2, _SECOND // 200)
    return min(times) - margin, max(times) + margin


def _within(calls: Sequence[Call], begin: int, end: int, numbers: dict[int, int]) -> list[Call]:
    """The calls in that time; where they are too many, the witness's and those next to them."""
    shown = [call for call in calls if _both(call)[-1].time >= begin and call.first.time <= end]
    if len(shown) <= _MOST_CALLS:
        return shown
    marked = [place for place, call in enumerate(shown) if any(op.index in numbers for op in _both(call))]
    if not marked:
        return shown[:_MOST_CALLS]
    around = _MOST_CALLS // len(marked) // 2
    kept = sorted({place for centre in marked for place in range(max(centre - around, 0), centre + around + 1)})
    return [shown[place] for place in kept if place < len(shown)]


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
    for step in range(5):
        time = scale.begin + (scale.end - scale.begin) * step // 4
        x = scale.x(time)
        lines.append(f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{height - 40}" stroke="#eaeef2"/>')
        seconds = (time - scale.start) / _SECOND
        anchor = "end" if step == 4 else "middle"
        lines.append(f'<text x="{x:.1f}" y="{TOP - 12}" text-anchor="{anchor}" fill="#57606a">{seconds:.3f} s</text>')
    return lines


def _call(call: Call, rows: dict[str, int], scale: _Scale) -> str:
    """A faint bar from invocation to outcome, and a mark where the outcome (or a lone event) stands."""
    kind = call.outcome.kind if call.outcome is not None else None
    y = _middle(rows, call.process)
    first, last = scale.x(_both(call)[0].time), scale.x(_both(call)[-1].time)
    tip = escape("\n".join(f"{op.op} {op.kind}  {details(op)}" for op in _both(call)))
    bar = f'<rect x="{first:.1f}" y="{y - 4}" width="{max(last - first, 0):.1f}" height="8" fill-opacity=".15"'
    bar = f'{bar} fill="{_COLOURS[kind]}"/>' if last > first else ""
    mark = _mark(kind, last, y) if scale.begin <= _both(call)[-1].time <= scale.end else ""
    return f"<g><title>{tip}</title>{bar}{mark}</g>"


def _mark(kind: str | None, x: float, y: int) -> str:
    """A disc for ok, a diamond for fail, a hollow disc for an unknown outcome: told apart without colours, too."""
    colour = _COLOURS[kind]
    if kind == "fail":
        return f'<path d="M{x - 5:.1f} {y}L{x:.1f} {y - 5}L{x + 5:.1f} {y}L{x:.1f} {y + 5}Z" fill="{colour}"/>'
    return f'<circle cx="{x:.1f}" cy="{y}" r="4" stroke="{colour}" fill="{colour if kind == "ok" else "#fff"}"/>'


def _ring(operation: Operation, numbers: dict[int, int], rows: dict[str, int], scale: _Scale) -> str:
    x, y = scale.x(operation.time), _middle(rows, operation.process)
    return (
        f'<circle cx="{x:.1f}" cy="{y}" r="8" fill="none" stroke="{_RING}" stroke-width="2"/>'
        f'<text x="{x + 9:.1f}" y="{y - 7}" fill="{_RING}" font-weight="bold">{numbers[operation.index]}</text>'
    )


def _legend(height: int) -> str:
    kinds = (("ok", "ok"), ("fail", "fail"), ("info", "unknown outcome"))
    marks = [
        f'{_mark(kind, x, height - 18)}<text x="{x + 10}" y="{height - 14}">{text}</text>'
        for x, (kind, text) in zip(range(LABEL, WIDTH, 120), kinds, strict=False)
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
