"""How journals are shown: the end of one in a failure message, all of one as a table in the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from lockstep.masking import mask
from lockstep.waiting import shorten
from robot.api import logger

from .connection import Connection
from .journal import Direction, Frame, Opcode

SHOWN_FRAMES = 3
SHOWN_CHARACTERS = 200
TABLE_CHARACTERS = 2000


def shortened(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    """The text masked, then cut in its middle; the other way round half a secret could slip through."""
    return shorten(mask(text), limit)


def frame_line(frame: Frame) -> str:
    """One frame in one line."""
    as_text = frame.opcode == Opcode.TEXT or (frame.type_name != "binary" and frame.text.isprintable())
    body = frame.text if as_text else repr(frame.body[:SHOWN_CHARACTERS])
    if frame.type_name == "close" and len(frame.body) >= 2:
        body = f"{int.from_bytes(frame.body[:2], 'big')} {frame.body[2:].decode('utf-8', 'replace')}".strip()
    unfinished = "" if frame.complete else " (unfinished)"
    return f"#{frame.index} +{frame.elapsed:.3f}s {frame.type_name}{unfinished} {shortened(body)}".rstrip()


def situation(connection: Connection, since: int = 0) -> str:
    """What came instead: how many frames, those that matter most, and how the socket stands."""
    received = list(connection.journal.frames(Direction.RECEIVED, since))
    if received:
        lines = "".join(f"\n  {frame_line(frame)}" for frame in explaining(connection, received))
        came = f"{len(received)} frame(s) received, of these:{lines}"
    else:
        came = "No frame received."
    return f"{came}\nThe socket is {connection.describe_state()}."


def explaining(connection: Connection, received: Sequence[Frame]) -> list[Frame]:
    """The few frames that explain most: errors, then data and closes, then pings and pongs; of each the last ones."""
    errors = {frame.index for frame in connection.errors.frames()}
    ranks: tuple[list[Frame], ...] = ([], [], [])
    for frame in received:
        beat = frame.heartbeat or frame.opcode in (Opcode.PING, Opcode.PONG)
        ranks[0 if frame.index in errors else 2 if beat else 1].append(frame)
    shown: list[Frame] = []
    for rank in ranks:
        left = SHOWN_FRAMES - len(shown)
        shown += rank[-left:] if left else []
    return shown


def log_journal(connection: Connection, limit: int = 200, level: str = "INFO") -> None:
    """Writes the last `limit` entries of the journal as a table to log.html."""
    journal = connection.settled_journal
    frames = list(journal.frames(Direction.BOTH, max(0, len(journal) - limit)))
    left_out = len(journal) - len(frames)
    caption = f"{connection.alias}: {len(journal)} entries, {connection.describe_state()}"
    if left_out:
        caption += f"; the first {left_out} are left out"
    # html=True on a level of the caller's choice is what logger.write offers.
    logger.write(_table(caption, frames), level, html=True)  # type: ignore[arg-type]


def _table(caption: str, frames: Iterable[Frame]) -> str:
    rows = "".join(_row(frame) for frame in frames)
    head = "".join(f"<th>{name}</th>" for name in ("#", "seconds", "wall clock (UTC)", "", "type", "bytes", "body"))
    return f"<details open><summary>{escape(mask(caption))}</summary><table><tr>{head}</tr>{rows}</table></details>"


def _row(frame: Frame) -> str:
    arrow = "→" if frame.direction is Direction.SENT else "←"
    kind = frame.type_name + (f" in {frame.fragments} fragments" if frame.fragments > 1 else "")
    kind += "" if frame.complete else ", unfinished"
    kind += ", heartbeat" if frame.heartbeat else ""
    body = frame.body[:TABLE_CHARACTERS].hex(" ") if frame.type_name == "binary" else frame.text
    cells = (
        str(frame.index),
        f"{frame.elapsed:.6f}",
        frame.wall.strftime("%H:%M:%S.%f"),
        arrow,
        kind,
        str(len(frame.body)),
        shortened(body, TABLE_CHARACTERS),
    )
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
