"""Each client's stream: duplicate, reordered, unseen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ..ledger import Call, Ledger, place
from ..operations import Operation
from ..verdicts import Anomaly, Finding, Rules
from .streams import Gap, Stream, span, streams

MessageName = tuple[str, str]
_HELD = {"receive": "was given", "snapshot": "was given a snapshot up to {} and after it"}


def duplicate(ledger: Ledger, rules: Rules) -> Finding:
    """A message delivered, stored or accepted twice.

    After a resumption from position p, what lies behind p may come again, and nothing else. ``client_msg_id`` names a
    message within its conversation.
    """
    found = [anomaly for stream in streams(ledger) for anomaly in _repeated(stream)]
    found += _two_places(ledger)
    found += _stored_twice(ledger)
    found += _named_twice(ledger)
    judged = len(ledger.oks("receive")) + len(ledger.oks("stored"))
    return Finding("duplicate", judged, tuple(found))


def _repeated(stream: Stream) -> Iterator[Anomaly]:
    for held, again in stream.repeated:
        why = _HELD.get(held.op, "said that it held everything up to {} and was given").format(held.seq)
        yield Anomaly.of(
            "duplicate", f"{stream.process} {why} message {again.seq} of {stream.key} a second time", (held, again)
        )


def _two_places(ledger: Ledger) -> Iterator[Anomaly]:
    """One message at two places of the log, by what clients were given, what they were told, and what is stored."""
    sent_values = _sent_values(ledger)
    groups: dict[tuple[str, str, str], dict[object, Operation]] = defaultdict(dict)
    for op in ("send", "receive", "stored"):
        for operation in ledger.oks(op):
            if operation.client_msg_id is None or operation.key is None or place(operation) is None:
                continue
            witness = "send" if op == "send" else f"{op} {operation.process}"
            seen = groups[witness, operation.key, operation.client_msg_id]
            other = next((earlier for earlier in seen.values() if _moved(earlier, operation)), None)
            if other is None:
                seen.setdefault(place(operation), operation)
                continue
            if len(sent_values[operation.key, operation.client_msg_id]) < 2:
                yield Anomaly.of("duplicate", _two_places_text(other, operation), (other, operation))


def _moved(one: Operation, other: Operation) -> bool:
    return one.epoch == other.epoch and one.seq != other.seq


def _two_places_text(one: Operation, other: Operation) -> str:
    what = {"send": "was acknowledged to", "receive": "was given to", "stored": "is stored in"}[one.op]
    return f"{one.client_msg_id} of {one.key} {what} {one.process} twice, as {one.seq} and as {other.seq}"


def _sent_values(ledger: Ledger) -> dict[MessageName, set[str]]:
    values: dict[MessageName, set[str]] = defaultdict(set)
    for call in ledger.calls.get("send", ()):
        if call.invoke is not None and call.key is not None and call.client_msg_id is not None:
            values[call.key, call.client_msg_id].add(repr(call.invoke.value))
    return values


def _stored_twice(ledger: Ledger) -> Iterator[Anomaly]:
    """One place of the log twice in one reading of it."""
    seen: dict[tuple[str, str | None, object], Operation] = {}
    begun: dict[str, int] = defaultdict(int)
    for operation in ledger.operations:
        if operation.op == "scan" and operation.kind == "invoke":
            begun[operation.process] += 1
        if operation.op != "stored" or place(operation) is None:
            continue
        name = (f"{operation.process} {begun[operation.process]}", operation.key, place(operation))
        first = seen.setdefault(name, operation)
        if first is not operation:
            text = f"{operation.process} holds message {operation.seq} of {operation.key} twice"
            yield Anomaly.of("duplicate", text, (first, operation))


def _named_twice(ledger: Ledger) -> Iterator[Anomaly]:
    """For platforms without positions: one message given to a client twice."""
    given: dict[tuple[str, str, str], Operation] = {}
    sent_values = _sent_values(ledger)
    for operation in ledger.oks("receive"):
        if operation.seq is not None or operation.client_msg_id is None or operation.key is None:
            continue
        first = given.setdefault((operation.process, operation.key, operation.client_msg_id), operation)
        if first is not operation and len(sent_values[operation.key, operation.client_msg_id]) < 2:
            text = f"{operation.process} was given {operation.client_msg_id} of {operation.key} twice"
            yield Anomaly.of("duplicate", text, (first, operation))


def reordered(ledger: Ledger, rules: Rules) -> Finding:
    """Positions that a client was given backwards, or one sender's messages in another order than he sent them."""
    found = [
        Anomaly.of(
            "reordered",
            f"{stream.process} was given message {late.seq} of {stream.key} after message {ahead.seq}",
            (ahead, late),
        )
        for stream in streams(ledger)
        for ahead, late in stream.late
    ]
    sequels = list(_sequels(ledger))
    found += [
        Anomaly.of(
            "reordered",
            f"{one.process} sent {one.client_msg_id or 'a message'} before {other.client_msg_id or 'another'},"
            f" but in {one.key} they stand as {one.ok.seq} and {other.ok.seq}",
            (one.invoke, other.invoke, one.ok, other.ok),
        )
        for one, other in sequels
        if one.ok is not None and other.ok is not None and _backwards(one.ok, other.ok)
    ]
    found += _given_backwards(ledger, sequels)
    return Finding("reordered", len(ledger.oks("receive")) + len(sequels), tuple(found))


