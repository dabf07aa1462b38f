"""Keywords that judge when tokens and sockets end, by what the target promises."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from lockstep import machine, verdicts
from lockstep.dialect import NotDescribed, Session
from lockstep.dialect.promises import AT_EXPIRY, NEVER, NEXT_FRAME, Bound
from lockstep.dialect.promises import Ending as Promise
from lockstep.dialect.socket import PROBES
from lockstep.masking import mask
from lockstep.unknown import Unknown
from lockstep.waiting import wait_until
from robot.api import logger

from .base import Base
from .described import word
from .recognising import Recognising
from .socket import Socket
from .stage import LONGEST_WAIT, patient

_OF_ENDED = ("sessions", "rooms", "room")
"""Two words that read, and one that writes: none needs anything but the session."""
_CLOSE_REASONS = {"expiry": "expired"}
_MEASURED = 1.0
"""For so many seconds it is seen whether what may take long, or never has to end, does so nevertheless."""


class Ending(Base):
    """Access Should End, Refresh Should End, Socket Should End."""

    @word("promise", "assertion")
    def access_should_end(self, session: Session, after: str) -> None:
        """Passes when each endpoint refuses the access token of ``session`` within what is promised.

        It has to say no to who asks who they are, and to list sessions and conversations or begin one, as far as it
        serves these words.

        ``after`` is the word that ended it (``sign_out``, ``revoke_session``, ``revoke_all``, ``change_password``,
        ``deactivate``, ``delete_account``), or ``expiry``.
        """
        since = self._since(session, after)
        lacks: list[NotDescribed] = []
        for endpoint in self.stage.endpoints:
            try:
                self.access_ends_at(endpoint, session, after, since)
            except NotDescribed as lacking:
                # The other endpoints are judged nevertheless.
                lacks.append(lacking)
        if lacks:
            raise lacks[0]

    def access_ends_at(self, endpoint: str, session: Session, after: str, since: float | None = None) -> str:
        """Waits until an endpoint refuses an access token within what is promised; returns for which reason it does.

        ``since`` is when it was ended, on the monotonic clock: now, or the expiry. Raises ``NotDescribed`` for a bound
        that is too long to wait for.
        """
        promise = self.stage.dialect.promises.ending(after, "access")
        at_expiry = after == "expiry" or promise.bound(endpoint).word == AT_EXPIRY
        cause = "expired" if at_expiry else "revoked"
        asks = partial(self._access_has_ended, endpoint, session, self._recognising.expected_refusal(cause))
        began = self._since(session, after) if since is None else since
        self._ends(f"access at {endpoint}", after, promise, endpoint, began, session, asks)
        if promise.bound(endpoint).word != NEVER:
            for name in self._asked_of_ended(endpoint):
                refused = partial(self._is_not_done, name, endpoint, session)
                self._ends(f"{name} at {endpoint}", after, promise, endpoint, began, session, refused)
        return cause

    @word("promise", "assertion")
    def suspended_access_should_stay_ended(self, session: Session) -> None:
        """As `Access Should End` after ``deactivate``, of an account that is active again.

        Where sessions go on then (``promises.accounts.activated``), every endpoint has to recognise it.
        """
        promise = self.stage.dialect.promises.choice("accounts.activated")
        if promise.value != "go_on":
            return self.access_should_end(session, "deactivate")
        self._recognising.every_endpoint_should_recognise_user(session)
        return verdicts.weaker("sessions go on once their account is active again, as declared", promise.reference)

    def _asked_of_ended(self, endpoint: str) -> list[str]:
        """Words that an endpoint may do for who has ended, though it does not say any more who that is."""
        dialect = self.stage.dialect
        found = []
        for name in filter(dialect.knows, _OF_ENDED):
            steps = dialect.operations.get(name, ())
            by_user = bool(steps) and all(step.kind == "request" and step.role == "user" for step in steps)
            if by_user and endpoint in dialect.serving(name):
                found.append(name)
        return found

    def _is_not_done(self, name: str, endpoint: str, session: Session) -> bool:
        return not self.stage.perform(name, session, endpoint).ok

    def _access_has_ended(self, endpoint: str, session: Session, reason: str) -> bool:
        outcome = self.stage.who(endpoint, session)
        if outcome.ok:
            return False
        if wrong := self._recognising.not_refused_as(outcome, reason):
            raise _Wrong(f"{endpoint} {wrong}")
        return True

    @word("promise", "assertion")
    def refresh_should_end(self, session: Session, after: str) -> None:
        """Passes when the refresh token of ``session`` buys nothing any more, within what is promised."""
        if "refresh" not in session.values:
            raise self.stage.dialect.missing("operations.sign_in.read.refresh")
        promise = self.stage.dialect.promises.ending(after, "refresh")
        current = session

        def has_ended() -> bool:
            nonlocal current
            outcome = self.stage.perform("refresh", current)
            if outcome.ok:
                current = outcome.session
                return False
            if not outcome.refused:
                raise _Wrong(f"the refresh was not refused in the dialect's words: {mask(outcome.why)}")
            return True

        self._ends("the refresh token", after, promise, "", self._since(session, after), session, has_ended)

    @word("promise", "assertion")
    def described_refresh_should_end(self, session: Session, after: str) -> None:
        """As `Refresh Should End`; where no sign-in brings a refresh token, there is none to end."""
        promise = self.stage.dialect.promises.ending(after, "refresh")
        if "refresh" in session.values:
            self.refresh_should_end(session, after)
        else:
            logger.info(f"no refresh token is there to end {promise.bound('')} after {after}")

    @word("promise", "assertion")
    def socket_should_end(self, socket: str, after: str) -> None:
        """Passes when the target closes a socket within what is promised, with a code that the dialect declares.

        With ``socket.ended`` a socket may stay open: it has ended, too, when each frame is refused so.
        """
        if self.goes_without_socket():
            return
        found = self.socket(socket)
        endpoint = found.line.endpoint.name
        promise = self.stage.dialect.promises.ending(after, "sockets")
        bound = promise.bound(endpoint)
        if bound.word == NEXT_FRAME:
            self._probe(found)

        session, what = found.line.session, f"the socket at {endpoint}"
        since = self._since(session, after)
        refused_at: list[float] = []

        def has_ended() -> bool:
            if not self._each_frame_is_refused(found, what):
                return False
            refused_at.append(time.time())
            return True

        is_asked = bool(found.line.facts.ended)
        self._ends(what, after, promise, endpoint, since, session, has_ended, None if is_asked else found, is_asked)
        closing = found.connection.closing
        if closing is None:
            if refused_at and after == "expiry":
                self._not_before_expiry(session, refused_at[0], "refused")
            return
        codes = self.stage.dialect.needed_socket().closes.get(_CLOSE_REASONS.get(after, "revoked"), ())
        if codes and closing.code not in codes:
            raise AssertionError(
                f"the socket at {endpoint} should be closed with {' or '.join(map(str, codes))}, was {found.state}"
            )
        if after == "expiry":
            self._not_before_expiry(session, time.time() - (time.monotonic() - closing.at), "closed")

    def _not_before_expiry(self, session: Session, at: float, how: str) -> None:
        if at < (expiry := self.stage.expiry(session)):
            raise AssertionError(f"the socket was {how} {expiry - at:.3f} s before the expiry")

    def _each_frame_is_refused(self, found: Socket, what: str) -> bool:
        """Whether a socket is closed, or left open with each frame refused as ``socket.ended`` has it."""
        for name in PROBES:
            if name not in found.line.facts.out or not found.line.facts.out[name].answer:
                continue
            found.update()
            if found.connection.closing is not None:
                return True
            arguments = {"room": found.line.read.get("room", ""), "text": "still there", "key": str(uuid.uuid4())}
            opened = found.play(found.line.probing(name, **arguments))
            if opened.ok:
                return False
            if not opened.refused and found.connection.closing is None:
                raise _Wrong(f"{what} was not refused as socket.ended has it: {mask(opened.why)}")
        return True

    def _probe(self, found: Any) -> None:
        asked = next((name for name in ("ping", "who_am_i", "send") if name in found.line.facts.out), None)
        if asked and found.connection.is_open:
            room = found.line.read.get("room", "")
            found.send(found.line.outgoing(asked, room=room, text="still there", key="").content)

    # --- judging

    @property
    def _recognising(self) -> Recognising:
        assert isinstance(self, Recognising)
        return self

    def _since(self, session: Session, after: str) -> float:
        """When it began to count, on the monotonic clock: at the expiry, or now."""
        if after != "expiry":
            return time.monotonic()
        return time.monotonic() + self.stage.latest_expiry(session) - time.time()

    def _ends(
        self, what: str, after: str, promise: Promise, endpoint: str, since: float, session: Session,
        has_ended: Callable[[], bool], socket: Any = None, is_asked: bool = False,
    ) -> None:  # fmt: skip
        bound = promise.bound(endpoint)
        if bound.word == NEVER:
            self._measure(what, after, bound, promise, has_ended, socket)
            return
        limit = self._limit(bound, promise, session, endpoint)
        too_long = limit > LONGEST_WAIT.total_seconds() and not patient()
        left = timedelta(seconds=max(0.0, since + (_MEASURED if too_long else limit) - time.monotonic()))
        began = time.monotonic()
        mark, honoured = machine.Mark.now(), [since]

        def is_refused() -> bool:
            asked = time.monotonic()
            if refused := has_ended():
                return refused
            honoured.append(asked)
            return False

        try:
            if socket is not None:
                _socket_ends(socket, what, after, left)
            else:
                _asked_until(what, after, left, is_refused, is_clear=is_asked)
        except (_NotEndedError, Unknown):
            if not too_long:
                raise
            reason = f"{what} has a bound of {bound} (--patient waits for it)"
            raise NotDescribed(f"promises.ends.{after}", reason) from None
        late = f"{what} was good {{:.1f}} s after {after}, declared is {bound}"
        _must_be_in_time(late, honoured[-1] - since, limit, mark.waiting())
        took = time.monotonic() - min(since, began)
        self._remark(what, after, bound, promise, endpoint, took)

    def _limit(self, bound: Bound, promise: Promise, session: Session, endpoint: str) -> float:
        """The seconds of a bound; what ends at the expiry has the time that it has after any expiry."""
        best = promise.recommended.seconds or 1.0
        if bound.seconds is not None:
            return bound.seconds
        if bound.word == AT_EXPIRY:
            subject = "sockets" if promise.subject == "sockets" else "access"
            late = self.stage.dialect.promises.ending("expiry", subject).bound(endpoint).seconds
            return max(0.0, self.stage.latest_expiry(session) - time.time()) + max(best, late or 0.0)
        return best

    def _measure(
        self, what: str, after: str, bound: Bound, promise: Promise, has_ended: Callable[[], bool], socket: Any
    ) -> None:
        """What never has to end: seen for a second."""
        began = time.monotonic()
        try:
            if socket is not None:
                _socket_ends(socket, what, after, timedelta(seconds=_MEASURED))
            else:
                _asked_until(what, after, timedelta(seconds=_MEASURED), has_ended)
        except (_NotEndedError, Unknown):
            # However busy the machine was: it was seen to be good, and nothing was to end.
            verdicts.unbounded(f"{what} is still good {time.monotonic() - began:.0f} s after {after}")
            return
        logger.info(f"{what} ended though it is declared to end {bound}: declare more (promises.ends.{after})")

    def _remark(self, what: str, after: str, bound: Bound, promise: Promise, endpoint: str, took: float) -> None:
        if not promise.is_weaker(endpoint):
            return
        best = promise.recommended.seconds
        if best is not None and took <= best and bound.word != NEXT_FRAME:
            logger.info(f"{what} ended {took:.1f} s after {after}, declared is {bound}: declare more")
            return
        verdicts.weaker(f"{what} ended {took:.1f} s after {after}, as declared ({bound})", promise.reference)


def _must_be_in_time(late: str, when: float, limit: float, waiting: machine.Waiting) -> None:
    """Whether what was asked ``when`` was still good in time: a wait that a busy machine makes longer excuses nothing.

    ``late`` is what is said otherwise, with a place for the seconds.
    """
    verdict = waiting.judge(when, limit)
    if verdict == "UNKNOWN":
        raise Unknown(f"{late.format(when)}: {waiting}")
    if verdict == "FAIL":
        raise AssertionError(f"{late.format(when)}: {waiting}")


class _Wrong(AssertionError):  # noqa: N818 - what was seen is wrong, whatever comes later
    ROBOT_SUPPRESS_NAME = True


class _NotEndedError(AssertionError):
    ROBOT_SUPPRESS_NAME = True


def _asked_until(
    what: str, after: str, within: timedelta, has_ended: Callable[[], bool], *, is_clear: bool = False
) -> None:
    """Asks until it has ended; ``is_clear`` where its last answer counts, however busy the machine was until then."""
    wrong: list[_Wrong] = []

    def ask() -> bool:
        try:
            return has_ended()
        except _Wrong as error:
            wrong.append(error)
            return True

    try:
        wait_until(f"{what} after {after}", "refused", ask, bool, within, describe=lambda _: "still honoured")
    except AssertionError as error:
        if type(error) is AssertionError or (is_clear and isinstance(error, Unknown)):
            # What judges nothing begins with its own word.
            raise _NotEndedError(error.reason if isinstance(error, Unknown) else str(error)) from None
        raise
    if wrong:
        raise wrong[0]


def _is_served(socket: Socket) -> bool:
    """Whether an open socket answers one of the frames that have an answer."""
    out = socket.line.facts.out
    asked = next((name for name in PROBES[:2] if name in out and out[name].answer), None)
    return asked is not None and socket.play(socket.line.asking(asked)).ok


def _socket_ends(socket: Any, what: str, after: str, within: timedelta) -> None:
    try:
        if socket.connection.closing is None:
            socket.wait_for(lambda: None, within.total_seconds())
    except Unknown as error:
        # However busy the machine was: a target that serves a socket so long after has not ended it.
        if not _is_served(socket):
            raise
        raise _NotEndedError(f"{what} was served long after {after}: {error.reason}") from None
    if socket.connection.closing is None:
        raise _NotEndedError(
            f"{what} was not closed within {within.total_seconds():g} s after {after}; it is {socket.state}"
        )
    if not socket.connection.closing.by_peer:
        raise _Wrong(f"{what} was closed from this side: nothing is proved")
