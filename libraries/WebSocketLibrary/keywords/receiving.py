"""Keywords that wait for frames and judge them, by content and not by order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from assertionengine import AssertionOperator
from lockstep.asserting import checked
from lockstep.waiting import seconds
from robot.api.deco import keyword
from robot.utils import DotDict

from ..connection import Connection
from ..errors import Refusals
from ..journal import Direction, Frame, Opcode
from ..matching import Matcher, matcher, only_opcode
from ..report import frame_line
from ..spelling import flaw
from ..waiting import Search, cause, duration, fail, find, wait_until
from .base import DEFAULT_WAIT, Base


def dotted(value: Any) -> Any:
    """JSON with dictionaries that Robot can read as `${reply.payload.seq}`."""
    if isinstance(value, dict):
        return DotDict({key: dotted(item) for key, item in value.items()})
    return [dotted(item) for item in value] if isinstance(value, list) else value


class Receiving(Base):
    """Wait For Frame, Frame Should Not Arrive, Count Frames."""

    @keyword(tags=["receiving", "assertion"])
    def wait_for_frame(
        self,
        where: str | dict[str, Any] | None = None,
        *,
        within: timedelta = DEFAULT_WAIT,
        opcode: str | None = None,
        since: int = 0,
        connection: str | None = None,
        **fields: Any,
    ) -> Frame:
        """Returns the first wanted frame that no earlier wait returned, whether it came already or comes ``within``
        that time.

        Wanted is what ``where`` and the free named arguments say, all of it; see `Which frame`. ``opcode``
        (``text``, ``binary``, ``ping``, ``pong``, ``close``) narrows it to one type, ``since`` to journal entries
        from that index on (`Get Journal Position`).

        Fails with the last frames that came instead; at once when the socket ends.

        | Wait For Frame    text=hello
        | Wait For Frame    where=type == 'message' and payload.seq > 3    within=2s
        """
        wanted = matcher(where, fields)
        if opcode is not None:
            wanted = only_opcode(Opcode[opcode.upper()], wanted if where or fields else matcher("True"))
        return find(self.connections.get(connection), wanted, within, since)

    @keyword(tags=["receiving", "assertion"])
    def wait_for_json(
        self,
        where: str | dict[str, Any] | None = None,
        *,
        within: timedelta = DEFAULT_WAIT,
        since: int = 0,
        connection: str | None = None,
        **fields: Any,
    ) -> Any:
        """`Wait For Frame` among the JSON frames; returns the parsed JSON, so that ``${ack.payload.seq}`` can be read.

        | ${ack} =    Wait For Json    type=ack    payload.client_msg_id=${id}    within=2s
        """
        inner = matcher(where, fields)
        wanted = Matcher(
            inner.description if where or fields else "any JSON",
            lambda frame: frame.json is not None and inner(frame),
            inner.conditions,
        )
        return dotted(find(self.connections.get(connection), wanted, within, since).json)

    @keyword(tags=["receiving", "assertion"])
    def frame_should_not_arrive(
        self,
        where: str | dict[str, Any] | None = None,
        *,
        within: timedelta = timedelta(seconds=1),
        since: int = 0,
        even_closed: bool = False,
        connection: str | None = None,
        **fields: Any,
    ) -> None:
        """Passes when no such frame is among those that no wait returned, and none comes ``within`` that time
        (``for=`` is the same).

        ``since=${position}`` (`Get Journal Position`) leaves out what came earlier.
        Fails when the socket is closed or closes meanwhile, since nothing can arrive on it then;
        ``even_closed=True`` allows that. Fails, too, when the field that decides is one that no frame has ever had.

        | Frame Should Not Arrive    type=message    for=500ms
        """
        target = self.connections.get(connection)
        pause = duration(fields.pop("for", within))
        wanted = matcher(where, fields)
        search = Search(target, wanted, since)
        found = wait_until(
            [target],
            lambda: search() or (True if not target.is_open and not even_closed else None),
            pause.total_seconds(),
        )
        if isinstance(found, Frame):
            fail(
                target,
                f"No frame with {wanted.description} should arrive on '{target.alias}', "
                f"but this did: {frame_line(found)}.",
            )
        if found is not None:
            fail(
                target,
                f"No frame with {wanted.description} should arrive on '{target.alias}' for {seconds(pause)}, "
                f"but that cannot be known: the socket is {target.describe_state()}.",
            )
        self._must_be_possible(target, wanted)

    @keyword(tags=["receiving", "getter"])
    def get_frames(
        self,
        where: str | dict[str, Any] | None = None,
        *,
        direction: Direction = Direction.RECEIVED,
        since: int = 0,
        connection: str | None = None,
        **fields: Any,
    ) -> list[Frame]:
        """All such frames in order, also those that a wait returned; data frames only, unless ``where`` says
        otherwise (``where=True``). Fails instead of finding none when the field that decides is one that no frame has
        ever had.

        A frame has ``.text``, ``.json``, ``.body`` (bytes), ``.opcode``, ``.index``, ``.elapsed`` (seconds since
        opening), ``.wall`` (UTC), ``.fragments`` and ``.direction``.
        """
        target = self.connections.get(connection)
        wanted = matcher(where, fields)
        found = [frame for frame in target.settled_journal.frames(direction, since) if wanted(frame)]
        target.errors.note(found)
        if not found:
            self._must_be_possible(target, wanted, direction)
        return found

    @keyword(tags=["receiving", "getter", "assertion"])
    def count_frames(
        self,
        assertion_operator: AssertionOperator | None = None,
        assertion_expected: Any = None,
        message: str | None = None,
        *,
        where: str | dict[str, Any] | None = None,
        within: timedelta | None = None,
        direction: Direction = Direction.RECEIVED,
        since: int = 0,
        connection: str | None = None,
    ) -> Any:
        """How many such frames the journal holds, also those that a wait returned; see `Assertions`.

        With ``within`` it passes as soon as the assertion holds; that no further one comes is what `Frame Should Not
        Arrive` tells. A count of 0 fails when the field that decides is one that no frame has ever had.

        | Count Frames    ==    3    within=5s    where=type=message
        """
        target = self.connections.get(connection)
        wanted = matcher(where)
        subject = f"Count of frames with {wanted.description} on '{target.alias}'"
        started = time.monotonic()
        refusal = Refusals(target.journal, target.errors, wanted, since=since)
        counted: list[Frame] = []
        error: Frame | None = None

        def count() -> int:
            counted[:] = [frame for frame in target.settled_journal.frames(direction, since) if wanted(frame)]
            target.errors.note(counted)
            return len(counted)

        def asserted() -> Any:
            return checked(subject, count, assertion_operator, assertion_expected, None, message)

        def holds() -> Any:
            nonlocal error
            try:
                return (asserted(),)
            except AssertionError as failure:
                error = refusal()
                return failure if error or target.closing else None

        result = wait_until([target], holds, within.total_seconds() if within else 0.0)
        try:
            value = result[0] if isinstance(result, tuple) else asserted()
        except AssertionError as failure:
            waited = f" (waited {time.monotonic() - started:.3f} s)" if within else ""
            fail(target, f"{failure}{waited}{cause(target, wanted, error, since)}.")
        if not counted:
            self._must_be_possible(target, wanted, direction)
        return value

    @keyword(tags=["receiving", "getter"])
    def get_journal_position(self, connection: str | None = None) -> int:
        """The index that the next journal entry will have: a mark for ``since=``."""
        return len(self.connections.get(connection).settled_journal)

    def _must_be_possible(self, target: Connection, wanted: Matcher, direction: Direction = Direction.RECEIVED) -> None:
        if reason := self._impossible(target, wanted, direction):
            fail(target, f"No frame with {wanted.description} on '{target.alias}', but that proves nothing: {reason}.")

    def _impossible(self, target: Connection, wanted: Matcher, direction: Direction) -> str:
        """Why no frame could have been found, whatever came; "" where one could."""

        def known() -> Iterator[Frame]:
            for connection in (target, *self.connections):
                yield from connection.journal.frames(Direction.BOTH)

        return flaw(wanted, list(target.journal.frames(direction)), known)
