"""One request sent again and again from a thread, and what came of each."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from http.client import HTTPException
from typing import Any

from lockstep import reasons
from lockstep.dialect.messages import Answer as Seen
from lockstep.dialect.paths import look_up
from lockstep.dialect.templates import MISSING
from lockstep.wire import connection_to, problem_code

from ProbeLibrary.expecting import Expected
from ProbeLibrary.judge import Answer, Report
from ProbeLibrary.request import SAFE_TO_REPEAT, Request

TIMEOUT = 10.0


class Probe:
    """One thread that sends one request, at a pace, and keeps every answer.

    ``news`` is notified of each answer.
    """

    def __init__(
        self,
        request: Request,
        every: float,
        expected: Expected | None = None,
        ca_file: str | None = None,
        source: str | None = None,
        news: threading.Condition | None = None,
        hold: float = 0.0,
        carry: str | None = None,
    ) -> None:
        self.url = request.url
        self.answers: list[Answer] = []
        self._request = request
        self._expected = expected or Expected()
        self._source = source
        self._ca_file = ca_file
        self._every = every
        self._hold, self._carry = hold, carry
        self._news = news or threading.Condition()
        self._ended = threading.Event()
        self._marks: list[float] = []
        self._thread = threading.Thread(target=self._run, name=f"probe {self.url}", daemon=True)
        self._thread.start()

    def stop(self) -> Report:
        """Lets the request under way finish, and reports."""
        self._ended.set()
        self._thread.join(TIMEOUT + 1)
        return self.report()

    def report(self) -> Report:
        """What there is so far."""
        return Report(self.url, tuple(self.answers), tuple(self._marks))

    @property
    def count(self) -> int:
        """How many answers there are."""
        return len(self.answers)

    @property
    def state(self) -> str:
        """How many answers there are, and the last one."""
        last = f", the last {self.answers[-1]}" if self.answers else ""
        return f"{self.url} {self.count} answers{last}"

    def mark(self, instant: float) -> None:
        """Note an instant (seconds since the epoch)."""
        self._marks.append(instant)

    def _run(self) -> None:
        with closing(self._agent()) as agent:
            due = time.monotonic()
            while not self._ended.wait(max(0.0, due - time.monotonic())):
                due = max(due + self._every, time.monotonic())
                answer = self._ask(agent)
                with self._news:
                    self.answers.append(answer)
                    self._news.notify_all()

    def _agent(self) -> _UserAgent:
        if self._hold:
            return _SlowAgent(self._request, self._ca_file, self._source, self._hold)
        return _UserAgent(self._request, self._ca_file, self._source)

    def _ask(self, agent: _UserAgent) -> Answer:
        sent, began = time.time(), time.monotonic()
        try:
            seen = agent.ask()
        except (OSError, HTTPException) as error:
            return Answer(sent, time.monotonic() - began, None, reasons.of(error), "other", agent.resent)
        taken = time.monotonic() - began
        kind = self._expected.kind(seen)
        if self._carry and kind == "good" and seen.json is not MISSING:
            agent.request = agent.request.carrying(self._carry, look_up(seen.json, self._carry))
        return Answer(sent, taken, seen.status, _detail(seen, kind, self._expected.code_at), kind, agent.resent)


class _UserAgent:
    """Sends one request again and again on one connection, as a browser does.

    A server may close a connection between two requests, and the next request may be on its way by then: it is sent
    again, once, on a new connection (RFC 9110 §9.2.2, RFC 9112 §9.3.1). On a connection that has not served before, or
    when an answer has begun, the request has failed. Methods that must not be repeated have a connection each.
    """

    def __init__(self, request: Request, ca_file: str | None, source: str | None) -> None:
        self.request = request
        self.resent = False
        """Whether the last request was sent twice."""
        self._connection = connection_to(request.url, TIMEOUT, ca_file, source)
        self._has_served = False

    def ask(self) -> Seen:
        """What came; `OSError` or `HTTPException` where nothing did."""
        self.resent = False
        if self.request.method not in SAFE_TO_REPEAT:
            self.close()
            return self._ask()
        try:
            return self._ask()
        except (ConnectionResetError, BrokenPipeError):  # http.client's RemoteDisconnected is a reset
            if not self._has_served:
                raise
            self._has_served, self.resent = False, True
            return self._ask()

    def _ask(self) -> Seen:
        request: Any = self.request
        try:
            self._connection.request(request.method, request.target, request.body, dict(request.headers))
            response = self._connection.getresponse()
            body = response.read()
        except BaseException:
            self.close()
            raise
        self._has_served = not response.will_close
        headers = tuple((name.lower(), value) for name, value in response.getheaders())
        return Seen(response.status, headers, body, request.url)

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()


class _SlowAgent(_UserAgent):
    """Has a new connection for each request, waits on it, sends a part of the request, waits again, sends the rest.

    The part is half of the head and half of the body in turn, where there is a body. Nothing is sent twice.
    """

    def __init__(self, request: Request, ca_file: str | None, source: str | None, hold: float) -> None:
        super().__init__(request, ca_file, source)
        self._hold = hold
        self._splits_head = False

    def ask(self) -> Seen:
        """What came; `OSError` or `HTTPException` where nothing did."""
        self.close()
        request, connection = self.request, self._connection
        self._splits_head = not self._splits_head or not request.body
        try:
            connection.connect()
            for part in self._parts():
                time.sleep(self._hold)
                connection.sock.sendall(part)
            response = connection.response_class(connection.sock, method=request.method)
            response.begin()
            body = response.read()
        finally:
            self.close()
        headers = tuple((name.lower(), value) for name, value in response.getheaders())
        return Seen(response.status, headers, body, request.url)

    def _parts(self) -> tuple[bytes, bytes]:
        head, body = self.request.head(), self.request.body or b""
        cut = len(head) // 2 if self._splits_head else len(head) + len(body) // 2
        return (head + body)[:cut], (head + body)[cut:]


def _detail(seen: Seen, kind: str, code_at: str | None) -> str:
    """A problem's code, where the platform has it, else the beginning of a body that is no JSON."""
    if code_at is not None and kind != "good":
        found = look_up(seen.json, code_at) if seen.json is not MISSING else MISSING
        if found is not MISSING:
            return str(found)
    if seen.status is None or seen.status < 400:
        return ""
    code = problem_code(seen.body)
    return seen.text[:80] if code is None else code
