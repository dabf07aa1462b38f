"""Trying the words of accounts and sessions: each once, and what can be seen of its effect."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from lockstep.dialect import Outcome, Request, Session
from lockstep.dialect.accounts import made_up
from lockstep.dialect.performing import claims
from lockstep.dialect.promises import Bound

from launcher.targets import suspects, talking
from launcher.targets.findings import ANSWERS, FAILS, UNTRIED, WORKS, Finding
from launcher.targets.suspects import Suspect
from launcher.targets.trying import LONGEST_WAIT, Person, Tried, Trying, without_session

_LONGEST_SHORT = 12.0
"""Seconds of a token's life that are waited for."""
_POLL = 0.1
_FIRST_REFUSAL = 300
_LATE = 0.7
"""The part of its life after which a token must still be good."""
_UNSEEN = "the sign-in that would show it was answered with 429, too many requests"
_COARSER = ("invalid", "unauthenticated")
"""The classes that count where a target does not tell one from others."""
SLACK = 1.0
"""Seconds by which a token's life may differ from what is declared."""


Closing = Callable[[Session, str, str, Callable[[], bool]], None]


def _just_do(session: Session, word: str, reason: str, act: Callable[[], bool]) -> None:
    act()


class Words:
    """Everything notes its findings in ``trying``; each method is for one thread."""

    def __init__(self, trying: Trying) -> None:
        self.trying = trying
        self.dialect = trying.dialect
        self.findings = trying.findings
        self.closing: Closing = _just_do
        """Does what ends a session while a socket of it is open, and sees how that closes."""
        self.refused: Callable[[Session, str, str], None] = lambda session, word, reason: None
        """Sees whether a socket of a session that a word has ended is refused for a reason."""

    # --- endpoints

    def reach(self, name: str) -> None:
        """Whether an endpoint is ready, or, where it has no word for that, answers at all."""
        facts = self.dialect.endpoint(name)
        finding = f"endpoints.{name}"
        self.trying.marks.read("endpoints", name, "url")
        if facts.ready:
            tried = self.trying.steps(finding, facts.ready, Session(), name)
            self.trying.marks.read("endpoints", name, "ready")
            self.findings.put(tried.finding(ANSWERS if tried.ok else FAILS, "" if tried.ok else tried.outcome.why))
            return
        with self.trying.talker.recording() as seen:
            began = time.monotonic()
            url = self.trying.speaker.base(facts, self.trying.speaker.values(Session(), {}))
            answer = self.trying.talker.request(Request("GET", f"{url}/", endpoint=name))
        if answer.status is None:
            suspect = Suspect(facts.place.at("url"), f"nothing answers there: {answer.error}")
            self.findings.put(Finding(finding, FAILS, str(answer), tuple(seen), suspect))
            return
        self.findings.put(
            Finding(finding, ANSWERS, "any answer will do", tuple(seen), seconds=time.monotonic() - began)
        )

    @property
    def reached(self) -> list[str]:
        """The endpoints that answer."""
        return [name for name in self.trying.speaker.endpoints if self.findings.is_good(f"endpoints.{name}")]

    @property
    def asking(self) -> list[str]:
        """The endpoints that answer and can say who somebody is."""
        return [name for name in self.reached if self.dialect.endpoint(name).who]

    def who(self, endpoint: str, session: Session) -> Tried:
        """Who a session is there."""
        return self.trying.steps(f"endpoints.{endpoint}.who", self.dialect.endpoint(endpoint).who, session, endpoint)

    def recognised(self, session: Session) -> str:
        """ "" where each endpoint that can say it recognises the user of a session, else which one does not."""
        for endpoint in self.asking:
            tried = self.who(endpoint, session)
            if not tried.ok:
                return f"{endpoint} does not recognise it: {tried.outcome.why}"
            if str(tried.outcome.read.get("user")) != str(session.values.get("user")):
                return f"{endpoint} sees user {tried.outcome.read.get('user')}, not {session.values.get('user')}"
        return ""

    # --- who am I

    def recognise(self, endpoint: str, person: Person) -> None:
        """Who somebody is at an endpoint; nobody is anybody there without a credential, or with a broken one."""
        facts = self.dialect.endpoint(endpoint)
        self.trying.marks.read("endpoints", endpoint, "who")
        tried = self.who(endpoint, person.session)
        if not tried.ok:
            answer, credentials = tried.outcome.answer, self.dialect.credentials
            suspect = tried.suspect
            if answer is not None and answer.status in (401, 403) and credentials is not None and credentials.places:
                where = credentials.place.at(next(iter(credentials.places)))
                suspect = Suspect(where, f"{answer.status}: the token of a new user is not taken at {endpoint}")
            self.findings.put(tried.finding(FAILS, tried.outcome.why, suspect))
            return
        seen, known = tried.outcome.read.get("user"), person.session.values.get("user")
        if str(seen) != str(known):
            place = facts.who[-1].place.at("read").at("user")
            suspect = Suspect(place, f"{seen} stands there; by operations.sign_in the user is {known}")
            self.findings.put(tried.finding(FAILS, f"another user than {known}", suspect))
            return
        nobody = self.who(endpoint, without_session(person.session))
        if nobody.ok:
            suspect = Suspect(facts.who[-1].place, "the endpoint answers without a credential, too, with a user")
            self.findings.put(nobody.finding(FAILS, "recognises a user without a credential", suspect))
            return
        self.findings.put(tried.finding(WORKS, "not without a credential"))
        self.refusal("unauthenticated", nobody)
        self._other_places(endpoint, tried, person)
        broken = self.who(endpoint, tampered(person.session))
        if broken.ok:
            self.findings.put(broken.finding(FAILS, "recognises a broken token"))
        else:
            self.refusal("invalid", broken)

    def _other_places(self, endpoint: str, tried: Tried, person: Person) -> None:
        """Whether a token is taken in the other places, too, that the dialect names."""
        credentials, request = self.dialect.credentials, tried.outcome.request
        if credentials is None or request is None:
            return
        step = self.dialect.endpoint(endpoint).who[-1]
        for place in list(credentials.places)[1:]:
            values = self.trying.speaker.values(person.session, {})
            url = self.trying.speaker.address(self.dialect.endpoint(endpoint), step.path, values, step.place)
            bare = replace(request, url=url, headers={})
            with self.trying.talker.recording() as seen:
                answer = self.trying.talker.request(
                    self.trying.speaker.with_credential(bare, person.session, "user", place)
                )
            self.trying.marks.read("credentials", place)
            if answer.status is not None and any(answer.status in known for known in step.status):
                self.findings.add(Finding(f"credentials.{place}", WORKS, f"taken at {endpoint}", tuple(seen)))
            else:
                suspect = Suspect(credentials.place.at(place), "no token is taken there")
                self.findings.put(Finding(f"credentials.{place}", FAILS, str(answer), tuple(seen), suspect))

    def refusal(self, name: str, tried: Tried) -> None:
        """Whether an answer is refused as the dialect describes it for this class."""
        described = next((kind for kind in (name, *_COARSER) if kind in self.dialect.refusals), None)
        if described is None or not tried.seen:
            return
        self.trying.marks.read("refusals", described)
        answer, seen = tried.outcome.answer, tried.seen[-1:]
        if described in tried.outcome.classes:
            self.findings.add(Finding(f"refusals.{described}", WORKS, f"seen at {tried.name}", seen))
        elif answer is None or answer.status is None:
            place = self.dialect.place.at("refusals").at(described)
            why = f"{tried.name}: {tried.outcome.why}"
            self.findings.add(Finding(f"refusals.{described}", FAILS, why, seen, Suspect(place, tried.outcome.why)))
        else:
            suspect = suspects.of_refusal(self.dialect.refusals[described], answer)
            why = f"{tried.name} was answered with {answer}"
            self.findings.add(Finding(f"refusals.{described}", FAILS, why, seen, suspect))

    # --- signing in

    def signed_in(self, person: Person) -> None:
        """That a sign-in is worth something: it is recognised, and a wrong password is not."""
        session = person.session
        if not self.asking:
            return
        if wrong := self.recognised(session):
            if not self.findings.failed_below("endpoints"):
                self.findings.add(Finding("operations.sign_in", FAILS, wrong))
            return
        self.findings.promote("operations.sign_in", f"recognised at {_listed(self.asking)}")
        self.findings.promote("operations.sign_up", "its account signs in")
        self._wrong_password(person, "sign_in")

    def _wrong_password(self, person: Person, word: str) -> None:
        if "password" not in person.account.values:
            return
        forgotten = without_session(person.account).with_values({"password": made_up()["secret"]})
        tried = self.trying.attempt(word, forgotten, device="doctor")
        if tried.ok:
            self.findings.put(tried.finding(FAILS, "a wrong password signs in, too"))
        elif not tried.outcome.refused:
            self._wrongly_refused(word, tried)
        else:
            self._mark_refused(word, tried)

    def _wrongly_refused(self, word: str, tried: Tried) -> None:
        """A word said no, in words that the dialect does not know as a refusal."""
        steps = self.dialect.operations.get(word, ())
        answer = tried.outcome.answer
        step = steps[-1] if steps else None
        suspect = None
        if step is not None and answer is not None:
            advice = f"a refusal is answered with {answer.status}; say so: `refused: {{status: {answer.status}}}`"
            suspect = suspects.of_refusal(step.refused, answer) or Suspect(step.place.at("refused"), advice)
        self._mark_refused(word, tried)
        self.findings.put(tried.finding(FAILS, f"it is refused in words that are not described: {answer}", suspect))

    def _mark_refused(self, word: str, tried: Tried) -> None:
        """Of several ways to say no the one is read that was seen; all of them where none fits."""
        answer = tried.outcome.answer
        for step in self.dialect.operations.get(word, ()):
            fitting = [known for known in step.refused if answer is not None and known.fits(answer)]
            for known in fitting:
                self.trying.marks.read(*known.place.path)
            if not fitting:
                self.trying.marks.read(*step.place.path, "refused")

    def short(self, person: Person) -> None:
        """A token of seconds: it is recognised, and refused from its expiry on."""
        began = time.monotonic()
        tried = self.trying.sign_in(person, "sign_in_short", "doctor-short")
        if tried is None or not tried.ok:
            return
        took = time.monotonic() - began
        session = tried.outcome.session
        expiry = self._expiry(session, began)
        wrong = self.recognised(session) if self.asking else ""
        if wrong and (expiry is None or time.monotonic() < expiry):
            self.findings.put(tried.finding(FAILS, wrong))
            return
        if (other := self._other_life(session)) is not None:
            self.findings.put(tried.finding(FAILS, other.advice, other))
            return
        if expiry is None or expiry - began > _LONGEST_SHORT:
            known = "nobody knows when it expires" if expiry is None else f"it lives for {expiry - began:.0f} s"
            self.findings.put(tried.finding(ANSWERS, f"{known}, so its expiry is not waited for"))
        else:
            self._until_expired(tried, session, began, expiry, took)
        if self.findings.is_good(tried.name):
            self._wrong_password(person, "sign_in_short")

    def _until_expired(self, tried: Tried, session: Session, began: float, expiry: float, asked: float) -> None:
        """Waits for the expiry of a token, and sees that it is refused.

        ``began`` is when it was asked for; it may have been made ``asked`` seconds later.
        """
        after = self.dialect.promises.ending("expiry", "access")
        bounds = {name: after.bound(name) for name in self.asking}
        near = {name: bound.seconds or 0.0 for name, bound in bounds.items() if _is_near(bound)}
        if not near:
            far = ", ".join(f"{name} {bound}" for name, bound in bounds.items()) or "no endpoint says who the user is"
            self.findings.put(tried.finding(ANSWERS, f"its expiry is not waited for ({far})"))
            return
        early: list[str] = []

        def act() -> bool:
            self.trying.talker.pause(max(0.0, began + (expiry - began) * _LATE - time.monotonic()))
            refused = [name for name in near if _says_no(self.who(name, session))]
            if time.monotonic() < expiry:
                early.extend(refused)
            self.trying.talker.pause(max(0.0, expiry - time.monotonic()))
            return True

        self.closing(session, "expiry", "expired", act)
        if early:
            place = self.dialect.place.at("limits").at("short_access_ttl")
            why = f"the token should live for {expiry - began:.1f} s, and is refused before"
            self.findings.put(tried.finding(FAILS, why, Suspect(place, f"{why} at {_listed(early)}")))
            return
        left = self._until_refused(session, max(near.values()) + 1.0 + asked, near)
        took = time.monotonic() - began
        if left:
            place = self.dialect.place.at("operations").at("sign_in_short")
            suspect = Suspect(place, f"{_listed(left)} still recognises it {took:.1f} s after the sign-in")
            self.findings.put(tried.finding(FAILS, "the token does not expire", suspect))
            return
        self.findings.put(tried.finding(WORKS, f"refused after {took:.1f} s"))
        self.refusal("expired", self.who(next(iter(near)), session))
        self.refused(session, "expiry", "expired")

    def _other_life(self, session: Session) -> Suspect | None:
        """What is wrong where a token says that it lives for another time than is declared."""
        known, names = claims(str(session.values.get("access", ""))), self.dialect.token.claims
        expiry, issued = known.get(names.get("expiry", "exp")), known.get(names.get("issued", "iat"))
        limit = self.dialect.limits.get("short_access_ttl")
        if limit is None or not isinstance(expiry, int | float) or not isinstance(issued, int | float):
            return None
        self.trying.marks.read("limits", "short_access_ttl")
        if abs(expiry - issued - limit) <= SLACK:
            return None
        return Suspect(
            self.dialect.place.at("limits").at("short_access_ttl"), f"the token lives for {expiry - issued:g} s"
        )

    def elsewhere(self, person: Person) -> None:
        """A token that is meant for another service: some endpoint refuses it."""
        tried = self.trying.sign_in(person, "sign_in_elsewhere", "doctor-elsewhere")
        if tried is None or not tried.ok:
            return
        refusing = [name for name in self.asking if not self.who(name, tried.outcome.session).ok]
        said = f"refused at {_listed(refusing)}" if refusing else "each endpoint that was asked takes it"
        self.findings.put(tried.finding(WORKS if refusing else ANSWERS, said))

    def _expiry(self, session: Session, began: float) -> float | None:
        """When a token of seconds expires, on the monotonic clock: by itself, or by what is declared."""
        known = claims(str(session.values.get("access", "")))
        expiry = known.get(self.dialect.token.claims.get("expiry", "exp"))
        if self.dialect.token.form == "jwt" and isinstance(expiry, int | float):
            return time.monotonic() + float(expiry) - time.time()
        self.trying.marks.read("limits", "short_access_ttl")
        limit = self.dialect.limits.get("short_access_ttl")
        return None if limit is None else began + limit

    # --- sessions

    def sessions(self, person: Person) -> None:
        """The words that list, renew and end sessions."""
        other = self.trying.sign_in(person, device="doctor-2")
        if other is None or not other.ok:
            return
        self._list(person, other.outcome.session)
        if self.dialect.knows("revoke_session"):
            self._revoke(person, other.outcome.session)
        self._refresh(person)
        self._sign_out(person)

    def _list(self, person: Person, other: Session) -> None:
        tried = self.trying.word("sessions", person.session)
        if tried is None or not tried.ok:
            return
        listed = [str(item.get("session")) for item in tried.outcome.items if item.get("session") is not None]
        own = str(person.session.values.get("session"))
        if not tried.outcome.items:
            self._unlike(tried, "sessions", "the list is empty, though this user has two sessions", "each")
        elif not listed:
            self._unlike(tried, "sessions", "no item has an id of a session", "items", "session")
        elif "session" in person.session.values and own not in listed:
            self._unlike(
                tried, "sessions", f"this session, {own}, is none of {_listed(listed[:4])}", "items", "session"
            )
        else:
            items = tried.outcome.items
            for name in self._items("sessions"):
                if not any(name in item for item in items):
                    self._unlike(tried, "sessions", f"no item has {name}", "items", name)
                    return
            self.findings.put(tried.finding(WORKS, f"{len(items)} sessions"))

    def _items(self, word: str) -> Iterable[str]:
        return [name for step in self.dialect.operations.get(word, ()) for name in step.items]

    def _unlike(self, tried: Tried, word: str, why: str, *entry: str) -> None:
        place = self.dialect.operations[word][-1].place if word in self.dialect.operations else self.dialect.place
        for name in entry:
            place = place.at(name)
        self.findings.put(tried.finding(FAILS, why, Suspect(place, why)))

    def _revoke(self, person: Person, other: Session) -> None:
        if "session" not in other.values:
            place = self.dialect.place.at("operations").at("sign_in").at("read")
            suspect = Suspect(place, "no session is read, and revoke_session needs one")
            self.findings.put(Finding("operations.revoke_session", FAILS, "which session is not known", (), suspect))
            return
        before = self.recognised(other)
        tried = self.trying.word("revoke_session", person.session, session=other.session)
        if tried is not None and tried.ok:
            self.ended(tried, other, "revoke_session", before)

    def _refresh(self, person: Person) -> None:
        if not self.dialect.knows("refresh"):
            return
        before = self.trying.sign_in(person, device="doctor-3")
        if before is None or not before.ok:
            return
        session = before.outcome.session
        tried = self.trying.word("refresh", session)
        if tried is None or not tried.ok:
            return
        after = tried.outcome.session
        if all(after.values.get(name) == session.values.get(name) for name in ("access", "refresh")):
            self.findings.put(tried.finding(FAILS, "it has brought the same tokens"))
        elif self.asking and (wrong := self.recognised(after)):
            self.findings.put(tried.finding(FAILS, wrong))
        else:
            self.findings.put(tried.finding(WORKS if self.asking else ANSWERS, "what it brings is recognised"))
            self._forged(after)

    def _forged(self, session: Session) -> None:
        if "refresh" not in session.values:
            return
        tried = self.trying.attempt("refresh", session.with_values({"refresh": changed(str(session.refresh))}))
        if not tried.ok and not tried.outcome.refused:
            self._wrongly_refused("refresh", tried)
        elif not tried.ok:
            self._mark_refused("refresh", tried)
        else:
            self.findings.put(tried.finding(FAILS, "a forged refresh token is taken, too"))

    def _sign_out(self, person: Person) -> None:
        if not self.dialect.knows("sign_out"):
            return
        leaving = self.trying.sign_in(person, device="doctor-4")
        if leaving is None or not leaving.ok:
            return
        self._ending("sign_out", leaving.outcome.session)

    def _ending(self, word: str, session: Session) -> None:
        """A word of a session that ends it, while a socket of it is open."""
        done: list[Tried] = []

        def act() -> bool:
            tried = self.trying.word(word, session)
            done.extend([tried] if tried is not None and tried.ok else [])
            return bool(done)

        before = self.recognised(session)
        self.closing(session, word, "revoked", act)
        if done:
            self.ended(done[0], session, word, before)

    # --- what ends

    def ended(self, tried: Tried, session: Session, word: str, before: str = "") -> None:
        """Whether a word has ended a session, by what is promised: its access, else its refresh token.

        ``before`` says why the session was not recognised before, "" where it was.
        """
        if before:
            self.findings.put(
                tried.finding(ANSWERS, "no effect can be seen: no endpoint recognised the session before")
            )
            return
        promise = self.dialect.promises.ending(word, "access")
        bounds = {name: promise.bound(name) for name in self.asking}
        near = {name: bound for name, bound in bounds.items() if _is_near(bound)}
        left = self._until_refused(
            session, max([bound.seconds or 0.0 for bound in near.values()], default=0.0) + 1.0, near
        )
        over = [name for name in near if name not in left]
        if over:
            seen = self.who(over[0], session)
            if "revoked" in self.dialect.refusals:
                self.refusal("revoked", seen)
                self.refused(session, word, "revoked")
            says = f"refused at {_listed(over)}" + (f", still recognised at {_listed(left)}" if left else "")
            self.findings.put(tried.finding(WORKS, says))
        elif self._buys_nothing(session, word):
            says = "its refresh token is refused" + (f"; {_listed(left)} still takes the access token" if left else "")
            self.findings.put(tried.finding(WORKS, says))
        elif left:
            place = self.dialect.place.at("operations").at(word)
            bound = near[left[0]]
            why = f"nothing has ended: {_listed(left)} still recognises the session after {bound}"
            suspect = Suspect(
                place, f"{why}; another request, or promises.ends.{word}.access: 300s (or at_expiry, never)?"
            )
            self.findings.put(tried.finding(FAILS, why, suspect))
        else:
            far = ", ".join(f"{name} {bound}" for name, bound in bounds.items()) or "no endpoint says who the user is"
            self.findings.put(tried.finding(ANSWERS, f"its effect is not waited for ({far})"))

    def _until_refused(self, session: Session, within: float, endpoints: Iterable[str] | None = None) -> list[str]:
        """The endpoints that still recognise a session after that time."""
        left = list(self.asking if endpoints is None else endpoints)
        deadline = time.monotonic() + within
        while left:
            left = [name for name in left if not _says_no(self.who(name, session))]
            if not left or time.monotonic() > deadline:
                break
            self.trying.talker.pause(_POLL)
        return left

    def _buys_nothing(self, session: Session, word: str) -> bool:
        if "refresh" not in session.values or not self.findings.is_good("operations.refresh"):
            return False
        bound = self.dialect.promises.ending(word, "refresh").bound()
        return bound.seconds is not None and not self.trying.attempt("refresh", session).ok

    # --- the account

    def account(self, person: Person) -> None:
        """The words that change an account; what would spoil one that is given is not tried."""
        self._profile(person)
        if person.is_given:
            for word in ("change_password", "change_role", "deactivate", "activate", "delete_account"):
                if self.dialect.knows(word):
                    self.findings.add(Finding(f"operations.{word}", UNTRIED, "it would spoil an account that is given"))
        else:
            self._role(person)
            self._password(person)
            self._suspend(person)
        if self.dialect.knows("revoke_all"):
            again = self.trying.sign_in(person, device="doctor-5")
            if again is not None and again.ok:
                self._ending("revoke_all", again.outcome.session)
        if not person.is_given:
            self._delete(person)

    def _profile(self, person: Person) -> None:
        if person.is_given and self.dialect.knows("change_profile"):
            self.findings.add(Finding("operations.change_profile", UNTRIED, "it would change an account that is given"))
            return
        name = made_up()["unique"]
        tried = self.trying.word("change_profile", person.session, name=name)
        if tried is None or not tried.ok:
            return
        shown = [endpoint for endpoint in self.asking if name in _text(self.who(endpoint, person.session).outcome)]
        where = _listed(shown) or ("its own answer" if name in _text(tried.outcome) else "")
        self.findings.put(
            tried.finding(
                WORKS if where else ANSWERS,
                f"the new name stands in {where}" if where else "no endpoint shows the name",
            )
        )

    def _role(self, person: Person) -> None:
        if not self.dialect.knows("change_role"):
            return
        if roles := self.dialect.roles:
            self._reduced(person, roles.reduced)
            return
        known = claims(str(person.session.values.get("access", ""))).get(
            self.dialect.token.claims.get("roles", "roles")
        )
        role = known[0] if isinstance(known, list) and known else known
        if not isinstance(role, str) or self.dialect.token.form != "jwt":
            self.findings.add(Finding("operations.change_role", UNTRIED, "no token says which roles there are"))
            return
        tried = self.trying.word("change_role", person.session, role=role)
        if tried is not None and tried.ok:
            self.findings.put(tried.finding(ANSWERS, f"to the role that the user has, {role}"))

    def _reduced(self, person: Person, role: str) -> None:
        tried = self.trying.word("change_role", person.session, role=role)
        if tried is None or not tried.ok:
            return
        shown = [name for name in self.asking if str(self.who(name, person.session).outcome.read.get("role")) == role]
        where = _listed(shown)
        self.findings.put(
            tried.finding(WORKS if where else ANSWERS, f"{role} stands in {where}" if where else "no endpoint shows it")
        )
        self.trying.marks.read("roles", "reduced")

    def _password(self, person: Person) -> None:
        before = person.account
        password = made_up()["secret"]
        tried = self.trying.word("change_password", person.session, new_password=password)
        if tried is None or not tried.ok:
            return
        person.account = before.with_values({"password": password})
        old = self.trying.attempt("sign_in", without_session(before), device="doctor")
        new = self.trying.sign_in(person)
        if _throttled(old) or _throttled(new):
            self.findings.put(tried.finding(ANSWERS, _UNSEEN))
            return
        if new is None or not new.ok:
            why = "nobody signs in with the new password"
            person.account = before
        elif old.ok:
            why = "the old password still signs in"
        else:
            person.session = new.outcome.session
            self.findings.put(tried.finding(WORKS, "the new password signs in, the old one does not"))
            return
        place = self.dialect.place.at("operations").at("change_password")
        self.findings.put(tried.finding(FAILS, why, Suspect(place, f"{why}: is the new password in the right field?")))

    def _suspend(self, person: Person) -> None:
        person.is_suspended = self.dialect.knows("deactivate")
        tried = self.trying.word("deactivate", person.session)
        if tried is None or not tried.ok:
            person.is_suspended = False
            return
        refused = self.trying.attempt("sign_in", without_session(person.account), device="doctor")
        if refused.ok:
            self._has_no_effect(tried, "deactivate", "the account still signs in")
        elif _throttled(refused):
            self.findings.put(tried.finding(ANSWERS, _UNSEEN))
        elif not refused.outcome.refused:
            self._wrongly_refused("sign_in", refused)
            self.findings.put(tried.finding(ANSWERS, "the account is refused in words that are not described"))
        else:
            self._mark_refused("sign_in", refused)
            self.findings.put(tried.finding(WORKS, "the account does not sign in any more"))
        if not self.dialect.knows("activate"):
            return
        back = self.trying.word("activate", person.session)
        if back is None or not back.ok:
            return
        person.is_suspended = False
        again = self.trying.sign_in(person)
        if _throttled(again):
            self.findings.put(back.finding(ANSWERS, _UNSEEN))
            return
        if again is None or not again.ok:
            self._has_no_effect(back, "activate", "the account does not sign in")
            return
        person.session = again.outcome.session
        self.findings.put(back.finding(ANSWERS if refused.ok else WORKS, "the account signs in again"))

    def _has_no_effect(self, tried: Tried, word: str, why: str) -> None:
        place = self.dialect.place.at("operations").at(word)
        self.findings.put(tried.finding(FAILS, why, Suspect(place, f"{why} after it: another request or body?")))

    def _delete(self, person: Person) -> None:
        if not self.dialect.knows("delete_account"):
            return
        again = self.trying.sign_in(person)
        if again is not None and again.ok:
            person.session = again.outcome.session
        tried = self.trying.word("delete_account", person.session)
        if tried is None or not tried.ok:
            return
        after = self.trying.attempt("sign_in", without_session(person.account), device="doctor")
        if after.ok:
            self._has_no_effect(tried, "delete_account", "the account still signs in")
            return
        self.trying.undoing.gone(person.made)
        if _throttled(after):
            self.findings.put(tried.finding(ANSWERS, _UNSEEN))
            return
        self.findings.put(tried.finding(WORKS, "the account does not sign in any more"))

    # --- the rest

    def limited(self, person: Person) -> None:
        """What has a quota is done once; the quota is not used up."""
        tried = self.trying.word("limited", person.session)
        if tried is not None and tried.ok:
            self.findings.put(tried.finding(ANSWERS, "its quota is not used up by a check"))

    def introspect(self, person: Person) -> None:
        """A live token is active, a broken one is not."""
        if "access" not in person.session.values:
            return
        tried = self.trying.word("introspect", person.session, token=person.session.access)
        if tried is None or not tried.ok:
            return
        active = tried.outcome.read.get("active")
        broken = self.trying.attempt("introspect", person.session, token=changed(str(person.session.access)))
        inactive = broken.outcome.read.get("active") if broken.ok else False
        if active is True and not inactive:
            self.findings.put(tried.finding(WORKS, "a live token is active, a broken one is not"))
        else:
            self._unlike(tried, "introspect", f"a live token is {active}, a broken one {inactive}", "read", "active")


