"""Keywords that ask without a token, with one where none may travel, and for too much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from lockstep.dialect import Answer, Driver, Line, NotDescribed, Request, Session
from lockstep.masking import mask
from lockstep.unknown import within
from robot.api import logger

from .base import Base
from .described import word
from .recognising import Recognising
from .signing import Signing
from .sockets import NOWHERE, Sockets

_QUERY_NAMES = ("access_token", "token", "jwt", "bearer", "authorization", "Token")
"""What a token in an address is called most often, and one of them in another case."""
_WITHOUT_TOKEN = ("sign_up", "sign_in", "sign_in_short", "sign_in_elsewhere", "refresh", "introspect")
"""Words that need no access token of a user."""
_SHOWING_USER = ("access", "refresh")
"""Values that show the user where a word sends them itself: without them there is nothing to send."""
_SPOILING = ("change_password", "change_role", "deactivate", "delete_account")
_MUCH = 1.15


class Asking(Base):
    """Requests that a target has to refuse."""

    @word("endpoint", "assertion")
    def every_endpoint_should_refuse_token_in_query(self, session: Session, *names: str) -> None:
        """Passes when no endpoint and socket takes the access token from the query string (RFC 6750 §2.3).

        It is tried under each of ``names``, by default those that are most usual. Refused is as ``misplaced`` where the
        dialect describes that, and then also when a good token travels at its own place beside; else as a request
        without a token is. The parameter in which tokens travel (``credentials.query``) is left out, and so are sockets
        that are authenticated by one; NA where nothing is left.
        """
        credentials, socket = self.stage.dialect.credentials, self.stage.dialect.socket
        declared = credentials.places.get("query", ("", ""))[0] if credentials else ""
        tried = [name for name in names or _QUERY_NAMES if name != declared]
        if not tried:
            raise NotDescribed("credentials.query", f"tokens may travel as {declared}")
        for name in tried:
            self._requests_are_refused(session, name)
        if socket and "socket" not in self.stage.dialect.absent and socket.authentication != "query":
            self._sockets_are_refused(session, tried)

    def _requests_are_refused(self, session: Session, name: str) -> None:
        """Who am I, with the token in the address alone."""
        assert isinstance(self, Signing)
        nobody, token = self.drop_token(session), str(session.access)

        def send(request: Request) -> Answer:
            joint = "&" if "?" in request.url else "?"
            return self.stage.send(replace(request, url=f"{request.url}{joint}{urlencode({name: token})}"))

        driver = Driver(self.stage.speaker, send, self.stage.call, ledger=self.stage.driver.ledger)
        for endpoint in self.stage.endpoints:
            outcome = driver.drive(self.stage.speaker.who(endpoint, nobody))
            if outcome.ok:
                raise AssertionError(
                    f"parameter {name}: {endpoint} should not take a token from there, and has taken it"
                )
            if not {"misplaced", "unauthenticated", "invalid"} & set(outcome.classes):
                raise AssertionError(f"parameter {name}: {endpoint} should refuse the token, but: {mask(outcome.why)}")

    def _sockets_are_refused(self, session: Session, names: Sequence[str]) -> None:
        """One after the other where the handshake is refused at once, otherwise all together."""
        assert isinstance(self, Sockets)
        described = "misplaced" in self.stage.dialect.refusals
        reason = "misplaced" if described else "unauthenticated"
        how = self.stage.dialect.needed_socket().refused.get(reason)
        apart = [(name,) for name in names] if how and how.by == "handshake" else [tuple(names)]
        known = {key: value for key, value in session.values.items() if key not in ("access", "refresh")}
        for together in apart:
            for endpoint in self.stage.socket_endpoints:
                for whose in (None, session) if described else (None,):
                    query = dict.fromkeys(together, str(session.access))
                    line = Line(self.stage.speaker, endpoint, whose, room=NOWHERE, query=query)
                    line.read |= known
                    try:
                        self.line_should_be_refused(line, reason)
                    except AssertionError as error:
                        raise within(f"parameter {' or '.join(together)}", error) from error

    @word("endpoint", "assertion")
    def every_endpoint_should_name_its_service(self) -> None:
        """Passes when each endpoint is ready and says what it is, in the words of its ``ready``; NA where none has any.

        Those words are the step's ``answer``.
        """
        endpoints = {name: self.stage.dialect.endpoint(name).ready for name in self.stage.speaker.endpoints}
        telling = {name: steps for name, steps in endpoints.items() if any(step.answer for step in steps)}
        if not telling:
            raise self.stage.dialect.missing("endpoints.ready.answer")
        for name, steps in telling.items():
            outcome = self.stage.driver.drive(self.stage.speaker.take(steps, Session(), name, {}))
            if not outcome.ok:
                raise AssertionError(f"{name} does not say that it is ready and what it is: {mask(outcome.why)}")

    @word("endpoint", "assertion")
    def oversized_requests_should_be_refused(self, session: Session) -> None:
        """Passes when a body of more than ``limits.body_size`` bytes is refused as ``too_large``, whoever sends it.

        Sent are a refresh with a token of that size, and a new room with such a name, as far as the target has them.
        """
        size = int(self.stage.dialect.limit("body_size") * _MUCH)
        self.stage.dialect.refusal("too_large")
        much = "A" * size
        asked = {"refresh": {"refresh": much}, "room": {"name": much}}
        known = [name for name in asked if self._has_body(name)]
        if not known:
            raise self.stage.dialect.missing("operations.room")
        for name in known:
            outcome = self.stage.perform(name, session.with_values(asked[name]))
            if "too_large" not in outcome.classes:
                wanted = " or ".join(map(str, self.stage.dialect.refusal("too_large")))
                came = "it was taken" if outcome.ok else str(outcome.answer)
                raise AssertionError(
                    f"{name} with a body of {size} bytes should be refused as too_large ({wanted}), but: {mask(came)}"
                )

    def _has_body(self, name: str) -> bool:
        """Whether a word is one request with a body."""
        dialect = self.stage.dialect
        if not dialect.knows(name) or name in dialect.methods:
            return False
        return [step.kind for step in dialect.steps(name) if step.body_kind] == ["request"]

    @word("endpoint", "assertion")
    def every_operation_should_ask_for_token(self, session: Session) -> None:
        """Does each word that is a user's own without a token: passes when each is refused as ``unauthenticated``.

        Asked are the words of ``operations`` whose steps are requests or frames as the user, and who am I at each
        endpoint. What they are about (room, session) is there and is the user's own. A word that sends a token in its
        body or frame, as a sign-out by the refresh token does, cannot be sent without one and is left out.
        """
        assert isinstance(self, Signing)
        assert isinstance(self, Recognising)
        nobody = self.drop_token(session)
        self.every_endpoint_should_refuse_token(nobody, "unauthenticated")
        about = {"session": session.values.get("session", "none"), "text": "nobody's", "key": "nobody-1", "id": "none"}
        about |= {"room": self._room(session), "role": "none", "new_password": "none-of-theirs", "device": "none"}
        spoiling = _SPOILING if session.values.get("given") else ()
        asked = [name for name in self.stage.dialect.operations if self._is_of_user(name) and name not in spoiling]
        for name in asked:
            outcome = self.stage.perform(name, nobody, **about)
            if outcome.ok:
                raise AssertionError(f"{name} should ask for a token, and was done without one")
            if "unauthenticated" not in outcome.classes:
                wanted = " or ".join(map(str, self.stage.dialect.refusal("unauthenticated")))
                raise AssertionError(f"{name} should ask for a token ({wanted}), but: {mask(outcome.why)}")
        logger.info(f"asked without a token were: {', '.join(asked) or 'no words'}")

    def _room(self, session: Session) -> Any:
        return self.stage.needed("room", session).read.get("room") if self.stage.dialect.knows("room") else "none"

    def _is_of_user(self, name: str) -> bool:
        """Whether a word is done as the user by requests and frames, and shows the user by an access token."""
        dialect = self.stage.dialect
        return dialect.knows(name) and name not in _WITHOUT_TOKEN and name not in dialect.methods and all(
            step.kind in ("request", "frame") and step.role == "user" for step in dialect.steps(name)
        ) and dialect.needs(dialect.steps(name)).isdisjoint(_SHOWING_USER)  # fmt: skip
