"""Keywords that judge what many sockets have received."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lockstep.masking import mask
from robot.api.deco import keyword

from ..journal import Frame
from ..matching import look_up
from ..report import frame_line
from ..spelling import nearest
from .base import Base


class Judging(Base):
    """Collected Should Be Numbered, Frames Should Keep To."""

    @keyword(tags=["bulk", "assertion"])
    def collected_should_be_numbered(
        self, frames: Mapping[str, Sequence[Frame]], path: str, text: str, what: str = "frames of"
    ) -> None:
        """Passes when on each connection the collected ``frames`` (of `Collect On All`) are numbered from 0 in the
        order in which they came: their JSON at the dotted ``path`` is ``text`` with ``{n}`` and ``{alias}`` filled in.

        Fails with the first frame out of place, and where there are none; ``what`` they are, before the alias.

        | Collected Should Be Numbered    ${acks}    payload.client_msg_id    {alias}-{n}    acknowledgements of
        """
        if not any(len(some) for some in frames.values()):
            raise AssertionError(f"there are no {what}, so their order proves nothing")
        for alias, some in frames.items():
            for number, frame in enumerate(some):
                expected = text.replace("{n}", str(number)).replace("{alias}", alias)
                actual = _value_at(frame, path)
                if actual != expected:
                    raise AssertionError(
                        f"the {what} {alias} are out of order: '{mask(str(actual))}' came at place {number}, "
                        f"not '{expected}'"
                    )

    @keyword(tags=["bulk", "assertion"])
    def frames_should_keep_to(self, path: str, values: list[Any], connections: list[str]) -> None:
        """Passes when no frame that one of ``connections`` has received has, at the dotted ``path`` of its JSON,
        another value than that of ``values`` for this connection. Frames without that path are nobody's, but one at
        least has to have it.

        | Frames Should Keep To    payload.conversation_id    ${CONVERSATIONS}    ${ALIASES}
        """
        seen = False
        for alias, own in zip(connections, values, strict=True):
            journal = self.connections.get(alias).settled_journal
            foreign = [frame for frame in journal.frames() if _value_at(frame, path) not in (None, own)]
            seen = seen or any(_value_at(frame, path) is not None for frame in journal.frames())
            if foreign:
                raise AssertionError(
                    f"{alias} received {len(foreign)} frames whose {path} is not its own ('{own}'), "
                    f"the first: {frame_line(foreign[0])}"
                )
        if not seen:
            received = [frame for alias in connections for frame in self.connections.get(alias).journal.frames()]
            raise AssertionError(
                f"no frame that {', '.join(connections[:5])} received has a field '{path}': nothing was proved"
                f"{nearest(path, received)}"
            )


def _value_at(frame: Frame, path: str) -> Any:
    try:
        return look_up(frame.json, path)
    except LookupError:
        return None
