"""How long it takes until a write in auth is seen in each other place."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from lockstep import latencies
from lockstep.waiting import seconds
from robot.api.deco import keyword
from robot.libraries.BuiltIn import BuiltIn

from SessionLibrary.managing import Managing
from SessionLibrary.places import Ask, Socket, ask
from SessionLibrary.records import Identity
from SessionLibrary.views import View

LATENCY = "sync latency"
MOST_MISSED = 3
_PAUSE = 0.001
_OWN = ("auth", "auth db", "redis ttl")
_TELLS_NO_LOGIN = ("main db", "socket")
_TELLS_NO_NAME = ("redis", "redis index")


@dataclass
class Synced:
    """``made`` writes, and which of them were ``missed``: not seen in time."""

    made: int = 0
    missed: list[str] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """How many were seen in time."""
        return self.made - len(self.missed)


@dataclass(frozen=True)
class Change:
    """One write: its name, what it does (returning whom to ask about), and the view that shows it."""

    name: str
    write: Callable[[], Identity]
    shown: Callable[[View], bool]


class Syncing(Managing):
    """Writes in auth, each watched in one other place."""

    @keyword(tags=("views", "latencies"))
    def measure_session_sync(
        self, user: Any, rounds: int = 20, socket: str | None = None, within: timedelta = timedelta(seconds=5)
    ) -> Synced:
        """Changes things in auth, and measures how long each takes to be seen in one other place.

        In each round and for each place of the target a session of ``user`` is made, and revoked, and he is renamed;
        each write is watched in this place alone, as far as it can tell (Redis knows no names, the main database no
        logins). ``socket`` is an open one of his. The time begins before the write is sent and ends when the answer
        that shows it has been read, so what is measured is never less than what it took.

        The latencies are recorded as ``sync latency`` and as ``sync latency of <change> in <place>``. Returns how many
        writes were ``made`` and ``seen``, and which were ``missed``: not seen ``within`` the time. After three of
        those it gives up.

        | ${done} =    `Measure Session Sync`    ${user}    rounds=30    socket=desktop
        | Should Be Empty    ${done.missed}
        """
        identity = Identity.of(user)
        connection = Socket(BuiltIn().get_library_instance("WebSocketLibrary"), socket) if socket else None
        asked = self._places.needing(identity, connection)
        done = Synced()
        for place in [place for _ in range(rounds) for place in asked if place not in _OWN]:
            for change in self._changes(identity, place):
                done.made += 1
                if not _is_seen(change, place, asked[place], within.total_seconds()):
                    done.missed.append(f"{change.name} was not seen in {place} within {seconds(within)}")
                if len(done.missed) == MOST_MISSED:
                    return done
        return done

    def _changes(self, user: Identity, place: str) -> Iterator[Change]:
        if place not in _TELLS_NO_NAME:
            yield self._renaming(user)
        if place != "socket":
            yield from self._login_and_end(user, place)

    def _renaming(self, user: Identity) -> Change:
        name = f"Renamed {uuid.uuid4()}"

        def write() -> Identity:
            self._auth.call("PATCH", f"/admin/users/{user.user_id}", {"name": name})
            return user

        return Change("a new name", write, lambda view: view.facts.get("user name") == name)

    def _login_and_end(self, user: Identity, place: str) -> Iterator[Change]:
        made: list[Identity] = []

        def log_in() -> Identity:
            made.append(Identity.of(self.create_managed_session(str(user.user_id))))
            return made[-1]

        def end() -> Identity:
            self.revoke_session(made[-1].session_id)
            return made[-1]

        if place in _TELLS_NO_LOGIN:
            log_in()
        else:
            yield Change("a new session", log_in, lambda view: view.live is True)
        yield Change("a session's end", end, lambda view: view.gone)


def _is_seen(change: Change, place: str, question: Ask, within: float) -> bool:
    began = time.monotonic()
    subject = change.write()
    while not change.shown(ask(place, question, subject)):
        if time.monotonic() - began > within:
            return False
        time.sleep(_PAUSE)
    took = time.monotonic() - began
    latencies.record(LATENCY, took)
    latencies.record(f"{LATENCY} of {change.name} in {place}", took)
    return True
