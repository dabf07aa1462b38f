"""Keywords that judge how refresh tokens are spent (RFC 9700 §4.14.2)."""

from __future__ import annotations

import time
from functools import partial

from lockstep import verdicts
from lockstep.dialect import NotDescribed, Outcome, Session
from lockstep.dialect.performing import claims
from lockstep.dialect.promises import UNTIL_USED
from lockstep.masking import mask
from robot.api import logger

from .at_once import at_once
from .base import Base
from .described import word
from .ending import Ending
from .stage import LONGEST_WAIT, patient


class Refreshing(Base):
    """Rotation, reuse and parallel use of refresh tokens."""

    @word("session", "assertion")
    def refresh_should_rotate_tokens(self, before: Session, after: Session) -> None:
        """Passes when ``after`` is the same session of the same user with other tokens, as is promised."""
        if "refresh" not in before.values:
            raise self.stage.dialect.missing("operations.sign_in.read.refresh")
        claim = self.stage.dialect.token.claims.get("issued", "iat")
        same_access = before.values.get("access") == after.values.get("access")
        if same_access and not issued_since(str(after.values.get("access")), claim, float(after.signed_in_at)):
            raise AssertionError("the refresh has brought the same access token")
        known = self.stage.dialect.token.claims.get("id")
        if known and not same_access:
            first, second = (claims(str(session.values.get("access"))).get(known) for session in (before, after))
            if first == second:
                raise AssertionError(f"both tokens have one id ({known})")
        for name in ("user", "session"):
            if before.values.get(name) != after.values.get(name):
                raise AssertionError(f"the refresh has brought another {name}: {after.values.get(name)}")
        rotated = before.refresh != after.refresh
        promise = self.stage.dialect.promises.choice("refresh.rotation")
        if not rotated and promise.value:
            raise AssertionError("the refresh has brought the same refresh token, though it is declared to rotate")
        if not rotated:
            verdicts.weaker("the refresh token stays the same, as declared", promise.reference)

    @word("session", "assertion")
    def refresh_should_be_refused(self, session: Session) -> None:
        """Passes when the refresh token of ``session`` buys nothing, and is refused in the dialect's words."""
        if wrong := self._not_refused(self.stage.perform("refresh", session)):
            raise AssertionError(f"the refresh token {wrong}")

    def _not_refused(self, outcome: Outcome) -> str:
        if outcome.ok:
            return "should be refused, but has bought a new pair"
        return "" if outcome.refused else f"should be refused in the dialect's words, but: {mask(outcome.why)}"

    @word("session", "assertion")
    def spent_refresh_token_should_be_useless(self, spent: Session, current: Session) -> None:
        """Uses a spent refresh token again: passes when what becomes of it, and of its family, is as promised.

        ``current`` has what the first use has bought. See `promises.refresh.reuse`.
        """
        self._must_rotate()
        promise = self.stage.dialect.promises.choice("refresh.reuse")
        outcome = self.stage.perform("refresh", spent)
        if outcome.ok and self.stage.dialect.promises.choice("refresh.grace").value:
            if (newest := self._when_grace_ends(outcome, current)) is None:
                return None
            current, outcome = newest, self.stage.perform("refresh", spent)
        if outcome.ok and promise.value == "accepted":
            return verdicts.unbounded("a spent refresh token has bought a new pair")
        if wrong := self._not_refused(outcome):
            raise AssertionError(f"the spent refresh token {wrong}")
        if promise.value != "ends_family":
            if self.stage.perform("refresh", current).ok:
                verdicts.weaker("a spent refresh token is refused, and its family goes on", promise.reference)
            return None
        if wrong := self._not_refused(self.stage.perform("refresh", current)):
            raise AssertionError(f"after the reuse, the family's refresh token {wrong}")
        return None

    def _when_grace_ends(self, outcome: Outcome, current: Session) -> Session | None:
        """The successor that counts once ``promises.refresh.grace`` is over; None where that lasts for too long.

        Until a time is over a spent token buys the one successor again; until the successor is used, the newest counts.
        """
        promise = self.stage.dialect.promises.choice("refresh.grace")
        if promise.value == UNTIL_USED:
            verdicts.weaker(
                "a spent refresh token is taken until its successor is used, as declared", promise.reference
            )
            for endpoint in self.stage.endpoints:
                if not (used := self.stage.who(endpoint, outcome.session)).ok:
                    raise AssertionError(f"the successor is not taken: {mask(used.why)}")
            return outcome.session
        if outcome.read.get("refresh") != current.refresh:
            raise AssertionError("a spent refresh token has bought another successor than the first time")
        verdicts.weaker(f"a spent refresh token is taken for {promise.value:g} s, as declared", promise.reference)
        if promise.value > LONGEST_WAIT.total_seconds() and not patient():
            logger.info("the end of the grace is not waited for (--patient does)")
            return None
        time.sleep(promise.value)
        return current

    @word("session", "assertion")
    def family_should_end_after_reuse(self, session: Session) -> None:
        """Passes when reuse of a refresh token has ended the newest session of its family, too, where that is promised.

        See ``promises.refresh.reuse``, and ``promises.ends.refresh_reuse`` for its access token.
        """
        self._must_rotate()
        promise = self.stage.dialect.promises.choice("refresh.reuse")
        if promise.value != "ends_family":
            logger.info(f"after a reuse its family goes on, as declared ({promise.value})")
            return
        assert isinstance(self, Ending)
        self.refresh_should_be_refused(session)
        self.access_should_end(session, "refresh_reuse")

    @word("session", "assertion")
    def parallel_refresh_should_be_safe(self, session: Session, times: int = 4) -> list[Session]:
        """Sends one refresh token so often at one instant: passes when as many succeed as is promised.

        ``promises.refresh.parallel``: ``one_wins`` is one success at most, ``same_answer`` the same new token for all,
        ``last_wins`` a pair for each, of which one is good.
        Returns the sessions that were bought.
        """
        self._must_rotate()
        outcomes = self._at_once(session, times)
        won = [outcome for outcome in outcomes if outcome.ok]
        logger.info(f"{len(won)} of {times} refreshes at one instant succeeded")
        unclear = [outcome for outcome in outcomes if not outcome.ok and not outcome.refused]
        if unclear:
            raise AssertionError(
                f"a refresh of {times} at one instant was neither taken nor refused: {mask(unclear[0].why)}"
            )
        if not won:
            raise AssertionError(f"none of {times} refreshes at one instant was taken: {mask(outcomes[0].why)}")
        promise = self.stage.dialect.promises.choice("refresh.parallel")
        tokens = {str(outcome.read.get("refresh")) for outcome in won}
        if promise.value == "one_wins" and len(won) > 1:
            raise AssertionError(f"{len(won)} of {times} refreshes with one token were taken at one instant, not one")
        if promise.value == "last_wins":
            good = [outcome for outcome in won if self.stage.perform("refresh", outcome.session).ok]
            if len(good) > 1:
                raise AssertionError(f"{len(good)} of {len(won)} pairs that one token bought are good, not the last")
        if promise.value == "same_answer" and len(tokens) > 1:
            raise AssertionError(f"refreshes with one token at one instant brought {len(tokens)} tokens, not one")
        if len(won) > 1:
            what = "are taken, and one counts" if promise.value == "last_wins" else "have the same answer"
            verdicts.weaker(f"{len(won)} refreshes with one token {what}, as declared", promise.reference)
        return [self.stage.known(outcome).session for outcome in won]

    def _must_rotate(self) -> None:
        """NA where a refresh token is good for all of a session's life: then none is ever spent."""
        if not self.stage.dialect.promises.choice("refresh.rotation").value:
            raise NotDescribed("promises.refresh.rotation", "no: a refresh token is never spent")

    def _at_once(self, session: Session, times: int) -> list[Outcome]:
        speaker = self.stage.speaker
        if not speaker.dialect.knows("refresh"):
            raise speaker.dialect.missing("operations.refresh")
        return at_once(self.stage, [partial(speaker.perform, "refresh", session)] * times)


def issued_since(token: str, claim: str, moment: float) -> bool:
    """Whether a JWT says that it was issued at ``moment`` (seconds since the epoch) or later.

    Its clock has whole seconds: two that are issued in one second, and have no id of their own, are the same text.
    """
    issued = claims(token).get(claim)
    return isinstance(issued, int | float) and issued >= int(moment)
