"""Acknowledged messages that are gone: for a client (lost), or from the log itself (ack-without-commit)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..ledger import Call, Ledger, Place, place
from ..operations import Epoch, Operation
from ..verdicts import Anomaly, Finding, Rules
from .streams import events

_AS_PROOF = {"send": "acknowledged to", "receive": "given to", "stored": "stored in"}


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the log: the first operation that proves it to be there, and when its first sending began."""

    client_msg_id: str | None
    proof: Operation
    begun: int | None

    def __str__(self) -> str:
        name = f"message {self.proof.seq}" if self.proof.seq is not None else str(self.client_msg_id)
        return f"{name} of {self.proof.key} ({_AS_PROOF[self.proof.op]} {self.proof.process})"


@dataclass(slots=True)
class Window:
    """While it is open, a client is owed every message behind ``base``.

    Where no position was named (``timed``), also every message whose sending began after ``since``.
    """

    opened: Operation
    base: int | None
    epoch: Epoch | None
    since: int
    timed: bool
    until: int | None = None
    away: bool = False

    def owes(self, message: Message) -> bool:
        """Whether the client was promised ``message``; doubtful ones are not counted."""
        known_place = self.base is not None and message.proof.seq is not None
        same_log = None in (self.epoch, message.proof.epoch) or self.epoch == message.proof.epoch
        if known_place and same_log and message.proof.seq > self.base:  # type: ignore[operator]
            return True
        unplaced = self.timed or not known_place or not same_log
        return unplaced and message.begun is not None and message.begun > self.since

    def hold(self, operation: Operation, base: int | None) -> None:
        """The client names a position that it holds, or shows one by what it was given."""
        if base is None:
            return
        if self.base is None or self.epoch != operation.epoch:
            self.base, self.epoch = base, operation.epoch
        else:
            self.base = max(self.base, base)


@dataclass(slots=True)
class _Given:
    """What a client has of one key, over its socket or by reading the log itself."""

    names: set[str] = field(default_factory=set)
    places: set[Place] = field(default_factory=set)
    by_place: list[Operation] = field(default_factory=list)

    def add(self, operation: Operation) -> None:
        where = place(operation)
        if operation.client_msg_id is not None:
            self.names.add(operation.client_msg_id)
        if where is not None:
            self.places.add(where)
        self.by_place.append(operation)

    def __contains__(self, message: Message) -> bool:
        return place(message.proof) in self.places or message.client_msg_id in self.names

    def before(self, message: Message) -> tuple[Operation, ...]:
        """The neighbour in front of the hole, where there is one."""
        seq = message.proof.seq
        earlier = [op for op in self.by_place if op.seq is not None and seq is not None and op.seq < seq]
        return (max(earlier, key=lambda operation: operation.seq or 0),) if earlier else ()


def lost(ledger: Ledger, rules: Rules) -> Finding:
    """Messages known to be in the log before a client began to drain, which that client never got.

    Judged are clients that subscribed (or resumed, or were given anything) and drained. Without a drain a missing
    message may still be under way: that is a doubt.
    """
    messages = _messages(ledger)
    given = _given(ledger)
    drains = [call for call in ledger.calls.get("drain", ()) if call.ok is not None]
    judged, found, doubts = 0, [], []
    for (process, key), operations in events(ledger).items():
        own_drains = [call for call in drains if call.process == process and call.key in (None, key)]
        has = given[process, key]
        waiting = 0
        for window in _windows(operations):
            owed = [message for message in messages.get(key, ()) if window.owes(message)]
            drain = _last_drain(own_drains, window)
            settled = [message for message in owed if drain and _before(message, drain)]
            judged += len(settled)
            found += [_lost(process, message, has, drain) for message in settled if drain and message not in has]
            if not window.away and window.until is None:
                missing = [message for message in owed if message not in has]
                waiting += len(missing) - sum(message not in has for message in settled)
        if waiting:
            doubts.append(
                f"{process} lacks {waiting} message(s) of {key} and did not drain after them: they may be under way"
            )
    return Finding("lost", judged, tuple(found), tuple(doubts))


def _windows(operations: Sequence[Operation]) -> list[Window]:
    """The times at which the client was promised the messages of one key."""
    windows: list[Window] = []
    for operation in operations:
        current = windows[-1] if windows and windows[-1].until is None else None
        match operation.op, operation.kind:
            case "subscribe", "ok" if not current or current.away:
                windows.append(_opened(operation, operation.seq, current))
            case "resume", "invoke":
                if not current:
                    current = _opened(operation, operation.seq, None)
                    windows.append(current)
                elif operation.seq is not None:
                    current.hold(operation, operation.seq)
                    current.timed = False
                current.away = False
            case "resume", "fail":
                windows.append(_opened(operation, None, current))
            case "snapshot", "ok":
                if not current:
                    windows.append(_opened(operation, operation.seq, None))
                elif current.base is None:
                    current.hold(operation, operation.seq)
            case "unsubscribe", "invoke" | "ok" if current:
                current.until = operation.time
            case "disconnect", _ if current:
                current.away = True
            case "receive", "ok":
                base = None if operation.seq is None else operation.seq - 1
                if not windows:
                    windows.append(_opened(operation, base, None))
                elif current and current.base is None:
                    current.hold(operation, base)
    return windows


