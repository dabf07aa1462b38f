"""Sockets for Robot Framework: one journal a socket, waits by content, refusals and closes judged by code."""

from __future__ import annotations

from typing import Any

from lockstep import verdicts
from lockstep.masking import FIRST, MaskingListener
from robot.api.deco import library

from .background import background
from .compat import Classic
from .connection import Connection, cut_all
from .errors import DEFAULT, ErrorFrames
from .journal import Direction, Frame
from .keywords.bulk import Bulk
from .keywords.closing import Closing
from .keywords.judging import Judging
from .keywords.opening import Opening
from .keywords.receiving import Receiving
from .keywords.sending import Sending
from .registry import Connections

__all__ = ["Connection", "Direction", "Frame", "WebSocketLibrary"]


@library(scope="GLOBAL", doc_format="ROBOT", auto_keywords=False)
class WebSocketLibrary(Classic, Opening, Sending, Receiving, Bulk, Judging, Closing):
    """WebSocket clients (RFC 6455) for acceptance tests.

    = Connections =

    `Open Connection` makes a socket and returns its alias. Keywords act on the current connection, the one opened or
    switched to last, unless ``connection=<alias>`` names another. A lost socket is never opened again by itself. One
    background thread serves every socket; keywords only look at the *journal* of a socket, in which each frame is
    kept with the time it was seen.

    = Which frame =

    Waits go by content, not by order: frames of other kinds may come in between and stay for later waits. A frame
    that a wait has returned is *taken*: no later wait returns it again, so two equal waits want two frames.

    - Free named arguments are dotted paths into the JSON of a frame: ``type=ack    payload.items.0.id=7``. Text
      means the JSON value: ``3``, ``true`` and ``null`` match numbers, booleans and null. ``text=`` is the whole
      text of a frame.
    - ``where=`` takes a dictionary of such paths, or a Python expression that sees the top-level keys of the JSON,
      and ``json``, ``text``, ``body`` (bytes), ``opcode``, ``frame`` and ``re``:
      ``where=type == 'message' and payload.seq > 3``.
    - With neither, any data frame is wanted.

    = Errors =

    An error frame in the place of what is awaited ends a wait at once, and is in its message. Errors are by default the
    JSON frames with ``type=error``; the argument ``error_frames``, of the library or of `Open Connection`, says it
    otherwise, in the form of ``where``, and ``none`` is no frame. Which request an error answers says its ``id``
    (``request_id``, a dotted path).

    - An error that names a request stands for that request. A wait that names an ``id``, or a value that the request
      contradicts, goes on, and so does one as long as enough other requests could bring what it wants.
    - A wait for errors (``type=error    payload.code=busy``) is never ended by one.
    - An error that a keyword has returned, counted or reported ends no later wait.

    = Authentication =

    A server that takes the token in a frame is sent ``first_frame`` as soon as the socket is open: a dictionary, list
    or text with ``{token}`` in it (``token_in=frame``). ``welcome`` says, in the form of ``where``, which frame answers
    it; it is waited for and taken. The socket has not opened where an error or a close comes in its place, or nothing
    in time. A ``first_frame`` without ``{token}`` is sent whatever way the token goes.

    | VAR    &{hello}    type=auth    access_token={token}
    | `Open Connection`    ${URL}    token=${TOKEN}    token_in=frame    first_frame=${hello}    welcome=status=ok

    = Heartbeats =

    ``heartbeat`` is a dictionary of ``when``, in the form of ``where``, and ``send``, or a list of such. A frame that
    ``when`` describes is answered at once, by the socket itself. In a dictionary to ``send`` a text ``{path}`` becomes
    what the ping has at that dotted path, ``null`` where it has nothing; a text is sent as it is.

    A heartbeat is no data: it counts for no bulk keyword and comes in the place of no frame. A wait that describes it
    finds it all the same (``Count Frames    >=    2    where=type=ping``), and the journal shows it.

    | VAR    &{heartbeat}    when=type=ping    send=${{ {'type': 'pong', 'n': '{n}'} }}

    = Misspelled fields =

    `Frame Should Not Arrive`, `Count Frames` and `Get Frames` fail instead of finding nothing where the field that
    decides is one that no frame has ever had. What may well be missing is asked of what holds it:
    ``where='error' in json``.

    = Assertions =

    Getters take an operator, an expected value and a time to wait: ``Count Frames    ==    3    within=5s``.
    Operators are those of robotframework-assertion-engine: ``==``, ``!=``, ``<``, ``>``, ``<=``, ``>=``, ``*=``
    (contains), ``matches``, ``validate``, ``then``.

    = Failures =

    A failed keyword says what was wanted, how long it waited, what came instead and how the socket stands, and
    writes the journal to log.html. Tokens are masked everywhere; they may be given as text or as ``Secret``.

    = Classic names =

    The sixteen keywords of robotframework-websocketlibrary (``Connect``, ``Send``, ``Recv``, ``Ping``, …, tag
    ``classic``) work on the current connection. Unlike there, a message may not be lost with the socket: ``Recv``
    fails with the close code.
    """

    ROBOT_LIBRARY_VERSION = "1.0.0"

    def __init__(
        self,
        max_frame_size: int = 64 * 1024 * 1024,
        error_frames: str | dict[str, Any] = DEFAULT,
        request_id: str = "id",
    ) -> None:
        """``max_frame_size`` in bytes: a larger frame from the peer ends the socket with 1009. See `Errors` for
        ``error_frames`` and ``request_id``.
        """
        self.connections = Connections()
        self.max_frame_size = max_frame_size
        self.error_frames = ErrorFrames.described(error_frames, request_id)
        self.ROBOT_LIBRARY_LISTENER = [FIRST, verdicts.LISTENER, _CutAtTheEnd(self)]


class _CutAtTheEnd(MaskingListener):
    """Cuts what is still open when Robot Framework is done with the library. Masks as well, since each listener costs
    time at every keyword.
    """

    def __init__(self, owner: WebSocketLibrary) -> None:
        self._owner = owner

    def close(self) -> None:
        left = [connection for connection in self._owner.connections if not connection.gone]
        if left:
            background().call(cut_all, left)
