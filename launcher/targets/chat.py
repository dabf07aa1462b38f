"""Trying rooms, messages and sockets: what is sent is received, stored, and missed by nobody who comes back."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from lockstep.dialect import DialectError, Event, NotDescribed, Session
from lockstep.dialect.entries import Place
from lockstep.dialect.frames import FrameOut
from lockstep.dialect.line import Line, Opened, Send
from lockstep.dialect.promises import NEXT_FRAME
from lockstep.dialect.socket import handshake_refusals
from lockstep.dialect.templates import fields

from launcher.targets import suspects, talking, tokens
from launcher.targets.findings import ANSWERS, FAILS, UNTRIED, WORKS, Finding
from launcher.targets.suspects import Suspect
from launcher.targets.talking import LiveSocket, Seen
from launcher.targets.trying import LONGEST_WAIT, OPENING, Person, Trying, as_curl, without_session
from launcher.targets.words import Words, tampered

_ARRIVES_WITHIN = 5.0
_OWN_ARRIVES_WITHIN = 1.5
_LEAVES = 3
"""A message may be back before its device has gone."""
_SHOWN_FRAMES = 4
_NOT_FOUND = 404


class Chat:
    """Everything notes its findings in ``trying``; each method is for one thread."""

    def __init__(self, trying: Trying, words: Words) -> None:
        self.trying = trying
        self.words = words
        self.dialect = trying.dialect
        self.findings = trying.findings
        self.endpoints = [name for name in words.reached if self.dialect.endpoint(name).socket]

    # --- sockets

    def open(self, endpoint: str, person: Person) -> None:
        """A socket of somebody at an endpoint opens, and knows who that is; one of nobody is refused."""
        name = f"endpoints.{endpoint}.socket"
        self.trying.marks.read("endpoints", endpoint, "socket")
        with self.trying.talker.recording() as seen, self._socket(name, endpoint, person.session, seen) as socket:
            if socket is None:
                return
            if not socket.opened.ok:
                self.findings.put(
                    Finding(name, FAILS, socket.opened.why, tuple(seen), self._why_closed(endpoint, socket))
                )
                return
            self._mark_opening()
            if socket.line.facts.authentication == "frame":
                self._is_repeated(socket, "authenticate", socket.opened, seen)
            read = socket.opened.read
            says = self._whose(endpoint, socket, person, seen)
            if says is None:
                return
            verdict = WORKS if says else ANSWERS
            shown = [f"{key} = {value}" for key, value in read.items()]
            self.findings.put(
                Finding(name, verdict, says or "it opens; nothing says whose it is", tuple(seen), None, shown)
            )
        self._refused_everywhere(endpoint, person)

    def _socket(self, name: str, endpoint: str, session: Session | None, seen: list[Seen], **given: Any) -> _Opening:
        return _Opening(self, name, endpoint, session, seen, given)

    def _mark_opening(self) -> None:
        for entry in OPENING:
            self.trying.marks.read("socket", entry)
        if self.dialect.needed_socket().authentication == "frame":
            self.trying.marks.read("socket", "out", "authenticate")
            self.trying.marks.unread("socket", "out", "authenticate", "refused")

    def _whose(self, endpoint: str, socket: LiveSocket, person: Person, seen: list[Seen]) -> str | None:
        """How the socket says whose it is, "" where it cannot; None where it says somebody else."""
        known = str(person.session.values.get("user"))
        facts = socket.line.facts
        place = facts.place.at("greeting").at("read").at("user")
        said = socket.opened.read.get("user") if facts.greeting and "user" in facts.greeting.read else None
        how = "the greeting"
        if said is not None and str(said) != known:
            self._other_user(endpoint, place, said, known, seen)
            return None
        if "who_am_i" in facts.out:
            opened = self.ask(socket, "who_am_i", seen)
            if not opened.ok:
                return None
            said, place, how = opened.read.get("user"), facts.out["who_am_i"].place.at("read").at("user"), "who_am_i"
            if str(said) != known:
                self._other_user(endpoint, place, said, known, seen)
                return None
            self.findings.put(Finding("socket.who_am_i", WORKS, f"user {said}", tuple(seen[-2:])))
        return f"{how} says user {said}" if said is not None else ""

    def _other_user(self, endpoint: str, place: Place, said: Any, known: str, seen: list[Seen]) -> None:
        suspect = Suspect(place, f"{said} stands there; by operations.sign_in the user is {known}")
        self.findings.put(Finding(f"endpoints.{endpoint}.socket", FAILS, "another user", tuple(seen), suspect))

    def _why_closed(self, endpoint: str, socket: LiveSocket) -> Suspect:
        """The line behind a socket that did not open."""
        facts, why, answer = socket.line.facts, socket.opened.why, socket.answer
        came = [talking.one_line(frame) for frame in socket.frames]
        where = self.dialect.endpoint(endpoint).place.at("socket")
        if answer is not None and answer.status in (401, 403):
            return Suspect(facts.place.at("authentication"), f"{answer.status}: the credential is not taken there")
        if answer is not None:
            return Suspect(where, f"{answer.status}: is {socket.url} the right address?")
        if "subprotocol" in why.lower():
            return Suspect(facts.place.at("subprotocols"), why)
        if "no greeting" in why:
            return Suspect(facts.place.at("greeting").at("when"), f"no such frame came first; {_came(came)}")
        if "greeting has no" in why:
            return Suspect(facts.place.at("greeting").at("read"), f"{why.partition(':')[0]}; {_came(came)}")
        if "authenticate" in why:
            return suspects.of_frame(facts.out["authenticate"], why, socket.frames, facts)
        return Suspect(where, f"nothing opens there: {why.removeprefix('the handshake was answered with ')}")

    def ask(self, socket: LiveSocket, word: str, seen: list[Seen], **values: Any) -> Opened:
        """Sends a frame of ``socket.out`` and notes where it is not answered as described."""
        self.trying.marks.read("socket", "out", word)
        before, began = len(socket.frames), time.monotonic()
        try:
            opened = socket.play(socket.line.asking(word, **values))
        except DialectError as error:
            opened = Opened(False, {}, why=str(error))
        out = socket.line.facts.out[word]
        for name in suspects.optional_paths(out.read or {}, opened.read):
            self.trying.marks.unread("socket", "out", word, "read", name)
        self.trying.marks.unread("socket", "out", word, "refused")
        if not opened.ok:
            suspect = suspects.of_frame(out, opened.why, socket.frames[before:], socket.line.facts)
            self.findings.put(Finding(f"socket.{word}", FAILS, opened.why, tuple(seen[-_SHOWN_FRAMES:]), suspect))
            return opened
        if self._is_repeated(socket, word, opened, seen):
            return Opened(False, opened.read, opened.frame, why="its id is no call's")
        read = [f"{name} = {value}" for name, value in opened.read.items()]
        says = "" if out.answer else "nothing answers it"
        found = Finding(f"socket.{word}", ANSWERS, says, tuple(seen[-2:]), None, read, time.monotonic() - began)
        if self.findings.verdict(found.name) in (UNTRIED, ANSWERS):
            self.findings.put(found)
        return opened

    def _is_repeated(self, socket: LiveSocket, word: str, opened: Opened, seen: list[Seen]) -> bool:
        """Whether an answer has in the place of a call's id what the frame always says there; that is noted."""
        out = socket.line.facts.out[word]
        repeated = _repeated(socket.line, out, opened.frame)
        if repeated is None:
            return False
        advice = f"the answer repeats {repeated!r} as the id of the call: is that {{call}}?"
        suspect = Suspect(out.place.at("send"), advice)
        self.findings.put(Finding(f"socket.{word}", FAILS, advice, tuple(seen[-2:]), suspect))
        return True

    # --- how a socket is refused

    def _refused_everywhere(self, endpoint: str, person: Person) -> None:
        self.refused(endpoint, without_session(person.session), "unauthenticated")
        self.refused(endpoint, tampered(person.session), "invalid")

    def refused(self, endpoint: str, session: Session | None, reason: str) -> None:
        """Whether a socket is refused for a reason as the dialect describes it."""
        how = self.dialect.needed_socket().refused.get(reason)
        if how is None or f"refusals.{reason}" in self.dialect.absent:
            return
        if how.by == "silence" and self.findings.verdict(f"endpoints.{endpoint}.socket") != WORKS:
            # Where nobody is served, silence tells nothing.
            return
        name = f"socket.refused.{reason}"
        self._mark_refused(reason)
        place = self.dialect.place.at("socket").at("refused")
        shown = session if session is None or session.is_signed_in or not self._speaks_first() else None
        with self.trying.talker.recording() as seen, self._socket(name, endpoint, shown, seen) as socket:
            if socket is None:
                return
            wrong: Suspect | None = None
            if how.by == "handshake":
                wrong = self._handshake(socket, reason, place)
            elif socket.answer is not None:
                wrong = Suspect(place.at("by"), f"the handshake is refused ({socket.answer.status}): `by: handshake`?")
            elif how.by == "close":
                code = socket.closed_within(how.within)
                codes = how.codes or socket.line.facts.closes.get(reason, ())
                if code is None or (codes and code not in codes):
                    wrong = Suspect(
                        place.at("codes"), f"the socket was {f'closed with {code}' if code else 'not closed'}"
                    )
            else:
                wrong = self._frame_refuses(socket, how.by, how.when, place, seen)
            if wrong is not None:
                self.findings.put(Finding(name, FAILS, f"at {endpoint}: {wrong.advice}", tuple(seen), wrong))
            else:
                self.findings.add(Finding(name, WORKS, f"by {how.by}", tuple(seen)))

    def refused_after(self, session: Session, word: str, reason: str) -> None:
        """As `refused`, at the first endpoint that has to refuse the session by now."""
        promise = self.dialect.promises.ending(word, "access")
        near = [name for name in self.endpoints if 0 <= (promise.bound(name).seconds or 0.0) <= LONGEST_WAIT]
        by_now = next((name for name in near if not promise.bound(name).word), None)
        if by_now is not None:
            self.refused(by_now, session, reason)

    def _speaks_first(self) -> bool:
        """Whether a user shows by a frame who it is; who has no token sends none."""
        return self.dialect.needed_socket().authentication in ("frame", "subscription")

    def _mark_refused(self, reason: str) -> None:
        for entry in ("by", "within", "codes", "when", "answer", reason):
            self.trying.marks.read("socket", "refused", entry)

    def _handshake(self, socket: LiveSocket, reason: str, place: Place) -> Suspect | None:
        if socket.answer is None:
            return Suspect(place.at("by"), "the handshake is not refused: `by: close`, `authentication` or `silence`?")
        wanted = handshake_refusals(self.dialect.needed_socket(), self.dialect.refusals, reason)
        if not wanted or any(known.fits(socket.answer) for known in wanted):
            return None
        return suspects.of_refusal(wanted, socket.answer)

    def _frame_refuses(self, socket: LiveSocket, by: str, when: Any, place: Place, seen: list[Seen]) -> Suspect | None:
        opened, asked = socket.opened, "authenticate"
        out = socket.line.facts.out
        if by in ("silence", "subscription") or opened.ok:
            known = {*socket.line.values, "room", "call"}
            askable = [name for name in ("who_am_i", "subscribe", "ping") if name in out]
            # Without a session a frame that names the user cannot be built.
            asked = next((name for name in askable if {*fields(out[name].send)} <= known), "")
            if not asked:
                return None
            opened = socket.play(socket.line.asking(asked, room="nowhere"))
        if opened.ok:
            return Suspect(place.at("by"), "the socket is served")
        if by == "silence":
            heard = opened.frame is not None or socket.code is not None
            return Suspect(place.at("by"), f"it is not silent: {opened.why}") if heard else None
        came = _came([talking.one_line(frame) for frame in socket.frames])
        if when is not None:
            fits = when.hold(opened.frame, socket.line.values)
            return None if fits else Suspect(place.at("when"), f"no such frame came; {came}")
        if asked in out:
            self.trying.marks.read(*out[asked].place.path, "refused")
        if opened.refused:
            return None
        where = out[asked].place.at("refused") if asked in out else place
        return Suspect(where, f"no frame that says no came; {came}")

    # --- rooms and messages

    def talk(self, person: Person) -> None:
        """A room, two devices, messages by frame and by request, the history, and a device that comes back."""
        room = self._room(person)
        if room is None:
            return
        self._listed(person, room)
        if self.endpoints:
            with self.trying.talker.recording() as seen:
                self._devices(person, room, seen)
        elif self.dialect.knows("send"):
            self._sent_by_request(person, room, None)
        self._delete_at_the_end(person, room)

    def _listed(self, person: Person, room: Any) -> None:
        tried = self.trying.word("rooms", person.session)
        if tried is None or not tried.ok:
            return
        there = any(str(item.get("room")) == str(room) for item in tried.outcome.items)
        said = f"the new room is {'' if there else 'not '}among them"
        self.findings.put(tried.finding(WORKS if there else FAILS, said))

    def foreign(self, owner: Person, other: Person) -> None:
        """A room of one user is not for another one: the target refuses to read it, and to join it."""
        out = self.dialect.socket.out if self.dialect.socket else {}
        if not self.dialect.knows("room") or not (self.dialect.knows("history") or "subscribe" in out):
            return
        holder: dict[str, Any] = {}
        made = self.trying.undoing.add(
            "a room", lambda: self._delete_room(owner, holder), lambda: holder.get("call", "")
        )
        room = self.trying.attempt("room", owner.session)
        if not room.ok or "room" not in room.outcome.read:
            self.trying.undoing.gone(made)
            return
        holder["room"] = room.outcome.read["room"]
        if not room.seen and not self.dialect.knows("delete_room"):
            self.trying.undoing.gone(made)
        if "forbidden" in self.dialect.refusals and self.dialect.knows("history"):
            tried = self.trying.attempt("history", other.session, room=holder["room"])
            answer = tried.outcome.answer
            # Who says that there is no such room says nothing of rights.
            if not tried.ok and not (answer is not None and answer.status == _NOT_FOUND):
                self.words.refusal("forbidden", tried)
        if "subscribe" in out and self.endpoints:
            self._joins_foreign(other, holder["room"])
        if self.dialect.knows("delete_room") and not self._delete_room(owner, holder):
            self.trying.undoing.gone(made)

    def _joins_foreign(self, other: Person, room: Any) -> None:
        """What the target says to a frame that it must not serve."""
        facts = self.dialect.needed_socket()
        out = facts.out["subscribe"]
        if not (out.refused or "error" in facts.events):
            return
        name, endpoint = "socket.in.error", self.endpoints[0]
        with self.trying.talker.recording() as seen, self._socket(name, endpoint, other.session, seen) as socket:
            if socket is None or not socket.opened.ok:
                return
            if out.refused:
                self.trying.marks.read(*out.place.path, "refused")
            opened = socket.play(socket.line.asking("subscribe", room=room))
            self._events(socket)
            if opened.ok:
                return
            if opened.refused:
                self.findings.add(Finding(name, WORKS, "a room of another user", tuple(seen[-2:])))
                return
            came = [talking.one_line(frame) for frame in socket.frames[-1:]]
            place = facts.place.at("in").at("error") if "error" in facts.events else out.place.at("refused")
            suspect = Suspect(place, f"a room of another user is not refused so; {_came(came)}")
            self.findings.put(Finding(name, FAILS, opened.why, tuple(seen[-2:]), suspect))

    def _room(self, person: Person) -> Any:
        if not self.dialect.knows("room"):
            return None
        made = self.trying.undoing.add(
            "a room", lambda: self._delete_room(person, holder), lambda: holder.get("call", "")
        )
        holder: dict[str, Any] = {"made": made}
        tried = self.trying.word("room", person.session)
        if tried is None or not tried.ok or "room" not in tried.outcome.read:
            self.trying.undoing.gone(made)
            if tried is not None and tried.ok:
                place = tried_place(self.dialect, "room").at("read")
                self.findings.put(tried.finding(FAILS, "no room is read", Suspect(place, "room: … is missing")))
            return None
        holder["room"] = tried.outcome.read["room"]
        self.room_made = holder
        if not tried.seen and not self.dialect.knows("delete_room"):
            # The dialect gives it a name, and nothing was made.
            self.trying.undoing.gone(made)
        if (
            self.dialect.knows("delete_message")
            and self.dialect.knows("history")
            and not self.dialect.knows("delete_room")
        ):
            undo = partial(self._delete_messages, person, holder)
            self.trying.undoing.add("messages", undo, lambda: holder.get("call", ""))
        self.findings.put(tried.finding(ANSWERS, "nobody has used it yet"))
        return holder["room"]

    def _delete_room(self, person: Person, holder: Mapping[str, Any]) -> str:
        if "room" not in holder:
            return ""
        if not self.dialect.knows("delete_room"):
            return "operations.delete_room is not described; no other word deletes it"
        tried = self.trying.attempt("delete_room", person.session, room=holder["room"])
        request = tried.outcome.request
        if not tried.ok and request is not None and isinstance(holder, dict):
            holder["call"] = as_curl(request.method, request.url, request.headers, request.body)
        return "" if tried.ok else tried.outcome.why

    def _delete_messages(self, person: Person, holder: dict[str, Any]) -> str:
        """Deletes what was sent to a room that cannot be deleted itself."""
        found = self.trying.attempt("history", person.session, room=holder["room"])
        why = "" if found.ok else found.outcome.why
        for item in found.outcome.items:
            tried = self.trying.attempt("delete_message", person.session, room=holder["room"], id=item.get("id"))
            request = tried.outcome.request
            if not tried.ok and request is not None:
                holder["call"] = as_curl(request.method, request.url, request.headers, request.body)
                why = why or tried.outcome.why
        return why

    def _delete_at_the_end(self, person: Person, room: Any) -> None:
        """At the end: the room is deleted, and nobody reads it any more."""
        if not self.dialect.knows("delete_room"):
            return
        tried = self.trying.word("delete_room", person.session, room=room)
        if tried is None or not tried.ok:
            return
        self.trying.undoing.gone(self.room_made["made"])
        if not self.dialect.knows("history"):
            self.findings.put(tried.finding(ANSWERS, "nothing shows that it is gone"))
            return
        after = self.trying.attempt("history", person.session, room=room)
        if after.ok and after.outcome.items:
            suspect = Suspect(
                tried_place(self.dialect, "delete_room"), "the room has its messages still: another request?"
            )
            self.findings.put(tried.finding(FAILS, "the room has its messages still", suspect))
        else:
            self.findings.put(tried.finding(WORKS, "its messages are gone"))

    def _devices(self, person: Person, room: Any, seen: list[Seen]) -> None:
        first, last = self.endpoints[0], self.endpoints[-1]
        name = f"endpoints.{first}.socket"
        with (
            self._socket(name, first, person.session, seen, room=room) as phone,
            self._socket(f"endpoints.{last}.socket", last, person.session, seen, room=room) as laptop,
        ):
            if phone is None or laptop is None or not phone.opened.ok or not laptop.opened.ok:
                return
            if not self._join(phone, room, seen) or not self._join(laptop, room, seen):
                return
            for word in ("ping", "reauthenticate"):
                if word in phone.line.facts.out:
                    self.ask(phone, word, seen)
            if "keep" in phone.line.facts.out:
                self.ask(phone, "keep", seen, version=0, document={"check": 1})
            texts = self._messages(phone, laptop, person, room, seen)
            self._history(person, room, texts)
            came = self._come_back(phone, laptop, person, room, seen)
            if "unsubscribe" in phone.line.facts.out:
                self.ask(phone, "unsubscribe", seen, **{**phone.notes, "room": room})
            self._events(phone, laptop)
            self._heartbeat(phone, laptop)
            if not came:
                phone.close()
                self._come_back_alone(laptop.line, person, room, seen)

    def _join(self, socket: LiveSocket, room: Any, seen: list[Seen]) -> bool:
        socket.line.read["room"] = room
        if "subscribe" not in socket.line.facts.out:
            return True
        opened = self.ask(socket, "subscribe", seen, room=room)
        socket.notes.update(opened.read)
        return opened.ok

    def _messages(
        self, phone: LiveSocket, laptop: LiveSocket, person: Person, room: Any, seen: list[Seen]
    ) -> list[str]:
        texts = []
        if "send" in phone.line.facts.out:
            for number in (1, 2):
                text = f"check {number} {uuid.uuid4().hex[:8]}"
                opened = self.ask(phone, "send", seen, room=room, text=text, key=str(uuid.uuid4()))
                if not opened.ok:
                    break
                phone.notes.update(opened.read)
                texts.append(text)
                if not self._arrives(laptop, text, person, room, seen, "socket.send"):
                    break
            self._gapless(laptop)
        if self.dialect.knows("send"):
            sent = self._sent_by_request(person, room, laptop)
            texts += [sent] if sent else []
        return texts

    def _sent_by_request(self, person: Person, room: Any, listening: LiveSocket | None) -> str:
        text = f"check by request {uuid.uuid4().hex[:8]}"
        tried = self.trying.word("send", person.session, room=room, text=text, key=str(uuid.uuid4()))
        if tried is None or not tried.ok:
            return ""
        self.findings.put(tried.finding(ANSWERS, "nobody has received it yet"))
        if listening is not None:
            with self.trying.talker.recording() as seen:
                self._arrives(listening, text, person, room, seen, "operations.send")
        if listening is None:
            self._history(person, room, [text])
        return text

    def _arrives(self, socket: LiveSocket, text: str, person: Person, room: Any, seen: list[Seen], word: str) -> bool:
        """Whether a message arrives at another device, with what the dialect reads of it."""
        place = self.dialect.place.at("socket").at("in").at("message")
        name = "socket.in.message"
        if "message" not in socket.line.facts.events:
            return True
        before = len(socket.frames)

        def look() -> Event | None:
            return next((event for event in socket.events if event.kind == "message" and event.text == text), None)

        event: Event | None = socket.wait_for(look, _ARRIVES_WITHIN)
        if event is None:
            why = f"a message that was sent did not arrive within {_ARRIVES_WITHIN:g} s"
            suspect = self._unheard(socket, text, before, place)
            self.findings.put(Finding(name, FAILS, why, tuple(seen[-_SHOWN_FRAMES:]), suspect))
            return False
        wrong = self._unlike(event, person, room)
        if wrong:
            suspect = Suspect(self._read_of_message(wrong[0]), wrong[1])
            self.findings.put(Finding(name, FAILS, wrong[1], tuple(seen[-_SHOWN_FRAMES:]), suspect))
            return False
        read = [f"{key} = {value}" for key, value in event.fields.items()]
        self.findings.add(Finding(name, WORKS, "as it was sent", tuple(seen[-1:]), None, read))
        self.findings.promote(word, "it arrives at another device")
        for used in ("operations.room", "socket.subscribe"):
            self.findings.promote(used, "messages arrive there")
        return True

    def _unheard(self, socket: LiveSocket, text: str, before: int, place: Place) -> Suspect:
        """Where a message went: a frame has its text and is no event, or an event has another text, or nothing came."""
        holding = [frame for frame in socket.frames[before:] if text in talking.one_line(frame)]
        if not holding:
            came = [talking.one_line(frame) for frame in socket.frames[before:]]
            return Suspect(place.at("when"), f"no frame with its text came; {_came(came)}")
        frame = holding[-1]
        where = next((path for path in suspects.paths(frame) if _at(frame, path) == text), "?")
        if any(event.kind == "message" for event in socket.line.events(frame)):
            return Suspect(self._read_of_message("text"), f"the text stands at {where} of the frame")
        return Suspect(place.at("when"), f"this frame is none: {talking.one_line(frame)}")

    def _read_of_message(self, field: str) -> Place:
        socket = self.dialect.needed_socket()
        rules = socket.events.get("message", ())
        rule = next((rule for rule in rules if field in rule.read), None)
        return (rule.place if rule else self.dialect.place.at("socket").at("in").at("message")).at("read").at(field)

    def _unlike(self, event: Event, person: Person, room: Any) -> tuple[str, str] | None:
        """The field of a received message that is not as it was sent."""
        wanted = {"room": room, "sender": person.session.values.get("user")}
        for rule in self.dialect.needed_socket().events["message"]:
            if rule.when.hold(event.frame, {}):
                for name in rule.read:
                    if name not in event.fields:
                        return name, f"a message has no {name} there; it has {', '.join(_paths(event.frame))}"
        for name, value in wanted.items():
            if name in event.fields and value is not None and str(event.fields[name]) != str(value):
                return name, f"{event.fields[name]} stands there, not {value}"
        return None

    def _gapless(self, socket: LiveSocket) -> None:
        if not socket.line.facts.gapless:
            return
        positions = [event.position for event in socket.events if event.kind == "message"][-2:]
        if len(positions) < 2:
            return
        self.trying.marks.read("socket", "gapless")
        if not all(isinstance(position, int) for position in positions) or positions[1] != positions[0] + 1:
            place = self.dialect.place.at("socket").at("gapless")
            why = f"positions of two messages in turn are {positions[0]} and {positions[1]}"
            self.findings.put(Finding("socket.gapless", FAILS, why, (), Suspect(place, f"{why}: `gapless: no`?")))

    def _history(self, person: Person, room: Any, texts: list[str]) -> None:
        if not texts:
            return
        tried = self.trying.word("history", person.session, room=room)
        if tried is None or not tried.ok:
            return
        place = tried_place(self.dialect, "history")
        items = [item for item in tried.outcome.items if item.get("text") in texts]
        if len(items) < len(texts):
            holds = tried.outcome.answer is not None and texts[-1] in tried.outcome.answer.text
            where = place.at("items").at("text") if holds else place
            why = f"{len(texts)} messages were sent, {len(items)} are read"
            advice = "the texts stand elsewhere in the answer" if holds else f"{why}: another request, or a page of it?"
            self.findings.put(tried.finding(FAILS, why, Suspect(where, advice)))
            return
        for name in {name for step in self.dialect.operations.get("history", ()) for name in step.items}:
            lacking = [item for item in items if name not in item]
            wrong = name == "sender" and str(items[0].get("sender")) != str(person.session.values.get("user"))
            if lacking or wrong:
                says = f"no {name} stands there" if lacking else f"{items[0]['sender']} stands there, not the user"
                self.findings.put(tried.finding(FAILS, says, Suspect(place.at("items").at(name), says)))
                return
        self.findings.put(tried.finding(WORKS, f"it holds the {len(texts)} messages that were sent"))
        self.findings.promote("operations.send", "it stands in the history")
        self.findings.promote("socket.send", "it stands in the history")
        self.findings.promote("operations.room", "messages are stored there")
        tokens.find(self.trying, {"message": items[-1].get("key", items[-1].get("id")), "messages": room})
        self._deleted(person, room, items[-1])

    def _deleted(self, person: Person, room: Any, item: Mapping[str, Any]) -> None:
        if not self.dialect.knows("delete_message"):
            return
        tried = self.trying.word("delete_message", person.session, room=room, id=item.get("id"))
        if tried is None or not tried.ok:
            return
        after = self.trying.attempt("history", person.session, room=room)
        if any(known.get("text") == item.get("text") for known in after.outcome.items):
            suspect = Suspect(
                tried_place(self.dialect, "delete_message"), "the message is there still: another request?"
            )
            self.findings.put(tried.finding(FAILS, "the message is there still", suspect))
        else:
            self.findings.put(tried.finding(WORKS, "the message is gone"))

    def _come_back(self, phone: LiveSocket, laptop: LiveSocket, person: Person, room: Any, seen: list[Seen]) -> bool:
        """A device goes, misses a message, and is given it when it comes back: false where that did not come."""
        how, out = laptop.line.facts.resume, laptop.line.facts.out
        if how == "none" or "send" not in out:
            return True
        positions = [
            event.position for event in laptop.events if event.kind == "message" and event.position is not None
        ]
        held = {**laptop.notes, **({"position": positions[-1]} if positions else {}), "room": room}
        client = laptop.line.read["client"]
        endpoint = laptop.line.endpoint.name
        laptop.close()
        text = f"check while away {uuid.uuid4().hex[:8]}"
        if not self.ask(phone, "send", seen, room=room, text=text, key=str(uuid.uuid4())).ok:
            return True
        self.trying.marks.read("socket", "resume")
        with self._socket("socket.resume", endpoint, person.session, seen, client=client, room=room) as again:
            if again is None or not again.opened.ok:
                return True
            if how == "frame" and not self.ask(again, "resume", seen, **held, client=client).ok:
                return True
            if how == "subscription" and not self._join(again, room, seen):
                return True

            holding: list[Any] = []
            came = again.wait_for(partial(_with_text, again, text), _ARRIVES_WITHIN) is not None
            if not came:
                place = self.dialect.place.at("socket").at("resume")
                why = f"what was missed did not come within {_ARRIVES_WITHIN:g} s"
                suspect = Suspect(place, f"{why}: `resume: {how}`, or none?")
                holding += [frame for frame in again.frames if text in talking.one_line(frame)]
                if holding:
                    kind = "snapshot" if how == "subscription" else "message"
                    rule = next(iter(again.line.facts.events.get(kind, ())), None)
                    where = rule.place if rule else self.dialect.place.at("socket").at("in")
                    suspect = Suspect(where, f"this frame has it, and is no {kind}: {talking.one_line(holding[-1])}")
                self.findings.put(Finding("socket.resume", FAILS, why, tuple(seen[-_SHOWN_FRAMES:]), suspect))
            else:
                says = f"by {how}: what was missed has come"
                self.findings.put(Finding("socket.resume", WORKS, says, tuple(seen[-_SHOWN_FRAMES:])))
            self._events(again)
            return came or bool(holding)

    def _come_back_alone(self, line: Line, person: Person, room: Any, seen: list[Seen]) -> None:
        """A device goes before its own message is back, with no other in the room: some keep messages only for such."""
        how, client, endpoint = line.facts.resume, line.read["client"], line.endpoint.name
        if how not in ("url", "connect"):
            return
        for _ in range(_LEAVES):
            text = f"check while leaving {uuid.uuid4().hex[:8]}"
            with self._socket("socket.resume", endpoint, person.session, seen, client=client, room=room) as leaving:
                if leaving is None or not leaving.opened.ok:
                    return
                sent = leaving.line.outgoing("send", room=room, text=text, key=str(uuid.uuid4()))
                leaving.send(Send(sent.content))
            with self._socket("socket.resume", endpoint, person.session, seen, client=client, room=room) as again:
                if again is None or not again.opened.ok:
                    return
                if again.wait_for(partial(_with_text, again, text), _OWN_ARRIVES_WITHIN) is not None:
                    says = (
                        f"by {how}: what it missed has come where no other socket of the room was open, and only there"
                    )
                    self.findings.put(Finding("socket.resume", WORKS, says, tuple(seen[-_SHOWN_FRAMES:])))
                    return

    def _events(self, *sockets: LiveSocket) -> None:
        """Which of the described events have come, with which of their fields."""
        for socket in sockets:
            for kind, rules in socket.line.facts.events.items():
                for rule in rules:
                    come = [event for frame in socket.frames for event in rule.events(kind, frame)]
                    if not come:
                        continue
                    self.trying.marks.read(*rule.place.path, "when")
                    self.trying.marks.read(*rule.place.path, "each")
                    for name in rule.read:
                        if any(name in event.fields for event in come):
                            self.trying.marks.read(*rule.place.path, "read", name)
                        else:
                            place = rule.place.at("read").at(name)
                            why = f"no {name} stands there; it has {', '.join(_paths(come[-1].frame))}"
                            self.findings.put(Finding(f"socket.in.{kind}", FAILS, why, (), Suspect(place, why)))
                    self.findings.add(Finding(f"socket.in.{kind}", WORKS, "it has come"))

    def _heartbeat(self, *sockets: LiveSocket) -> None:
        if any(socket.heartbeats for socket in sockets):
            self.trying.marks.read("socket", "heartbeat")

    # --- what ends

    def closing(self, session: Session, word: str, reason: str, act: Callable[[], bool]) -> None:
        """Whether an open socket of a session is closed with the declared code, when ``act`` ends that session."""
        codes = self.dialect.needed_socket().closes.get(reason)
        if not codes or not self.endpoints:
            act()
            return
        endpoint = self.endpoints[0]
        bound = self.dialect.promises.ending(word, "sockets").bound(endpoint)
        name = f"socket.closes.{reason}"
        with self.trying.talker.recording() as seen, self._socket(name, endpoint, session, seen) as socket:
            if not act() or socket is None or not socket.opened.ok:
                return
            if bound.word == NEXT_FRAME:
                self._say_something(socket)
            elif bound.word or (bound.seconds or 0.0) > LONGEST_WAIT:
                self.findings.add(Finding(name, UNTRIED, f"its end is not waited for ({bound})"))
                return
            code = socket.closed_within((bound.seconds or 0.0) + 1.0)
            self.trying.marks.read("socket", "closes", reason)
            if code in codes:
                self.findings.add(Finding(name, WORKS, f"{code} after {word}", tuple(seen[-1:])))
            else:
                place = self.dialect.place.at("socket").at("closes").at(reason)
                why = f"after {word} the socket was {f'closed with {code}' if code else 'not closed'}"
                more = "" if code else f"; or promises.ends.{word}.sockets: next_frame (or a time, never)"
                self.findings.put(Finding(name, FAILS, why, tuple(seen[-1:]), Suspect(place, why + more)))

    def _say_something(self, socket: LiveSocket) -> None:
        """Sends a frame, whatever becomes of it."""
        asked = next((name for name in ("ping", "who_am_i") if name in socket.line.facts.out), None)
        if asked:
            socket.send(Send(socket.line.outgoing(asked).content))


