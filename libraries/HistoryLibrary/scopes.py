"""Which history the running test writes to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from lockstep.run_folder import run_folder
from robot.running.context import EXECUTION_CONTEXTS

from .mapping import FrameMapping, mapping_from
from .recorder import History
from .sources import ImportedJournal, RecordedSocket
from .spoken import Names


@dataclass
class Recording:
    """A history under way and what feeds it."""

    history: History
    sockets: list[RecordedSocket] = field(default_factory=list)
    journals: dict[str, ImportedJournal] = field(default_factory=dict)
    gapless: bool = True
    names: Names = field(default_factory=Names)
    given: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    """What each client was given, by conversation and name."""

    def collect(self) -> History:
        """The history, with everything in it that its sockets have journaled so far."""
        for socket in self.sockets:
            socket.collect()
        self.history.flush()
        return self.history

    def close(self) -> None:
        """Takes over the rest and ends the file."""
        self.collect()
        self.history.close()


class Recordings:
    """One recording a test; one begun in a suite's setup serves its tests until they begin their own."""

    def __init__(self) -> None:
        self._by_scope: dict[str, Recording] = {}

    def start(self, name: str | None = None) -> Recording:
        """A new recording for the running test (or suite); an earlier one of it is closed."""
        scope = next(iter(_running()), "")
        if scope in self._by_scope:
            self._by_scope[scope].close()
        title = ".".join(part for part in (scope, name) if part)
        self._by_scope[scope] = Recording(History(title, run_folder("histories")))
        return self._by_scope[scope]

    def current(self) -> Recording:
        """The recording of the running test, else of its suite, else a new one."""
        for scope in _running():
            if scope in self._by_scope:
                return self._by_scope[scope]
        return self.start()

    def end(self, scope: str) -> None:
        """The test or suite is over."""
        recording = self._by_scope.pop(scope, None)
        if recording is not None:
            recording.close()

    def end_all(self) -> None:
        """Nothing more will be recorded."""
        for scope in list(self._by_scope):
            self.end(scope)


class EndOfScope:
    """The listener that ends a history with its test or suite."""

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self, recordings: Recordings) -> None:
        self._recordings = recordings

    def end_test(self, data: Any, result: Any) -> None:
        self._recordings.end(result.full_name)

    def end_suite(self, data: Any, result: Any) -> None:
        self._recordings.end(result.full_name)

    def close(self) -> None:
        self._recordings.end_all()


def _running() -> Iterable[str]:
    """The long names of the running test and its suite, the narrower first; one empty name outside of a run."""
    context = EXECUTION_CONTEXTS.current
    if context is None:
        return [""]
    return [running.full_name for running in (context.test, context.suite) if running is not None] or [""]


def mapping_in_use(given: Any, target: Callable[[], Any]) -> FrameMapping:
    """The mapping ``given``, else the one that the target in use declares as ``mapping.history``, else the default."""
    if given is not None:
        return mapping_from(given)
    try:
        declared = target().mapping.get("history")
    except RuntimeError:
        declared = None
    return mapping_from(declared)
