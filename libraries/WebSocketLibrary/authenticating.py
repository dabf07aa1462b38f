"""Authentication by the first frame: some servers take a token so, since a browser's handshake carries no header."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lockstep.masking import mask, reveal
from robot.api.types import Secret

from .connection import Connection, NotOpenError
from .handshake import TokenPlace
from .journal import Frame
from .matching import Matcher, matcher
from .report import shortened
from .waiting import Search

TOKEN = "{token}"  # noqa: S105  the place of one


class NotAuthenticatedError(Exception):
    """The socket opened, and its first frame was not answered as it should be."""


@dataclass(frozen=True)
class FirstFrame:
    """What is sent as soon as a socket is open, and which answer is waited for (None: no one's)."""

    message: Any
    welcome: Matcher | None = None

    @classmethod
    def described(
        cls,
        message: Any,
        welcome: str | Mapping[str, Any] | None,
        token_in: TokenPlace,
        has_token: bool,
    ) -> FirstFrame | None:
        """From the arguments of a keyword; None where there is no first frame. Raises ``ValueError``."""
        carries = TOKEN in (message if isinstance(message, str) else json.dumps(message, default=str))
        if token_in is TokenPlace.FRAME and not carries:
            raise ValueError("token_in=frame needs a first_frame, a message with {token} in it")
        if message is None:
            if welcome is not None:
                raise ValueError("welcome is the answer to a first_frame, and there is none")
            return None
        if carries and token_in is not TokenPlace.FRAME:
            raise ValueError("the first_frame has {token} in it: say token_in=frame")
        if carries and not has_token:
            raise ValueError("the first_frame has {token} in it, and there is no token")
        return cls(message, None if welcome is None else matcher(welcome))

    def body(self, token: Secret | str | None) -> bytes:
        """The frame of one socket."""
        text = None if token is None else str(reveal(token))
        if isinstance(self.message, str):
            return (self.message if text is None else self.message.replace(TOKEN, json.dumps(text)[1:-1])).encode()
        return json.dumps(_filled(self.message, text), ensure_ascii=False, separators=(",", ":")).encode()


def _filled(value: Any, token: str | None) -> Any:
    if isinstance(value, Secret):
        return reveal(value)
    if isinstance(value, Mapping):
        return {name: _filled(entry, token) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(entry, token) for entry in value]
    return value.replace(TOKEN, token) if isinstance(value, str) and token is not None else value


async def authenticate(connection: Connection, first: FirstFrame, token: Secret | str | None) -> None:
    """Sends the first frame of an open socket, which no keyword knows yet, and waits for the answer to it.

    The welcome is taken, so no later wait returns it. Raises ``NotAuthenticatedError`` where an error or the end of the
    socket comes in its place; whoever calls sets a limit of time.
    """
    since = len(connection.journal)
    try:
        connection.send_text(first.body(token))
    except NotOpenError as error:
        raise NotAuthenticatedError(str(error)) from None
    if first.welcome is None:
        return
    search, news = Search(connection, first.welcome), _News()
    connection.bell = news
    try:
        while (found := search()) is None:
            wrong = next((frame for frame in connection.errors.frames() if frame.index > since), None)
            if wrong is not None:
                raise NotAuthenticatedError(f"an error came in its place: {shortened(wrong.text)}")
            if connection.closing is not None:
                raise NotAuthenticatedError(f"the socket was closed with {connection.closing}")
            await news.wait()
    finally:
        connection.bell = None
    _take(connection, found)


def refused(connection: Connection, why: str) -> str:
    """The failure of a socket that opened and was not authenticated."""
    return f"No socket opened: {mask(connection.request.url)} did not welcome the first frame: {mask(why)}"


def _take(connection: Connection, welcome: Frame) -> None:
    first = next(connection.journal.data(), None)
    if first is not None and first.index == welcome.index:
        # Bulk keywords count data frames; the welcome is none of theirs.
        connection.journal.collect(1)
    connection.journal.take(welcome)


class _News:
    """Wakes the coroutine that waits, on the loop thread."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self, source: Connection) -> None:
        self._event.set()

    async def wait(self) -> None:
        await self._event.wait()
        self._event.clear()
