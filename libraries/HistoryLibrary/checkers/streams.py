"""What one client was given of one key, followed position by position."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..ledger import Ledger
from ..operations import Epoch, Operation

STREAM_OPS = frozenset({"receive", "subscribe", "unsubscribe", "resume", "snapshot", "disconnect"})


@dataclass(frozen=True, slots=True)
class Gap:
    """Positions ``low`` to ``high`` were skipped: ``before`` was the last one held, ``after`` came next."""

    low: int
    high: int
    before: Operation
    after: Operation


@dataclass(slots=True)
class Stream:
    """What is wrong with the order in which ``process`` was given ``key``, as pairs (what it held, what came)."""

    process: str
    key: str
    received: int = 0
    repeated: list[tuple[Operation, Operation]] = field(default_factory=list)
    late: list[tuple[Operation, Operation]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    jumps: list[tuple[Operation, Operation]] = field(default_factory=list)


class _Cursor:
    """The position that a client holds, as far as its own operations tell."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.position: int | None = None
        self.epoch: Epoch | None = None
        self.source: Operation | None = None
        self.since: dict[int, Operation] = {}
        self.listening = False

    def follow(self, operation: Operation) -> None:
        match operation.op, operation.kind:
            case "receive", "ok" if operation.seq is not None:
                self._receive(operation, operation.seq)
            case "subscribe", "invoke" if not self.listening:
                self._forget()
            case "subscribe", "ok":
                self._subscribed(operation)
            case "resume", "invoke":
                self._hold(operation)
                self.listening = True
            case "resume", "fail":
                self._forget()
            case "snapshot", "ok":
                self._given_all(operation)
            case "unsubscribe", "ok":
                self.listening = False
            case "disconnect", _:
                self.listening = False

    def _hold(self, operation: Operation) -> None:
        self.position, self.epoch, self.source, self.since = operation.seq, operation.epoch, operation, {}

    def _forget(self) -> None:
        self.position = self.epoch = self.source = None
        self.since = {}

    def _subscribed(self, operation: Operation) -> None:
        """The head counts as held, unless the first pushes overtook the answer that names it."""
        fresh = self.position is None or not self.listening
        overtaken = self.position is not None and operation.seq is not None and operation.seq <= self.position
        if fresh and operation.seq is not None and not overtaken:
            self._hold(operation)
        self.listening = True

    def _given_all(self, operation: Operation) -> None:
        """What a snapshot ends with is held, unless pushes have overtaken it."""
        same_epoch = None in (self.epoch, operation.epoch) or self.epoch == operation.epoch
        if operation.seq is None:
            self._forget()
        elif self.position is None or not same_epoch or operation.seq >= self.position:
            self._hold(operation)
        self.listening = True

    def _receive(self, operation: Operation, seq: int) -> None:
        self.stream.received += 1
        if self.position is None or self.source is None:
            self._hold(operation)
            self.since = {seq: operation}
            return
        if None not in (self.epoch, operation.epoch) and self.epoch != operation.epoch:
            self.stream.jumps.append((self.source, operation))
            self._hold(operation)
            self.since = {seq: operation}
            return
        self.epoch = operation.epoch if self.epoch is None else self.epoch
        if self._fill_gap(seq, operation):
            self.position = max(self.position, seq)
        elif seq > self.position:
            if seq > self.position + 1:
                last = self.since.get(self.position, self.source)
                self.stream.gaps.append(Gap(self.position + 1, seq - 1, last, operation))
            self.position = seq
        else:
            self._look_back(seq, operation)
        self.since[seq] = operation

    def _look_back(self, seq: int, operation: Operation) -> None:
        """A position that is not ahead. After a subscription, what was under way may still come, once."""
        assert self.source is not None
        if seq in self.since:
            self.stream.repeated.append((self.since[seq], operation))
        elif self.source.op in ("resume", "snapshot"):
            self.stream.repeated.append((self.source, operation))
        elif self.source.op == "receive":
            self.stream.late.append((self.source, operation))

    def _fill_gap(self, seq: int, operation: Operation) -> bool:
        for number, gap in enumerate(self.stream.gaps):
            same_epoch = gap.after.epoch == operation.epoch
            if same_epoch and gap.low <= seq <= gap.high:
                left = [Gap(gap.low, seq - 1, gap.before, gap.after)] if gap.low < seq else []
                right = [Gap(seq + 1, gap.high, operation, gap.after)] if seq < gap.high else []
                self.stream.gaps[number : number + 1] = left + right
                self.stream.late.append((gap.after, operation))
                return True
        return False


def streams(ledger: Ledger) -> Iterator[Stream]:
    """Every client's stream of every key that it received something of."""
    for (process, key), operations in events(ledger).items():
        stream = Stream(process, key)
        cursor = _Cursor(stream)
        for operation in operations:
            cursor.follow(operation)
        if stream.received:
            yield stream


def events(ledger: Ledger) -> dict[tuple[str, str], list[Operation]]:
    """What happened to each client's stream of each key, by time; a disconnection happens to all of a client's keys."""
    by_stream: dict[tuple[str, str], list[Operation]] = defaultdict(list)
    keys: dict[str, dict[str, None]] = defaultdict(dict)
    for operation in ledger.operations:
        if operation.op not in STREAM_OPS:
            continue
        if operation.key is not None:
            keys[operation.process][operation.key] = None
            by_stream[operation.process, operation.key].append(operation)
        elif operation.op == "disconnect":
            for key in keys[operation.process]:
                by_stream[operation.process, key].append(operation)
    return by_stream


def span(numbers: Sequence[int]) -> str:
    """``numbers`` as a reader writes them: ``7`` or ``7 to 9``."""
    return str(numbers[0]) if numbers[0] == numbers[-1] else f"{numbers[0]} to {numbers[-1]}"
