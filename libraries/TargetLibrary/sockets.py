"""Keywords for sockets: open, recognised, refused, closed."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from lockstep import machine, target
from lockstep.dialect import Answer, Line, NotDescribed, Session
from lockstep.dialect.line import Await, Exchange, Gone, Opened, Send
from lockstep.dialect.promises import NEVER, Bound
from lockstep.dialect.refusals import classes
from lockstep.dialect.socket import SocketRefusal, handshake_refusals
from lockstep.masking import mask
from robot.libraries.BuiltIn import BuiltIn
from WebSocketLibrary.keywords.opening import HandshakeFailedError

from .base import NO_SOCKET, Base, same
from .described import word
from .ending import Ending
from .socket import Socket

NOWHERE = "nowhere"
"""A conversation that there is not: whose credential is bad is refused before anybody looks for it."""


class Sockets(Base):
    """Open Socket, and what is checked of it."""

    @word("socket")
    def get_socket_endpoints(self) -> list[str]:
        """The names of the endpoints that have sockets; all of them where none has."""
        return self.stage.endpoints if self.goes_without_socket() else self.stage.socket_endpoints

    @word("socket")
    def open_socket(
        self, session: Session, endpoint: str = "", client: str = "", room: Any = None, alias: str | None = None
    ) -> str:
        """Opens a socket of ``session``, greeted and authenticated, at an endpoint (the first) and returns its alias.

        ``client`` is the device's own id, made up where none is given; ``room`` is what an address may need.

        Where the target has no sockets, nothing is opened, and what is checked of this socket alone is left out. A test
        that is about sockets by its name is NA there, and so is one that needs what arrives on them.
        """
        if self.goes_without_socket():
            self.unopened.append(session)
            return f"{NO_SOCKET}{len(self.unopened) - 1}"
        try:
            socket = self.stage.open(endpoint, session, client=client, room=room, alias=alias)
        except HandshakeFailedError:
            self._must_live(session)
            raise
        if not socket.opened.ok:
            socket.drop()
            self._must_live(session)
            raise AssertionError(f"the socket at {socket.line.endpoint.name} is of no use: {mask(socket.opened.why)}")
        self.open_sockets[socket.alias] = socket
        return socket.alias

    def _must_live(self, session: Session) -> None:
        """There is no verdict on a socket that was refused where its token has expired by now."""
        if self.stage.has_expired(session):
            machine.missed("UNKNOWN: the token expired before the socket was open")

    @word("socket")
    def close_socket(self, socket: str) -> None:
        """Closes a socket, as its user does."""
        if not self.goes_without_socket():
            self.socket(socket).drop()

    @word("socket")
    def close_all_sockets(self) -> None:
        """Closes every socket; meant for teardowns."""
        self.open_sockets.clear()
        self.unopened.clear()
        library: Any = BuiltIn().get_library_instance("WebSocketLibrary")
        library.close_all_connections()

    @word("socket", "assertion")
    def socket_should_recognise_user(self, socket: str) -> None:
        """Passes when an open socket knows the user whose session it was opened with."""
        found = self.socket(socket)
        greeted = found.line.facts.greeting and found.line.read.get("user")
        if greeted and not same(greeted, found.line.session.user):
            where = f"the greeting at {found.line.endpoint.name}"
            raise AssertionError(f"{where} names user {greeted}, not {found.line.session.user}")
        asked = "who_am_i" in found.line.facts.out
        opened = found.play(found.line.asking("who_am_i")) if asked else found.opened
        if not opened.ok:
            raise AssertionError(f"{socket} does not say who its user is: {mask(opened.why)}")
        if "user" not in opened.read:
            raise self.stage.dialect.missing("socket.who_am_i")
        if not same(opened.read["user"], found.line.session.user):
            where = f"the socket at {found.line.endpoint.name}"
            raise AssertionError(f"{where} sees user {opened.read['user']}, not {found.line.session.user}")

    @word("socket", "assertion")
    def sockets_should_be_of_one_device(self, first: str, second: str) -> None:
        """Passes when the greetings of two sockets name one client, session and user, as far as they name them.

        Where they name nothing of this, the second has to know the user of the first.
        """
        facts = self.stage.dialect.needed_socket()
        before, after = self.socket(first).line, self.socket(second).line
        named = [name for name in ("client", "session", "user") if facts.greeting and name in facts.greeting.read]
        for name in named:
            if before.read.get(name) != after.read.get(name):
                raise AssertionError(
                    f"another {name} after the reconnection: {after.read.get(name)}, not {before.read.get(name)}"
                )
        if not named:
            self.socket_should_recognise_user(second)

    @word("socket", "assertion")
    def every_endpoint_should_open_socket_for_user(self, session: Session) -> None:
        """Passes when a new socket at each endpoint opens and knows the user of ``session``; they are closed again."""
        if self.goes_without_socket():
            return
        for endpoint in self.stage.socket_endpoints:
            alias = self.open_socket(session, endpoint)
            if "who_am_i" in self.socket(alias).line.facts.out or "user" in self.socket(alias).opened.read:
                self.socket_should_recognise_user(alias)
            self.close_socket(alias)

    @word("socket", "assertion")
    def every_endpoint_should_refuse_socket(self, session: Session | None, reason: str, after: str = "") -> None:
        """Passes when each endpoint refuses a socket of ``session`` as the dialect describes it for ``reason``.

        ``after`` is the word that ended the session's access, or ``expiry``: an endpoint that is declared to honour it
        longer than recommended (``promises.ends``) is asked once it has refused the token over HTTP, which it must do
        in that time. It is NA where each may honour it for more than a minute (without ``--patient``), or for ever.
        """
        if self.goes_without_socket():
            return
        self._how_refused(reason)
        later = {name: self._honoured_longer(name, after) for name in self.stage.socket_endpoints}
        for endpoint in (name for name, bound in later.items() if not bound):
            self.endpoint_should_refuse_socket(endpoint, session, reason)
        lacks: list[NotDescribed] = []
        for endpoint, bound in later.items():
            if bound is None or session is None:
                continue
            try:
                self._endpoint_should_refuse_later(endpoint, session, after, bound)
            except NotDescribed as lacking:
                lacks.append(lacking)
        if len(lacks) == len(later):
            raise lacks[0]

    def _endpoint_should_refuse_later(self, endpoint: str, session: Session, after: str, bound: Bound) -> None:
        """Refuses sockets, too, once it refuses the token, which it may honour for so long."""
        if bound.word == NEVER:
            raise NotDescribed(f"promises.ends.{after}", f"access at {endpoint} has a bound of {bound}")
        reason = self._ending.access_ends_at(endpoint, session, after)
        self.endpoint_should_refuse_socket(endpoint, session, reason)

    @property
    def _ending(self) -> Ending:
        assert isinstance(self, Ending)
        return self

    def _how_refused(self, reason: str) -> SocketRefusal:
        """How the target refuses a socket for ``reason``; raises ``NotDescribed``."""
        how = self.stage.dialect.needed_socket().refused.get(reason)
        if how is None or f"refusals.{reason}" in self.stage.dialect.absent:
            raise self.stage.dialect.missing(f"refusals.{reason}" if how else f"socket.refused.{reason}")
        return how

    def _honoured_longer(self, endpoint: str, after: str) -> Bound | None:
        """The bound by which access ends at an endpoint, where it is longer than recommended; None otherwise."""
        promise = self.stage.dialect.promises.ending(after, "access") if after else None
        return promise.bound(endpoint) if promise and promise.is_weaker(endpoint) else None

    @word("socket", "assertion")
    def endpoint_should_refuse_socket(self, endpoint: str, session: Session | None, reason: str) -> None:
        """As `Every Endpoint Should Refuse Socket`, at one."""
        known = session.values if session else {}
        line = Line(self.stage.speaker, endpoint, session if session and session.is_signed_in else None, room=NOWHERE)
        line.read |= {name: value for name, value in known.items() if name not in ("access", "refresh")}
        self.line_should_be_refused(line, reason)

    def line_should_be_refused(self, line: Line, reason: str) -> None:
        """A socket that would open as ``line`` has it is refused as the dialect describes it for ``reason``."""
        how = self._how_refused(reason)
        if how.by == "handshake":
            self._handshake_is_refused(line, reason)
        else:
            self._use_is_refused(line, reason, how)

    @word("socket")
    def reauthenticate_socket(self, socket: str, session: Session) -> None:
        """Gives an open socket the token of ``session``, with which it goes on."""
        found = self.socket(socket)
        opened = found.play(found.line.asking("reauthenticate", access=session.access))
        if not opened.ok and self._may_have_expired(found):
            machine.missed(f"UNKNOWN: the token expired before {socket} had the new one")
        if not opened.ok:
            raise AssertionError(f"{socket} does not take the new token: {mask(opened.why)}")
        found.line.session = session

    def _handshake_is_refused(self, line: Line, reason: str) -> None:
        library: Any = BuiltIn().get_library_instance("WebSocketLibrary")
        shake = line.handshake()
        ca_file = target.current().ca_file if target.in_use() else None
        came = library.handshake_should_be_refused(
            shake.url, headers=dict(shake.headers), subprotocols=list(shake.subprotocols),
            ca_file=ca_file if shake.url.startswith("wss") else None,
        )  # fmt: skip
        answer = Answer(came.status, tuple(came.headers.items()), came.body.encode(), shake.url)
        wanted = handshake_refusals(self.stage.dialect.needed_socket(), self.stage.dialect.refusals, reason)
        if not wanted:
            raise self.stage.dialect.missing(f"refusals.{reason}")
        if not any(known.fits(answer) for known in wanted):
            found = " and ".join(classes(self.stage.dialect.refusals, answer))
            raise AssertionError(
                f"the handshake with {line.endpoint.name} should be refused as {reason} "
                f"({' or '.join(map(str, wanted))}), but{f' as {found}' if found else ''}: {mask(str(answer))}"
            )

    def _use_is_refused(self, line: Line, reason: str, how: SocketRefusal) -> None:
        """The handshake goes well; what follows says no."""
        socket = Socket(line)
        try:
            socket.open(30.0)
        except HandshakeFailedError as error:
            raise AssertionError(f"refused at the handshake, not by {how.by}: {mask(str(error))}") from error
        try:
            self._check_use(socket, reason, how)
        finally:
            socket.drop()

    def _check_use(self, socket: Socket, reason: str, how: SocketRefusal) -> None:
        name = socket.line.endpoint.name
        if how.by == "close":
            codes = how.codes or self.stage.dialect.needed_socket().closes.get(reason, ())
            library: Any = BuiltIn().get_library_instance("WebSocketLibrary")
            library.connection_should_be_closed(
                socket.alias, code=list(codes) or None, within=timedelta(seconds=how.within)
            )
            return
        if socket.opened.ok and how.by == "authentication" and "who_am_i" not in socket.line.facts.out:
            raise AssertionError(f"{name} should refuse the socket as {reason}, but has taken its user")
        opened = socket.opened
        if how.by in ("silence", "subscription") or opened.ok:
            asked = "who_am_i" if "who_am_i" in socket.line.facts.out else "subscribe"
            opened = socket.play(
                _refusal(socket.line, asked, how) if how.when else socket.line.asking(asked, room=NOWHERE)
            )
        if opened.ok:
            raise AssertionError(f"{name} should refuse the socket as {reason}, but serves it")
        if how.by == "silence":
            if opened.frame is not None or not socket.connection.is_open:
                raise AssertionError(f"{name} should be silent, but: {mask(opened.why)}")
            return
        fits = how.when.hold(opened.frame, socket.line.values) if how.when else opened.refused
        if not fits:
            raise AssertionError(f"{name} should refuse the socket as {reason}, by {how.by}, but: {mask(opened.why)}")

    @word("socket", "assertion")
    def socket_should_be_open(self, socket: str) -> None:
        """Passes when the target still serves a socket: it answers what the dialect has an answer for."""
        if self.goes_without_socket():
            return
        found = self.socket(socket)
        if not found.connection.is_open and self._may_have_expired(found):
            machine.missed(f"UNKNOWN: the token of {socket} expired before it was asked")
        if not found.connection.is_open:
            raise AssertionError(f"{socket} should be open, but it is {found.state}")
        asked = next((name for name in ("ping", "who_am_i") if name in found.line.facts.out), None)
        if asked and not (opened := found.play(found.line.asking(asked))).ok:
            raise AssertionError(f"{socket} should be served, but: {mask(opened.why)}")

    def _may_have_expired(self, found: Socket) -> bool:
        """Whether a socket was closed at the expiry of its token or later, as it has to be."""
        closing = found.connection.closing
        if closing is None or not self.stage.has_expired(found.line.session):
            return False
        closed_at = time.time() - (time.monotonic() - float(closing.at))
        return closed_at >= self.stage.expiry(found.line.session)


def _refusal(line: Line, asked: str, how: SocketRefusal) -> Exchange:
    """A frame is sent, and the one that refuses the socket waited for, or an answer, which says that it is served."""
    assert how.when is not None
    when, outgoing = how.when, line.outgoing(asked, room=NOWHERE)
    yield Send(outgoing.content)
    frame = yield Await(
        lambda found: when.hold(found, line.values) or line.judged(outgoing, found) == "answer",
        how.within, f"refusal ({when})",
    )  # fmt: skip
    if isinstance(frame, Gone):
        return Opened(False, {}, why=f"no frame with {when} came within {how.within:g} s: {frame}")
    refused = when.hold(frame, line.values)
    return Opened(not refused, {}, frame, refused=refused, why=f"{asked} was refused: {frame}" if refused else "")