def _opened(operation: Operation, base: int | None, before: Window | None) -> Window:
    if before is not None:
        before.until = operation.time
    return Window(operation, base, operation.epoch, operation.time, timed=base is None)


def _last_drain(drains: Iterable[Call], window: Window) -> Call | None:
    within = [
        call
        for call in drains
        if call.first.time >= window.opened.time and (window.until is None or call.first.time <= window.until)
    ]
    return within[-1] if within else None


def _before(message: Message, drain: Call) -> bool:
    return message.proof.time < drain.first.time


def _lost(process: str, message: Message, has: _Given, drain: Call) -> Anomaly:
    end = drain.ok or drain.first
    text = f"{process} never got {message}, though it waited until nothing more came"
    return Anomaly.of("lost", text, (message.proof, *has.before(message), end))


def _messages(ledger: Ledger) -> dict[str, list[Message]]:
    """The messages that are proved to be in each log, each by its earliest proof."""
    begun: dict[tuple[str | None, str | None], int] = {}
    for call in ledger.calls.get("send", ()):
        if call.invoke is not None and call.key is not None and call.client_msg_id is not None:
            begun.setdefault((call.key, call.client_msg_id), call.invoke.time)
    by_key: dict[str, dict[object, Message]] = defaultdict(dict)
    proofs = sorted((proof for op in _AS_PROOF for proof in _with_id(ledger, op)), key=lambda item: item[0].moment)
    alias: dict[tuple[str | None, str | None], Place | None] = {
        (proof.key, name): place(proof) for proof, name in proofs if name is not None and proof.seq is not None
    }
    for proof, name in proofs:
        if proof.key is None or (name is None and proof.seq is None):
            continue
        identity = place(proof) or alias.get((proof.key, name)) or name
        if identity not in by_key[proof.key]:
            by_key[proof.key][identity] = Message(name, proof, begun.get((proof.key, name)))
    return {key: list(messages.values()) for key, messages in by_key.items()}


def _with_id(ledger: Ledger, op: str) -> Iterator[tuple[Operation, str | None]]:
    for call in ledger.calls.get(op, ()):
        if call.ok is not None:
            yield call.ok, call.client_msg_id


def _given(ledger: Ledger) -> dict[tuple[str, str], _Given]:
    given: dict[tuple[str, str], _Given] = defaultdict(_Given)
    for op in ("receive", "stored"):
        for operation in ledger.oks(op):
            if operation.key is not None:
                given[operation.process, operation.key].add(operation)
    return given


def ack_without_commit(ledger: Ledger, rules: Rules) -> Finding:
    """Messages acknowledged before a reading of the whole log began, and absent from it."""
    judged, found, doubts = 0, [], []
    stored = ledger.oks("stored")
    acks = [(call.ok, call) for call in ledger.calls.get("send", ()) if call.ok is not None]
    for scan in ledger.calls.get("scan", ()):
        if scan.ok is None:
            doubts.append(f"{scan.process} did not finish reading {scan.key or 'the log'}")
            continue
        rows = [row for row in stored if row.process == scan.process and _inside(row, scan)]
        names = {(row.key, row.client_msg_id) for row in rows}
        places = {(row.key, place(row)) for row in rows}
        epochs = {(row.key, row.epoch) for row in rows}
        for ack, call in acks:
            if not _covered(ack, call, scan):
                continue
            judged += 1
            if ack.seq is not None and (call.key, place(ack)) in places:
                continue
            if call.client_msg_id is not None and (call.key, call.client_msg_id) in names:
                continue
            if (
                ack.epoch is not None
                and any(key == call.key for key, _ in epochs)
                and (call.key, ack.epoch) not in epochs
            ):
                doubts.append(f"{scan.process} holds another epoch of {call.key} than the one acknowledged")
                continue
            text = (
                f"{call.client_msg_id or 'a message'} of {call.key} was acknowledged to {call.process}"
                f"{'' if ack.seq is None else f' as {ack.seq}'} and is not in {scan.process}"
            )
            found.append(Anomaly.of("ack-without-commit", text, (*_nearest(rows, ack), ack, scan.ok)))
    return Finding("ack-without-commit", judged, tuple(found), tuple(dict.fromkeys(doubts)))


def _inside(row: Operation, scan: Call) -> bool:
    assert scan.ok is not None
    return scan.first.moment <= row.moment <= scan.ok.moment


def _covered(ack: Operation, call: Call, scan: Call) -> bool:
    after = scan.first.seq
    return (
        ack.time < scan.first.time
        and scan.key in (None, call.key)
        and (after is None or ack.seq is None or ack.seq > after)
    )


def _nearest(rows: Iterable[Operation], ack: Operation) -> tuple[Operation, ...]:
    earlier = [row for row in rows if row.key == ack.key and row.seq is not None and row.seq < (ack.seq or 0)]
    return (max(earlier, key=lambda row: row.seq or 0),) if earlier else ()
