"""Keywords that open sockets as pages of this and other origins do (RFC 6455 §10.2)."""

from __future__ import annotations

from urllib.parse import urlsplit

from lockstep import masking, target, verdicts
from lockstep.dialect import Answer, Line, Session
from lockstep.dialect.templates import fill
from lockstep.masking import mask
from robot.api import logger
from WebSocketLibrary.handshake import ask, build

from .base import Base
from .described import word
from .sockets import NOWHERE

_WAIT = 10.0
FOREIGN = "https://origin.invalid"


class Origins(Base):
    """Sockets for pages of the own origin, and for no others."""

    @word("socket", "assertion")
    def foreign_origin_should_be_refused(self, session: Session) -> None:
        """Passes when no endpoint opens a socket for a page of another origin (ASVS 5.0 §4.4.2), as is promised.

        Beside one that has nothing of the target's own origin, ``null`` and, where ``socket.origin`` says which is its
        own, those that only look like it are tried. Where ``refusals.foreign_origin`` is described they are refused so.
        """
        promise = self.stage.dialect.promises.choice("origin")
        for endpoint in self.stage.socket_endpoints:
            self._must_open_otherwise(endpoint, session)
            for origin in self.foreign_origins(endpoint):
                answer = self._answer_to(endpoint, session, origin)
                if answer.status == 101 and not promise.unbounded:
                    raise AssertionError(f"origin {origin}: {endpoint} opens a socket for such a page")
                if answer.status == 101:
                    verdicts.unbounded(f"{endpoint} opens a socket for a page of another origin")
                    break
                self._is_foreign_origin(endpoint, origin, answer)

    def _must_open_otherwise(self, endpoint: str, session: Session) -> None:
        """The same handshake opens for the own origin, or for who is no page: otherwise a refusal shows nothing."""
        answer = self._answer_to(endpoint, session, self._own_origin(endpoint) or None)
        if answer.status != 101:
            raise AssertionError(f"{endpoint} opens no socket without a foreign origin either: {mask(str(answer))}")

    def _is_foreign_origin(self, endpoint: str, origin: str, answer: Answer) -> None:
        wanted = self.stage.dialect.refusals.get("foreign_origin", ())
        is_refusal = any(known.fits(answer) for known in wanted) if wanted else 400 <= (answer.status or 0) < 500
        if not is_refusal:
            shown = " or ".join(map(str, wanted)) or "4xx"
            raise AssertionError(f"origin {origin}: {endpoint} should refuse it ({shown}), but: {mask(str(answer))}")

    @word("socket", "assertion")
    def own_origin_should_open_sockets(self, session: Session) -> None:
        """Passes when each endpoint opens a socket for a page of the target's own origin, ``socket.origin``."""
        for endpoint in self.stage.socket_endpoints:
            origin = self._own_origin(endpoint)
            if not origin:
                raise self.stage.dialect.missing("socket.origin")
            answer = self._answer_to(endpoint, session, origin)
            if answer.status != 101:
                raise AssertionError(f"{endpoint} opens no socket for a page of {origin}, but: {mask(str(answer))}")

    def _own_origin(self, endpoint: str = "") -> str:
        facts = self.stage.dialect.needed_socket()
        values = self.stage.speaker.values(Session(), {})
        where = self.stage.dialect.endpoint(endpoint or self.stage.endpoints[0])
        values = {**values, "base": self.stage.speaker.base(where, values)}
        return str(fill(facts.origin, values, facts.place.at("origin"))).rstrip("/") if facts.origin else ""

    def foreign_origins(self, endpoint: str = "") -> list[str]:
        """One of another site, of no site, and those that begin or end as the own one does."""
        found = [FOREIGN, "null"]
        if own := self._own_origin(endpoint):
            parts = urlsplit(own)
            other = "http" if parts.scheme == "https" else "https"
            found += [
                f"{own}.origin.invalid", f"{own}0", own[:-1], own.replace(parts.scheme, other, 1),
                f"{FOREIGN}/{own}", own.replace("//", "//evil."),
            ]  # fmt: skip
        return found

    def _answer_to(self, endpoint: str, session: Session, origin: str | None) -> Answer:
        # A room of the user's own, where the address names one.
        room = None if "room" in session.values else NOWHERE
        line = Line(self.stage.speaker, endpoint, session, room=room)
        shake = line.handshake()
        headers = {name: value for name, value in shake.headers.items() if name.lower() != "origin"}
        ca_file = target.current().ca_file if target.in_use() and shake.url.startswith("wss") else None
        masking.register(str(session.values.get("access", "")))
        came = ask(
            build(shake.url, headers=headers, subprotocols=shake.subprotocols, origin=origin, ca_file=ca_file),
            _WAIT,
        )
        logger.info(f"{endpoint} answers a page of {origin} with {mask(str(came))}")
        return Answer(came.status, tuple(came.headers.items()), came.body.encode(), shake.url)
