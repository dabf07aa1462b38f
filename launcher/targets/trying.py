"""Trying one word of a dialect, and the people in whose names words are tried."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lockstep import masking
from lockstep.dialect import Dialect, DialectError, NotDescribed, Outcome, Session, Speaker, WordFailed
from lockstep.dialect.accounts import Accounts, made_up
from lockstep.dialect.steps import Step

from launcher.targets import suspects, talking
from launcher.targets.findings import ANSWERS, FAILS, UNTRIED, Finding, Findings
from launcher.targets.leaves import Marks
from launcher.targets.suspects import Suspect
from launcher.targets.talking import Seen, Talker
from launcher.targets.undoing import Made, Undoing

LONGEST_WAIT = 5.0
"""Seconds that a promised end is waited for; a later one is left to the tests."""
OPENING = ("framing", "subprotocols", "headers", "authentication", "greeting", "call")
"""Entries of ``socket`` that each socket of a user needs."""
_OF_A_SESSION = ("access", "refresh", "session", "device")
_LONGEST_VALUE = 48


@dataclass(frozen=True)
class Tried:
    """A word that was tried: what came of it, what was sent for it, and the line that may be wrong where it failed."""

    name: str
    outcome: Outcome
    seen: tuple[Seen, ...] = ()
    suspect: Suspect | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether each step was answered as the dialect expects it."""
        return self.outcome.ok

    def finding(self, verdict: str, says: str = "", suspect: Suspect | None = None) -> Finding:
        """What came of it, as a finding."""
        read = [f"{name} = {_value(value)}" for name, value in self.outcome.read.items()]
        if self.outcome.items:
            read.append(
                f"{len(self.outcome.items)} items, the last with {', '.join(self.outcome.items[-1]) or 'nothing'}"
            )
        return Finding(self.name, verdict, says, self.seen, suspect or self.suspect, read, self.seconds)


def _value(value: Any) -> str:
    text = masking.mask(talking.one_line(value))
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


@dataclass
class Person:
    """An account of the check, its newest session, and what undoes it."""

    account: Session
    session: Session
    made: Made | None = None
    is_signed_in: bool = False
    is_suspended: bool = False
    call: str = ""
    """The command line of the request that last failed to delete it."""

    @property
    def is_given(self) -> bool:
        """Whether the account was there before."""
        return bool(self.account.values.get("given"))

    @property
    def name(self) -> str:
        """What it is called, for a message."""
        known = self.account.values
        return str(known.get("email") or known.get("name") or known.get("user") or next(iter(known.values()), "?"))