def _is_near(bound: Bound) -> bool:
    """Whether an end is waited for."""
    return not bound.word and (bound.seconds or 0.0) <= LONGEST_WAIT


def _says_no(tried: Tried) -> bool:
    """Whether a target refuses to say who somebody is; a good answer without a user is none."""
    if tried.ok:
        return False
    answer = tried.outcome.answer
    return tried.outcome.refused or (
        answer is not None and answer.status is not None and answer.status >= _FIRST_REFUSAL
    )


def tampered(session: Session) -> Session:
    """A session whose access token, or cookies where it has none, are broken."""
    if "access" in session.values:
        return session.with_values({"access": changed(str(session.access))})
    broken = tuple(replace(cookie, value=changed(cookie.value)) for cookie in session.cookies)
    return Session(session.values, broken)


def changed(text: str) -> str:
    """``text`` with one character changed, of a JWT in the middle of its signature."""
    place = len(text) - max(1, len(text.rpartition(".")[2]) // 2)
    other = text[:place] + ("A" if text[place : place + 1] != "A" else "B") + text[place + 1 :]
    # It tells all but one character of the secret.
    talking.register_secret(other)
    return other


def _text(outcome: Outcome) -> str:
    return outcome.answer.text if outcome.answer is not None else ""


def _throttled(tried: Tried | None) -> bool:
    answer = tried.outcome.answer if tried is not None else None
    return answer is not None and answer.status == 429


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
