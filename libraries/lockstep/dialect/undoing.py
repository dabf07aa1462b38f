"""The words that undo what a run has made: delete_room, sign_out, delete_account."""

from __future__ import annotations

from dataclasses import dataclass

from lockstep.dialect.driving import Driver, WordFailed
from lockstep.dialect.errors import DialectError, NotDescribed
from lockstep.dialect.ledger import ACCOUNT, ROOM, SESSION, Made
from lockstep.dialect.messages import Outcome, Request, Session

_WORDS = {ACCOUNT: "delete_account", SESSION: "sign_out", ROOM: "delete_room"}
_OF_A_SESSION = ("access", "refresh", "session", "device")
_IS_NOT_THERE = (404, 410)


@dataclass(frozen=True)
class Left:
    """What could not be undone: what it is, why, and the request that would do it."""

    what: str
    why: str
    request: Request | None = None


def undo(driver: Driver, made: Made) -> Left | None:
    """Undoes one thing; None when it is gone. Signs in again where its session is good no more."""
    word = _WORDS[made.kind]
    dialect = driver.speaker.dialect
    if not dialect.knows(word):
        lacking = dialect.missing(f"operations.{word}")
        return Left(made.kind, f"operations.{word}: {lacking.reason}")
    outcome = _done(driver, word, made.session)
    if outcome.ok or _is_gone(outcome) or (made.kind == SESSION and outcome.classes):
        return None
    if made.suspended and dialect.knows("activate"):
        _done(driver, "activate", made.session)
    plain = Session({name: value for name, value in made.session.values.items() if name not in _OF_A_SESSION})
    again = _done(driver, "sign_in", plain)
    if again.refused and not made.certain:
        # It was never made.
        return None
    if again.ok:
        room = {"room": made.session.values["room"]} if made.kind == ROOM else {}
        outcome = _done(driver, word, again.session.with_values(room))
    return None if outcome.ok or _is_gone(outcome) else Left(made.name, outcome.why, outcome.request)


def _done(driver: Driver, word: str, session: Session) -> Outcome:
    try:
        return driver.drive(driver.speaker.perform(word, session))
    except (NotDescribed, DialectError, WordFailed, LookupError, TypeError, ValueError) as error:
        return Outcome(session, ok=False, why=str(error))


def _is_gone(outcome: Outcome) -> bool:
    return outcome.answer is not None and outcome.answer.status in _IS_NOT_THERE
