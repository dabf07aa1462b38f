"""A judgement as text that a person can read without knowing this library."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from .operations import Operation
from .verdicts import Anomaly, Judgement, Verdict

_SHOWN = 3
_LONGEST_VALUE = 60
_SECOND = 1_000_000_000


def report(judgement: Judgement, operations: Sequence[Operation], shown: int = _SHOWN) -> str:
    """The verdict, the first anomalies with their witnesses, all doubts, and what each check had to judge.

    Times are in seconds since the first operation.
    """
    start = min((operation.time for operation in operations), default=0)
    first = [*(f"{anomaly.text}." for anomaly in _one_of_each_first(judgement.anomalies)), *judgement.doubts]
    lines = [" ".join([headline(judgement), *first[:1]]), *_otherwise(operations)]
    for anomaly in _one_of_each_first(judgement.anomalies)[:shown]:
        lines += ["", f"{anomaly.name}: {anomaly.text}", *witness_lines(anomaly, start)]
    if len(judgement.anomalies) > shown:
        lines += ["", f"… and {len(judgement.anomalies) - shown} more"]
    lines += [""] if judgement.doubts else []
    lines += [f"unknown: {doubt}" for doubt in judgement.doubts[:shown]]
    if len(judgement.doubts) > shown:
        lines.append(f"… and {len(judgement.doubts) - shown} more doubts")
    judged = ", ".join(f"{finding.check} {finding.judged}" for finding in judgement.findings if finding.judged)
    lines += ["", f"Judged: {judged or 'nothing'} ({len(operations)} operations)"]
    return "\n".join(lines)


def headline(judgement: Judgement) -> str:
    """The verdict in one line, with the number of anomalies of each name."""
    if judgement.verdict is Verdict.VALID:
        return "The history is valid."
    counts = Counter(anomaly.name for anomaly in judgement.anomalies)
    if counts:
        return f"The history is invalid: {', '.join(f'{count} {name}' for name, count in counts.items())}."
    return "Whether the history is valid is unknown."


def _otherwise(operations: Sequence[Operation]) -> list[str]:
    """How calls ended that did not succeed, with the word for it: often the cause of all the rest."""
    counts = Counter(
        f"{operation.op} {operation.kind} ({operation.note})"
        for operation in operations
        if operation.kind in ("fail", "info") and operation.note and not operation.op.startswith("x-")
    )
    return [f"Not ok: {', '.join(f'{count} {what}' for what, count in counts.most_common(5))}"] if counts else []


def _one_of_each_first(anomalies: Sequence[Anomaly]) -> list[Anomaly]:
    firsts = {anomaly.name: anomaly for anomaly in reversed(anomalies)}
    chosen = {id(anomaly) for anomaly in firsts.values()}
    return [anomaly for anomaly in anomalies if id(anomaly) in chosen] + [
        anomaly for anomaly in anomalies if id(anomaly) not in chosen
    ]


def witness_lines(anomaly: Anomaly, start: int) -> list[str]:
    """One line for each operation of the witness, in columns."""
    rows = [
        (f"{(operation.time - start) / _SECOND:+.4f} s", operation.process, f"{operation.op} {operation.kind}")
        for operation in anomaly.witness
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)] if rows else []
    lines = []
    for number, ((when, who, what), operation) in enumerate(zip(rows, anomaly.witness, strict=True), 1):
        columns = (f"{when:>{widths[0]}}", f"{who:<{widths[1]}}", f"{what:<{widths[2]}}", details(operation))
        lines.append(f"  {number}  {'  '.join(columns)}".rstrip())
    return lines


def details(operation: Operation) -> str:
    """What the operation says beside who did what: key, position, message id, value, note."""
    parts = [operation.key or ""]
    if operation.seq is not None:
        parts.append(f"seq {operation.seq}")
    if operation.epoch is not None:
        parts.append(f"epoch {operation.epoch}")
    parts.append(operation.client_msg_id or "")
    if operation.value is not None:
        parts.append(shorten(operation.value))
    parts += [f"on {operation.node}"] if operation.node else []
    parts += [f"({operation.note})"] if operation.note else []
    return "  ".join(part for part in parts if part)


def shorten(value: object) -> str:
    """``value`` as JSON, cut to 60 characters."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
