"""Keywords for the logs of the target's instances: what was asked stands there, and no secret does."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from lockstep import target
from lockstep.dialect import Answer, Line, NotDescribed, Outcome, Session
from lockstep.dialect.sensitive import is_secret
from lockstep.dialect.steps import Step
from lockstep.masking import mask
from lockstep.unknown import within
from lockstep.waiting import wait_until
from robot.api import logger
from robot.libraries.BuiltIn import BuiltIn
from WebSocketLibrary.keywords.opening import HandshakeFailedError

from .base import Base
from .described import word
from .sockets import NOWHERE
from .stage import platform_library

_LOGGED = timedelta(seconds=10)
_PARAMETER = "access_token"
"""What a query parameter with a token is called (RFC 6750 §2.3)."""


class Logs(Base):
    """Logs Should Hold No Secret Of, Every Log Should Name Requests, and what is asked before."""

    @word("control", "assertion")
    def every_log_should_name_requests(self, session: Session | None = None) -> None:
        """Passes when a request at each endpoint is found in its instance's log, and in its answer, by the caller's id.

        ``session`` gives the names that an address may need, and no credential. NA where the dialect names no header
        for it (``logs.request_id``), or logs cannot be read.
        """
        if self.stage.dialect.logs.request_id is None:
            raise self.stage.dialect.missing("logs.request_id")
        self._wait_until_logged(session, in_answers=True)

    @word("control")
    def wait_until_requests_are_logged(self, session: Session | None = None) -> None:
        """Asks each endpoint something that can be found again, and waits until its instance's log has it.

        So the log has all that was asked before. ``session`` as in `Every Log Should Name Requests`. NA where no log
        names what was asked.
        """
        self._wait_until_logged(session, in_answers=False)

    def _wait_until_logged(self, session: Session | None, *, in_answers: bool) -> None:
        header = self.stage.dialect.logs.request_id
        silent = []
        for endpoint, instance in self._logging():
            mark = str(uuid.uuid4())
            outcome = self._asked(endpoint, {"mark": mark}, {header: mark} if header else {}, session)
            if in_answers and outcome.answer is None and outcome.ok:
                raise NotDescribed(f"endpoints.{endpoint}.who", "what is asked there is no request, and has no answer")
            if in_answers and header and (outcome.answer is None or outcome.answer.header(header) != mark):
                raise AssertionError(
                    f"{endpoint} answers by another id than the request was given: {mask(outcome.why)}"
                )
            try:
                wait_until(
                    f"the log of {instance}", "one that names a request",
                    lambda instance=instance, mark=mark: mark in self._log(instance), bool, _LOGGED,  # type: ignore[misc]
                    describe=lambda _: "nothing of it",
                )  # fmt: skip
            except AssertionError:
                if header:
                    raise
                silent.append(instance)
        if len(silent) == len(self._logging()):
            raise NotDescribed("logs.request_id", f"the log of {', '.join(silent)} does not name what was asked")
        if silent:
            logger.info(f"what was asked is not to be found in the log of {', '.join(silent)}")

    @word("control")
    def send_token_in_query(self, session: Session) -> None:
        """Asks each endpoint with the access token in the query string, which is answered somehow (RFC 6750 §5.3).

        Its parameter is ``access_token``, and that of ``credentials.query``.
        """
        credentials = self.stage.dialect.credentials
        declared = credentials.places.get("query") if credentials else None
        for endpoint in self.stage.endpoints:
            for name in dict.fromkeys((_PARAMETER, *(declared or ())[:1])):
                outcome = self._asked(endpoint, {name: session.access}, {}, session)
                if outcome.answer is not None and outcome.answer.status is None:
                    raise AssertionError(f"{endpoint} does not answer a token in the query: {mask(outcome.why)}")

    @word("control", "assertion")
    def logs_should_hold_no_secret_of(self, *sessions: Session) -> None:
        """Passes when no log holds a token, password or cookie of these sessions, nor the administrator's credential.

        Fails, too, where no instance has written anything. NA where logs cannot be read.
        """
        platform = self._platform()
        instances = list(dict.fromkeys(instance for _, instance in self._logging()))
        for what, secret in self._secrets(*sessions).items():
            try:
                platform.no_service_log_should_contain(secret, *instances)
            except AssertionError as error:
                raise within(what, error) from None

    def _secrets(self, *sessions: Session) -> Mapping[str, str]:
        """Every secret text once, by what it is."""
        found: dict[str, str] = {}
        for number, session in enumerate(sessions, 1):
            for name, value in session.values.items():
                if is_secret(name) and isinstance(value, str) and value not in found.values():
                    found[f"{name} of session {number}"] = value
            for cookie in session.cookies:
                if cookie.value and cookie.value not in found.values():
                    found[f"cookie {cookie.name} of session {number}"] = cookie.value
        for number, secret in enumerate(self._administrators(), 1):
            found[f"credential {number} of the administrator"] = secret
        if not found:
            raise self.stage.dialect.missing("operations.sign_in.read.access", "a session has no secret")
        return found

    def _administrators(self) -> Iterator[str]:
        yield from sorted(self.stage.dialect.secrets)
        token = self.stage.speaker.platform.get("service_token")
        if isinstance(token, str) and token:
            yield token

    def _asked(
        self, endpoint: str, query: Mapping[str, Any], headers: Mapping[str, str], session: Session | None = None
    ) -> Outcome:
        """Who am I, without a credential, with this in the query and headers."""

        who = self.stage.dialect.endpoint(endpoint).who
        if any(step.kind == "frame" for step in who):
            return self._shaken(endpoint, query, headers)

        def changed(step: Step) -> Step:
            if step.kind != "request":
                raise NotDescribed(f"endpoints.{endpoint}.who", "what is asked there is no request")
            return replace(step, role="none", query={**step.query, **query}, headers={**step.headers, **headers})

        steps = tuple(map(changed, who))
        known = session.without("access") if session else Session()
        return self.stage.driver.drive(self.stage.speaker.take(steps, known, endpoint, {}))

    def _shaken(self, endpoint: str, query: Mapping[str, Any], headers: Mapping[str, str]) -> Outcome:
        """A handshake of nobody with this in the query and headers: what is asked by frames has no other request."""
        line = Line(self.stage.speaker, endpoint, None, room=NOWHERE, query={name: str(query[name]) for name in query})
        shake = line.handshake()
        library: Any = BuiltIn().get_library_instance("WebSocketLibrary")
        ca_file = target.current().ca_file if target.in_use() and shake.url.startswith("wss") else None
        try:
            alias = library.open_connection(
                shake.url, headers={**shake.headers, **headers}, subprotocols=list(shake.subprotocols), ca_file=ca_file
            )
        except HandshakeFailedError as error:
            came = error.answer
            return Outcome(Session(), ok=False, why=str(error), answer=_answer(came) if came else None)
        library.close_connection(alias)
        return Outcome(Session())

    def _logging(self) -> list[tuple[str, str]]:
        """The endpoints that name who serves them, with the instance."""
        named = [(name, self.stage.dialect.endpoint(name).instance) for name in self.stage.endpoints]
        found = [(name, instance) for name, instance in named if instance]
        if not found:
            raise self.stage.dialect.missing("endpoints.instance")
        return found

    def _log(self, instance: str) -> str:
        return str(self._platform().get_service_log(instance))

    def _platform(self) -> Any:
        platform = platform_library()
        if platform is None:
            raise self.stage.dialect.missing("control", "PlatformLibrary, which reads logs, is not imported")
        return platform


def _answer(came: Any) -> Answer:
    return Answer(came.status, tuple(came.headers.items()), came.body.encode())
