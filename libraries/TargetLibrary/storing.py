"""Keywords for what the target's stores hold, read from them and from nowhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from lockstep import verdicts
from lockstep.dialect import NotDescribed, Session
from lockstep.dialect.sensitive import is_secret
from lockstep.dialect.stores import Row
from lockstep.masking import mask
from lockstep.waiting import wait_until
from robot.api import logger

from .base import Base, same
from .chatting import compare
from .described import word

_WHAT = {"user": "user", "session": "session", "message": "message", "traces": "what belongs to user"}


class Storing(Base):
    """User Should Be Stored In Every Store, and the like for sessions and messages.

    A store that follows another one has the time that ``promises.changes.within`` gives it. One that cannot be reached
    is an error.
    """

    @word("store", "assertion")
    def user_should_be_stored_in_every_store(self, session: Session, **columns: Any) -> None:
        """Passes when each store has the user once, with what is known of them: columns called ``name``, ``email``, ….

        ``columns`` are further ones, such as ``active``, which count where a store shows them. The store is asked again
        until it is so, within ``promises.changes.within``.
        """
        self._stored_once("user", session.user, session.with_values(columns))

    @word("store", "assertion")
    def user_should_be_in_no_store(self, session: Session) -> None:
        """Passes when no store has the user or anything of them any more, within ``promises.changes.within``.

        What belongs to a user is what a store's ``traces`` finds.
        """
        self._nowhere("user", session.user)
        if any("traces" in store.find for store in self.stage.dialect.stores.values()):
            self._nowhere("traces", session.user)

    @word("store", "assertion")
    def session_should_be_stored_in_every_store(self, session: Session) -> None:
        """Passes when each store has the session once, with what is known of it, within ``promises.changes.within``."""
        self._stored_once("session", session.session, session)

    @word("store", "assertion")
    def session_should_be_in_no_store(self, session: Session) -> None:
        """Passes when no store has the session as a live one, within ``promises.changes.within``."""
        self._nowhere("session", session.session)

    @word("store", "assertion")
    def message_should_be_stored_once(self, message: Any) -> None:
        """Passes when each store has the message once, without duplicates, within ``promises.changes.within``."""
        self._stored_once("message", message, Session())

    @word("store", "assertion")
    def message_should_be_in_no_store(self, message: Any) -> None:
        """Passes when no store has the message of this id, within ``promises.changes.within``."""
        self._nowhere("message", message)

    @word("store", "assertion")
    def described_stores_should_hold_user(self, session: Session, **columns: Any) -> None:
        """As `User Should Be Stored In Every Store`; where no store is described, nothing is asked."""
        if self._described("user"):
            self.user_should_be_stored_in_every_store(session, **columns)

    @word("store", "assertion")
    def described_stores_should_not_hold_user(self, session: Session) -> None:
        """As `User Should Be In No Store`; where no store is described, nothing is asked."""
        if self._described("user"):
            self.user_should_be_in_no_store(session)

    @word("store", "assertion")
    def described_stores_should_hold_session(self, session: Session) -> None:
        """As `Session Should Be Stored In Every Store`; where no store is described, nothing is asked."""
        if self._described("session"):
            self.session_should_be_stored_in_every_store(session)

    @word("store", "assertion")
    def described_stores_should_not_hold_session(self, session: Session) -> None:
        """As `Session Should Be In No Store`; where no store is described, nothing is asked."""
        if self._described("session"):
            self.session_should_be_in_no_store(session)

    @word("store", "assertion")
    def described_stores_should_not_hold_message(self, message: Any) -> None:
        """As `Message Should Be In No Store`; where no store is described, nothing is asked."""
        if self._described("message"):
            self.message_should_be_in_no_store(message)

    def _described(self, kind: str) -> bool:
        try:
            return bool(self.stage.stores(kind))
        except NotDescribed as lacking:
            logger.info(f"no store is asked: {lacking}")
            return False

    @word("store")
    def count_stored_messages(self, room: Any) -> int:
        """How many messages of a conversation the stores have; fails where they differ."""
        found = {name: len(self.stage.stored(name, "messages", room)) for name in self.stage.stores("messages")}
        if len(set(found.values())) > 1:
            raise AssertionError(f"stores have different numbers of messages: {found}")
        return next(iter(found.values()))

    @word("store", "assertion")
    def stored_messages_should_be(self, room: Any, texts: Sequence[str]) -> None:
        """Passes when each store has these messages of a conversation, by their column ``text``, and no others.

        Their order counts where one is promised.
        """
        in_order = self.stage.messages_are_ordered()
        for name in self.stage.stores("messages"):
            rows = self.stage.stored(name, "messages", room)
            if any("text" not in row for row in rows):
                raise self.stage.dialect.missing(f"stores.{name}.messages.text", "the query has no column text")
            compare([str(row["text"]) for row in rows], list(texts), f"in store {name}", in_order)

    # --- asking

    def _stored_once(self, kind: str, wanted: Any, known: Session) -> None:
        self._every_store(kind, wanted, "stored once", lambda rows: _wrong(rows, known))

    def _nowhere(self, kind: str, wanted: Any) -> None:
        self._every_store(kind, wanted, "gone", lambda rows: f"{len(rows)} are there: {dict(rows[0])}" if rows else "")

    def _every_store(self, kind: str, wanted: Any, state: str, wrong: Callable[[list[Row]], str]) -> None:
        promise = self.stage.dialect.promises.choice("changes.within")
        for name in self.stage.stores(kind):
            began = time.monotonic()
            wait_until(
                f"{_WHAT[kind]} {mask(str(wanted))} in store {name}", state,
                lambda name=name: wrong(self.stage.stored(name, kind, wanted)), lambda found: not found,  # type: ignore[misc]
                timedelta(seconds=promise.value), describe=mask,
            )  # fmt: skip
            took = time.monotonic() - began
            if promise.weaker and took > promise.default:
                verdicts.weaker(f"store {name} followed after {took:.1f} s, as declared", promise.reference)


def _wrong(rows: Sequence[Row], known: Session) -> str:
    """What is wrong with rows that have to be one, with what is known of it; "" where nothing is."""
    if len(rows) != 1:
        return f"it is there {len(rows)} times" if rows else "it is not there"
    for name, value in known.values.items():
        stored = rows[0].get(name)
        if name in rows[0] and not is_secret(name) and isinstance(value, str | int) and not same(stored, value):
            return f"its {name} is {stored!r}, not {value!r}"
    return ""
