"""Asking services again and again as one user from one address, on kept connections, as fast as they answer."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException
from threading import Event
from urllib.parse import SplitResult, urlsplit

from lockstep import reasons
from lockstep.wire import connection_to, problem_code

from QuotaLibrary import fields
from QuotaLibrary.fields import FieldError, Quota

_TIMEOUT = 15.0


@dataclass(frozen=True)
class Answer:
    """One request and what came. ``sent`` and ``answered`` are seconds on the monotonic clock of this process.

    ``status`` is None where nothing came; ``detail`` is then the error, else the problem's code, if it has one.
    ``wrong`` says what is malformed in the standard fields, ``unreadable`` what is in ``X-RateLimit-*``.
    """

    url: str
    sent: float
    answered: float
    status: int | None
    detail: str = ""
    quotas: Mapping[str, Quota] = field(default_factory=dict)
    retry_after: int | None = None
    wrong: str = ""
    unreadable: str = ""

    @property
    def refused(self) -> bool:
        """Whether a quota was over."""
        return self.status == 429

    @property
    def failed(self) -> bool:
        """No answer, or a server error."""
        return self.status is None or self.status >= 500


class Asker:
    """Connections to some services from one address, with one set of headers; for one thread.

    It gets what it asks for; where there is a ``body``, it posts that.
    """

    def __init__(
        self, headers: Mapping[str, str], source: str | None, ca_file: str | None, body: bytes | None = None
    ) -> None:
        self._headers = dict(headers)
        self._body = body
        self._source = source
        self._ca_file = ca_file
        self._connections: dict[str, HTTPConnection] = {}

    def ask(self, urls: Sequence[str], count: int) -> Iterator[Answer]:
        """``count`` requests, the ``urls`` in turn, each after the answer to the one before."""
        for number in range(count):
            yield self._asked(urls[number % len(urls)])

    def insist(
        self, urls: Sequence[str], refusals: int, until: float, first: Callable[[], object], enough: Event
    ) -> list[Answer]:
        """The ``urls`` in turn until each has refused ``refusals`` times and it is ``enough``, or the clock says
        ``until``. Calls ``first`` when one has refused, or where no refusal is wanted, at once.
        """
        answers: list[Answer] = []
        refused: Counter[str] = Counter()
        told = False
        while time.monotonic() < until and not (enough.is_set() and all(refused[url] >= refusals for url in urls)):
            for answer in self.ask(urls, len(urls)):
                if not told and (answer.refused or not refusals):
                    told = True
                    first()
                answers.append(answer)
                refused[answer.url] += answer.refused
        return answers

    def pace(self, urls: Sequence[str], count: int, every: float, until: float) -> list[Answer]:
        """``count`` requests, the ``urls`` in turn, one due each ``every`` seconds; none after ``until``.

        They are ``sent`` when they were due: whom an answer holds up, he waits for it with all that he would have asked
        meanwhile. (Measured from the real sending, a long stand-still would be one slow answer among many quick ones.)
        """
        answers: list[Answer] = []
        began, pause = time.monotonic(), Event()
        while len(answers) < count and time.monotonic() < until:
            due = began + every * len(answers)
            pause.wait(max(0.0, due - time.monotonic()))
            answers.append(replace(self._asked(urls[len(answers) % len(urls)]), sent=due))
        return answers

    def close(self) -> None:
        """End the connections."""
        for connection in self._connections.values():
            connection.close()

    def _asked(self, url: str) -> Answer:
        parts = urlsplit(url)
        connection = self._connection(parts)
        sent = time.monotonic()
        try:
            method = "GET" if self._body is None else "POST"
            path = parts._replace(scheme="", netloc="", path=parts.path or "/", fragment="").geturl()
            connection.request(method, path, self._body, self._headers)
            response = connection.getresponse()
            body = response.read()
        except (OSError, HTTPException) as error:
            connection.close()
            return Answer(url, sent, time.monotonic(), None, reasons.of(error))
        code = (problem_code(body) or "") if response.status >= 400 else ""
        return replace(announced(response.getheader), url=url, sent=sent, answered=time.monotonic(),
                       status=response.status, detail=code)  # fmt: skip

    def _connection(self, parts: SplitResult) -> HTTPConnection:
        place = f"{parts.scheme}://{parts.netloc}"
        if place not in self._connections:
            self._connections[place] = connection_to(place, _TIMEOUT, self._ca_file, self._source)
        return self._connections[place]


def announced(header: Callable[[str], str | None]) -> Answer:
    """What the fields of an answer say, and nothing else of it."""
    quotas: dict[str, Quota] = {}
    retry_after, wrong, unreadable = None, "", ""
    try:
        retry_after = fields.read_retry_after(header)
        quotas |= fields.read(header("RateLimit-Policy"), header("RateLimit"))
    except FieldError as error:
        wrong = str(error)
    try:
        if quota := fields.read_unstandardised(header):
            quotas[quota.name] = quota
    except FieldError as error:
        unreadable = str(error)
    return Answer("", 0.0, 0.0, None, "", quotas, retry_after, wrong, unreadable)
