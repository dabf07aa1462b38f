"""Accounts for the users of a run: made from templates, or given and then leased to one test at a time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lockstep.dialect.dialect import Dialect
from lockstep.dialect.entries import read_file
from lockstep.dialect.errors import DialectError
from lockstep.dialect.messages import Session
from lockstep.dialect.templates import fill

PREFIX = "ls-"
"""What every name that a run makes begins with; six digits of the run follow."""


def prefix() -> str:
    """What every name begins with that this run makes."""
    folder = os.environ.get("LOCKSTEP_RUN_DIR", "")
    return PREFIX + (hashlib.sha256(folder.encode()).hexdigest()[:6] if folder else "")


def made_up() -> dict[str, str]:
    """A text that nothing else has, ``unique``, and a password of 144 bits, ``secret``."""
    return {"unique": f"{prefix()}{secrets.token_hex(8)}", "secret": f"Aa1-{secrets.token_urlsafe(18)}"}


def lock_folder(name: str) -> Path:
    """Where the files of locks stay: below ``LOCKSTEP_CACHE``, default ``~/.cache/lockstep``."""
    folder = Path(os.environ.get("LOCKSTEP_CACHE") or Path.home() / ".cache" / "lockstep") / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DialectError(
            f"no locks can be kept in {folder} ({error.strerror}): set LOCKSTEP_CACHE to another folder"
        ) from error
    return folder


class Accounts:
    """Where the accounts of one process come from. A lease ends with `release` or with the process."""

    def __init__(self, dialect: Dialect, folder: Path | None = None) -> None:
        """``folder`` is where leases are noted; all processes that share a target's accounts need the same."""
        self._dialect = dialect
        self._folder = folder
        self._leases: list[int] = []

    @property
    def are_given(self) -> bool:
        """Whether accounts are there already, and none are made."""
        facts = self._dialect.accounts
        return bool(facts and (facts.file or facts.environment))

    def new(self) -> Session:
        """An account that nobody else has: made up, not yet signed up, or a given one that no other test has now.

        Raises ``NotDescribed`` where there is none.
        """
        facts = self._dialect.accounts
        if facts is None:
            raise self._dialect.missing("accounts")
        if not self.are_given:
            return Session(fill(facts.made, made_up(), facts.place.at("made")))
        for account in self.given():
            if self._leased(account):
                return Session({**account, "given": True})
        raise self._dialect.missing("accounts", "each of the given accounts is in use; give more")

    def given(self) -> list[Mapping[str, Any]]:
        """The accounts that are given; raises ``DialectError`` where they cannot be read."""
        facts = self._dialect.accounts
        assert facts is not None
        if path := facts.listed_in(self._dialect.folder):
            found, place = read_file(path)
        else:
            place = facts.place.at("environment")
            try:
                found = json.loads(os.environ[facts.environment or ""])
            except (KeyError, ValueError):
                raise place.wrong(f"{facts.environment} has to hold a JSON list of accounts") from None
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            raise place.wrong("a list of accounts is needed, each a mapping such as {email: …, password: …}")
        return found

    def _leased(self, account: Mapping[str, Any]) -> bool:
        folder = self._folder or lock_folder("accounts")
        name = {key: value for key, value in account.items() if key != "password"}
        digest = hashlib.sha256(f"{self._dialect.name} {json.dumps(name, sort_keys=True)}".encode()).hexdigest()[:24]
        file = os.open(folder / digest, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._leases.append(file)
        return True

    @property
    def leased(self) -> int:
        """How many accounts are leased now."""
        return len(self._leases)

    def release(self, keep: int = 0) -> None:
        """Gives leased accounts back, all but the first ``keep``."""
        while len(self._leases) > keep:
            os.close(self._leases.pop())
