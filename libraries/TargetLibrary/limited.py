"""What is asked of a quota: words of the dialect, as one user from one address, and their answers."""

from __future__ import annotations

import ipaddress
import itertools
import time
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lockstep import target
from lockstep.dialect import Driver, Outcome, Session
from lockstep.dialect.keeping import Kept
from QuotaLibrary.asking import Answer, Asker, announced
from QuotaLibrary.form import Form

if TYPE_CHECKING:
    from .stage import Stage

THROTTLED = 429
_PATIENCE = 15.0
_addresses = itertools.count()


class Limited(Asker):
    """Asks for what has a quota: the word ``limited``, or where there is none, at each endpoint who the user is."""

    def __init__(self, stage: Stage, session: Session, source: str | None = None, *, who: bool = False) -> None:
        self._stage = stage
        self._who = who or not stage.dialect.knows("limited")
        self.session = session
        ca_file = target.current().ca_file if target.in_use() else None
        self._kept = Kept(ca_file, _PATIENCE, source)
        self.driver = Driver(stage.speaker, self._kept.send)
        self.driver.patient = False

    def close(self) -> None:
        """Ends the connections."""
        self._kept.close()

    def _asked(self, url: str) -> Answer:
        sent = time.monotonic()
        speaker = self._stage.speaker
        talk = speaker.who(url, self.session) if self._who else speaker.perform("limited", self.session, url)
        return answer_of(self._stage, self.driver.drive(talk), url, sent)


def answer_of(stage: Stage, outcome: Outcome, url: str, sent: float) -> Answer:
    """An outcome as QuotaLibrary judges it: 200 passed, 429 was refused as the dialect describes it, else it failed."""
    came = outcome.answer
    known = announced(came.header) if came else Answer("", 0.0, 0.0, None)
    throttled = "throttled" in outcome.classes
    status = 200 if outcome.ok else THROTTLED if throttled else None
    detail = "" if outcome.ok or throttled else outcome.why
    return replace(known, url=url, sent=sent, answered=time.monotonic(), status=status, detail=detail)


def form_of(stage: Stage) -> Form:
    """What a refusal has with it, as is promised."""
    choice, limits = stage.dialect.promises.choice, stage.dialect.limits
    rate = 0.0
    if choice("limits.refill").value == "steady" and {"rate_limit", "rate_window"} <= limits.keys():
        rate = limits["rate_limit"] / limits["rate_window"]
    return Form(choice("limits.fields").value, choice("limits.retry_after").value, None, rate)


def unused_address(stage: Stage) -> str | None:
    """A local address that nobody has come from yet, where the target is on this machine; else None."""
    known = {"platform": stage.speaker.platform}
    for endpoint in stage.speaker.endpoints:
        host = urlsplit(stage.speaker.base(stage.dialect.endpoint(endpoint), known)).hostname or ""
        try:
            if not ipaddress.ip_address(host).is_loopback or ":" in host:
                return None
        except ValueError:
            return None
    number = next(_addresses)
    return f"127.4.{number // 250}.{number % 250 + 1}"
