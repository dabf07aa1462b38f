"""What a message says and whom it reaches: foreign, diverging."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..ledger import Ledger
from ..operations import Operation
from ..verdicts import Anomaly, Finding, Rules


def foreign(ledger: Ledger, rules: Rules) -> Finding:
    """Something of a key that the client may not see, or a message under a key to which nobody sent it.

    A client may see what was granted to it; where nothing was granted, what it asked for (subscribed, resumed, sent).
    """
    granted = _keys(ledger, "grant")
    asked = _keys(ledger, "subscribe", "resume", "send")
    sent = _sent_keys(ledger)
    scanned: dict[str, str | None] = {}
    judged = 0
    found, strangers = [], set()
    for operation in ledger.operations:
        process, key = operation.process, operation.key
        if operation.op == "scan" and operation.kind == "invoke":
            scanned[process] = key
        if operation.kind != "ok" or operation.op not in ("receive", "stored") or key is None:
            continue
        judged += 1
        rights = granted.get(process) or (asked.get(process) if operation.op == "receive" else None)
        if operation.op == "receive" and rights is None:
            strangers.add(process)
        if rights is not None and key not in rights:
            why = "may not see" if process in granted else "never asked for"
            witness = (*list(rights.values())[:1], operation)
            found.append(Anomaly.of("foreign", f"{process} was given something of {key}, which it {why}", witness))
        elif operation.op == "stored" and scanned.get(process) not in (None, key):
            text = f"{process} was asked for {scanned[process]} and answered with a message of {key}"
            found.append(Anomaly.of("foreign", text, (operation,)))
        else:
            found += _crossed(operation, sent)
    doubts = [f"nothing says what {process} may see: grant it its keys" for process in sorted(strangers)]
    doubts += _misspelled_grants(ledger, granted)
    return Finding("foreign", judged, tuple(found), tuple(doubts))


def _misspelled_grants(ledger: Ledger, granted: Mapping[str, Mapping[str, Operation]]) -> Iterator[str]:
    """A grant to nobody, while somebody who receives has none: he would be judged by what he asked for alone."""
    acting = {operation.process for operation in ledger.operations if operation.op != "grant"}
    without = [p for p in dict.fromkeys(op.process for op in ledger.oks("receive")) if p not in granted]
    for process in granted:
        if process not in acting and without:
            near = difflib.get_close_matches(process, without, 1, cutoff=0.0)[0]
            yield f"a grant is for {process}, who does nothing; {near}, who receives, has none"


def _crossed(operation: Operation, sent: Mapping[str, Mapping[str, Operation]]) -> Iterator[Anomaly]:
    targets = sent.get(operation.client_msg_id or "", {})
    if targets and operation.key not in targets:
        origin = next(iter(targets.values()))
        text = (
            f"{operation.process} was given {operation.client_msg_id} under {operation.key},"
            f" but {origin.process} sent it to {origin.key}"
        )
        yield Anomaly.of("foreign", text, (origin, operation))


def _keys(ledger: Ledger, *ops: str) -> dict[str, dict[str, Operation]]:
    keys: dict[str, dict[str, Operation]] = defaultdict(dict)
    for op in ops:
        for call in ledger.calls.get(op, ()):
            if call.key is not None and not call.failed:
                keys[call.process].setdefault(call.key, call.first)
    return keys


def _sent_keys(ledger: Ledger) -> dict[str, dict[str, Operation]]:
    sent: dict[str, dict[str, Operation]] = defaultdict(dict)
    for call in ledger.calls.get("send", ()):
        if call.client_msg_id is not None and call.key is not None:
            sent[call.client_msg_id].setdefault(call.key, call.first)
    return sent


def diverging(ledger: Ledger, rules: Rules) -> Finding:
    """One place of a log, or one version of a register, with two contents; or a message that is not what was sent."""
    places: dict[tuple[object, ...], list[Operation]] = defaultdict(list)
    sent = _sent_contents(ledger)
    judged = 0
    found = []
    for operation, name in _contents(ledger):
        judged += 1
        others = places[name]
        other = next((earlier for earlier in others if _differ(earlier, operation)), None)
        if other is not None:
            what = f"message {operation.seq}" if operation.op in _LOG else f"version {operation.seq}"
            text = f"{what} of {operation.key} is one thing to {other.process} and another to {operation.process}"
            found.append(Anomaly.of("diverging", text, (other, operation)))
        elif not any(_same(earlier, operation) for earlier in others):
            others.append(operation)
    for op in ("receive", "stored"):
        for operation in ledger.oks(op):
            origins = sent.get((operation.key, operation.client_msg_id), {})
            # What has a place was counted with the others of it.
            judged += bool(origins and operation.seq is None)
            if operation.value is not None and origins and repr(operation.value) not in origins:
                origin = next(iter(origins.values()))
                text = f"{operation.client_msg_id} of {operation.key} does not say to {operation.process} what was sent"
                found.append(Anomaly.of("diverging", text, (origin, operation)))
    return Finding("diverging", judged, tuple(found))


_LOG = frozenset({"send", "receive", "stored"})


def _contents(ledger: Ledger) -> Iterator[tuple[Operation, tuple[object, ...]]]:
    """Every statement about the content of a place or of a version, by time."""
    statements = []
    for op in ("send", "receive", "stored", "write", "read"):
        for call in ledger.calls.get(op, ()):
            if call.ok is None or call.ok.seq is None:
                continue
            statement = call.ok
            if call.invoke is not None:
                value = call.invoke.value if op in ("send", "write") and call.ok.value is None else call.ok.value
                statement = replace(statement, value=value, key=call.key, client_msg_id=call.client_msg_id)
            name = (statement.key, statement.epoch, statement.seq)
            statements.append((statement, ("log", *name) if op in _LOG else ("register", *name)))
    return iter(sorted(statements, key=lambda item: item[0].moment))


def _differ(one: Operation, other: Operation) -> bool:
    """Whether two statements contradict each other; what one of them leaves out contradicts nothing."""
    pairs = ((one.client_msg_id, other.client_msg_id), (one.value, other.value))
    return any(left is not None and right is not None and left != right for left, right in pairs)


def _same(one: Operation, other: Operation) -> bool:
    return one.client_msg_id == other.client_msg_id and one.value == other.value


def _sent_contents(ledger: Ledger) -> dict[tuple[str | None, str | None], dict[str, Operation]]:
    """What was sent under each message id; more than one content where an id was reused."""
    sent: dict[tuple[str | None, str | None], dict[str, Operation]] = defaultdict(dict)
    for call in ledger.calls.get("send", ()):
        if call.invoke is not None and call.client_msg_id is not None and call.invoke.value is not None:
            sent[call.key, call.client_msg_id].setdefault(repr(call.invoke.value), call.invoke)
    return sent
