"""A history put in order: by time, with each outcome joined to what invoked it, and by what the checkers ask for."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from .operations import Epoch, Operation

Place = tuple[Epoch | None, int]


@dataclass(frozen=True, slots=True)
class Call:
    """An invocation with its outcome; either may be absent (never answered, or recorded without an invoke)."""

    invoke: Operation | None
    outcome: Operation | None

    @property
    def first(self) -> Operation:
        """The invocation, or the outcome where that is all there is."""
        operation = self.invoke or self.outcome
        assert operation is not None
        return operation

    @property
    def ok(self) -> Operation | None:
        """The outcome, where it is a success."""
        return self.outcome if self.outcome is not None and self.outcome.kind == "ok" else None

    @property
    def failed(self) -> bool:
        """Whether the outcome is a definite failure."""
        return self.outcome is not None and self.outcome.kind == "fail"

    @property
    def unknown(self) -> bool:
        """Whether nobody knows the outcome: info, or none at all."""
        return self.outcome is None or self.outcome.kind == "info"

    @property
    def process(self) -> str:
        """Who did it."""
        return self.first.process

    @property
    def key(self) -> str | None:
        """The key of the outcome, else of the invocation."""
        told = None if self.outcome is None else self.outcome.key
        return self.first.key if told is None else told

    @property
    def client_msg_id(self) -> str | None:
        """The message id of the outcome, else of the invocation."""
        told = None if self.outcome is None else self.outcome.client_msg_id
        return self.first.client_msg_id if told is None else told


@dataclass(frozen=True, slots=True)
class Ledger:
    """The whole history by time, and its calls by op in the order of their beginnings."""

    operations: tuple[Operation, ...]
    calls: Mapping[str, Sequence[Call]]

    @classmethod
    def of(cls, operations: Iterable[Operation]) -> Ledger:
        """Orders ``operations`` by time (ties: by index) and pairs them."""
        ordered = _with_epochs(sorted(operations, key=lambda operation: operation.moment))
        return cls(ordered, _pair(ordered))

    def oks(self, op: str) -> list[Operation]:
        """Every success of ``op``, by time."""
        return sorted(
            (call.outcome for call in self.calls.get(op, ()) if call.outcome is not None and call.outcome.kind == "ok"),
            key=lambda operation: operation.moment,
        )


def place(operation: Operation) -> Place | None:
    """Where in its log the operation's message stands, if it says so."""
    return None if operation.seq is None else (operation.epoch, operation.seq)


def _with_epochs(ordered: Sequence[Operation]) -> tuple[Operation, ...]:
    """Where a key has but one epoch, an operation that leaves it out (a table without that column) means this one."""
    epochs: dict[str | None, set[Epoch | None]] = defaultdict(set)
    for operation in ordered:
        if operation.seq is not None:
            epochs[operation.key].add(operation.epoch)
    only = {
        key: next(epoch for epoch in found if epoch is not None)
        for key, found in epochs.items()
        if len(found) == 2 and None in found
    }
    if not only:
        return tuple(ordered)
    return tuple(
        replace(operation, epoch=only[operation.key])
        if operation.seq is not None and operation.epoch is None and operation.key in only
        else operation
        for operation in ordered
    )


def _pair(ordered: Sequence[Operation]) -> dict[str, list[Call]]:
    """Joins each outcome to the oldest open invocation of the same process, op, key and message id.

    An outcome that lacks key or message id belongs to the newest open invocation of its process and op.
    """
    calls: dict[str, list[Call]] = defaultdict(list)
    exact: dict[tuple[str, str, str | None, str | None], deque[int]] = {}
    open_calls: dict[tuple[str, str], dict[int, Operation]] = defaultdict(dict)
    for operation in ordered:
        of_op = calls[operation.op]
        name = (operation.process, operation.op)
        full_name = (*name, operation.key, operation.client_msg_id)
        if operation.kind == "invoke":
            exact.setdefault(full_name, deque()).append(len(of_op))
            open_calls[name][len(of_op)] = operation
            of_op.append(Call(operation, None))
            continue
        waiting = exact.get(full_name)
        number = waiting[0] if waiting else _loosely(operation, open_calls[name])
        if number is None:
            of_op.append(Call(None, operation))
            continue
        invoke = open_calls[name].pop(number)
        exact[*name, invoke.key, invoke.client_msg_id].remove(number)
        of_op[number] = Call(invoke, operation)
    return dict(calls)


def _loosely(operation: Operation, waiting: Mapping[int, Operation]) -> int | None:
    if not waiting or (operation.key is not None and operation.client_msg_id is not None):
        return None
    for number in reversed(list(waiting)):
        invoke = waiting[number]
        same_key = operation.key is None or invoke.key == operation.key
        if same_key and (operation.client_msg_id is None or invoke.client_msg_id == operation.client_msg_id):
            return number
    return None
