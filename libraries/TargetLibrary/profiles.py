"""Keywords for what is known of a user: a change of it is seen at each endpoint and on each socket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from lockstep import verdicts
from lockstep.dialect import Session
from lockstep.dialect.accounts import made_up
from lockstep.dialect.sensitive import is_secret
from lockstep.dialect.templates import fill
from lockstep.masking import mask
from lockstep.waiting import wait_until
from robot.api import logger

from .base import Base, same
from .described import word
from .socket import Socket

_CHANGED = ("name", "email")
_ARRIVES = 5.0


class Profiles(Base):
    """Change Profile, and who sees it."""

    @word("account")
    def change_profile(self, session: Session) -> Session:
        """Gives the user another name, and another e-mail where the dialect's step names ``{email}``.

        The returned session knows what is new. NA on an account that is given.
        """
        return self._changed(session, self._new_profile())

    @word("account", "assertion")
    def change_profile_should_be_refused(self, session: Session, other: Session) -> None:
        """Passes when the user cannot take the e-mail of another one; where users change none, nothing is asked."""
        if not self.stage.dialect.knows("change_profile") or not self._changes("email") or "email" not in other.values:
            logger.info("no user changes their e-mail here")
            return
        taken = {**self._new_profile(), "email": other.email}
        outcome = self.stage.perform("change_profile", session, **taken)
        if outcome.ok:
            raise AssertionError(f"{session!r} has taken the e-mail of another user")
        if not outcome.refused:
            raise AssertionError(f"change_profile was not refused, but failed: {mask(outcome.why)}")

    def _changed(self, session: Session, profile: Mapping[str, Any]) -> Session:
        self.must_be_ours(session, "change_profile")
        changed = self.stage.needed("change_profile", session, **profile).session
        return changed.with_values({name: profile[name] for name in profile if self._changes(name)})

    def _new_profile(self) -> dict[str, Any]:
        """Another name, and an e-mail such as accounts are made with."""
        facts = self.stage.dialect.accounts
        texts = made_up()
        made = fill(facts.made, texts, facts.place.at("made")) if facts and facts.made else {}
        return {"name": texts["unique"], **{name: made[name] for name in _CHANGED if name in made}}

    def _changes(self, name: str) -> bool:
        """Whether a change of the profile sends this value."""
        dialect = self.stage.dialect
        if dialect.knows("change_profile") and "change_profile" in dialect.methods:
            return name == "name"
        return dialect.sends(dialect.steps("change_profile"), name)

    @word("endpoint", "assertion")
    def every_endpoint_should_show_user(self, session: Session) -> None:
        """Passes when each endpoint shows what is known of the user, within ``promises.changes.within``.

        That is what its ``who`` reads and the session knows, such as ``name``, ``email`` and ``role``.
        """
        promise = self.stage.dialect.promises.choice("changes.within")
        asked = [name for name in self.stage.endpoints if self._reads_more(name)]
        if not asked:
            raise self.stage.dialect.missing("endpoints.who.read.name", "no endpoint shows more than the user's id")
        for endpoint in asked:
            wait_until(
                f"what {endpoint} shows of {session!r}", "as it was changed",
                lambda endpoint=endpoint: self._seen_wrong(endpoint, session), lambda wrong: not wrong,  # type: ignore[misc]
                timedelta(seconds=promise.value), describe=mask,
            )  # fmt: skip
        if promise.weaker:
            verdicts.weaker(f"changes may need {promise.value:g} s, as declared", promise.reference)

    def _reads_more(self, endpoint: str) -> bool:
        return bool(self.stage.dialect.read_by(self.stage.dialect.endpoint(endpoint).who) - {"user"})

    def _seen_wrong(self, endpoint: str, session: Session) -> str:
        outcome = self.stage.who(endpoint, session)
        return unlike(outcome.read, session) if outcome.ok else outcome.why

    @word("socket", "assertion")
    def open_sockets_should_follow_change(self, sockets: Sequence[str], session: Session) -> None:
        """Passes when each open socket is sent what was changed of its user, and answers so when asked who that is.

        The first counts where ``socket.in.profile`` is described, the second where ``who_am_i`` reads a name or e-mail;
        NA where neither is.
        """
        if self.goes_without_socket():
            return
        facts = self.stage.dialect.needed_socket()
        asked = facts.out.get("who_am_i")
        shows = asked is not None and bool(set(asked.read or ()).intersection(_CHANGED))
        if "profile" not in facts.events and not shows:
            raise self.stage.dialect.missing("socket.in.profile")
        for alias in sockets:
            found = self.socket(alias)
            if "profile" in facts.events:
                self._is_told(found, session)
            if shows:
                opened = found.play(found.line.asking("who_am_i"))
                if wrong := unlike(opened.read, session) if opened.ok else opened.why:
                    raise AssertionError(f"{alias} does not show {session!r} as changed: {mask(wrong)}")

    def _is_told(self, found: Socket, session: Session) -> None:
        def told() -> list[str]:
            return [unlike(event.fields, session) for event in found.events if event.kind == "profile"]

        if found.wait_for(lambda: "" in told() or None, _ARRIVES) is None:
            came = told()
            seen = f"the last report was another one: {came[-1]}" if came else "nothing was reported"
            raise AssertionError(f"{found.alias} was not notified of the change within {_ARRIVES:g} s; {seen}")


def unlike(shown: Mapping[str, Any], session: Session) -> str:
    """What of ``shown`` is not as the session knows it, in words; "" where all is."""
    for name, value in shown.items():
        known = session.values.get(name)
        if known is not None and not is_secret(name) and not same(value, known):
            return f"{name} is {value!r}, not {known!r}"
    return ""