@dataclass
class Trying:
    """One check: what tries words and notes what came of them."""

    dialect: Dialect
    platform: Mapping[str, Any]
    ca_file: str | None = None
    findings: Findings = field(default_factory=Findings)
    marks: Marks = field(default_factory=Marks)
    undoing: Undoing = field(default_factory=Undoing)

    def __post_init__(self) -> None:
        self.speaker = Speaker(self.dialect, self.platform)
        self.talker = Talker(self.speaker, self.ca_file)
        self.accounts = Accounts(self.dialect)
        for text in self.dialect.secrets:
            talking.register_secret(text)

    # --- words

    def word(self, word: str, session: Session, endpoint: str = "", /, **arguments: Any) -> Tried | None:
        """Tries a word of ``operations``, and notes where it fails; None where the dialect has no such word."""
        if not self.dialect.knows(word):
            return None
        tried = self.attempt(word, session, endpoint, **arguments)
        if not tried.ok:
            self.findings.put(tried.finding(FAILS, tried.outcome.why))
        return tried

    def attempt(self, word: str, session: Session, endpoint: str = "", /, **arguments: Any) -> Tried:
        """As `word`, where it may well be refused: nothing is noted."""
        name = f"operations.{word}"
        if word in self.dialect.methods:
            with self.talker.recording() as seen:
                began = time.monotonic()
                try:
                    outcome = self.talker.driver.perform(word, session, endpoint, **arguments)
                except (DialectError, WordFailed, LookupError, TypeError, AttributeError, ValueError) as error:
                    outcome = Outcome(session, ok=False, why=f"dialect.py: {type(error).__name__}: {error}")
            talking.register_outcome(outcome)
            return Tried(name, outcome, tuple(seen), seconds=time.monotonic() - began)
        return self.steps(name, self.dialect.steps(word), session, endpoint, arguments)

    def steps(
        self, name: str, steps: tuple[Step, ...], session: Session, endpoint: str = "",
        arguments: Mapping[str, Any] | None = None,
    ) -> Tried:  # fmt: skip
        """Steps one after the other, up to the first that is not answered as it should be."""
        given = {**made_up(), **(arguments or {})}
        talking.register({name: value for name, value in given.items() if isinstance(value, str)})
        outcome, suspect, began = Outcome(session), None, time.monotonic()
        with self.talker.recording() as seen:
            for step in steps:
                took, suspect = self._step(step, outcome.session, endpoint, given)
                outcome = talking.register_outcome(_joined(outcome, took))
                if not outcome.ok:
                    break
        return Tried(name, outcome, tuple(seen), suspect, time.monotonic() - began)

    def _step(
        self, step: Step, session: Session, endpoint: str, arguments: Mapping[str, Any]
    ) -> tuple[Outcome, Suspect | None]:
        self._mark(step)
        try:
            outcome = self.talker.driver.drive(self.speaker.take((step,), session, endpoint, arguments))
        except DialectError as error:
            return Outcome(session, ok=False, why=str(error)), None
        except (NotDescribed, WordFailed) as error:
            return Outcome(session, ok=False, why=str(error)), None
        if outcome.ok:
            for known in suspects.optional_and_absent(step.read, outcome.read):
                self.marks.unread(*known.place.path)
            if step.role == "administrator":
                self.marks.read("administrator")
            if step.role == "user":
                self._mark_credentials()
            return outcome, None
        if step.kind == "frame" and self.dialect.socket is not None:
            facts = self.dialect.socket
            if outcome.answer is not None:
                return outcome, Suspect(facts.place, f"the handshake is answered with {outcome.answer}")
            named = facts.out.get(step.frame) if isinstance(step.frame, str) else step.frame
            if named is None:
                return outcome, Suspect(step.place, outcome.why)
            return outcome, suspects.of_frame(named, outcome.why, self.talker.frames(), facts)
        return outcome, suspects.of_step(self.dialect, step, endpoint, outcome, outcome.read)

    def _mark(self, step: Step) -> None:
        self.marks.read(*step.place.path)
        self.marks.unread(*step.place.path, "refused")
        for name in step.at:
            self.marks.read("endpoints", name, "url")
            self.marks.read("endpoints", name, "headers")
        self.marks.read("headers")
        if step.kind == "frame":
            for entry in OPENING:
                self.marks.read("socket", entry)
            if isinstance(step.frame, str):
                self.marks.read("socket", "out", step.frame)

    def _mark_credentials(self) -> None:
        credentials = self.dialect.credentials
        if credentials is None:
            return
        self.marks.read("credentials")
        for place in list(credentials.places)[1:]:
            self.marks.unread("credentials", place)

    # --- people

    def person(self) -> Person | None:
        """Somebody with an account, signed in; None where that fails, or where no account is left."""
        try:
            account = self.accounts.new()
        except (NotDescribed, DialectError) as error:
            self.findings.add(Finding("accounts", FAILS if isinstance(error, DialectError) else UNTRIED, str(error)))
            return None
        self.marks.read("accounts")
        talking.register(account.values)
        person = Person(account, account)
        if not person.is_given and not self._sign_up(person):
            return None
        tried = self.sign_in(person)
        if tried is None or not tried.ok:
            return None
        return person

    def _sign_up(self, person: Person) -> bool:
        person.made = self.undoing.add(f"account {person.name}", lambda: self._delete(person), lambda: person.call)
        tried = self.word("sign_up", person.account)
        if tried is None:
            self.undoing.gone(person.made)
            made = self.dialect.place.at("accounts").at("made")
            self.findings.add(
                Finding(
                    "accounts", FAILS, suspect=Suspect(made, "accounts are made by sign_up, which is not described")
                )
            )
            return False
        if not tried.ok:
            # What was refused in full was not made; of anything else nobody knows.
            status = tried.outcome.answer.status if tried.outcome.answer else None
            if status is None or 300 <= status < 500:
                self.undoing.gone(person.made)
            return False
        person.account = person.session = tried.outcome.session
        if self.findings.verdict(tried.name) == UNTRIED:
            self.findings.add(tried.finding(ANSWERS, "nobody has signed in with it yet"))
        return True

    def sign_in(self, person: Person, word: str = "sign_in", device: str = "doctor") -> Tried | None:
        """A new session of somebody, which is kept as the newest one where there is none yet."""
        if not self.dialect.knows(word):
            return None
        tried = self.attempt(word, without_session(person.account), device=device)
        if not tried.ok:
            if not person.is_suspended:
                self.findings.put(tried.finding(FAILS, tried.outcome.why))
            return tried
        session = tried.outcome.session
        if "user" not in session.values and (user := self._user_of(session)) is not None:
            session = session.with_values({"user": user})
        tried = Tried(tried.name, _with_session(tried.outcome, session), tried.seen, None, tried.seconds)
        if not person.is_signed_in:
            person.session, person.is_signed_in = session, True
        if person.is_given or not self.dialect.knows("delete_account"):
            self.undoing.add(f"session of {person.name}", lambda: self._sign_out(session), lambda: "")
        if self.findings.verdict(tried.name) == UNTRIED:
            self.findings.add(tried.finding(ANSWERS, "no endpoint was asked who that is"))
        return tried

    def _user_of(self, session: Session) -> Any:
        for endpoint in self.dialect.endpoints.values():
            if endpoint.who:
                return self.steps("who", endpoint.who, session, endpoint.name).outcome.read.get("user")
        return None

    # --- undoing

    def _sign_out(self, session: Session) -> str:
        if not self.dialect.knows("sign_out"):
            return "operations.sign_out is not described"
        tried = self.attempt("sign_out", session)
        return "" if tried.ok or tried.outcome.refused or _is_refused(tried) else tried.outcome.why

    def _delete(self, person: Person) -> str:
        """Deletes an account that the check has made; "" when it is gone, else why it is not."""
        if not self.dialect.knows("delete_account"):
            return "operations.delete_account is not described; no other word deletes it"
        tried = self.attempt("delete_account", person.session)
        if tried.ok:
            return ""
        if person.is_suspended and self.dialect.knows("activate"):
            self.attempt("activate", person.session)
        again = self.attempt("sign_in", without_session(person.account), device="doctor")
        if again.ok:
            tried = self.attempt("delete_account", again.outcome.session)
        request = next((seen.request for seen in reversed(tried.seen) if seen.request is not None), None)
        person.call = as_curl(request.method, request.url, request.headers, request.body) if request else ""
        return "" if tried.ok else tried.outcome.why


def as_curl(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> str:
    """A request as a command line for a shell; credentials are left as ``$NAME``."""
    words = ["curl", "-i", "-X", method, _quoted(masking.mask(url))]
    for name, value in headers.items():
        words += ["-H", _quoted(f"{name}: {masking.mask(value)}")]
    if body:
        words += ["-d", _quoted(masking.mask(body.decode("utf-8", "replace")))]
    return " ".join(words)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def without_session(session: Session) -> Session:
    """The account of a session, not signed in."""
    return Session({name: value for name, value in session.values.items() if name not in _OF_A_SESSION})


def _joined(before: Outcome, took: Outcome) -> Outcome:
    read = {**before.read, **took.read}
    return Outcome(
        took.session, read, took.items or before.items, took.answer, took.request, took.ok, took.refused, took.classes,
        took.why,
    )  # fmt: skip


def _with_session(outcome: Outcome, session: Session) -> Outcome:
    return Outcome(session, outcome.read, outcome.items, outcome.answer, outcome.request, outcome.ok)


def _is_refused(tried: Tried) -> bool:
    """Whether the target does not know the session any more: there is nothing to end."""
    return tried.outcome.answer is not None and tried.outcome.answer.status in (401, 403)
