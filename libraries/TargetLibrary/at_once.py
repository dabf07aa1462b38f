"""Words of many threads that reach the target at one instant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError

from lockstep import target
from lockstep.dialect import Answer, Driver, Outcome, Request, pace
from lockstep.dialect.driving import send
from lockstep.dialect.messages import FrameAnswer, FrameCall, Talk

from .stage import Stage

_PATIENCE = 30.0


def at_once(stage: Stage, talks: Sequence[Callable[[], Talk]]) -> list[Outcome]:
    """Carries out each talk in a thread of its own; their first requests are sent once all connections are open."""
    barrier = Barrier(len(talks))
    ca_file = target.current().ca_file if target.in_use() else None

    def once(talk: Callable[[], Talk]) -> Outcome:
        first = True

        def together() -> None:
            nonlocal first
            if first:
                first = False
                barrier.wait(_PATIENCE)

        def send_at_once(request: Request) -> Answer:
            try:
                return send(request, ca_file, connected=together)
            except BrokenBarrierError:
                return Answer(None, url=request.url, error="the others had no connection in time")

        def call_at_once(asked: FrameCall) -> FrameAnswer:
            together()
            return stage.call(asked)

        return Driver(stage.speaker, send_at_once, call_at_once).drive(talk())

    pace.take(len(talks))
    with ThreadPoolExecutor(len(talks), "at once") as pool:
        return list(pool.map(once, talks))
