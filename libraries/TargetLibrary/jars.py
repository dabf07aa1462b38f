"""Keywords for sessions that live in cookies: how they are protected, and who can act with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lockstep import verdicts
from lockstep.dialect import NotDescribed, Outcome, Session, Speaker
from lockstep.dialect.accounts import made_up
from lockstep.dialect.cookies import Cookie
from lockstep.masking import mask
from robot.api import logger

from .base import Base
from .described import word
from .origins import FOREIGN, Origins
from .recognising import Recognising

_FLAGS = {"secure": "Secure", "http_only": "HttpOnly"}
_SITES = ("strict", "lax", "none", "")
_UNSAFE = ("change_profile", "room", "sign_out")
"""What a page may try to do in a user's name, the least harmful first."""


class Jars(Base):
    """Cookies Should Be Protected, Foreign Page Should Not Act."""

    @word("promise", "assertion")
    def cookies_should_be_protected(self, session: Session) -> None:
        """Passes when each cookie of the session has the attributes that are promised (``promises.cookies``, ASVS 3.3).

        The cookie of ``credentials.csrf`` is read by scripts, so it need not be kept from them. NA where no session is
        kept in cookies.
        """
        for cookie in self._cookies(session):
            has = dict(cookie.attributes)
            for name, shown in _FLAGS.items():
                if name == "http_only" and cookie.name == self._csrf_cookie:
                    continue
                self._judge(cookie, name, shown, ("absent", "present")[shown.lower() in has], ("present", "absent"))
            self._judge(cookie, "same_site", "SameSite", has.get("samesite", "").lower(), _SITES)

    def _judge(self, cookie: Cookie, name: str, shown: str, actual: str, order: Sequence[str]) -> None:
        """``order`` has the best first; what is declared is the least that is good enough."""
        promise = self.stage.dialect.promises.choice(f"cookies.{name}")
        declared = {True: "present", False: "absent"}.get(promise.value, promise.value)
        best = {True: "present"}.get(promise.default, promise.default)
        is_known = actual in order
        if not is_known or order.index(actual) > order.index(declared):
            found = f"has {shown}={actual}" if actual not in ("", "absent") else f"lacks {shown}"
            wanted = f"{shown}={declared}" if name == "same_site" else shown
            raise AssertionError(f"the cookie {cookie.name} {found}; declared is {wanted}")
        if order.index(actual) > order.index(best):
            verdicts.weaker(
                f"the cookie {cookie.name} has {shown} {actual or 'absent'}, as declared", promise.reference
            )
        elif order.index(declared) > order.index(best):
            logger.info(f"the cookie {cookie.name} has {shown} {actual}: declare more (promises.cookies.{name})")

    @property
    def _csrf_cookie(self) -> str | None:
        credentials = self.stage.dialect.credentials
        return credentials.csrf.cookie if credentials and credentials.csrf else None

    def _cookies(self, session: Session) -> Sequence[Cookie]:
        credentials = self.stage.dialect.credentials
        if credentials is None or not credentials.jar:
            raise self.stage.dialect.missing("credentials.jar", "no session lives in cookies")
        if not session.cookies:
            raise AssertionError(f"{session!r} has no cookie, though sessions are declared to live in cookies")
        return session.cookies

    @word("promise", "assertion")
    def foreign_page_should_not_act(self, session: Session) -> None:
        """Passes when a page of another origin does nothing in the user's name, as is promised (``promises.origin``).

        It sends what the user's own page would, with the user's cookies and its own ``Origin`` and ``Referer``, but not
        what ``credentials.csrf`` asks for. Origins that only look like the own one (``socket.origin``) are tried, too.
        The user's own page can do it. NA where no session lives in cookies.
        """
        self._cookies(session)
        assert isinstance(self, Recognising)
        name = self._unsafe_word()
        promise = self.stage.dialect.promises.choice("origin")
        for origin in self._origins():
            outcome = self._from_elsewhere(name, session, origin)
            status = outcome.answer.status if outcome.answer else None
            if status is None or status >= 500:
                raise AssertionError(f"{name} from a page of {origin} was not refused, but: {mask(outcome.why)}")
            if outcome.ok and not promise.unbounded:
                raise AssertionError(f"a page of {origin} could do {name} in the user's name")
            if outcome.ok:
                verdicts.unbounded(f"a page of {origin} could do {name} in the user's name")
                return
        self.every_endpoint_should_recognise_user(session)
        self.stage.needed(name, session)

    def _origins(self) -> list[str]:
        assert isinstance(self, Origins)
        return self.foreign_origins() if self.stage.dialect.socket else [FOREIGN, "null"]

    def _unsafe_word(self) -> str:
        """A word of the user's own that changes something."""
        dialect = self.stage.dialect
        for name in _UNSAFE:
            steps = dialect.operations.get(name, ())
            if steps and all(step.kind == "request" and step.role == "user" and step.method != "get" for step in steps):
                return name
        raise NotDescribed("operations.room", "no request of the user's own changes anything")

    def _from_elsewhere(self, name: str, session: Session, origin: str) -> Outcome:
        speaker = self.stage.speaker
        dialect = speaker.dialect
        assert dialect.credentials is not None
        plain = Speaker(replace(dialect, credentials=replace(dialect.credentials, csrf=None)), speaker.platform)
        foreign: Any = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        if origin != "null":
            foreign["Referer"] = f"{origin}/"
        steps = tuple(replace(step, headers={**step.headers, **foreign}) for step in dialect.steps(name))
        return self.stage.driver.drive(plain.take(steps, session, "", made_up() | {"name": "from elsewhere"}))
