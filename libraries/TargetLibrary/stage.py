"""The target in use: its dialect, the platform that runs, and how words are carried out in Robot."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from lockstep import issued, machine, masking, reasons, target, test_identity, verdicts
from lockstep.dialect import (
    Dialect,
    DialectError,
    Driver,
    NotDescribed,
    Outcome,
    Session,
    Speaker,
    WordFailed,
    find,
    load,
    pace,
)
from lockstep.dialect.accounts import Accounts
from lockstep.dialect.cookies import parsed
from lockstep.dialect.ledger import Ledger
from lockstep.dialect.line import Line
from lockstep.dialect.messages import Answer, FrameAnswer, FrameCall, Request
from lockstep.dialect.paths import Reading
from lockstep.dialect.performing import claims, read_values
from lockstep.dialect.sensitive import secrets_of
from lockstep.dialect.stores import Row, look_up, stores_of
from lockstep.dialect.templates import fields
from robot.libraries.BuiltIn import BuiltIn
from WebSocketLibrary.keywords.opening import HandshakeFailedError

from . import frames
from .breaking import Breaking
from .network import Network
from .socket import Socket
from .turns import Turn
from .undoing import Undoing

DEFAULT_TARGET = "embedded"
REFERENCE = "embedded"
"""Whose dialect targets have that a profile of the old form describes: those are reference platforms."""
TIMEOUT = 30.0
_DISTURBING = ("restart", "kill", "stop", "pause")
_SESSION = "target {}"


class Stage:
    """One for a process. Everything raises ``NotDescribed`` for what the target has not."""

    def __init__(self) -> None:
        self._dialects: dict[str, Dialect] = {}
        self._driver: Driver | None = None
        self._accounts: Accounts | None = None
        self._sessions: set[str] = set()
        self.listener = _Tests(self)
        self._leased = 0
        self._turn = Turn()
        self.breaking = Breaking(self)
        self.is_private = False
        self.own_limits: dict[str, float] = {}
        self.to_end: list[Callable[[], object]] = []
        self._undoing = Undoing()
        self._reads: Mapping[str, Reading] = {}
        self.network: Network | None = None

    # --- which target

    @property
    def in_use(self) -> bool:
        """Whether a target is in use."""
        return self._driver is not None

    @property
    def driver(self) -> Driver:
        """What carries out words; raises ``RuntimeError`` where no target is in use."""
        if self._driver is None:
            raise RuntimeError("no target is in use: call Use Target or Use Private Target first")
        return self._driver

    @property
    def speaker(self) -> Speaker:
        """The dialect with the values of the platform."""
        return self.driver.speaker

    def messages_are_ordered(self) -> bool:
        """Whether messages have to come in order.

        Where no order is promised, a check of messages judges the rest of what is promised: the running test is WEAKER.
        """
        promise = self.dialect.promises.choice("delivery.order")
        if promise.unbounded:
            verdicts.weaker("messages may come in any order, as declared", promise.reference)
        return not promise.unbounded

    @property
    def dialect(self) -> Dialect:
        """The dialect of the target in use."""
        return self.speaker.dialect

    @property
    def accounts(self) -> Accounts:
        """Where users come from."""
        if self._accounts is None:
            self._accounts = Accounts(self.dialect)
        return self._accounts

    def use(self, *, private: bool = False, **options: Any) -> None:
        """Leases the platform of the run's target, where PlatformLibrary has it, and reads its dialect."""
        name = target_name()
        dialect = self.read(name)
        for text in dialect.secrets:
            masking.register(text)
            issued.report(text)
        platform = platform_library()
        if platform is None:
            _use_alone(dialect)
        elif private:
            platform.use_private_platform(**options)
        else:
            self._turn.take(platform.profile())
            platform.use_shared_platform()
        self.is_private = private
        self.own_limits = {}
        self._forget_sessions()
        self._accounts = None
        speaker = Speaker(dialect, platform_values())
        ledger = (Ledger.of_run() or Ledger()) if target.current().kind == "external" else None
        self._driver = Driver(speaker, self.send, self.call, ledger=ledger)
        self._undoing.use(speaker, ledger)

    def use_private(self, **options: Any) -> None:
        """As `use`, for this suite alone; raises ``NotDescribed`` where the target cannot give that."""
        platform = platform_library()
        profile = platform.profile() if platform else None
        if profile and profile.kind == "embedded":
            self.use(private=True, **options)
        elif profile and any(f"control.{verb}" in profile.capabilities for verb in _DISTURBING):
            self._turn.take_alone(profile.name)
            self.use()
            self.is_private = True
        else:
            reason = "the target is one platform for all suites, and the run cannot control it"
            raise self.read(target_name()).missing("private_platform", reason)

    def use_alone(self, limits: Mapping[str, float]) -> None:
        """As `use`, and no other suite uses it meanwhile; where the run starts it, it has these limits."""
        platform = platform_library()
        profile = platform.profile() if platform else None
        if profile and profile.kind == "embedded":
            self.use(private=True, **{name.upper(): f"{value:g}" for name, value in limits.items()})
            self.own_limits = dict(limits)
            return
        if profile:
            self._turn.take_alone(profile.name)
        self.use()

    def read(self, name: str) -> Dialect:
        """The dialect of a target; that of the reference platform for a profile of the old form."""
        if name not in self._dialects:
            try:
                path = find(name)
            except DialectError:
                if platform_library() is None:
                    raise
                from PlatformLibrary.profile import find as find_profile
                from PlatformLibrary.profile import load as load_profile

                load_profile(find_profile(name))
                path = find(REFERENCE)
            self._dialects[name] = load(path)
        return self._dialects[name]

    def leave(self) -> None:
        """Gives the platform back, with the accounts and HTTP sessions."""
        if self._driver is None:
            return
        self.restore()
        self._undoing.leave()
        self.accounts.release()
        self._forget_sessions()
        if self.network is not None:
            self.network.end()
            self.network = None
        self._driver = self._accounts = None
        if platform := platform_library():
            platform.release_platform()
        else:
            target.set_current(None)
        self._turn.end()

    def restore(self) -> None:
        """Ends what runs in the background, and gives back what is away."""
        while self.to_end:
            self.to_end.pop()()
        self.breaking.restore()

    @property
    def platform(self) -> Any:
        """PlatformLibrary, which starts and controls targets; None where a suite does without."""
        return platform_library()

    def limit(self, name: str) -> float:
        """A limit, as this suite asked for it or as the dialect says it; raises ``NotDescribed``."""
        found = self.own_limits[name] if name in self.own_limits else self.dialect.limit(name)
        if not found:
            raise self.dialect.missing(f"limits.{name}", "0: the target has none")
        return found

    def _forget_sessions(self) -> None:
        self._sessions.clear()

    def test_begins(self) -> None:
        """What is made and leased from here on is the test's."""
        if self._driver is not None:
            self._driver.patient = self._driver.ledger is not None
            self._leased = self.accounts.leased
            self._undoing.test_begins()

    def test_ends(self) -> None:
        """What the test has leased is given back, and what it has made is undone beside the tests to come."""
        if self._driver is not None:
            self.accounts.release(self._leased)
            self._undoing.test_ends()

    def expect_throttling(self) -> None:
        """For the rest of the test a throttled request is an answer as any other, and not sent again."""
        self.driver.patient = False

    # --- words

    def needed(self, word: str, session: Session, endpoint: str = "", /, **arguments: Any) -> Outcome:
        """A word that has to succeed; what is read and secret is masked from then on.

        There is no verdict where it has waited in vain on a busy machine.
        """
        try:
            return self.known(self.driver.needed(word, session, endpoint, **arguments))
        except WordFailed as error:
            if not error.outcome.late:
                raise
            machine.missed(masking.mask(str(error)))

    def perform(self, word: str, session: Session, endpoint: str = "", /, **arguments: Any) -> Outcome:
        """A word, and what came of it."""
        return self.known(self.driver.perform(word, session, endpoint, **arguments))

    def who(self, endpoint: str, session: Session) -> Outcome:
        """Who a session is at an endpoint."""
        return self.driver.drive(self.speaker.who(endpoint, session))

    def known(self, outcome: Outcome) -> Outcome:
        """The same; from here on no output shows its secrets."""
        register(outcome.read)
        for cookie in outcome.session.cookies:
            masking.register(cookie.value)
        return outcome

    @property
    def endpoints(self) -> list[str]:
        """The endpoints that there are and that know who somebody is."""
        found = [name for name in self.speaker.endpoints if self.dialect.endpoint(name).who]
        if not found:
            raise self.dialect.missing("endpoints.who")
        return found

    @property
    def has_sockets(self) -> bool:
        """Whether an endpoint has a socket."""
        described = self.dialect.socket is not None and "socket" not in self.dialect.absent
        return described and any(map(self.speaker.has_socket, self.speaker.endpoints))

    @property
    def socket_endpoints(self) -> list[str]:
        """The endpoints that there are and that have a socket."""
        self.dialect.needed_socket()
        found = [name for name in self.speaker.endpoints if self.speaker.has_socket(name)]
        if not found:
            raise self.dialect.missing("socket", "no endpoint has one")
        return found

    def stores(self, kind: str) -> list[str]:
        """The stores that there are and that hold a ``user``, ``session``, ``message`` or ``messages`` (``kind``)."""
        return list(stores_of(self.speaker, kind))

    def stored(self, store: str, kind: str, wanted: Any) -> list[Row]:
        """What a store holds of ``wanted``; one that cannot be reached is an error."""
        return look_up(self.speaker, store, kind, wanted)

    def expiry(self, session: Session) -> float:
        """When the access token expires, in seconds since the epoch; raises ``NotDescribed`` where nobody knows.

        The token says it, or the answer to the sign-in; otherwise it is the earliest moment by the declared lifetime.
        """
        claim = self.dialect.token.claims.get("expiry", "exp")
        if self.dialect.token.form == "jwt" and (known := claims(str(session.values.get("access"))).get(claim)):
            return float(known)
        if "expires_at" in session.values:
            return moment(session.values["expires_at"])
        name = "short_access_ttl" if session.values.get("is_short") else "access_ttl"
        return float(session.signed_in_at) + self.dialect.limit(name)

    def latest_expiry(self, session: Session) -> float:
        """As `expiry`: the latest moment, where nothing says in which moment of the sign-in the token was made."""
        earliest = self.expiry(session)
        told = self.dialect.token.form == "jwt" or "expires_at" in session.values
        took = 0.0 if told else float(session.values.get("sign_in_took", 0.0))
        return earliest + took

    def has_expired(self, session: Session) -> bool:
        """Whether the access token is past its expiry, as far as that is known."""
        try:
            return time.time() >= self.expiry(session)
        except (NotDescribed, AttributeError):
            return False

    # --- how they travel

    def send(self, request: Request) -> Answer:
        """A request through RequestsLibrary, which logs it; nothing is retried, redirects are answers."""
        library: Any = BuiltIn().get_library_instance("RequestsLibrary")
        alias = _SESSION.format(request.endpoint)
        descriptor = target.current() if target.in_use() else None
        verify: str | bool = (descriptor.ca_file if descriptor else None) or True
        if alias not in self._sessions or not library.session_exists(alias):
            made = library.create_session(alias, request.url, max_retries=0, timeout=TIMEOUT, verify=verify)
            # The cookies of users are in their sessions; one of a library for all would mix them up.
            made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            made.hooks["response"].append(self._mask)
            self._sessions.add(alias)
        self._reads = request.reads
        pace.take()
        method = getattr(library, f"{request.method.lower()}_on_session")
        headers = {**test_identity.headers(), **request.headers}
        try:
            came = method(
                alias, request.url, headers=headers, data=request.body, expected_status="anything",
                allow_redirects=False, verify=verify,
            )  # fmt: skip
        except requests.RequestException as error:
            return Answer(None, url=request.url, error=masking.mask(reasons.of(error)))
        return _answer(came)

    def _mask(self, came: requests.Response, *_: Any, **__: Any) -> None:
        """Before RequestsLibrary logs an answer, what is secret in it is known to the masking."""
        answer = _answer(came)
        plain = {name: reading for name, reading in self._reads.items() if reading.source not in ("value", "claim")}
        register(read_values(plain, answer, {})[0])
        register(answer.json)
        for name, text in answer.headers:
            if name == "set-cookie" and (cookie := parsed(text, answer.url)):
                masking.register(cookie.value)

    def call(self, asked: FrameCall) -> FrameAnswer:
        """A frame on a socket of its own, which is closed again."""
        try:
            socket = self.open(asked.endpoint, asked.session)
        except HandshakeFailedError as error:
            came = error.answer
            answer = Answer(came.status, tuple(came.headers.items()), came.body.encode()) if came else None
            return FrameAnswer(ok=False, why=masking.mask(str(error)), answer=answer)
        try:
            opened = socket.opened
            if not opened.ok:
                return FrameAnswer(opened.frame, False, opened.refused, opened.why)
            outgoing = socket.line.outgoing(asked.frame, **asked.values)
            done = socket.play(socket.line.asking(outgoing))
            register([outgoing.frame, done.frame, done.read])
            frames.log(socket.line.handshake().url, outgoing.frame, done)
            return FrameAnswer(done.frame, done.ok, done.refused, done.why)
        finally:
            socket.drop()

    def open(
        self, endpoint: str, session: Session | None, *, client: str = "", room: Any = None, alias: str | None = None
    ) -> Socket:
        """A socket that is open, and greeted and authenticated where it let itself be; see ``opened``.

        Where its address names a conversation and none is given, it is one of a new conversation.
        """
        endpoint = endpoint or self.socket_endpoints[0]
        if room is None and session is not None and self._needs_room(endpoint):
            room = self.needed("room", session).read.get("room")
        line = Line(self.speaker, endpoint, session, client=client, room=room)
        socket = Socket(line, alias)
        socket.open(TIMEOUT)
        return socket

    def _needs_room(self, endpoint: str) -> bool:
        """Whether the address of sockets names a conversation, so that none opens without one."""
        return "room" in fields(self.dialect.endpoint(endpoint).socket)


