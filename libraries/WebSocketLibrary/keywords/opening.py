"""Keywords that open sockets, or make sure that none opens."""

from __future__ import annotations

import asyncio
import http.client
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from lockstep import reasons
from lockstep.applicability import present
from lockstep.learning import learn_headers
from lockstep.masking import mask, register, reveal
from lockstep.test_identity import current
from lockstep.waiting import seconds
from picows import WSError, WSHandshakeError
from robot.api import logger
from robot.api.deco import keyword
from robot.api.types import Secret

from ..authenticating import FirstFrame, NotAuthenticatedError, authenticate, refused
from ..background import background
from ..connecting import connect
from ..connection import Connection, NotOpenError
from ..handshake import QUERY_NAME, Answer, Request, TokenPlace, ask, build
from ..matching import equal, look_up
from .base import DEFAULT_WAIT, Base


class HandshakeFailedError(AssertionError):
    """No socket opened. `answer` is what the server said, as far as it came with the first packet; None where it
    said nothing.
    """

    ROBOT_SUPPRESS_NAME = True

    def __init__(self, text: str, answer: Answer | None = None) -> None:
        super().__init__(text)
        self.answer = answer


def prepare(
    url: str,
    token: Secret | str | None,
    token_in: TokenPlace,
    subprotocols: list[str] | None,
    headers: Mapping[str, Any] | None,
    origin: str | None,
    ca_file: str | None,
    query_name: str = QUERY_NAME,
) -> Request:
    """The request of a keyword call; the token is known to the masking from here on.

    NA where the target in use lacks what stands for ``url`` or ``token``.
    """
    if token is not None:
        register(token)
    plain = {str(name): str(reveal(value)) for name, value in (headers or {}).items()}
    learn_headers(plain.items())
    return build(
        present(url),
        token=None if token is None else reveal(present(token)),
        token_in=token_in,
        subprotocols=subprotocols or (),
        headers=plain,
        origin=origin,
        ca_file=ca_file,
        test_id=current(),
        query_name=query_name,
    )


async def open_and_authenticate(
    connection: Connection,
    timeout: timedelta,  # noqa: ASYNC109
    max_frame_size: int,
    first: FirstFrame | None,
    token: Secret | str | None,
) -> Connection:
    """As `open_one`, and with its ``first`` frame welcomed in the same time; otherwise the socket is cut."""
    began = time.monotonic()
    await open_one(connection, timeout, max_frame_size)
    if first is None:
        return connection
    try:
        async with asyncio.timeout(max(0.0, timeout.total_seconds() - (time.monotonic() - began))):
            await authenticate(connection, first, token)
    except (NotAuthenticatedError, TimeoutError) as error:
        connection.cut()
        late = isinstance(error, TimeoutError)
        why = f"no answer within {seconds(timeout)}" if late else reasons.text(error)
        raise HandshakeFailedError(refused(connection, why)) from None
    return connection


async def open_one(connection: Connection, timeout: timedelta, max_frame_size: int) -> Connection:  # noqa: ASYNC109
    """Opens it, or raises `HandshakeFailedError` with a reason that a reader can act on."""
    where = f"the handshake with {mask(connection.request.url)}"
    try:
        return await connect(connection, timeout.total_seconds(), max_frame_size)
    except WSHandshakeError as error:
        if error.response is None:
            raise HandshakeFailedError(
                f"No socket opened: {where} got a malformed answer: {reasons.text(error)}"
            ) from error
        headers = {name.lower(): value for name, value in error.response.headers.items()}
        status = error.response.status
        answer = Answer(status.value, status.phrase, headers, (error.raw_body or b"").decode("utf-8", "replace"))
        if status == 101:
            raise HandshakeFailedError(
                f"No socket opened: {where} was answered wrongly: {reasons.text(error)}", answer
            ) from error
        raise HandshakeFailedError(f"No socket opened: {where} was refused with {mask(str(answer))}", answer) from error
    except TimeoutError as error:
        raise HandshakeFailedError(f"No socket opened: {where} got no answer within {seconds(timeout)}") from error
    except (OSError, NotOpenError, WSError) as error:
        raise HandshakeFailedError(f"No socket opened: {where} failed: {reasons.text(error)}") from error