class _Opening:
    """A socket for a ``with``; None where the dialect's own entries do not let it be opened, which is noted."""

    def __init__(
        self, chat: Chat, name: str, endpoint: str, session: Session | None, seen: list[Seen], given: Mapping[str, Any]
    ) -> None:
        self._chat = chat
        self._name = name
        self._seen = seen
        self._opened = chat.trying.talker.socket(endpoint, session, **given)
        self._entered = False

    def __enter__(self) -> LiveSocket | None:
        try:
            socket = self._opened.__enter__()
        except (DialectError, NotDescribed) as error:
            self._chat.findings.put(Finding(self._name, FAILS, str(error), tuple(self._seen)))
            return None
        self._entered = True
        return socket

    def __exit__(self, *error: Any) -> None:
        if self._entered:
            self._opened.__exit__(*error)


def tried_place(dialect: Any, word: str) -> Place:
    """Where the last step of a word stands."""
    place: Place = dialect.operations[word][-1].place if word in dialect.operations else dialect.place.at("operations")
    return place


def _repeated(line: Line, out: FrameOut, answer: Any) -> Any:
    """What an answer has in the place of the call's id though the frame names no call; None where that is nothing."""
    call = line.facts.call
    if call is None or answer is None or "call" in fields(out.send):
        return None
    found = _at(answer, call.answer)
    return found if isinstance(found, str | int) and found in list(_literals(out.send)) else None


def _literals(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from _literals(entry)
    else:
        yield value


def _came(frames: list[str]) -> str:
    return f"came: {frames[-1]}" if frames else "nothing came"


def _at(frame: Any, path: str) -> Any:
    from lockstep.dialect.paths import look_up

    return look_up(frame, path)


def _paths(frame: Any) -> list[str]:
    return list(suspects.paths(frame))[:8]


def _with_text(socket: LiveSocket, text: str) -> Event | None:
    """The event of a socket that has this text."""
    return next((event for event in socket.events if event.text == text), None)