class _Tests:
    """What a test has leased or made ends with it, what its suite's setup has, with the suite."""

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def start_test(self, data: Any, result: Any) -> None:
        self._stage.test_begins()

    def end_test(self, data: Any, result: Any) -> None:
        if self._stage.in_use:
            self._stage.restore()
        self._stage.test_ends()

    def close(self) -> None:
        """The run is over, perhaps in the middle of a test."""
        with suppress(Exception):
            self._stage.restore()


def platform_library() -> Any:
    """PlatformLibrary, which starts and controls targets; None where a suite does without."""
    try:
        return BuiltIn().get_library_instance("PlatformLibrary")
    except RuntimeError:
        return None


def _use_alone(dialect: Dialect) -> None:
    """A target that is there already, and that nobody controls."""
    if dialect.control.adapter == "embedded":
        raise RuntimeError(f"target {dialect.name!r} is started by PlatformLibrary: import that, too")
    target.set_current({"target": dialect.name, "kind": "external", "shared": True, "limits": dict(dialect.limits)})


def register(data: Any) -> None:
    """From here on no output shows what is secret in ``data`` by its name."""
    for secret in secrets_of(data):
        masking.register(secret)


def _answer(came: requests.Response) -> Answer:
    pairs = tuple((name.lower(), value) for name, value in came.raw.headers.items())
    return Answer(came.status_code, pairs, came.content, came.url)


def target_name() -> str:
    """The run's target: the variable ``TARGET``, else ``LOCKSTEP_TARGET``, else ``embedded``."""
    return str(BuiltIn().get_variable_value("${TARGET}") or os.environ.get("LOCKSTEP_TARGET") or DEFAULT_TARGET)


def platform_values() -> dict[str, Any]:
    """What ``{platform.…}`` stands for."""
    if not target.in_use():
        return {}
    found = target.current()
    values = {name: getattr(found, name) for name in found.__dataclass_fields__ if name != "extra"}
    return {**found.extra, **values}


def failed(word: str, outcome: Outcome) -> WordFailed:
    """What says that a word failed."""
    return WordFailed(word, replace(outcome, why=masking.mask(outcome.why)))


def moment(value: Any) -> float:
    """A time as a target tells it, in seconds since the epoch: such a number, or RFC 3339 (UTC without an offset)."""
    if isinstance(value, int | float):
        return float(value)
    read = datetime.fromisoformat(str(value))
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def patient() -> bool:
    """Whether bounds of more than a minute are waited for."""
    return os.environ.get("LOCKSTEP_PATIENT", "") not in ("", "0")


LONGEST_WAIT = timedelta(seconds=60)
"""A longer bound is waited for only where the run is patient."""