class Opening(Base):
    """Open Connection and its opposites."""

    @keyword(tags=["opening"])
    def open_connection(
        self,
        url: str,
        alias: str | None = None,
        *,
        token: Secret | str | None = None,
        token_in: TokenPlace = TokenPlace.HEADER,
        subprotocols: list[str] | None = None,
        headers: dict[str, Any] | None = None,
        origin: str | None = None,
        ca_file: str | None = None,
        timeout: timedelta = DEFAULT_WAIT,
        auto_pong: bool = True,
        error_frames: str | dict[str, Any] | None = None,
        query_name: str = QUERY_NAME,
        first_frame: Any = None,
        welcome: str | dict[str, Any] | None = None,
        heartbeat: dict[str, Any] | list[Any] | None = None,
    ) -> str:
        """Opens a socket to ``url`` (``ws://`` or ``wss://``), makes it the current one and returns its alias.

        ``token`` travels as ``Authorization: Bearer`` (``token_in=header``), as subprotocol ``bearer.<token>``, as
        query parameter ``query_name``, or in the first frame. ``ca_file`` is a PEM file that ``wss`` certificates are
        checked against, instead of the system's. Where a test runs, its name goes along as ``X-Test-Id``. With
        ``auto_pong=False`` pings of the peer stay unanswered. ``error_frames`` says which frames are errors on this
        socket (`Errors`), ``first_frame`` and ``welcome`` how it is authenticated (`Authentication`), ``heartbeat``
        which pings of the application it answers (`Heartbeats`).

        Fails when the server refuses (with status, headers and body), answers wrongly or not within ``timeout``. A
        redirect is a refusal; there is no second attempt, and a lost socket is never opened again by itself.
        """
        first = FirstFrame.described(first_frame, welcome, token_in, token is not None)
        request = prepare(url, token, token_in, subprotocols, headers, origin, ca_file, query_name)
        connection = self._connection(
            alias, request, auto_pong=auto_pong, error_frames=error_frames, heartbeat=heartbeat
        )
        background().run(open_and_authenticate(connection, timeout, self.max_frame_size, first, token))
        self.connections.add(connection)
        return connection.alias

    @keyword(tags=["opening"])
    def switch_connection(self, connection: str) -> str | None:
        """Makes ``connection`` the current one and returns the alias of the one before."""
        return self.connections.switch(connection)

    @keyword(tags=["opening", "getter"])
    def get_handshake_answer(self, connection: str | None = None) -> Answer:
        """What the server answered to the handshake: ``.status``, ``.headers`` (names in lower case),
        ``.subprotocol``.
        """
        return self.connections.get(connection).answer

    @keyword(tags=["opening", "assertion"])
    def handshake_should_be_refused(
        self,
        url: str,
        status: int | list[int] | None = None,
        *,
        token: Secret | str | None = None,
        token_in: TokenPlace = TokenPlace.HEADER,
        subprotocols: list[str] | None = None,
        headers: dict[str, Any] | None = None,
        origin: str | None = None,
        ca_file: str | None = None,
        timeout: timedelta = DEFAULT_WAIT,
        query_name: str = QUERY_NAME,
        **expected: Any,
    ) -> Answer:
        """Passes when the server answers the handshake with an HTTP status other than 101, and with ``status``, or one
        of a list of them, where given.

        Free named arguments are fields of the answer: ``header.<name>=`` a header, which must contain the value;
        any other is a dotted path into the JSON body (``code=token_expired``).
        Returns the answer: ``.status``, ``.headers``, ``.body`` and ``.json``.

        Fails when a socket opens, when another status comes, and when no HTTP answer comes at all: a dead server
        refuses nobody.

        | ${answer} =    Handshake Should Be Refused    ${URL}    401    token=${EXPIRED}    code=token_expired
        """
        if token_in is TokenPlace.FRAME:
            raise ValueError("a first frame comes after the handshake, which cannot be refused because of it")
        wanted = _statuses(status)
        request = prepare(url, token, token_in, subprotocols, headers, origin, ca_file, query_name)
        shown = mask(request.url)
        try:
            answer = ask(request, timeout.total_seconds())
        except (OSError, http.client.HTTPException) as error:
            raise AssertionError(
                f"The handshake with {shown} should be refused{_with(wanted)}, but no HTTP answer came: "
                f"{mask(reasons.text(error))}"
            ) from error
        logger.info(f"Answer: {mask(str(answer))}")
        if answer.status == 101:
            raise AssertionError(f"The handshake with {shown} should be refused{_with(wanted)}, but a socket opened")
        if wanted and answer.status not in wanted:
            raise AssertionError(
                f"The handshake with {shown} should be refused{_with(wanted)}, was {mask(str(answer))}"
            )
        for name, value in expected.items():
            _check_field(answer, name, value)
        return answer


def _statuses(status: int | list[int] | None) -> list[int]:
    if status is None:
        return []
    wanted = [status] if isinstance(status, int) else [int(one) for one in status]
    if not wanted or 101 in wanted:
        raise ValueError(f"the status of a refusal is needed, which 101 is not, not {status}")
    return wanted


def _with(statuses: list[int]) -> str:
    return f" with {' or '.join(map(str, statuses))}" if statuses else ""


def _check_field(answer: Answer, name: str, expected: Any) -> None:
    if name.startswith("header."):
        actual = answer.headers.get(name.removeprefix("header.").lower())
        good = actual is not None and str(expected) in actual
    else:
        try:
            actual = look_up(answer.json, name)
            good = equal(actual, expected)
        except LookupError:
            actual, good = None, False
    if not good:
        raise AssertionError(
            f"The refusal should have {name} = {expected!r}, but it is {mask(repr(actual))} in {mask(str(answer))}"
        )
