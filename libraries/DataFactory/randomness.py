"""Every random choice of a run, from one seed.

Each test (and each suite setup) draws from a stream of its own, made of the seed and its name. So tests differ from one
another, parallel suites do not disturb each other, and a single test that is run again alone gets the same data.
"""

from __future__ import annotations

import os
import random
import re
import secrets
import string
import unicodedata
import uuid

from lockstep import test_identity

from DataFactory.vocabulary import FIRST_NAMES, LAST_NAMES, OPENINGS, REPLIES, TOPICS

VARIABLE = "LOCKSTEP_SEED"
_PASSWORD_SIGNS = string.ascii_letters + string.digits + "-_"


def chosen_seed(given: str | None) -> tuple[str, bool]:
    """The seed in use, and whether it had to be made up: the argument, else ``LOCKSTEP_SEED``, else a new one."""
    found = given or os.environ.get(VARIABLE)
    return (found, False) if found else (secrets.token_hex(4), True)


class Randomness:
    """Streams of random choices, one a test."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self._streams: dict[str, random.Random] = {}

    @property
    def stream(self) -> random.Random:
        """The stream of the running test."""
        name = test_identity.current()
        if name not in self._streams:
            self._streams[name] = random.Random(f"{self.seed}\0{name}")  # noqa: S311  (repeatable on purpose)
        return self._streams[name]

    def uuid(self) -> str:
        """A version 4 UUID."""
        return str(uuid.UUID(int=self.stream.getrandbits(128), version=4))

    def person_name(self) -> str:
        """A first and a last name, in one of many scripts."""
        return f"{self.stream.choice(FIRST_NAMES)} {self.stream.choice(LAST_NAMES)}"

    def email(self, name: str) -> str:
        """An address on example.test that begins like ``name`` and that nobody else has."""
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        local = re.sub(r"[^a-z]+", ".", plain).strip(".") or "user"
        return f"{local}.{self.stream.getrandbits(48):012x}@example.test"

    def password(self) -> str:
        """24 characters, 144 bits."""
        return "".join(self.stream.choices(_PASSWORD_SIGNS, k=24))

    def title(self) -> str:
        """What a conversation is about."""
        return self.stream.choice(TOPICS)

    def message(self) -> str:
        """What somebody says: mostly one or two sentences, sometimes a long text."""
        count = self.stream.choices((1, 2, 4, 40), weights=(50, 35, 13, 2))[0]
        return " ".join(self.stream.choice(OPENINGS if i == 0 else REPLIES) for i in range(count))