def _backwards(one: Operation, other: Operation) -> bool:
    if one.seq is None or other.seq is None or one.epoch != other.epoch:
        return False
    return one.seq > other.seq


def _sequels(ledger: Ledger) -> Iterator[tuple[Call, Call]]:
    """Neighbours among each process's acknowledged messages of a key, in the order of sending.

    A message that was sent more than once has no single moment of sending and is left out.
    """
    attempts: dict[tuple[str, str | None, str | None], int] = defaultdict(int)
    for call in ledger.calls.get("send", ()):
        attempts[call.process, call.key, call.client_msg_id] += 1
    last: dict[tuple[str, str | None], Call] = {}
    for call in ledger.calls.get("send", ()):
        once = call.client_msg_id is None or attempts[call.process, call.key, call.client_msg_id] == 1
        if call.invoke is None or call.ok is None or not once:
            continue
        name = (call.process, call.key)
        if name in last:
            yield last[name], call
        last[name] = call


def _given_backwards(ledger: Ledger, sequels: list[tuple[Call, Call]]) -> Iterator[Anomaly]:
    """For platforms without positions: two neighbours of one sender, given to a client in the other order."""
    given: dict[tuple[str, str | None, str], Operation] = {}
    for operation in ledger.oks("receive"):
        if operation.seq is None and operation.client_msg_id is not None:
            given.setdefault((operation.process, operation.key, operation.client_msg_id), operation)
    for receiver in {process for process, _, _ in given}:
        for one, other in sequels:
            first = given.get((receiver, one.key, one.client_msg_id or ""))
            second = given.get((receiver, other.key, other.client_msg_id or ""))
            if first is not None and second is not None and first.time > second.time:
                text = (
                    f"{one.process} sent {one.client_msg_id} before {other.client_msg_id}, {receiver} was given"
                    f" {other.client_msg_id} first"
                )
                yield Anomaly.of("reordered", text, (second, first))


def unseen(ledger: Ledger, rules: Rules) -> Finding:
    """Positions of a client's stream that it was never given, or a new epoch that nobody announced to it."""
    all_streams = list(streams(ledger))
    known = _known_places(ledger) if any(stream.gaps for stream in all_streams) else {}
    found = [
        anomaly
        for stream in all_streams
        for gap in stream.gaps
        for anomaly in ([_gap(stream, gap, known)] if rules.gapless else _skipped(stream, gap, known))
    ]
    found += [
        Anomaly.of(
            "unseen",
            f"{stream.process} held epoch {held.epoch} of {stream.key} and was given message {came.seq} of epoch"
            f" {came.epoch}, without receiving `recovered: false`",
            (held, came),
        )
        for stream in all_streams
        for held, came in stream.jumps
    ]
    return Finding("unseen", sum(stream.received for stream in all_streams), tuple(found))


def _known_places(ledger: Ledger) -> dict[tuple[str | None, int], Operation]:
    known: dict[tuple[str | None, int], Operation] = {}
    for op in ("send", "receive", "stored"):
        for operation in ledger.oks(op):
            if operation.seq is not None:
                known.setdefault((operation.key, operation.seq), operation)
    return known


def _skipped(stream: Stream, gap: Gap, known: dict[tuple[str | None, int], Operation]) -> Iterator[Anomaly]:
    """Where positions leave numbers out, one that nobody knows of is no message."""
    for (key, seq), proof in known.items():
        if key == stream.key and gap.low <= seq <= gap.high:
            text = (
                f"{stream.process} was given message {gap.after.seq} of {stream.key} after {gap.low - 1}: {seq},"
                f" which {proof.process} knows, never came, and nobody said `recovered: false`"
            )
            yield Anomaly.of("unseen", text, (gap.before, proof, gap.after))


def _gap(stream: Stream, gap: Gap, known: dict[tuple[str | None, int], Operation]) -> Anomaly:
    proof = known.get((stream.key, gap.low))
    text = (
        f"{stream.process} held {stream.key} up to {gap.low - 1} and was given message {gap.after.seq} next:"
        f" {span((gap.low, gap.high))} never came, and nobody said `recovered: false`"
    )
    return Anomaly.of("unseen", text, (gap.before, proof, gap.after))
