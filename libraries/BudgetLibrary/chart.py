"""A histogram of latencies as SVG, for log.html in its light and its dark form."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from lockstep.statistics import percentile

from BudgetLibrary.limits import amount

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 200, 44, 34, 30
BINS = 40
BAR, MARK, LIMIT = "#3b82c4", "#8a6d1f", "#c0392b"


def bins(values: Sequence[float], count: int = BINS) -> list[int]:
    """How many values fall into each of ``count`` equal parts of the range from 0 to the greatest value."""
    top = max(values) or 1.0
    counted = [0] * count
    for value in values:
        counted[min(count - 1, int(value / top * count))] += 1
    return counted


def histogram(name: str, values: Sequence[float], limit: float | None = None, unit: str = "s") -> str:
    """The SVG: bars, lines for p50, p95 and p99, and one for ``limit`` where it lies within the range."""
    counted, top = bins(values), max(values) or 1.0
    highest = max(counted)
    width = (WIDTH - LEFT - 10) / BINS
    parts = [
        f'<svg role="img" aria-label="{escape(name)}" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="sans-serif" font-size="11" fill="currentColor">',
        f'<text x="{LEFT}" y="13" font-weight="bold">{escape(name)} ({len(values)} values)</text>',
    ]
    for index, number in enumerate(counted):
        if number:
            tall = max(1.0, number / highest * (HEIGHT - TOP - BOTTOM))
            left, upper = LEFT + index * width, HEIGHT - BOTTOM - tall
            parts.append(
                f'<rect x="{left:.1f}" y="{upper:.1f}" width="{width - 1:.1f}" height="{tall:.1f}" fill="{BAR}">'
                f"<title>{number} of {len(values)}</title></rect>"
            )
    marks = [(f"p{percent}", percentile(values, percent), MARK) for percent in (50, 95, 99)]
    if limit is not None and limit <= top:
        marks.append(("limit", limit, LIMIT))
    for row, (label, value, colour) in enumerate(marks):
        parts.append(_mark(f"{label} {amount(value, unit)}", LEFT + value / top * width * BINS, row, colour))
    base = HEIGHT - BOTTOM
    parts += [
        f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{base}" y2="{base}" stroke="currentColor"/>',
        f'<text x="{LEFT}" y="{base + 14}">0</text>',
        f'<text x="{WIDTH - 10}" y="{base + 14}" text-anchor="end">{escape(amount(top, unit))}</text>',
        f'<text x="{LEFT - 6}" y="{TOP + 8}" text-anchor="end">{highest}</text>',
        "</svg>",
    ]
    return "".join(parts)


def _mark(label: str, x: float, row: int, colour: str) -> str:
    upper = TOP + 12 * row
    anchor, shift = ("end", -4) if x > WIDTH / 2 else ("start", 4)
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{HEIGHT - BOTTOM}" stroke="{colour}" '
        f'stroke-dasharray="4 3"/><text x="{x + shift:.1f}" y="{upper}" text-anchor="{anchor}" fill="{colour}">'
        f"{escape(label)}</text>"
    )
