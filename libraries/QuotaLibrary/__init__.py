"""Keywords that use up quotas and judge what the services say and do about it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from json import dumps
from typing import Any

from lockstep import masking, test_identity
from lockstep.applicability import present
from lockstep.listeners import LISTENERS
from lockstep.unknown import Unknown
from robot.api import logger
from robot.api.deco import keyword, library
from robot.api.types import Secret

from QuotaLibrary import judge
from QuotaLibrary.asking import Answer, Asker
from QuotaLibrary.flooding import Flood, Party, SocketParty
from QuotaLibrary.form import Fields, Form
from QuotaLibrary.judging import Judging, fail_where
from QuotaLibrary.sockets import Attack, SocketAttacker

__version__ = "1.0.0"


@dataclass(frozen=True)
class Promise:
    """That something will be so at ``due`` (seconds on the monotonic clock of this process)."""

    due: float


@library(scope="GLOBAL", version=__version__, auto_keywords=False, doc_format="ROBOT", listener=LISTENERS)
class QuotaLibrary(Judging):
    """Uses up quotas of HTTP services, and judges refusals and the fields that announce them.

    | ${answers} =    Ask    11    https://shop.test/api/me    token=${TOKEN}
    | `Exactly Should Pass`    ${answers}    10
    | `Quota Should Count Down`    ${answers}    user    limit=10    window=60

    = Refusals =

    A refusal is a 429 (RFC 6585 §4). What else has to be there is told by three arguments:

    - ``fields``: ``draft10`` are those of draft-ietf-httpapi-ratelimit-headers-10
      (``RateLimit-Policy: "user";q=10;w=60`` and ``RateLimit: "user";r=9;t=60``), ``x-ratelimit`` are
      ``X-RateLimit-Limit``, ``-Remaining`` and ``-Reset`` (in seconds, or since the epoch; the quota's name is
      ``x-ratelimit``), ``none`` is neither;
    - ``retry_after``: whether ``Retry-After`` (seconds or a date, RFC 9110 §10.2.3) must be there, and not before the
      quota is whole;
    - ``code``: the problem code (RFC 9457); ``${None}`` where there need be none.

    | `Exactly Should Pass`    ${answers}    10    fields=none    code=${None}

    = Answers =

    An *answer* has ``url``, ``status``, ``detail``, ``quotas`` (by name: ``limit``,
    ``window``, ``remaining``, ``reset``), ``retry_after``, ``sent`` and ``answered``. Whatever is neither refused nor a
    server error counts as passed, also a 401.
    """

    def __init__(self) -> None:
        self._addresses = itertools.count()

    @keyword(tags=("asking",))
    def ask(
        self,
        count: int,
        *urls: str,
        token: str | Secret | None = None,
        source: str | None = None,
        headers: Mapping[str, str] | None = None,
        ca_file: str | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> list[Answer]:
        """Gets the ``urls`` in turn, ``count`` requests in all, one after the other; returns the answers.

        ``source`` is the local address to come from, such as ``127.0.0.2``. With ``json``, a body, it posts that.
        No answer fails the keyword.
        """
        return self._ask(count, urls, token, source, headers, ca_file, json)

    @keyword(tags=("asking",))
    def get_unused_address(self) -> str:
        """A loopback address to come from that this library has not given before."""
        number = next(self._addresses)
        return f"127.3.{number // 250}.{number % 250 + 1}"

    @keyword(tags=("asking",))
    def flood(
        self,
        attackers: Sequence[Mapping[str, Any]],
        refusals: int,
        unaffected: Sequence[Mapping[str, Any]] = (),
        answers: int = 15,
        every: timedelta = timedelta(milliseconds=50),
        at_most: timedelta = timedelta(seconds=30),
        ca_file: str | None = None,
    ) -> tuple[list[list[Answer]], list[list[Answer]]]:
        """All ``attackers`` ask at the same time, each until all of its ``urls`` have refused it ``refusals`` times.

        An attacker is a dictionary with ``urls``, which are asked in turn, and ``token``, ``source`` and ``ca_file`` as
        in `Ask`, and ``refusals`` of its own where it is not one of many; with 0 it asks until the ``unaffected`` users
        are served. These are such dictionaries, too. Each asks ``answers`` times, once ``every`` so long, as soon as
        each attacker has been refused for the first time, or from half of ``at_most``; no attacker ends before they
        are served. Returns the answers of each attacker and those of each unaffected user. After ``at_most`` all give
        up.

        An attacker with an ``attack`` opens sockets: ``HANDSHAKES`` (one after the other), ``MESSAGES`` (each sends
        ``frame`` 200 times without waiting, ``$ID`` in it is a new UUID each time) or ``SLOW_READER`` (64 times, and
        nothing of the answers is read). Its answers have the status of a refused handshake, 101 for a socket, 429 for
        one that was closed for abuse (4029).
        """

        def attacker(one: Mapping[str, Any]) -> Party | SocketParty:
            if "attack" not in one:
                return party(one)
            headers = test_identity.headers()
            if one.get("token") is not None:
                headers["Authorization"] = f"Bearer {masking.reveal(present(one['token']))}"
            kind, frame = Attack[one["attack"]], one.get("frame", "")
            sockets = SocketAttacker(kind, headers, one.get("source"), one.get("ca_file", ca_file), frame)
            return SocketParty([*map(present, one["urls"])], sockets, one.get("refusals", refusals))

        def party(one: Mapping[str, Any]) -> Party:
            asker = self._asker(one.get("token"), one.get("source"), None, one.get("ca_file", ca_file))
            return Party([*map(present, one["urls"])], asker, one.get("refusals", refusals))

        flood = Flood(answers, every.total_seconds(), at_most.total_seconds())
        return flood.run([attacker(one) for one in attackers], [party(one) for one in unaffected])

    @keyword(tags=("asking",))
    def ask_until_it_is_refused(
        self,
        url: str,
        at_most: int,
        token: str | Secret | None = None,
        source: str | None = None,
        ca_file: str | None = None,
        headers: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Gets ``url`` until it is refused, and returns the refusal; fails after ``at_most`` requests.

        It is UNKNOWN where a window ended meanwhile, before the quota was used up. With ``json``, a body,
        it posts that.
        """
        asker = self._asker(token, source, headers, ca_file, json)
        answers: list[Answer] = []
        try:
            for answer in asker.ask([present(url)], at_most):
                if answer.refused:
                    return answer
                answers.append(answer)
        finally:
            asker.close()
        text = f"not refused in {at_most} requests; the last: {judge.describe(answers[-1])}"
        if judge.began_again(answers):
            raise Unknown(f"{text}; a window ended before its quota was used up")
        raise AssertionError(text)

    @keyword(tags=("asking", "assertion"))
    def promised_wait_should_suffice(
        self,
        url: str,
        at_most: int,
        token: str | Secret | None = None,
        source: str | None = None,
        ca_file: str | None = None,
        headers: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        fields: Fields = "draft10",
        code: str | None = "rate_limited",
        retry_after: bool = True,
        longest: timedelta = timedelta(minutes=2),
    ) -> float:
        """Passes when a client that waits as long as a refusal tells it to is served then; returns the seconds.

        Asks as `Ask Until It Is Refused` does, judges the refusal (see `Refusals`), waits for ``Retry-After`` and not
        longer, or without it until the quota is said to be whole, and asks once more. Fails where the refusal does not
        tell how long; is UNKNOWN where that is longer than ``longest``. Nobody else may use up this quota meanwhile.

        | `Promised Wait Should Suffice`    ${url}    100    token=${TOKEN}    fields=none    code=${None}
        """
        form = Form(fields, retry_after, code)
        refused = self.ask_until_it_is_refused(url, at_most, token, source, ca_file, headers, json)
        fail_where(judge.refusal(refused, form))
        told = form.told(refused)
        if told is None:
            raise AssertionError(f"a refusal does not say how long to wait: {judge.describe(refused)}")
        if told > longest.total_seconds():
            raise Unknown(f"a refusal asks to wait {told} s, longer than {longest.total_seconds():g} s")
        waited: float = self.wait_as_promised(Promise(refused.answered + told + judge.ROUNDING))
        [after] = self._ask(1, [url], token, source, headers, ca_file, json)
        fail_where(judge.waited(refused, after, told))
        return waited

    @keyword(tags=("asking",))
    def ask_until_it_passes(
        self,
        url: str,
        token: str | Secret | None = None,
        source: str | None = None,
        every: timedelta = timedelta(milliseconds=100),
        within: timedelta = timedelta(minutes=2),
        ca_file: str | None = None,
        headers: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> list[Answer]:
        """Gets ``url`` every ``every`` until it is not refused; returns all answers, the one that passed included."""
        deadline = time.monotonic() + within.total_seconds()
        pause = threading.Event()
        asker = self._asker(token, source, headers, ca_file, json)
        answers: list[Answer] = []
        try:
            while not answers or answers[-1].refused:
                if time.monotonic() > deadline:
                    raise AssertionError(f"still refused after {within}: {judge.describe(answers[-1])}")
                if answers:
                    pause.wait(every.total_seconds())
                answers += asker.ask([present(url)], 1)
        finally:
            asker.close()
        logger.info(f"{len(answers) - 1} refusals; then {judge.describe(answers[-1])}")
        return answers

    @keyword(tags=("waiting",))
    def make_promise(self, seconds: float) -> Promise:
        """A promise, heard just now, of what will be in so many ``seconds``: a socket's ``retry_after``."""
        return Promise(time.monotonic() + seconds)

    @keyword(tags=("waiting",))
    def wait_as_promised(self, *promises: Any) -> float:
        """Waits until all promises are due, and no longer; returns the seconds.

        A promise is what `Make Promise` returned, the answers to one asker, of which the last that names a quota
        reports when it is whole, or the answers of a `Flood`.
        """
        now = time.monotonic()
        due = max(map(_due, promises))
        threading.Event().wait(max(0.0, due - now))
        return max(0.0, due - now)

    def _ask(
        self,
        count: int,
        urls: Sequence[str],
        token: str | Secret | None,
        source: str | None,
        headers: Mapping[str, str] | None,
        ca_file: str | None,
        body: Mapping[str, Any] | None,
    ) -> list[Answer]:
        if not urls:
            raise ValueError("no URL: nothing would be asked")
        asker = self._asker(token, source, headers, ca_file, body)
        try:
            return list(asker.ask([*map(present, urls)], count))
        finally:
            asker.close()

    @staticmethod
    def _asker(
        token: str | Secret | None,
        source: str | None,
        headers: Mapping[str, str] | None,
        ca_file: str | None,
        body: Mapping[str, Any] | None = None,
    ) -> Asker:
        complete = test_identity.headers() | {name: str(value) for name, value in (headers or {}).items()}
        if token is not None:
            complete["Authorization"] = f"Bearer {masking.reveal(present(token))}"
        if body is None:
            return Asker(complete, source, ca_file)
        complete["Content-Type"] = "application/json"
        return Asker(complete, source, ca_file, dumps(body).encode())


def _due(promise: Any) -> float:
    if isinstance(promise, Promise):
        return promise.due
    if isinstance(promise[0], Answer):
        return judge.when_whole(promise)
    return max(map(_due, promise))
