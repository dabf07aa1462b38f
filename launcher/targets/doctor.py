"""A check of a dialect: its endpoints, each of its words once with real accounts, and which of its facts were read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from lockstep.dialect import Dialect
from lockstep.dialect.entries import read_file
from lockstep.dialect.steps import WORDS

from launcher.targets import tokens
from launcher.targets.chat import Chat
from launcher.targets.findings import ANSWERS, UNTRIED, Finding, Findings
from launcher.targets.leaves import Names, leaves
from launcher.targets.talking import StoppedError
from launcher.targets.trying import Person, Trying
from launcher.targets.words import Words

_LEFT_TO_TESTS = ("promises", "control", "boot", "limits", "roles", "logs")
"""Parts that a check cannot read: what they say is judged by tests."""
_OF_THE_FILE = ("dialect", "name", "absent")


@dataclass(frozen=True)
class Checked:
    """What a check has found: what came of everything, the facts that nothing has read, and what is left behind."""

    findings: Findings
    unread: tuple[Names, ...]
    left_to_tests: tuple[Names, ...]
    throttled: int
    seconds: float
    signed_in: bool


class Doctor:
    """One check of a target that runs. `undo` belongs to its end, however `examine` has ended."""

    def __init__(self, dialect: Dialect, platform: Mapping[str, Any], ca_file: str | None = None) -> None:
        self.trying = Trying(dialect, platform, ca_file)
        self.words = Words(self.trying)
        self._began = time.monotonic()

    def examine(self) -> Checked:
        """Tries everything; what is interrupted ends at once, and leaves what it has made to `undo`."""
        words, findings = self.words, self.trying.findings
        self._at_once(partial(words.reach, name) for name in self.trying.speaker.endpoints)
        people = self._people() if any(findings.is_good(f"endpoints.{name}") for name in self._needed()) else []
        if people:
            self._lanes(people)
        for word in WORDS:
            if self.trying.dialect.knows(word) and f"operations.{word}" not in findings.by_name:
                findings.add(Finding(f"operations.{word}", UNTRIED, self._why_untried(word, bool(people))))
        return self._checked(bool(people))

    def _needed(self) -> list[str]:
        return list(self.trying.speaker.endpoints)

    def _why_untried(self, word: str, has_people: bool) -> str:
        if word == "sign_up_by_hand":
            return "a browser tries it: ./run browser"
        if has_people:
            return "what it needs did not come about"
        failed = self.trying.findings.failed
        return f"nobody is signed in: {failed[0].name} fails" if failed else "nobody is signed in"

    def _people(self) -> list[Person]:
        """Two people, the second for what changes an account; one where no more are to be had."""
        made: list[Person | None] = [None, None]

        def make(number: int) -> None:
            made[number] = self.trying.person()

        self._at_once(partial(make, number) for number in range(len(made)))
        people = [person for person in made if person is not None]
        if people:
            self.words.signed_in(people[0])
        return people

    def _lanes(self, people: list[Person]) -> None:
        words, first = self.words, people[0]
        chat = Chat(self.trying, words)
        if chat.endpoints:
            words.closing = chat.closing
            words.refused = chat.refused_after
        lanes: list[Callable[[], None]] = [
            *(partial(words.recognise, name, first) for name in words.asking),
            *(partial(chat.open, name, first) for name in chat.endpoints),
            partial(chat.talk, first),
            partial(words.sessions, first),
            partial(words.short, first),
            partial(self._single, first),
        ]
        if len(people) > 1:
            lanes.append(partial(self._account, chat, people[1], first))
        self._at_once(lanes)
        if len(people) == 1:
            words.account(first)

    def _account(self, chat: Chat, person: Person, other: Person) -> None:
        chat.foreign(person, other)
        self.words.account(person)

    def _single(self, person: Person) -> None:
        self.words.limited(person)
        self.words.introspect(person)
        self.words.elsewhere(person)
        tokens.token(self.trying, person.session)
        tokens.stores(self.trying, person)

    def _at_once(self, calls: Iterable[Callable[[], None]]) -> None:
        """Does all of them side by side; the first error ends the others, too."""
        started = list(calls)
        with ThreadPoolExecutor(max(1, len(started)), "check") as pool:
            futures = [pool.submit(call) for call in started]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                self.trying.talker.stopped.set()
                raise

    def undo(self) -> list[str]:
        """Undoes what the check has made; what could not be undone, in words with the call that does it."""
        self.trying.talker.stopped.clear()
        try:
            return self.trying.undoing.undo_all()
        except StoppedError:
            return ["it was interrupted again"]

    def _unconfirm(self) -> None:
        """What a word sent counts as read only where its effect was seen: a target may ignore what it does not know."""
        for word, steps in self.trying.dialect.operations.items():
            if self.trying.findings.verdict(f"operations.{word}") == ANSWERS:
                for step in steps:
                    if step.body_kind:
                        self.trying.marks.unread(*step.place.path, step.body_kind)

    def _checked(self, signed_in: bool) -> Checked:
        self._unconfirm()
        value, _ = read_file(self.trying.dialect.path)
        unread = [
            path for path in leaves(value) if path[0] not in _OF_THE_FILE and not self.trying.marks.has(path)
        ]  # fmt: skip
        return Checked(
            self.trying.findings,
            tuple(path for path in unread if path[0] not in _LEFT_TO_TESTS and "instance" not in path),
            tuple(path for path in unread if path[0] in _LEFT_TO_TESTS or "instance" in path),
            self.trying.talker.throttled,
            time.monotonic() - self._began,
            signed_in,
        )
