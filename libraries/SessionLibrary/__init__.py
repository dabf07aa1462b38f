"""Robot Framework library that sees one session in all its places at once, and manages sessions and locks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from lockstep import latencies, masking
from lockstep.dialect.performing import claims
from lockstep.listeners import LISTENERS
from lockstep.target import Descriptor
from lockstep.unknown import Unknown
from lockstep.waiting import seconds, wait_until
from robot.api.deco import keyword, library
from robot.api.types import Secret
from robot.libraries.BuiltIn import BuiltIn

from SessionLibrary import guessing, places
from SessionLibrary.places import Ask, Socket
from SessionLibrary.records import Identity, ManagedSession
from SessionLibrary.syncing import Syncing
from SessionLibrary.views import View, differences, table

__version__ = "1.0.0"
__all__ = ["ManagedSession", "SessionLibrary", "View"]
UNTIL_REVOKED = ("main db", "redis index")


@library(scope="GLOBAL", version=__version__, doc_format="ROBOT", auto_keywords=False, listener=LISTENERS)
class SessionLibrary(Syncing):
    """Sees one session in all its places at once, waits until they agree, and manages sessions.

    | ${user} =    Create User
    | `Session Views Should Agree`    ${user}    within=1s
    | `Revoke Session`    ${user}
    | `Wait Until Session Is Gone Everywhere`    ${user}    within=2s

    = Places =

    | *Place* | *What is read there* |
    | ``auth`` | ``GET /admin/sessions/{sid}`` and ``GET /admin/users/{id}`` |
    | ``backend-1`` … | ``GET /api/me`` at each replica (``frontend`` where there is no direct way) |
    | ``redis`` | the document ``session:{sid}`` |
    | ``redis ttl`` | its time to live |
    | ``redis index`` | its entry in ``user:{id}:sessions`` |
    | ``auth db`` | the row in ``sessions`` |
    | ``main db`` | the rows in ``userbase`` and ``revoked_sessions`` |
    | ``socket`` | ``whoami`` on a socket of WebSocketLibrary, where one is named |

    Asked are those that the target in use (PlatformLibrary) has, or ``descriptor`` at the import of the library: a
    dictionary with the entries of docs/architecture.md. ``places`` at a keyword narrows them.

    = Sessions =

    A session is a user of DataFactory, a managed session, a token answer, or a session id; an id alone cannot be asked
    for at backend unless ``access_token`` is given.

    = Latencies =

    `Session Views Should Agree` records how long it took as latency ``session sync``, `Wait Until Session Is Gone
    Everywhere` as ``session end`` and ``session end in <place>``, `Measure Session Sync` as ``sync latency`` and as
    ``sync latency of <change> in <place>``; BudgetLibrary judges and draws them.
    """

    def __init__(self, descriptor: Mapping[str, Any] | None = None) -> None:
        super().__init__(Descriptor.from_dict(descriptor) if descriptor else None)

    @keyword(tags=("views",))
    def get_session_views(
        self,
        session: Any,
        socket: str | None = None,
        places: list[str] | None = None,
        access_token: str | Secret | None = None,
    ) -> dict[str, View]:
        """What each place says of ``session``: a dictionary place → ``live``, ``facts``, ``note``, ``error``.

        ``live`` is ``None`` where a place does not tell. Times are seconds since the epoch.

        | ${views} =    `Get Session Views`    ${user}
        | Should Be True    ${views}[redis].live
        """
        identity = Identity.of(session, access_token)
        return self._look(identity, self._asked(identity, socket, places))

    @keyword(tags=("views", "assertion"))
    def session_views_should_agree(
        self,
        session: Any,
        within: timedelta = timedelta(0),
        socket: str | None = None,
        places: list[str] | None = None,
        ignore: list[str] | None = None,
        access_token: str | Secret | None = None,
    ) -> float:
        """Passes as soon as all places answer and none contradicts another; returns the seconds that it took.

        Fails with the facts that differ, their values, and the places that state them. ``ignore`` leaves facts out.
        At least two places must be asked.
        """
        identity = Identity.of(session, access_token)
        asked = self._asked(identity, socket, places)
        if len(asked) < 2:
            raise ValueError(f"one place alone always agrees with itself: {', '.join(asked) or 'none'} can be asked")
        seen: dict[str, View] = {}
        began = time.monotonic()

        def disagreement() -> str:
            seen.update(self._look(identity, asked))
            views = list(seen.values())
            found = differences(views, ignore or ())
            return table(identity.session_id, views, found) if found or any(v.error for v in views) else ""

        self._until_nothing(disagreement, within)
        took = time.monotonic() - began
        latencies.record("session sync", took)
        return took

    @keyword(tags=("views", "assertion"))
    def wait_until_session_is_gone_everywhere(
        self,
        session: Any,
        within: timedelta = timedelta(seconds=2),
        socket: str | None = None,
        places: list[str] | None = None,
        access_token: str | Secret | None = None,
    ) -> dict[str, float]:
        """Passes as soon as every place has ended ``session``; returns place → seconds until it was seen there.

        A place that cannot be asked is no proof and keeps the wait going, and so does one that calls the token expired
        before its ``exp``; after it such a place tells nothing and is left out. ``main db`` and ``redis index`` learn
        of a revocation only; of an expired session they need not. Fails where no place has ever known the session: a
        misspelled id is gone everywhere, too.
        """
        identity = Identity.of(session, access_token)
        asked = self._asked(identity, socket, places)
        if not asked:
            raise ValueError("no place can be asked")
        began = time.monotonic()
        gone: dict[str, float] = {}
        seen: dict[str, View] = {}
        known: set[str] = set()

        def remainder() -> str:
            for place, question in asked.items():
                if place not in gone:
                    seen[place] = self._ask(place, question, identity)
                    known.update([place] if seen[place].knew else [])
                    if seen[place].gone:
                        gone[place] = time.monotonic() - began
            left = [place for place in asked if place not in gone and not self._may_stay(place, seen, identity)]
            return (
                f"session {identity.session_id} is not gone: " + _states(seen[place] for place in left) if left else ""
            )

        self._until_nothing(remainder, within)
        if not known:
            raise AssertionError(
                f"no place has ever known session {identity.session_id}, so that it is gone proves nothing: "
                + _states(seen.values())
            )
        if not gone:
            raise AssertionError(
                f"no place knows whether session {identity.session_id} has ended: {_states(seen.values())}"
            )
        for place, took in gone.items():
            latencies.record(f"session end in {place}", took)
        latencies.record("session end", max(gone.values()))
        return gone

    @keyword(tags=("views", "assertion"))
    def session_should_be_live_everywhere(
        self,
        session: Any,
        within: timedelta = timedelta(0),
        socket: str | None = None,
        places: list[str] | None = None,
        access_token: str | Secret | None = None,
    ) -> None:
        """Passes as soon as every place that can tell says that ``session`` is live."""
        identity = Identity.of(session, access_token)
        asked = self._asked(identity, socket, places)

        def dead() -> str:
            views = self._look(identity, asked)
            telling = [view for place, view in views.items() if place != "main db" or view.live is False]
            wrong = [view for view in telling if view.live is not True]
            if wrong or not telling:
                return f"session {identity.session_id} is not live: " + (_states(wrong) or "no place can be asked")
            return ""

        self._until_nothing(dead, within)

    @keyword(tags=("assertion",))
    def secrets_should_be_unguessable(self, secrets: Sequence[str | Secret], what: str, bits: float = 128) -> None:
        """Passes when no two of ``secrets`` are equal, they hold ``bits`` bits, and neither rise nor fall with time.

        At least 100 are needed, in the order in which they were made; ``what`` names them in a failure. The bits are
        Shannon's entropy of each position, summed up: what is the same in all secrets counts nothing, and no length
        makes up for it (OWASP ASVS 5.0 7.2.3).
        """
        if flaw := guessing.flaw([masking.reveal(secret) for secret in secrets], bits):
            raise AssertionError(f"the {what} can be guessed: {flaw}")

    @keyword(tags=("values",))
    def list_wrong_session_tokens(self, session: ManagedSession) -> dict[str, Secret]:
        """Texts that are no session token, near misses of this session's one and its other secrets: what each is → it.

        | ${wrong} =    `List Wrong Session Tokens`    ${session}
        | FOR    ${what}    ${token}    IN    &{wrong}
        |     `Session Token Should Be Invalid`    ${token}    not_found
        | END
        """
        others = {"the session's id": session.session_id, "its access token": masking.reveal(session.access_token)}
        if session.refresh_token:
            others["its refresh token"] = masking.reveal(session.refresh_token)
        wrong = guessing.near_misses(masking.reveal(session.session_token)) | others
        return {what: Secret(text) for what, text in wrong.items()}

    def _asked(self, identity: Identity, socket: str | None, wanted: list[str] | None) -> dict[str, Ask]:
        connection = Socket(BuiltIn().get_library_instance("WebSocketLibrary"), socket) if socket else None
        known = self._places.needing(identity, connection)
        if wanted is None:
            return known
        missing = [place for place in wanted if place not in known]
        if missing:
            askable = ", ".join(known) or "no place"
            raise ValueError(f"this session cannot be asked for at: {', '.join(missing)}; it can at: {askable}")
        return {place: known[place] for place in wanted}

    def _look(self, identity: Identity, asked: Mapping[str, Ask]) -> dict[str, View]:
        return {place: self._ask(place, question, identity) for place, question in asked.items()}

    @staticmethod
    def _ask(place: str, question: Ask, identity: Identity) -> View:
        return places.ask(place, question, identity)

    @staticmethod
    def _may_stay(place: str, seen: Mapping[str, View], identity: Identity) -> bool:
        if seen[place].live is None and seen[place].refused:
            return _has_expired(identity.access_token)
        expired = any(view.facts.get("status") == "expired" for view in seen.values())
        return place in UNTIL_REVOKED and expired and not seen[place].error

    @staticmethod
    def _until_nothing(complain: Callable[[], str], within: timedelta) -> None:
        """Waits until there is no complaint; fails with the last one."""
        last = [""]

        def ask() -> str:
            last[0] = complain()
            return last[0]

        try:
            wait_until("the session", "as wanted", ask, lambda complaint: not complaint, within)
        except Unknown:
            raise
        except AssertionError:
            after = f"\n(after {seconds(within)})" if within else ""
            raise AssertionError(masking.mask(last[0]) + after) from None


def _states(views: Any) -> str:
    words = []
    for view in views:
        state = view.error or {True: "live", False: "gone", None: "does not say"}[view.live]
        words.append(f"{view.place}: {state}" + (f" ({view.note})" if view.note else ""))
    return "; ".join(words)


def _has_expired(token: str | None) -> bool:
    """Whether the ``exp`` of an access token is over (RFC 7519 §4.1.4); one without is not."""
    expiry = claims(token).get("exp") if token else None
    return isinstance(expiry, int | float) and expiry <= time.time()
